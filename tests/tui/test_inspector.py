"""The inspector: what is known of the row, at once; the rest only where the cursor stays, and never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocistore_tui.errors import Unavailable
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow, RepositorySummary, TimelineRow
from ocistore_tui.tui.detail.facts import Beside, Fact, joined, local_facts, repository_facts, tag_facts
from ocistore_tui.tui.rows.compare import Comparison
from ocistore_tui.tui.widgets import inspector as inspector_module
from ocistore_tui.tui.widgets.inspector import Inspector
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from ocistore_tui.tui.app import OcistoreApp

WIDE, NORMAL, NARROW = (200, 50), (120, 36), (80, 24)
NEVER_RESTS, RESTS_AT_ONCE = 3600.0, 0.01


def service_with(tags: int = 1, **row: Any) -> FakeService:
    service = FakeService()
    for number in range(tags):
        service.add_tag("app", f"{number}", make_image(f"app {number}"), **row)
    return service


async def listed(app: OcistoreApp, pilot: Pilot[Any]) -> None:
    main = app.main_screen
    assert main is not None
    await until(pilot, lambda: app.desk.is_idle and main.bucket.model.is_complete, "the store is known")


def texts(facts: list[Fact]) -> dict[str, str]:
    return {fact.label: fact.text for fact in facts}


# what it says


def test_a_tag_in_as_few_lines_as_a_band_has() -> None:
    service = service_with(extras=("signature", "sbom"))
    row = service.rows["app"]["0"]
    lines = joined(tag_facts("app", row, Beside(Comparison(), NOW + 7200, extras=row.extras)))
    assert [line.label for line in lines] == ["tag", "size", "local", "holds"]
    assert lines[0].text.startswith("app:0   digest ")
    assert lines[0].text.endswith("pushed 2h ago")
    assert lines[3].text == "linux/amd64   signed · SBOM"


def test_a_broken_tag_says_what_is_wrong_before_anything_else() -> None:
    service = service_with(flaw="the manifest is missing", digest=None)
    facts = joined(tag_facts("app", service.rows["app"]["0"], Beside(Comparison(), NOW)))
    assert [(fact.label, fact.style) for fact in facts] == [("tag", "bold"), ("flaw", "bad"), ("fix", "")]
    assert facts[1].text == "! the manifest is missing"


def test_a_name_that_registries_cannot_serve_is_said_to_be_so() -> None:
    service = FakeService()
    row = service.add_tag("app", "bad name\x1b[2J")
    facts = tag_facts("app", row, Beside(Comparison(), NOW))
    assert facts[0].text == "app:bad name�[2J"
    assert "invalid name" in facts[1].text


def test_an_image_that_differs_here_is_not_called_the_same() -> None:
    service = service_with()
    row = service.rows["app"]["0"]
    comparison = Comparison()
    assert texts(tag_facts("app", row, Beside(comparison, NOW)))["local"] == "nothing to compare with"
    comparison.set_local([service.add_local("app:0", make_image("another"))])
    comparison.set_tag("app", row)
    assert texts(tag_facts("app", row, Beside(comparison, NOW)))["local"].startswith("≠ ")
    comparison.set_local([service.add_local("mine:1", make_image("app 0"))])
    assert texts(tag_facts("app", row, Beside(comparison, NOW)))["local"] == "= same image as mine:1"
    assert texts(local_facts(service.listings[None].rows[-1], comparison, NOW))["store"] == "= same image as app:0"


def test_an_image_that_is_there_under_another_name_does_not_hide_that_its_own_name_is_taken() -> None:
    service = FakeService()
    new, old = make_image("new"), make_image("old")
    comparison = Comparison()
    newest = service.add_local("app:latest", new)
    comparison.set_local([newest, service.add_local("base:1", old)])
    for tag, image in (("2.0", new), ("latest", old)):
        comparison.set_tag("app", service.add_tag("app", tag, image))
    stored = texts(local_facts(newest, comparison, NOW))["store"]
    assert stored == "= same image as app:2.0; but app:latest is another image there"
    latest = texts(tag_facts("app", service.rows["app"]["latest"], Beside(comparison, NOW)))["local"]
    assert latest == "= same image as base:1; but app:latest is another image here"
    comparison.set_tag("app", service.add_tag("app", "latest", new))
    assert texts(local_facts(newest, comparison, NOW))["store"] == "= same image as app:latest and app:2.0"


def test_a_partial_image_is_neither_same_nor_sound() -> None:
    service = service_with(missing=1)
    row = service.rows["app"]["0"]
    comparison = Comparison()
    local = service.add_local("mine:1", make_image("app 0"))
    comparison.set_local([local])
    comparison.set_tag("app", row)
    facts = texts(tag_facts("app", row, Beside(comparison, NOW)))
    assert facts["local"].startswith("~ same image as mine:1; some platforms are missing")
    assert facts["holds"] == "linux/amd64   1 platform not in the store"
    assert texts(local_facts(local, comparison, NOW))["store"].startswith("~ app:0 holds it")


def test_a_local_image_tells_where_a_push_would_take_it() -> None:
    service = FakeService()
    comparison = Comparison()
    local = service.add_local("registry.example/team/app:2")
    assert texts(local_facts(local, comparison, NOW))["store"] == "? checking …"
    comparison.is_complete = True
    facts = texts(local_facts(local, comparison, NOW))
    assert facts["store"] == "+ not there; p pushes it to team/app:2"
    assert "created 2h ago" in facts["size"]
    broken = service.add_local("broken:1", flaw="no manifest")
    assert texts(local_facts(broken, comparison, NOW)) == {"image": "broken:1", "flaw": "! no manifest"}


def test_a_repository_is_told_by_what_one_look_showed() -> None:
    facts = texts(repository_facts(RepositorySummary("app", 1000, is_whole=False, pushed=NOW - 60), 5_000_000, NOW))
    assert facts["holds"] == "over 1 000 tags"
    assert facts["last push"] == "1m ago"
    assert facts["size"].startswith("5.0 MB ")


# where it is, and what it asks


async def test_the_band_below_the_lists_has_four_lines_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "REST_S", RESTS_AT_ONCE)
    service = service_with(3)
    async with open_app(service=service, size=NORMAL) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("j")
        await until(pilot, lambda: "app:0" in screen_text(app))
        band = app.screen.query_one("#below", Inspector)
        assert band.content_size.height == 4
        assert "30 MB stored" in screen_text(app)
        await pilot.press("j", "j")
        await until(pilot, lambda: "app:2" in screen_text(app))
        assert (service.count("timeline"), service.count("attachments")) == (0, 0)


async def test_small_terminals_show_it_over_the_list_with_its_whole_frame() -> None:
    async with open_app(service=service_with(), size=NARROW) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("j")
        assert "Inspector" not in screen_text(app)
        await pilot.press("i")
        await until(pilot, lambda: "app:0" in screen_text(app) and "digest" in screen_text(app))
        lines = screen_text(app).splitlines()
        assert lines[-2].startswith("╰")
        assert "Help" in lines[-1]
        await pilot.press("k")
        await until(pilot, lambda: "last push" in screen_text(app))
        await pilot.press("i")
        await until(pilot, lambda: "last push" not in screen_text(app))


async def test_the_column_tells_everything_once_the_cursor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "REST_S", RESTS_AT_ONCE)
    service = FakeService()
    row = service.add_tag("app", "1", make_image("app", platforms=("linux/amd64", "linux/arm64")))
    assert row.digest is not None
    service.attached["app:1"] = (
        AttachmentRow("signature", Digest.of(b"1"), "cosign", 300, "tag", row.digest),
        AttachmentRow("sbom", Digest.of(b"2"), "spdx", 2000, "subject", row.digest),
    )
    service.timelines["app", "1"] = (
        TimelineRow(row.digest, NOW - 3600, True, "index", 30_000_000, 1_100_000),
        TimelineRow(Digest.of(b"old"), NOW - 7200, False, "image", 29_000_000, 29_000_000),
    )
    async with open_app(service=service, size=WIDE) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("j")
        await until(pilot, lambda: "tag moved 1 time" in screen_text(app))
        for words in ("signed 1 · SBOM 1", "linux/arm64", "1h ago  +1.1 MB  now", "oci-store @prod-images pull"):
            assert words in screen_text(app)


async def test_moving_through_a_list_asks_nothing_until_the_cursor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "REST_S", NEVER_RESTS)
    service = service_with(30)
    async with open_app(service=service, size=WIDE) as (app, pilot):
        await listed(app, pilot)
        await pilot.press(*["j"] * 25)
        await until(pilot, lambda: app.desk.is_idle)
        assert service.count("timeline") == 0
        monkeypatch.setattr(inspector_module, "REST_S", RESTS_AT_ONCE)
        await pilot.press("k")
        await until(pilot, lambda: service.count("timeline") == 1 and app.desk.is_idle)
        await pilot.press("j", "k")
        await until(pilot, lambda: service.count("timeline") == 2 and app.desk.is_idle)  # the one below, once
        await pilot.press("j", "k", "j", "k")
        await until(pilot, lambda: app.desk.is_idle)
        assert service.count("timeline") == 2


async def test_rows_that_arrive_do_not_ask_again_what_failed_or_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "REST_S", RESTS_AT_ONCE)
    service = service_with()
    service.hold("timeline")
    async with open_app(service=service, size=WIDE) as (app, pilot):
        main = app.main_screen
        assert main is not None
        await until(pilot, lambda: main.bucket.model.is_complete)
        await pilot.press("j")
        await until(pilot, lambda: service.waiting("timeline"))
        for _ in range(3):
            main._inspect()  # what every page of rows does
            await pilot.pause()
        service.fail("timeline", Unavailable("no answer", fix="look again"))
        service.release("timeline")
        await until(pilot, lambda: app.desk.is_idle)
        for _ in range(3):
            main._inspect()
            await pilot.pause()
        await pilot.press("k", "j")
        await until(pilot, lambda: app.desk.is_idle)
        assert service.count("timeline") == 1
        assert "app:0" in screen_text(app)


async def test_rows_that_arrive_do_not_put_off_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "REST_S", NEVER_RESTS)
    async with open_app(service=service_with(), size=WIDE) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("j")
        column = app.screen.query_one("#column", Inspector)
        await until(pilot, lambda: column._timer is not None)
        timer = column._timer
        assert app.main_screen is not None
        app.main_screen._inspect()
        assert column._timer is timer


async def test_two_tags_of_one_digest_keep_their_own_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "REST_S", RESTS_AT_ONCE)
    service = FakeService()
    image = make_image("app")
    one = service.add_tag("app", "1", image)
    service.add_tag("app", "2", image)
    assert one.digest is not None
    now = TimelineRow(one.digest, NOW, True, "image", 1, 1)
    service.timelines["app", "1"] = (now,)
    service.timelines["app", "2"] = (now, TimelineRow(Digest.of(b"old"), NOW - 60, False))
    async with open_app(service=service, size=WIDE) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("j")
        await until(pilot, lambda: "tag never moved" in screen_text(app))
        await pilot.press("j")
        await until(pilot, lambda: "tag moved 1 time" in screen_text(app))
        assert "also tagged 1" in screen_text(app)


async def test_what_the_tags_own_screen_learnt_is_told_below_the_lists_too() -> None:
    service = service_with()
    service.timelines["app", "0"] = (
        TimelineRow(service.rows["app"]["0"].digest or Digest.of(b""), NOW, True),
        TimelineRow(Digest.of(b"old"), NOW - 60, False),
    )
    async with open_app(service=service, size=NORMAL) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("j")
        await until(pilot, lambda: "app:0" in screen_text(app))
        assert "tag moved" not in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "tag moved 1 time" in screen_text(app) and app.desk.is_idle)
        await pilot.press("escape")
        await until(pilot, lambda: "3 Inspector" in screen_text(app))
        assert "tag moved 1 time" in screen_text(app)


@pytest.mark.parametrize("size", [WIDE, NORMAL, NARROW])
async def test_it_follows_the_terminals_size_and_is_never_stale(size: tuple[int, int]) -> None:
    async with open_app(service=service_with(), size=size) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("j")
        for other in (WIDE, NORMAL, WIDE):
            await pilot.resize_terminal(*other)
            await until(pilot, lambda: "app:0" in screen_text(app) and "3 Inspector" in screen_text(app))
        await pilot.press("k")
        await until(pilot, lambda: "last push" in screen_text(app))


async def test_the_inspector_may_be_resized_while_another_store_is_opened() -> None:
    async with open_app(service=service_with()) as (app, pilot):
        inspector = app.main_screen.query_one("#below", Inspector)
        await until(pilot, lambda: inspector._subject is not None)
        app.open_store(app.session.store)
        inspector._draw()
        await until(pilot, lambda: app.main_screen.bucket.model.nodes)
