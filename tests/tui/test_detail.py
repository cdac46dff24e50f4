"""One tag, looked at: it opens at once, asks only what is looked at, and never ends the program."""

from __future__ import annotations

import pytest

from ocistore_tui.errors import IntegrityError, NotFound, Unavailable
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.screens import detail
from ocistore_tui.tui.screens.detail import DetailScreen
from ocistore_tui.tui.screens.main import MainScreen
from tests.fakes.stored import make_image
from tests.tui.conftest import open_app
from tests.tui.looking import SIZES, line_of, look, service_with, two_platforms
from tests.tui.waiting import screen_text, until

# opening


@pytest.mark.parametrize("size", SIZES)
async def test_it_opens_with_what_the_list_knows_and_no_line_moves_when_answers_come(size: tuple[int, int]) -> None:
    service = service_with()
    async with open_app(service=service, size=size) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        for method in ("inspect", "timeline", "attachments"):
            service.hold(method)
        await look(app, pilot, settle=False)
        await until(pilot, lambda: service.waiting("inspect"))
        early = screen_text(app).splitlines()
        assert "30 MB stored" in line_of(app, "size")
        assert line_of(app, "layers").split() == ["layers", "…"]
        assert line_of(app, "history").split() == ["history", "…"]
        for method in ("inspect", "timeline", "attachments"):
            service.release(method)
        await until(pilot, lambda: app.desk.is_idle)
        late = screen_text(app).splitlines()
        assert "2, 30 MB packed" in line_of(app, "layers")
        assert "tag never moved" in line_of(app, "history")
        for number, line in enumerate(early[4:]):
            label = line[:14].strip()
            assert label in ("", late[4 + number][:14].strip()) or label.startswith("?")


async def test_the_tag_opened_from_the_list_is_the_one_under_the_cursor() -> None:
    async with open_app(service=service_with()) as (app, pilot):
        await until(pilot, lambda: "1.0" in screen_text(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen) and "2, 30 MB packed" in screen_text(app))
        assert "team/app:1.0 · prod-images" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_a_tag_found_by_its_name_alone_is_described_all_the_same() -> None:
    service = service_with()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        service.add_tag("team/app", "2.0", make_image("two"))  # pushed since the store was listed
        screen = DetailScreen(app.session, Reference("team/app", "2.0"), None)
        await app.push_screen(screen)
        await until(pilot, lambda: app.desk.is_idle)
        assert "30 MB stored" in line_of(app, "size")
        assert service.rows["team/app"]["2.0"].digest is not None
        assert str(service.rows["team/app"]["2.0"].digest) in screen_text(app)


async def test_a_tag_that_moved_since_the_list_was_made_shows_what_it_is_now() -> None:
    service = service_with()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        old = service.rows["team/app"]["1.0"]
        new = service.add_tag("team/app", "1.0", make_image("moved", layers=[("other", 5_000_000)]))
        await look(app, pilot, row=old)
        assert str(new.digest) in screen_text(app)
        assert "5.0 MB stored" in line_of(app, "size")


async def test_each_tab_asks_only_when_it_is_looked_at_and_only_once() -> None:
    service = service_with()
    async with open_app(service=service) as (app, pilot):
        await look(app, pilot, "manifest")
        asked = ("timeline", "attachments", "unpacked_sizes", "plan_pull")
        assert [service.count(method) for method in asked] == [0, 0, 0, 0]
        screen = app.screen
        assert isinstance(screen, DetailScreen)
        for tab, expected in (("layers", [0, 0, 1, 1]), ("extras", [0, 1, 1, 1]), ("timeline", [1, 1, 1, 1]),
                              ("layers", [1, 1, 1, 1]), ("overview", [1, 1, 1, 1])):  # fmt: skip
            screen._show_tab(tab)
            await until(pilot, lambda: app.desk.is_idle)
            assert [service.count(method) for method in asked] == expected, tab
        assert service.count("inspect") == 1


