"""A person at the main screen: rows come while one looks, lists are folded, flattened, filtered, marked and sent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.tui.feeds.bucket import PAGE, SMALL_STORE_TAGS
from ocistore_tui.tui.screens.plan import PlanScreen
from tests.fakes.gates import Clock
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.tui.conftest import open_app
from tests.tui.desktop import many
from tests.tui.test_main_lists import a_store
from tests.tui.waiting import screen_text, until

# signs


async def test_signs_on_both_sides_tell_how_images_stand_to_each_other() -> None:
    service = a_store()
    half = make_image("half", platforms=("linux/amd64", "linux/arm64"))
    service.add_tag("half", "1", half, missing=1)
    service.add_local("half:1", half)
    service.add_tag("web", "broken", flaw="the manifest is missing", digest=None)
    service.add_local("damaged:1", flaw="index.json cannot be read")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        left = ("= mine:1", "≠ team/api:1.10", "+ fresh:1", "~ half:1", "! damaged:1")
        right = ("=     2.0", "≠     1.10", "+     1.9", "~     1 ", "!     broken")
        for words in (*left, *right, "same", "differs", "not there", "partial", "broken"):
            await until(pilot, lambda words=words: words in screen_text(app), words)


async def test_a_look_up_that_is_late_is_a_question_mark_until_it_comes() -> None:
    service = many(FakeService(), SMALL_STORE_TAGS + 1)
    service.add_tag("web", "1", make_image("stored"))
    service.add_local("web:1", make_image("mine"))
    service.add_local("new:1", make_image("new"))
    service.hold("describe_tags", "web:1")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: service.waiting("describe_tags", "web:1"))
        await until(pilot, lambda: "? web:1" in screen_text(app) and "checking" in screen_text(app))
        service.release("describe_tags", "web:1")
        await until(pilot, lambda: "≠ web:1" in screen_text(app) and "+ new:1" in screen_text(app))
        assert "checking" not in screen_text(app)


# rows that come while one looks


async def test_the_cursor_stays_on_its_row_while_others_stream_in_above_it() -> None:
    service = FakeService()
    for name in ("c", "e", "g"):
        service.rows[name] = {"1": TagRow("1", pushed=NOW)}
    service.kept = Remembered(NOW - 60, (RepositoryRow("e", True), RepositoryRow("g", True)), True)
    service.hold("repositories", "c")
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: len(bucket.rows_list.source) == 2)
        await pilot.press("down")
        assert bucket.rows_list.cursor_key == ("g", None)
        service.rows["a"] = {"1": TagRow("1", pushed=NOW)}
        service.release("repositories", "c")
        await until(pilot, lambda: "c" in bucket.model.nodes and bucket.rows_list.cursor >= 2)
        assert bucket.rows_list.cursor_key == ("g", None)


async def test_the_title_counts_what_is_known_and_says_when_there_is_more() -> None:
    service = FakeService()
    for number in range(PAGE + 50):
        service.rows[f"app-{number:03d}"] = {"1": TagRow("1", pushed=NOW)}
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: f"{PAGE}+ repos" in screen_text(app) and app.desk.is_idle)
        tags = sum(node.tag_count or 0 for node in bucket.model.nodes.values())
        await until(pilot, lambda: f"{tags}+ tags" in screen_text(app))
        await pilot.press("G")
        await until(pilot, lambda: f"{PAGE + 50} repos" in screen_text(app))
        assert "GB" not in screen_text(app).splitlines()[1].partition("2 prod-images")[2], "no sum is promised"


async def test_opening_ten_thousand_repositories_costs_what_the_screen_shows() -> None:
    service = FakeService()
    for number in range(10_000):
        service.rows[f"app-{number:05d}"] = {"1": TagRow("1", pushed=NOW)}
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: len(bucket.model.nodes) == PAGE and app.desk.is_idle)
        height = len(bucket.rows_list.on_screen)
        assert service.count("repositories") == 1
        assert height <= service.count("summary") <= 2 * height
        assert len(service.calls) < 2 * height + 20
        for pages in range(2, 6):
            await pilot.press("G")
            await until(pilot, lambda pages=pages: len(bucket.model.nodes) == pages * PAGE)
        await until(pilot, lambda: app.desk.is_idle)
        assert service.count("repositories") == 1, "one listing, taken a page at a time"
        assert service.count("summary") < 5 * 3 * height


async def test_held_keys_do_not_queue_up_what_scrolled_by() -> None:
    service = FakeService()
    for number in range(PAGE):
        service.rows[f"app-{number:03d}"] = {"1": TagRow("1", pushed=NOW)}
    service.hold("summary")
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: service.waiting("summary") == 4)
        for _ in range(6):
            await pilot.press("pagedown")
        await until(pilot, lambda: bucket.rows_list.cursor > 100)
        before = service.count("summary")
        service.release("summary")
        height = len(bucket.rows_list.on_screen)
        await until(pilot, lambda: app.desk.is_idle)
        assert service.count("summary") - before <= 2 * height + 4


async def test_what_was_seen_last_time_is_unfolded_at_once_and_mended_when_the_store_answers() -> None:
    service = many(FakeService(), SMALL_STORE_TAGS + 1)
    service.kept = Remembered(
        NOW - 7200, (RepositoryRow("app", True), RepositoryRow("gone", True)), True,
        {"app": (TagRow("0.9", pushed=NOW - 9999), TagRow("1.0", pushed=NOW)), "gone": (TagRow("1"),)},
    )  # fmt: skip
    asked = ("repositories", "tag_stubs", "describe_tags")
    for method in asked:
        service.hold(method)
    async with open_app(service=service, clock=Clock(NOW)) as (app, pilot):
        await until(pilot, lambda: "▸ gone" in screen_text(app))
        await pilot.press("l")
        await until(pilot, lambda: "0.9" in screen_text(app), "remembered tags unfold before the store answers")
        for method in asked:
            service.release(method)
        await until(pilot, lambda: "gone" not in screen_text(app) and "0.9" not in screen_text(app))
        await until(pilot, lambda: f"{SMALL_STORE_TAGS + 1} tags" in screen_text(app))


# folding, flat, hidden


async def test_arrows_and_h_l_fold_and_unfold() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        rows = bucket.rows_list
        await until(pilot, lambda: bucket.model.is_complete and len(rows.source) == 6)
        rows.move_to(("team/api", "1.9"))
        await pilot.press("h")
        assert rows.cursor_key == ("team/api", None), "a folded tag's cursor goes to its repository"
        assert len(bucket.model) == 3
        await pilot.press("right")
        assert len(bucket.model) == 6
        await pilot.press("l")
        assert rows.cursor_key == ("team/api", "2.0"), "unfolded already: to its first tag"
        await pilot.press("left", "enter")
        assert bucket.model.nodes["team/api"].is_open
        await pilot.press("enter")
        assert not bucket.model.nodes["team/api"].is_open


async def test_all_tags_in_one_list_and_back() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and len(bucket.rows_list.source) == 6)
        bucket.rows_list.move_to(("team/api", "1.9"))
        await pilot.press("t")
        assert [bucket.model.key(index) for index in range(4)] == [
            ("web", "1"), ("team/api", "2.0"), ("team/api", "1.10"), ("team/api", "1.9"),
        ]  # fmt: skip
        assert bucket.rows_list.cursor_key == ("team/api", "1.9")
        assert "team/api:1.10" in screen_text(app)
        await pilot.press("h")
        assert bucket.model.nodes["team/api"].is_open, "there is nothing to fold in one list"
        await pilot.press("t")
        assert len(bucket.model) == 6


async def test_attachments_are_rows_of_their_own_when_asked_for() -> None:
    service = FakeService()
    row = service.add_tag("app", "1", make_image("app"))
    assert row.digest is not None
    signature = str(row.digest).replace(":", "-") + ".sig"
    service.add_tag("app", signature, make_image("signature"), subject=row.digest)
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and "S" in screen_text(app))
        assert len(bucket.model) == 2
        assert "1 tag" in screen_text(app), "an attachment is no tag of an image"
        await pilot.press("full_stop")
        await until(pilot, lambda: f"signature {row.digest.encoded[:8]}" in screen_text(app))
        await pilot.press("full_stop")
        assert len(bucket.model) == 2


# sums


async def test_unique_bytes_aliases_and_what_deleting_the_marks_would_free() -> None:
    service = FakeService()
    first = make_image("first", layers=(("base", 30_000_000), ("one", 5_000_000)))
    second = make_image("second", layers=(("base", 30_000_000), ("two", 7_000_000)))
    service.add_tag("app", "1.0", first, pushed=NOW - 10)
    service.add_tag("app", "latest", first, pushed=NOW - 5)
    service.add_tag("app", "2.0", second, pushed=NOW)
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and "= 1.0" in screen_text(app))
        assert "5.0 MB" in screen_text(app)
        assert "7.0 MB" in screen_text(app)
        bucket.rows_list.move_to(("app", "1.0"))
        await pilot.press("space")
        await until(pilot, lambda: "pull 35 MB · deleting them would free 0 B" in screen_text(app), "an alias keeps it")
        bucket.rows_list.move_to(("app", "latest"))
        await pilot.press("space")
        await until(pilot, lambda: "2 marked" in screen_text(app) and "free 5.0 MB" in screen_text(app))
        bucket.rows_list.move_to(("app", "2.0"))
        await pilot.press("space")
        await until(pilot, lambda: "pull 42 MB" in screen_text(app) and "free 42 MB" in screen_text(app))


# marks and the other side


async def test_a_marked_repository_is_all_of_its_tags_and_gives_one_back() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and len(bucket.rows_list.source) == 6)
        bucket.rows_list.move_to(("team/api", None))
        await pilot.press("space")
        await until(pilot, lambda: "Pull 3" in screen_text(app) and "3 marked" in screen_text(app))
        bucket.rows_list.move_to(("team/api", "1.10"))
        await pilot.press("space")
        await until(pilot, lambda: "Pull 2" in screen_text(app))
        assert "-  ▾ team/api" in screen_text(app), "some of it"


async def test_marks_that_are_folded_away_are_counted() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and len(bucket.rows_list.source) == 6)
        bucket.rows_list.move_to(("team/api", "2.0"))
        await pilot.press("shift+down", "shift+down", "h")
        await until(pilot, lambda: "2 marked, 2 hidden" in screen_text(app))


async def test_p_on_a_repository_that_is_not_listed_yet_lists_it_first() -> None:
    service = many(FakeService(), SMALL_STORE_TAGS + 1)
    async with open_app(service=service) as (app, pilot):
        sent: list[object] = []
        app.send = sent.extend
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.rows_list.cursor_key == ("app", None) and app.desk.is_idle)
        await pilot.press("p")
        await until(pilot, lambda: "the tags of app are being listed" in screen_text(app))
        assert not sent
        await until(pilot, lambda: bucket.model.nodes["app"].is_listed)
        await pilot.press("p")
        assert len(sent) == SMALL_STORE_TAGS + 1


async def test_marks_are_pushed_together_and_what_cannot_be_read_is_not() -> None:
    service = a_store()
    service.add_local("damaged:1", flaw="index.json cannot be read")
    async with open_app(service=service) as (app, pilot):
        sent: list[object] = []
        app.send = sent.extend
        local = app.main_screen.local
        await until(pilot, lambda: local.model.total == 4 and "damaged:1" in screen_text(app))
        await pilot.press("1", "asterisk", "p")
        assert not sent
        await until(pilot, lambda: "cannot be read: index.json cannot be read" in screen_text(app))
        await pilot.press("minus", *"damaged", "enter")
        await until(pilot, lambda: len(local.model.marks) == 3)
        await pilot.press("p")
        names = {request.image for request in sent if isinstance(request, PushRequest)}
        assert names == {"mine:1", "team/api:1.10", "fresh:1"}


async def test_marks_that_were_sent_are_gone_and_all_others_stay() -> None:
    service = a_store()
    async with open_app(service=service) as (app, pilot):
        local, bucket = app.main_screen.local, app.main_screen.bucket
        await until(pilot, lambda: local.model.total == 3 and bucket.model.is_complete)
        bucket.model.marks.add([("team/api", "1.10")])
        local.model.marks.add(["mine:1", "fresh:1"])
        await pilot.press("1", "p")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and not app.screen.planning.totals().checking)
        await pilot.press("escape")
        assert local.model.marks.listed() == ["mine:1", "fresh:1"], "nothing was sent"
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and not app.screen.planning.totals().checking)
        local.model.marks.add(["team/api:1.10"])  # in mid-plan, by somebody else
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.main_screen)
        assert local.model.marks.listed() == ["team/api:1.10"]
        assert bucket.model.marks.listed() == [("team/api", "1.10")]
        await until(pilot, lambda: "p Push 1 " in screen_text(app))


async def test_what_is_deleted_between_two_looks_is_not_pulled() -> None:
    service = a_store()
    async with open_app(service=service) as (app, pilot):
        sent: list[object] = []
        app.send = sent.extend
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and len(bucket.rows_list.source) == 6)
        for tag in ("1.9", "2.0"):
            bucket.rows_list.move_to(("team/api", tag))
            await pilot.press("space")
        service.drop_tag("team/api", "1.9")
        await pilot.press("r")
        await until(pilot, lambda: "1.9" not in bucket.model.nodes["team/api"].tags and app.desk.is_idle)
        await pilot.press("p")
        assert [str(request.source) for request in sent if isinstance(request, PullRequest)] == ["team/api:2.0"]


# the filter


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("1.10", {"1.10"}), ("!1.10 api", {"2.0", "1.9"}), ("api:*9", {"1.9"}), ("~tap2", {"2.0"}),
        ("/[.]1/", {"1.10"}), ("is:same", {"2.0"}), ("is:differs", {"1.10"}), ("size>1GB", set()),
        ("plat:amd64 web", {"1"}), ("age<1m", {"1"}),
    ],
)  # fmt: skip
async def test_what_is_typed_is_what_is_left(typed: str, left: set[str]) -> None:
    async with open_app(service=a_store(), clock=Clock(NOW)) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and "≠ team/api:1.10" in screen_text(app))
        await pilot.press("slash", *typed)
        shown = {bucket.model.key(index)[1] for index in range(len(bucket.model))} - {None}
        assert shown == left
        await until(pilot, lambda: f'filter "{typed}"' in screen_text(app) or not typed)
        await pilot.press("enter")
        assert app.focused is bucket.rows_list, "Enter keeps it"
        assert bucket.model.filter.text == typed
        await pilot.press("escape")
        assert len(bucket.model) == 6


async def test_the_left_list_has_a_filter_of_its_own() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        main = app.main_screen
        await until(pilot, lambda: main.bucket.model.is_complete and main.local.model.total == 3)
        await pilot.press("1", "slash", *"is:only", "enter")
        await until(pilot, lambda: [main.local.model.key(0)] == ["fresh:1"] and len(main.local.model) == 1)
        assert len(main.bucket.model) == 6


async def test_a_filter_lists_repositories_to_the_end() -> None:
    service = FakeService()
    for number in range(2 * PAGE + 10):
        service.rows[f"app-{number:04d}"] = {}
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: len(bucket.model.nodes) == PAGE)
        await pilot.press("slash", *f"app-{2 * PAGE + 5:04d}")
        await until(pilot, lambda: len(bucket.model) == 1 and bucket.feed.is_whole, "found on the third page")


async def test_a_late_answer_is_filtered_too() -> None:
    service = many(FakeService(), SMALL_STORE_TAGS + 1)
    other = make_image("other")
    service.rows["app"]["1.3"] = replace(service.rows["app"]["1.3"], digest=other.digest)
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.rows_list.cursor_key == ("app", None) and app.desk.is_idle)
        await pilot.press("l")
        await until(pilot, lambda: bucket.model.nodes["app"].is_listed and app.desk.is_idle)
        assert other.digest is not None
        await pilot.press("slash", *f"digest:{other.digest.encoded[:6]}")
        await until(pilot, lambda: [bucket.model.key(index)[1] for index in range(len(bucket.model))] == [None, "1.3"])
