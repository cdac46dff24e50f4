"""Leaving: asked while something runs, and nothing is lost whichever way it goes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from textual.pilot import Pilot

from ocistore_tui.errors import AccessDenied
from ocistore_tui.tui.screens.quit import QuitScreen
from ocistore_tui.tui.transfers import State, Transfer
from tests.fakes.service import FakeService
from tests.fakes.stores import FakeStores
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service, push, started
from tests.tui.waiting import screen_text, until

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp


async def asked(app: OcistoreApp, pilot: Pilot[Any], service: FakeService, count: int = 3) -> list[Transfer]:
    """Have transfers run, and ask to leave."""
    service.hold("push")
    transfers = app.runner.start(app.session, [service.plan_push(push(n)) for n in range(count)])
    await started(pilot, service, *transfers[:2])
    await pilot.press("q")
    await until(pilot, lambda: isinstance(app.screen, QuitScreen))
    return transfers


def left(app: OcistoreApp) -> bool:
    return app.return_value is not None


async def test_with_nothing_running_the_program_ends_at_once() -> None:
    async with open_app() as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: left(app))
        assert app.return_value is app.outcome
        assert (app.outcome.lines, app.outcome.exit_code) == ([], 0)


async def test_the_question_lists_what_runs_with_what_it_still_needs() -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        await asked(app, pilot, service)
        service.moves["team/app:0"].show(60_000_000, stage="reading", rate_bytes_s=41e6, eta_s=18.4)
        await until(pilot, lambda: "0:18 left" in screen_text(app))

        shown = screen_text(app)
        assert "3 transfers are still running" in shown
        assert "push team/app:0  60 / 97 MB  41 MB/s  0:18 left" in shown
        assert "All of it takes about 0:06 more." in shown
        for choice in ("Stay (Esc)", "Stop now, resume later (s)", "Finish, then quit (f)"):
            assert choice in shown


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_staying_changes_nothing(key: str) -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        transfers = await asked(app, pilot, service)
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(app.screen, QuitScreen))

        assert [one.state for one in transfers] == [State.RUNNING, State.RUNNING, State.WAITING]
        assert not left(app)


@pytest.mark.parametrize("key", ["f", "enter"])
async def test_finish_then_quit_leaves_with_the_last_transfer(key: str) -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        transfers = await asked(app, pilot, service)
        await pilot.press(key)
        await until(pilot, lambda: app.runner.quitting)
        assert "quits when all is done" in screen_text(app).splitlines()[0]
        assert not left(app)

        service.release("push")
        await until(pilot, lambda: left(app))

        assert {one.state for one in transfers} == {State.DONE}
        assert app.outcome.lines == ["3 transfers done"]
        assert app.outcome.exit_code == 0


async def test_the_header_counts_down_and_q_undoes_it() -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        await asked(app, pilot, service, 2)
        await pilot.press("f")
        service.moves["team/app:0"].show(60_000_000, stage="reading", rate_bytes_s=10e6, eta_s=4.0)
        await until(pilot, lambda: "quits in 0:13" in screen_text(app).splitlines()[0])

        await pilot.press("q")
        await until(pilot, lambda: not app.runner.quitting)
        service.release("push")
        await until(pilot, lambda: not app.runner.is_busy)
        assert not left(app)


async def test_stop_now_keeps_what_is_to_come_for_the_next_start() -> None:
    service = loaded_service()
    stores = FakeStores(service)
    async with open_app(stores=stores) as (app, pilot):
        transfers = await asked(app, pilot, service)
        await pilot.press("s")
        await until(pilot, lambda: left(app))

        assert {one.state for one in transfers} == {State.CANCELLED}, "each had the time to stop by itself"
        assert stores.kept == {"prod-images": (push(0), push(1), push(2))}
        assert app.outcome.lines == ["3 transfers stopped; the next start offers to resume"]
        assert app.outcome.exit_code == 130
        assert "0" not in service.rows.get("team/app", {})


async def test_what_ends_while_the_question_stands_is_said_and_nothing_closes_by_itself() -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        await asked(app, pilot, service)
        service.release("push")
        await until(pilot, lambda: "All done, Enter quits" in screen_text(app))

        assert isinstance(app.screen, QuitScreen)
        assert not left(app)
        assert "Stop now" not in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: left(app))
        assert app.outcome.lines == ["3 transfers done"]


async def test_a_failure_is_told_with_its_fix_after_the_terminal_is_restored() -> None:
    service = loaded_service()
    service.fail("push", AccessDenied("not allowed", fix="allow s3:PutObject"), "team/app:1")
    async with open_app(service=service) as (app, pilot):
        await asked(app, pilot, service, 2)
        await pilot.press("f")
        service.release("push")
        await until(pilot, lambda: left(app))

        assert app.outcome.lines == [
            "1 transfer done, 1 transfer failed",
            "push team/app:1: not allowed  fix: allow s3:PutObject, then R",
        ]
        assert app.outcome.exit_code == 7


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_stops_transfers_and_keeps_them(number: signal.Signals, exit_code: int) -> None:
    service = loaded_service()
    stores = FakeStores(service)
    service.hold("push")
    async with open_app(stores=stores) as (app, pilot):
        transfers = app.runner.start(app.session, [push(0), push(1)])
        await started(pilot, service, *transfers)

        app.stop_at_once(number)
        await until(pilot, lambda: left(app))

        assert app.outcome.exit_code == exit_code
        assert stores.kept == {"prod-images": (push(0), push(1))}
        assert len(app.outcome.lines) == 1


async def test_a_second_signal_does_not_wait_for_a_transfer_that_hangs() -> None:
    service = loaded_service()
    stores = FakeStores(service)
    service.hold("push")
    async with open_app(stores=stores) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        hangs = service.moves["team/app:0"].cancel
        assert hangs is not None
        hangs.is_set = lambda: False

        app.stop_at_once(signal.SIGTERM)
        assert not left(app)
        app.stop_at_once(signal.SIGTERM)

        assert left(app)
        assert stores.kept == {"prod-images": (push(0),)}


async def test_what_cannot_be_kept_is_said() -> None:
    service = loaded_service()
    stores = FakeStores(service)
    stores.fail("keep_unfinished", AccessDenied("cannot write", where="unfinished.json", fix="make room"))
    async with open_app(stores=stores) as (app, pilot):
        service.hold("push")
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        app.stop_at_once(signal.SIGTERM)
        await until(pilot, lambda: left(app))

        assert app.outcome.lines[0] == "what was stopped is not remembered: cannot write (unfinished.json); make room"


async def test_what_was_paused_is_finished_too_before_it_quits() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        held, waiting = app.runner.start(app.session, [push(0), push(1)])
        await started(pilot, service, held, waiting)
        app.runner.pause(held)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QuitScreen))
        await pilot.press("f")
        service.release("push")
        await until(pilot, lambda: left(app))
        assert [held.state, waiting.state] == [State.DONE, State.DONE]
