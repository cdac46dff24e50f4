"""The application in a terminal that is not there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # Textual reads it once, when it is imported

import pytest

from ocistore_tui.model.stores import StoreRow
from ocistore_tui.tui.ports import Opening
from tests.fakes.gates import Clock
from tests.fakes.service import FakeService
from tests.fakes.stores import PROD, FakeStores

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.ports import Outcome


@asynccontextmanager
async def open_app(
    *,
    service: FakeService | None = None,
    stores: FakeStores | None = None,
    size: tuple[int, int] = (120, 36),
    store: StoreRow = PROD,
    opening: Opening | None = None,
    clock: Callable[[], float] | None = None,
) -> AsyncIterator[tuple[OcistoreApp, Pilot[Outcome]]]:
    """The running application with its main screen open.

    Args:
        service: What every store opens to, unless ``stores`` says otherwise.
        stores: The machine's stores.
        size: Of the terminal, columns and rows.
        store: What is opened first.
        opening: The same, with all there is to say.
        clock: Stands still unless it is moved.
    """
    from ocistore_tui.tui.app import OcistoreApp

    if stores is None:
        stores = FakeStores(service)
    elif service is not None:
        stores.service = service
    app = OcistoreApp(opening or Opening(store), stores, clock=clock or Clock())
    app.animation_level = "none"
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            yield app, pilot
    finally:
        for gates in (stores, stores.service, *stores.services.values()):
            gates.let_go()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is moved."""
    return Clock()
