"""The Transfers screen: every key works on the row under the cursor, or says why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual._compositor import ChopsUpdate
from textual.pilot import Pilot
from textual.screen import Screen

from ocistore_tui.errors import AccessDenied
from ocistore_tui.tui.screens.transfers import TransfersScreen
from ocistore_tui.tui.transfers import State
from ocistore_tui.tui.widgets.key_bar import bar_items
from ocistore_tui.tui.widgets.transfer_list import TransferList, in_order
from tests.fakes.gates import Clock
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service, push, started
from tests.tui.waiting import screen_text, until

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

DENIED = AccessDenied("not allowed to write", where="s3://acme-oci", cause="s3:PutObject is missing", fix="allow it")


async def show(app: OcistoreApp, pilot: Pilot[Any], number: int | None = None) -> TransferList:
    """Open the screen with the cursor on one transfer."""
    await pilot.press("w")
    await until(pilot, lambda: isinstance(app.screen, TransfersScreen))
    rows = app.screen.query_one(TransferList)
    await until(pilot, lambda: len(rows.source) or not len(app.runner.queue))
    if number is not None:
        rows.move_to((number, ""))
        await pilot.pause()
    return rows


def lines(app: OcistoreApp) -> list[str]:
    return [line.strip() for line in screen_text(app).splitlines()[1:-1] if line.strip()]


def bar(app: OcistoreApp) -> dict[str, str]:
    """Labels of the key bar by key; in brackets those that cannot work now."""
    return {item.key: f"({item.label})" if item.reason else item.label for item in bar_items(app.screen)}


async def test_nothing_to_show_says_how_there_would_be() -> None:
    async with open_app() as (app, pilot):
        await show(app, pilot)
        await until(pilot, lambda: "Nothing is on its way." in lines(app))
        assert bar(app)["P"] == "(Pause)"

        await pilot.press("P")
        await until(pilot, lambda: app._notifications)
        assert [toast.message for toast in app._notifications] == ["there is no transfer here"]


async def test_failed_ones_come_first_then_what_runs_with_its_layers_then_the_queue_then_the_past(clock: Clock) -> None:
    service = loaded_service()
    service.fail("push", DENIED, "team/app:1")
    async with open_app(service=service, clock=clock) as (app, pilot):
        done, failed = app.runner.start(app.session, [push(0), push(1)])
        await until(pilot, lambda: not app.runner.is_busy)
        service.hold("push")
        first, second, third = app.runner.start(app.session, [push(2), push(3), push(4)])
        await started(pilot, service, first, second)

        await show(app, pilot)

        assert in_order(app.runner.queue) == [failed, first, second, third, done]
        shown = lines(app)
        assert shown[0].startswith("Transfers   2 running · 1 queued · 1 failed")
        assert [line.split()[0] for line in shown[1:]] == ["!", "↑", "kept", "·", "·", "↑", "·", "✓"]


async def test_enter_unfolds_a_failure_to_all_that_is_known_of_it() -> None:
    service = loaded_service()
    service.fail("push", DENIED)
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.FAILED)
        await show(app, pilot, transfer.id)

        await pilot.press("enter")
        await until(pilot, lambda: len(lines(app)) > 3)
        shown = [line.split(maxsplit=1) for line in lines(app)]
        assert ["where", "s3://acme-oci"] in shown
        assert ["cause", "s3:PutObject is missing"] in shown
        assert ["fix", "allow it, then R"] in shown
        assert ["line", "oci-store @prod-images push team/app:0 --image team/app:0"] in shown

        await pilot.press("enter")
        await until(pilot, lambda: ["where", "s3://acme-oci"] not in [line.split(maxsplit=1) for line in lines(app)])


async def test_progress_paints_the_lines_that_differ_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        transfers = app.runner.start(app.session, [push(0), push(1), push(2)])
        await started(pilot, service, *transfers[:2])
        await show(app, pilot)
        await until(pilot, lambda: any("team/app:2" in line for line in lines(app)))
        sent: list[tuple[object, set[int]]] = []
        display = app._display

        def counted(screen: Screen[Any], update: Any) -> None:
            sent.append((type(update), {y for y, _, _ in getattr(update, "spans", ())}))
            display(screen, update)

        monkeypatch.setattr(app, "_display", counted)
        for percent in (20, 40, 61):
            service.moves["team/app:0"].show(97_000_000 * percent // 100 + 1, stage="reading", rate_bytes_s=41e6)
            await until(pilot, lambda percent=percent: any(f"{percent}%" in line for line in lines(app)))

        assert {kind for kind, _ in sent} == {ChopsUpdate}
        own, title = app.screen.query_one(TransferList).region.y, app.screen.query_one("#transfers-title").region.y
        assert {y for _, rows in sent for y in rows} == {own, title}


async def test_pause_and_go_on_are_one_key() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        await show(app, pilot, transfer.id)
        assert bar(app)["P"] == "Pause"

        await pilot.press("P")
        assert transfer.state is State.PAUSED
        await until(pilot, lambda: any("paused" in line for line in lines(app)))
        assert bar(app)["P"] == "Go on"

        await pilot.press("P")
        assert transfer.state is State.RUNNING


async def test_x_cancels_what_runs_and_takes_what_ended_off_the_list() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        await show(app, pilot, transfer.id)

        await pilot.press("x")
        await until(pilot, lambda: transfer.state is State.CANCELLED)
        await until(pilot, lambda: any("cancelled" in line for line in lines(app)))
        assert bar(app)["x"] == "Off the list"

        await pilot.press("x")
        await until(pilot, lambda: not len(app.runner.queue))


async def test_j_and_k_change_the_order_of_those_that_wait() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        first, second, third, fourth = app.runner.start(app.session, [push(n) for n in range(4)])
        await started(pilot, service, first, second)
        await show(app, pilot, fourth.id)

        await pilot.press("K")
        assert list(app.runner.queue)[2:] == [fourth, third]
        await pilot.press("K")
        await until(
            pilot, lambda: [toast.message for toast in app._notifications] == ["it is the first one that waits"]
        )
        await pilot.press("J")
        assert list(app.runner.queue)[2:] == [third, fourth]


@pytest.mark.parametrize(
    ("key", "reason"),
    [("J", "only those that wait have a place in the queue"), ("P", "it is done: there is nothing to pause")],
)
async def test_a_key_that_cannot_work_says_why(key: str, reason: str) -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.DONE)
        await show(app, pilot, transfer.id)
        assert bar(app)[key].startswith("(")

        await pilot.press(key)

        await until(pilot, lambda: [toast.message for toast in app._notifications] == [reason])


async def test_retry_and_clear() -> None:
    service = loaded_service()
    service.fail("push", DENIED, times=1)
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.FAILED)
        await show(app, pilot, transfer.id)

        await pilot.press("R")
        await until(pilot, lambda: transfer.state is State.DONE)
        await pilot.press("C")

        assert len(app.runner.queue) == 0
        assert app._notifications


async def test_the_cursor_stays_on_its_transfer_when_layers_come_and_go_above_it() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        first, second, third = app.runner.start(app.session, [push(n) for n in range(3)])
        await started(pilot, service, first, second)
        rows = await show(app, pilot, third.id)

        service.release("push", None)
        await until(pilot, lambda: not app.runner.is_busy)
        await pilot.pause()

        assert rows.cursor_key == (third.id, "")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_every_line_fits_at_every_size(size: tuple[int, int]) -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service, size=size) as (app, pilot):
        transfers = app.runner.start(app.session, [push(n) for n in range(3)])
        await started(pilot, service, *transfers[:2])
        service.moves["team/app:0"].show(60_000_000, stage="reading", rate_bytes_s=41e6, eta_s=18.4)
        await show(app, pilot)
        await until(pilot, lambda: any("61%" in line for line in lines(app)))

        (line,) = [line for line in lines(app) if "61%" in line]
        assert "60 / 97 MB  41 MB/s" in line
        assert "0:18" in line


async def test_w_and_escape_go_back() -> None:
    async with open_app() as (app, pilot):
        for key in ("w", "escape"):
            await show(app, pilot)
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, TransfersScreen))
