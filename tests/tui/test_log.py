"""The command log: what was done, as lines that do the same."""

from __future__ import annotations

import pytest

from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.screens.log import LogScreen
from ocistore_tui.tui.screens.main import MainScreen
from tests.fakes.service import FakeService
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_an_empty_log_says_what_will_be_there(size: tuple[int, int]) -> None:
    async with open_app(size=size) as (app, pilot):
        await pilot.press("at")
        await until(pilot, lambda: isinstance(app.screen, LogScreen))
        assert "Nothing was done yet" in screen_text(app)
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard == ""
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_the_newest_is_last_under_the_cursor_and_can_be_copied() -> None:
    async with open_app() as (app, pilot):
        for number in range(60):
            app.log_command(f"oci-store @prod pull app:{number}", f"failed: reason {number}")
        await pilot.press("at")
        await until(pilot, lambda: "app:59" in screen_text(app))
        assert "app:0 " not in screen_text(app)
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard == "oci-store @prod pull app:59"
        await pilot.press("g")
        await until(pilot, lambda: "$ oci-store @prod pull app:0  " in screen_text(app))
        assert "failed: reason 0 " in screen_text(app)


async def test_a_finished_push_is_logged_as_the_line_that_does_it() -> None:
    service = FakeService()
    service.add_local("app:1")
    async with open_app(service=service) as (app, pilot):
        app.send([PushRequest(Reference("app", "1"), "app:1")])
        await until(pilot, lambda: "Push 30 MB" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.commands_done)
        assert app.commands_done[0][1] == "oci-store @prod-images push app:1 --image app:1"
        await pilot.press("at")
        await until(pilot, lambda: "push app:1 --image app:1" in screen_text(app))


async def test_what_happens_while_it_is_open_is_shown() -> None:
    async with open_app() as (app, pilot):
        await pilot.press("at")
        await until(pilot, lambda: isinstance(app.screen, LogScreen))
        app.log_command("oci-store @prod pull app:1", "done")
        await until(pilot, lambda: "pull app:1" in screen_text(app))


async def test_lines_are_inert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OcistoreApp, "get_line_filters", lambda _: [])
    async with open_app() as (app, pilot):
        app.log_command("evil\x1b]0;x\x07\n[b]x[/b]", "failed\x9b31m")
        await pilot.press("at")
        await until(pilot, lambda: "evil" in screen_text(app))
        shown = screen_text(app)
        assert "[b]x[/b]" in shown
        assert all(sign.isprintable() or sign == "\n" for sign in shown)
