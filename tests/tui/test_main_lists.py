"""The two lists of the main screen: what they say of each other, and what stays when anything changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import AccessDenied, Unavailable
from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow
from ocistore_tui.model.local import LocalListing, LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.tui.feeds.bucket import PAGE
from ocistore_tui.tui.rows.compare import Sameness
from tests.fakes.gates import Clock
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until


def a_store() -> FakeService:
    """Two repositories; one image is here under another name, one of the same name differs, others are not here."""
    service = FakeService()
    same, other = make_image("same"), make_image("other")
    service.add_tag("team/api", "2.0", same, pushed=NOW - 100)
    service.add_tag("team/api", "1.10", other, pushed=NOW - 200)
    service.add_tag("team/api", "1.9", make_image("old"), pushed=NOW - 300)
    service.add_tag("web", "1", make_image("web"), pushed=NOW - 50)
    service.add_local("mine:1", same)
    service.add_local("team/api:1.10", make_image("mine, of the same name"))
    service.add_local("fresh:1", make_image("fresh"))
    return service


async def test_images_are_compared_by_what_they_are_not_by_name() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete, "the small store is read whole")
        comparison = app.session.comparison
        words = {row.name: comparison.of_local(row) for row in app.main_screen.local.feed.listing.rows}
        assert words == {
            "mine:1": Sameness.SAME, "team/api:1.10": Sameness.DIFFERS, "fresh:1": Sameness.ONLY,
        }  # fmt: skip
        tags = {
            name: comparison.of_tag("team/api", row)
            for name, row in app.main_screen.bucket.model.nodes["team/api"].tags.items()
        }
        assert tags == {"2.0": Sameness.SAME, "1.10": Sameness.DIFFERS, "1.9": Sameness.ONLY}
        await until(pilot, lambda: "= mine:1" in screen_text(app))
        assert "≠ team/api:1.10" in screen_text(app)


async def test_a_small_store_is_shown_unfolded_with_exact_sums() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        await until(pilot, lambda: "1.9" in screen_text(app), "the tags are shown")
        await until(pilot, lambda: "2 repos · 4 tags" in screen_text(app))
        rows = app.main_screen.bucket.model
        assert [rows.key(i)[1] for i in range(2, 6)] == [None, "2.0", "1.10", "1.9"], "newest first"
        await pilot.press("s")
        assert rows.order.by == "name"
        assert [rows.key(i)[1] for i in range(4)] == [None, "1.9", "1.10", "2.0"], "names in natural order"


async def test_a_broken_tag_keeps_its_row_and_says_so() -> None:
    service = a_store()
    service.add_tag("web", "bad", flaw="the manifest is missing")
    service.rows["web"]["bad"] = replace(service.rows["web"]["bad"], digest=None)
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "bad" in screen_text(app))
        app.main_screen.bucket.rows_list.move_to(("web", "bad"))
        await until(pilot, lambda: "the manifest is missing" in screen_text(app), "the inspector says why")


async def test_marks_stay_with_their_rows_through_order_filter_and_refresh() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        bucket.rows_list.move_to(("team/api", "1.9"))
        await pilot.press("space")
        bucket.rows_list.move_to(("web", "1"))
        await pilot.press("space", "s", "slash", *"2.0")
        assert bucket.model.marks.listed() == [("team/api", "1.9"), ("web", "1")]
        await until(pilot, lambda: "2 marked, 2 hidden" in screen_text(app))
        await pilot.press("escape", "r")
        await until(pilot, lambda: app.desk.is_idle)
        assert bucket.model.marks.listed() == [("team/api", "1.9"), ("web", "1")]
        await pilot.press("escape")
        assert not len(bucket.model.marks)


async def test_marks_by_range_pattern_and_inversion() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        local = app.main_screen.local
        await until(pilot, lambda: local.model.total == 3)
        await pilot.press("1", "s", "g", "space", "j", "v")
        assert len(local.model.marks) == 3
        await pilot.press("asterisk")
        assert not len(local.model.marks)
        await pilot.press("plus", *"team*", "enter")
        assert local.model.marks.listed() == ["team/api:1.10"]


async def test_an_export_goes_to_the_file_that_was_named_as_a_shell_would_take_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with open_app(service=a_store()) as (app, pilot):
        sent: list[object] = []
        app.send = sent.extend
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        bucket.rows_list.move_to(("web", "1"))
        await pilot.press("e")
        await until(pilot, lambda: "Export to an OCI archive" in screen_text(app))
        await pilot.press("home", *"~/", "enter")
        await until(pilot, lambda: sent)
        assert [request.image for request in sent if isinstance(request, PullRequest)] == [
            f"oci-archive:{tmp_path}/web-1.tar:1"
        ]


async def test_p_sends_the_marks_or_the_row_to_the_other_side() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        sent: list[object] = []
        app.send = sent.extend
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        bucket.rows_list.move_to(("team/api", None))
        await pilot.press("space", "p")
        assert {str(request.source) for request in sent if isinstance(request, PullRequest)} == {
            "team/api:2.0", "team/api:1.10", "team/api:1.9",
        }  # fmt: skip
        sent.clear()
        await pilot.press("1")
        app.main_screen.local.rows_list.move_to("fresh:1")
        await pilot.press("p")
        assert [(str(request.target), request.image) for request in sent if isinstance(request, PushRequest)] == [
            ("fresh:1", "fresh:1")
        ]


async def test_a_filter_that_cannot_be_read_says_why_and_hides_nothing() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await pilot.press("slash", *"/[/")
        assert "not a regular expression" in screen_text(app)
        assert len(app.main_screen.bucket.model) == 6
        await pilot.press(*["backspace"] * 3, *"size<1B")
        assert len(app.main_screen.bucket.model) == 0
        await pilot.press("escape")
        assert len(app.main_screen.bucket.model) == 6


async def test_only_what_is_on_the_screen_is_asked_for() -> None:
    service = FakeService()
    for number in range(10_000):
        service.rows[f"app-{number:05d}"] = {"1": TagRow("1", pushed=NOW)}
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: len(bucket.model.nodes) == PAGE and app.desk.is_idle)
        assert service.count("summary") < 80, "the screen and a little more"
        assert service.count("tag_stubs") == 0
        await until(pilot, lambda: "200+ repos" in screen_text(app))
        await pilot.press("G")
        await until(pilot, lambda: len(bucket.model.nodes) == 2 * PAGE, "the end of the list asks for the next page")
        assert bucket.rows_list.cursor_key == (f"app-{PAGE - 1:05d}", None), "the cursor stays where it was"


async def test_what_was_seen_last_time_is_shown_at_once_with_its_age() -> None:
    service = a_store()
    service.kept = Remembered(
        NOW - 7200, (RepositoryRow("gone", True), RepositoryRow("team/api", True)), True,
        {"gone": (TagRow("1"),), "team/api": (TagRow("2.0", pushed=NOW),)},
    )  # fmt: skip
    service.hold("repositories")
    async with open_app(service=service, clock=Clock(NOW)) as (app, pilot):
        await until(pilot, lambda: "gone" in screen_text(app), "remembered rows come before the store answers")
        service.release("repositories")
        await until(pilot, lambda: "gone" not in screen_text(app), "what is not there any more leaves")
        assert "team/api" in screen_text(app)


async def test_a_store_that_does_not_answer_keeps_what_is_shown() -> None:
    service = a_store()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        service.fail("repositories", Unavailable("the store does not answer", fix="check the network"))
        await pilot.press("r")
        await until(pilot, lambda: "OFFLINE" in screen_text(app))
        assert "team/api" in screen_text(app)
        service.heal("repositories")
        await pilot.press("r")
        await until(pilot, lambda: "OFFLINE" not in screen_text(app))


async def test_each_pane_says_its_own_trouble_and_the_keys_that_help() -> None:
    service = FakeService()
    service.fail("repositories", AccessDenied("listing denied", where="s3://acme-oci", fix="allow s3:ListBucket"))
    service.fail("local_images", Unavailable("no container engine answers", where="unix:///var/run/docker.sock",
                                             fix="start Docker"))  # fmt: skip
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "listing denied" in screen_text(app))
        text = screen_text(app)
        helps = ("allow s3:ListBucket", "open REPOSITORY:TAG by name", "no container engine answers", "look again")
        for words in helps:
            assert words in text, words


async def test_a_tag_somebody_else_deletes_leaves_the_list() -> None:
    service = a_store()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        service.drop_tag("team/api", "1.9")
        await pilot.press("r")
        await until(pilot, lambda: "1.9" not in app.main_screen.bucket.model.nodes["team/api"].tags)


async def test_demo_content_fills_an_empty_store() -> None:
    service = FakeService()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "Nothing is stored here yet" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: len(service.rows) > 0 and app.main_screen.bucket.model.is_complete)


async def test_another_place_on_the_left() -> None:
    service = a_store()
    folder = LocalPlace("folder", "/images", "images")
    service.add_local("archived:1", place=folder, label="folder of 1 archive")
    async with open_app(service=service) as (app, pilot):
        app.set_place(folder)
        await until(pilot, lambda: "archived:1" in screen_text(app))
        assert isinstance(app.main_screen.local.feed.listing, LocalListing)
        assert app.session.place == folder


async def test_an_answer_that_comes_while_the_program_closes_harms_nothing() -> None:
    service = a_store()
    service.hold("tag_stubs")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: service.waiting("tag_stubs"), "the small store is being read")
        for pane in (app.main_screen.local, app.main_screen.bucket):
            await pane.rows_list.remove()
        service.release("tag_stubs")
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete and app.desk.is_idle)
        assert app.fault is None