# waiting and giving up


async def test_giving_up_while_answers_are_due_leaves_the_program_running() -> None:
    service = service_with()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        for method in ("inspect", "timeline", "attachments"):
            service.hold(method)
        await look(app, pilot, settle=False)
        await until(pilot, lambda: service.waiting("inspect") and service.waiting("attachments"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        for method in ("inspect", "timeline", "attachments"):
            service.release(method)
        await until(pilot, lambda: app.desk.is_idle, "the late answers")
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen) and "2, 30 MB packed" in screen_text(app))


async def test_a_store_that_is_slow_is_said_to_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detail, "SLOW_S", 0.02)
    service = service_with()
    async with open_app(service=service, size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        service.hold("inspect")
        await look(app, pilot, settle=False)
        await until(pilot, lambda: "still waiting for prod-images: the manifest; Esc gives up" in screen_text(app))
        await pilot.press("H")  # what this tab shows is there: it waits for nothing
        await until(pilot, lambda: "1 digest" in screen_text(app))
        assert "still waiting" not in screen_text(app)
        await pilot.press("left_square_bracket", "left_square_bracket")
        service.release("inspect")
        await until(pilot, lambda: app.desk.is_idle)
        assert "still waiting" not in screen_text(app)


@pytest.mark.parametrize("size", SIZES)
async def test_what_fails_is_said_in_every_tab_with_what_helps_and_r_asks_again(size: tuple[int, int]) -> None:
    service = service_with()
    async with open_app(service=service, size=size) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        for method in ("inspect", "timeline", "attachments"):
            service.fail(method, Unavailable("no answer", where="s3", cause="timed out", fix="check the network"))
        screen = await look(app, pilot)
        assert "! no answer" in line_of(app, "error")
        assert "check the network" in line_of(app, "fix")
        for tab in ("layers", "history", "extras", "timeline", "manifest", "config"):
            screen._show_tab(tab)
            await until(pilot, lambda: app.desk.is_idle)
            assert "no answer" in screen_text(app), tab
            assert "check the network" in screen_text(app), tab
        for method in ("inspect", "timeline", "attachments"):
            service.heal(method)
        await pilot.press("r")
        await until(pilot, lambda: '"os": "linux"' in screen_text(app))
        screen._show_tab("overview")
        await until(pilot, lambda: app.desk.is_idle)
        assert "no answer" not in screen_text(app)
        assert "tag never moved" in screen_text(app)


async def test_a_broken_tag_says_what_is_wrong_and_what_repairs_it() -> None:
    service = service_with(digest=None, flaw="the manifest 9f1c is missing")
    service.fail("inspect", IntegrityError("the manifest is missing", where="9f1c", fix="push it again"))
    async with open_app(service=service) as (app, pilot):
        await look(app, pilot)
        assert "! the manifest 9f1c is missing" in line_of(app, "flaw")
        assert "push the image again" in screen_text(app)
        assert "not known" in line_of(app, "layers")


# platforms


async def test_the_platforms_of_an_index_are_gone_through_and_each_is_asked_once() -> None:
    service = service_with(two_platforms())
    async with open_app(service=service) as (app, pilot):
        await look(app, pilot, "config")
        assert "platform ‹ linux/s390x ›" in screen_text(app)
        assert '"architecture": "s390x"' in screen_text(app)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: '"architecture": "riscv64"' in screen_text(app))
        asked = service.count("inspect")
        await pilot.press("less_than_sign")
        await until(pilot, lambda: '"architecture": "s390x"' in screen_text(app))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: '"architecture": "riscv64"' in screen_text(app))
        assert service.count("inspect") == asked


async def test_a_platform_that_cannot_be_read_leaves_the_others() -> None:
    service = service_with(two_platforms())
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot, "layers")
        service.fail("inspect", NotFound("a blob is gone", fix="push it again"))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "a blob is gone" in screen_text(app))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "RUN make app" in screen_text(app))
        assert screen.subject.platform == "linux/s390x"


