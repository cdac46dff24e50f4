"""A store with local images to push, and transfers that a test lets go as far as it likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.pilot import Pilot

from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.transfers import State, Transfer
from tests.fakes.service import FakeService
from tests.fakes.stored import make_image
from tests.tui.waiting import until

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp


def loaded_service(count: int = 6) -> FakeService:
    """Local images ``team/app:0`` …, 97 MB each to push besides a base of 12 MB the store has already."""
    service = FakeService()
    service.add_tag("team/base", "1", make_image("base", layers=[("base", 12_000_000)]))
    for number in range(count):
        layers = [("base", 12_000_000), (f"deps {number}", 58_000_000), (f"app {number}", 39_000_000)]
        service.add_local(f"team/app:{number}", make_image(f"app {number}", layers=layers))
    return service


def push(number: int) -> PushRequest:
    return PushRequest(Reference("team/app", str(number)), f"team/app:{number}")


def pull(reference: str) -> PullRequest:
    return PullRequest(Reference.parse(reference))


def states(app: OcistoreApp) -> list[State]:
    """Of all transfers, in the order of the queue."""
    return [transfer.state for transfer in app.runner.queue]


async def started(pilot: Pilot[Any], service: FakeService, *transfers: Transfer) -> None:
    """Wait until these are held in the middle of their move."""
    for transfer in transfers:
        held: Callable[[], int] = lambda one=transfer: service.waiting(one.verb, str(one.reference))  # noqa: E731
        await until(pilot, held, f"{transfer.reference} moves")
    await until(pilot, lambda: all(one.snapshot is not None for one in transfers), "their first snapshots")
