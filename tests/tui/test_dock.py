"""The dock: nothing when there is nothing to say, and never more than there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocistore_tui.errors import AccessDenied
from ocistore_tui.model.progress import LayerState
from ocistore_tui.tui.transfers import State
from ocistore_tui.tui.widgets.dock import STAYS_S, Dock
from tests.fakes.gates import Clock
from tests.fakes.service import FakeService
from tests.fakes.stores import FakeStores
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service, pull, push, started, states
from tests.tui.waiting import screen_text, until

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

DENIED = AccessDenied("not allowed to write", where="s3://acme-oci", cause="s3:PutObject is missing", fix="allow it")


def dock_lines(app: OcistoreApp) -> list[str]:
    """The lines of the dock as they are painted, without its frame."""
    dock = app.screen.query_one(Dock)
    if not dock.display:
        return []
    rows = screen_text(app).splitlines()[dock.region.y : dock.region.bottom]
    return [row.strip(" │") for row in (rows if dock.has_class("-small") else rows[1:-1])]


def frame(app: OcistoreApp) -> str:
    dock = app.screen.query_one(Dock)
    rows = screen_text(app).splitlines()
    return rows[dock.region.y] + rows[dock.region.bottom - 1]


async def test_a_dock_with_nothing_to_say_takes_no_room() -> None:
    async with open_app() as (app, pilot):
        await pilot.pause()
        assert dock_lines(app) == []
        assert app.screen.query_one(Dock).region.height == 0


async def test_a_transfer_has_one_line_with_all_there_is_to_know() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        service.moves["team/app:0"].show(60_000_000, stage="reading", rate_bytes_s=41e6, eta_s=18.4)
        await until(pilot, lambda: "61%" in "".join(dock_lines(app)))

        (line,) = dock_lines(app)
        assert line.startswith("↑ push team/app:0")
        for fact in ("━", "61%", "60 / 97 MB", "41 MB/s", "0:18", "1 kept, 2 wait"):
            assert fact in line
        assert "4 Transfers · 1 running" in frame(app)


async def test_three_are_shown_and_the_others_counted() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        transfers = app.runner.start(app.session, [push(n) for n in range(5)])
        await started(pilot, service, *transfers[:2])
        await until(pilot, lambda: len(dock_lines(app)) == 3)

        assert "2 running · 3 queued" in frame(app)
        assert "+2 more, w shows all" in frame(app)


async def test_what_is_done_is_told_for_eight_seconds_and_then_leaves(clock: Clock) -> None:
    service = loaded_service()
    async with open_app(service=service, clock=clock) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.DONE)
        await until(pilot, lambda: dock_lines(app))
        (line,) = dock_lines(app)
        assert line.startswith("✓ push team/app:0  97 MB sent, 12 MB kept, 12 s, ")

        clock.forward(STAYS_S - 0.1)
        app.runner.refresh()
        await pilot.pause()
        assert dock_lines(app)

        clock.forward(0.1)
        app.runner.refresh()
        await until(pilot, lambda: not dock_lines(app))


async def test_a_failure_stays_with_its_fix_until_it_was_looked_at(clock: Clock) -> None:
    service = loaded_service()
    service.fail("push", DENIED)
    async with open_app(service=service, clock=clock) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.FAILED)
        clock.forward(3600)
        app.runner.refresh()
        await until(pilot, lambda: dock_lines(app))

        shown = " ".join(dock_lines(app))
        for words in (
            "! push team/app:0",
            "not allowed to write (s3://acme-oci)",
            "PutObject",
            "fix: allow it, then R",
        ):
            assert words in shown

        await pilot.press("w")
        await pilot.press("escape")
        await until(pilot, lambda: not dock_lines(app))
        assert transfer.state is State.FAILED, "it is still on the Transfers screen"


async def test_on_a_small_terminal_everything_is_one_line() -> None:
    service = loaded_service()
    service.hold("push")
    service.hold("pull")
    async with open_app(service=service, size=(80, 24)) as (app, pilot):
        plans = [service.plan_push(push(n)) for n in range(3)]
        transfers = app.runner.start(app.session, [service.plan_pull(pull("team/base:1")), *plans])
        await started(pilot, service, *transfers[:2])
        service.moves["team/app:0"].show(60_000_000, stage="reading", rate_bytes_s=41e6, eta_s=18.4)
        await until(pilot, lambda: "41 MB/s" in "".join(dock_lines(app)))

        (line,) = dock_lines(app)
        assert line.startswith("↑↓ 2 running, 2 queued  ━")
        assert line.endswith("left   w")
        assert app.screen.query_one(Dock).region.height == 1


async def test_on_a_large_terminal_the_first_one_shows_its_layers() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service, size=(200, 50)) as (app, pilot):
        transfers = app.runner.start(app.session, [push(0), push(1)])
        await started(pilot, service, *transfers)
        await until(pilot, lambda: len(dock_lines(app)) == 5)

        head, kept, first, second, other = dock_lines(app)
        assert head.startswith("↑ push team/app:0")
        assert kept.split()[:3] == ["kept", "1", "layer,"]
        assert first.split()[1] == second.split()[1] == LayerState.WAITING
        assert other.startswith("↑ push team/app:1")


async def test_the_dock_takes_the_form_of_the_size_the_terminal_gets() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        transfers = app.runner.start(app.session, [push(0), push(1)])
        await started(pilot, service, *transfers)
        await until(pilot, lambda: len(dock_lines(app)) == 2)

        await pilot.resize_terminal(120, 24)
        await until(pilot, lambda: len(dock_lines(app)) == 1)
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: len(dock_lines(app)) == 2)


async def test_a_click_on_the_dock_opens_the_transfers_screen() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        transfers = app.runner.start(app.session, [push(0)])
        await started(pilot, service, *transfers)
        await until(pilot, lambda: dock_lines(app))

        await pilot.click(Dock)

        await until(pilot, lambda: type(app.screen).__name__ == "TransfersScreen")


async def test_what_was_interrupted_an_earlier_time_is_offered() -> None:
    service = loaded_service()
    stores = FakeStores(service)
    stores.interrupted = [push(0), push(1)]
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: dock_lines(app))
        (line,) = dock_lines(app)
        assert line == "‖ 2 interrupted transfers of an earlier time: w shows them, R resume, x forget"
        assert not app.runner.is_busy

        await pilot.press("w")
        await pilot.press("R")
        await until(pilot, lambda: "0" in service.rows.get("team/app", {}))
        await until(pilot, lambda: len(app.runner.queue.of(State.INTERRUPTED)) == 1)
        await pilot.press("g")  # what still needs somebody is first
        await pilot.press("x")

        await until(pilot, lambda: not app.runner.queue.of(State.INTERRUPTED))
        await until(pilot, lambda: stores.kept.get("prod-images") == ())


async def test_what_was_interrupted_goes_on_or_is_forgotten_where_the_dock_offers_it() -> None:
    service = loaded_service()
    service.hold("push")
    stores = FakeStores(service)
    stores.interrupted = [push(0), push(1), push(2)]
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: dock_lines(app))

        await pilot.press("R")

        await until(pilot, lambda: states(app) == [State.RUNNING, State.RUNNING, State.WAITING])
        assert [toast.message for toast in app._notifications] == ["3 transfers on the way again"]

    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: dock_lines(app))

        await pilot.press("x")

        await until(pilot, lambda: not dock_lines(app))
        await until(pilot, lambda: stores.kept.get("prod-images") == ())
        assert [toast.message for toast in app._notifications] == [
            "3 transfers forgotten; what was sent stays in the store"
        ]


async def test_what_failed_runs_again_where_the_dock_says_so() -> None:
    service = loaded_service()
    service.fail("push", DENIED, times=1)
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: "then R" in "".join(dock_lines(app)))

        await pilot.press("R")

        await until(pilot, lambda: transfer.state is State.DONE)


async def test_a_key_the_dock_does_not_offer_says_why() -> None:
    async with open_app() as (app, pilot):
        await pilot.press("R", "x")
        await until(pilot, lambda: len(app._notifications) == 2)
        assert [toast.message for toast in app._notifications] == [
            "nothing was interrupted, nothing failed",
            "nothing was interrupted",
        ]

    service = loaded_service()
    service.hold("push")
    stores = FakeStores(service)
    stores.interrupted = [push(0)]
    async with open_app(stores=stores, size=(80, 24)) as (app, pilot):
        transfers = app.runner.start(app.session, [push(1)])
        await started(pilot, service, *transfers)
        await until(pilot, lambda: "1 running" in "".join(dock_lines(app)))

        await pilot.press("x")  # the one line there is tells of what runs

        await until(pilot, lambda: app._notifications)
        assert [toast.message for toast in app._notifications] == ["what was interrupted is on the Transfers screen: w"]
        assert app.runner.queue.of(State.INTERRUPTED)


async def test_hostile_names_cannot_reach_the_terminal() -> None:
    service = FakeService()
    service.fail("plan_push", AccessDenied("no\x1b]0;owned\x07", where="w\x9b2J", fix="\u202efix"))
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.FAILED)
        await until(pilot, lambda: dock_lines(app))

        assert screen_text(app).replace("\n", "").isprintable()


async def test_what_failed_while_another_screen_lay_over_it_is_there_afterwards() -> None:
    service = loaded_service()
    service.fail("push", DENIED)
    async with open_app(service=service) as (app, pilot):
        app.action_log()
        await pilot.pause()
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.FAILED)
        main = app.screen_stack[-2]
        assert not main.query_one(Dock).display

        await pilot.press("escape")

        await until(pilot, lambda: dock_lines(app))
        assert dock_lines(app)[0].startswith("! push team/app:0")


async def test_a_dock_behind_a_dialog_goes_on() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        transfers = app.runner.start(app.session, [push(0)])
        await started(pilot, service, *transfers)
        await pilot.press("q")
        await pilot.pause()

        service.moves["team/app:0"].show(60_000_000)

        dock = app.screen_stack[-2].query_one(Dock)
        await until(pilot, lambda: "61%" in "".join(text for line in dock._lines for text, _ in line))