async def test_one_image_has_no_tab_of_platforms_and_says_that_there_is_no_other() -> None:
    async with open_app(service=service_with()) as (app, pilot):
        await look(app, pilot)
        assert "Platforms" not in screen_text(app)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "this is one image" in screen_text(app))


# tabs


@pytest.mark.parametrize("size", [(60, 20), *SIZES, (200, 50)])
async def test_every_tab_is_reached_by_keys_and_by_the_mouse_at_any_width(size: tuple[int, int]) -> None:
    async with open_app(service=service_with(two_platforms()), size=size) as (app, pilot):
        screen = await look(app, pilot)
        seen = []
        for key in ("right_square_bracket", "l", "right") * 3:
            seen.append(screen.tab)
            title = dict(detail.tabs.TABS)[screen.tab]
            assert title in screen_text(app).splitlines()[2]
            await pilot.press(key)
            await until(pilot, lambda: app.desk.is_idle)
        assert seen[:8] == [name for name, _ in detail.tabs.TABS]
        assert seen[8] == "overview"
        await pilot.press("left_square_bracket", "h")
        await until(pilot, lambda: app.desk.is_idle)
        assert screen.tab == "config"
        await pilot.press("H")
        assert screen.tab == "timeline"
        column = screen_text(app).splitlines()[2].index("Extras")
        await pilot.click("TabStrip", offset=(column + 1, 0))
        await until(pilot, lambda: screen.tab == "extras")


async def test_a_terminal_that_becomes_smaller_while_it_is_looked_at_loses_nothing() -> None:
    async with open_app(service=service_with(two_platforms()), size=(200, 50)) as (app, pilot):
        screen = await look(app, pilot, "config")
        await pilot.press("full_stop")
        whole = screen.subject.image
        assert whole is not None
        assert whole.config is not None
        for size in ((80, 24), (40, 10), (120, 36)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            source = screen.rows_list.source
            shown = "".join(source.row(index).cells[1] for index in range(len(source)))
            assert shown == whole.config.decode()
            assert max(len(source.row(index).cells[1]) for index in range(len(source))) <= max(10, size[0])


@pytest.mark.parametrize("size", SIZES)
async def test_layers_tell_who_holds_them_and_what_a_pull_would_fetch(size: tuple[int, int]) -> None:
    service = service_with()
    service.add_tag("team/base", "1", make_image("base", layers=[("base", 29_100_000)]))
    async with open_app(service=service, size=size) as (app, pilot):
        await until(pilot, lambda: app.main_screen is not None and app.main_screen.bucket.model.is_complete)
        await look(app, pilot, "layers")
        text = screen_text(app)
        assert "2 tags, 2 repos" in text
        assert "only this tag" in text
        assert ("UNPACKED" in text) == ("LOCAL" in text) == (size[0] > 80)
        assert "RUN make base" in text
        assert "2 layers, 30 MB" in line_of(app, "2 layers, 30 MB packed").partition("pull")[2]


async def test_layers_of_a_store_that_is_not_whole_yet_do_not_claim_to_be_unique() -> None:
    service = service_with()
    service.hold("describe_tags")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.main_screen is not None and "team/app" in app.main_screen.bucket.model.nodes)
        screen = DetailScreen(app.session, Reference("team/app", "1.0"), service.rows["team/app"]["1.0"], tab="layers")
        await app.push_screen(screen)
        await until(pilot, lambda: "RUN make app" in screen_text(app))
        assert "only this tag" not in screen_text(app)


async def test_no_engine_is_asked_about_layers_when_the_left_side_is_a_folder() -> None:
    service = service_with()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        app.session.place = LocalPlace("folder", "/images", "images")
        await look(app, pilot, "layers")
        assert service.count("plan_pull") == 0
