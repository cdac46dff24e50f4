"""Opening the screen of one tag, for its stories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.screens.detail import DetailScreen
from tests.fakes.service import FakeService
from tests.fakes.stored import Stored, make_image
from tests.tui.waiting import screen_text, until

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from ocistore_tui.tui.app import OcistoreApp

SIZES = [(80, 24), (120, 36)]
_FROM_THE_LIST = object()


def service_with(image: Stored | None = None, **row: Any) -> FakeService:
    service = FakeService()
    service.add_tag("team/app", "1.0", image or make_image("app"), **row)
    return service


def two_platforms() -> Stored:
    return make_image("app", platforms=("linux/s390x", "linux/riscv64"))


async def look(
    app: OcistoreApp, pilot: Pilot[Any], tab: str = "overview", *, row: object = _FROM_THE_LIST, settle: bool = True
) -> DetailScreen:
    """Open the tag's screen, and wait for all its answers unless they are held."""
    await until(pilot, lambda: app.desk.is_idle, "the lists are there")
    known = app.session.service.rows["team/app"]["1.0"] if row is _FROM_THE_LIST else row
    screen = DetailScreen(app.session, Reference("team/app", "1.0"), known, tab=tab)
    await app.push_screen(screen)
    if settle:
        await until(pilot, lambda: app.desk.is_idle, "every answer")
    return screen


def line_of(app: OcistoreApp, start: str) -> str:
    """The line of the screen that begins with a word."""
    return next((line for line in screen_text(app).splitlines() if line.strip().startswith(start)), "")
