"""The way to the terminal UI: what the command line says becomes what the UI begins with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocistore_tui.cli.options import Globals
from ocistore_tui.config import Connection
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.stores import StoreRow
from ocistore_tui.tui.ports import Opening
from ocistore_tui.wiring.place import Place
from ocistore_tui.wiring.rows import row_of_connection
from ocistore_tui.wiring.stores import LocalStores, row_of_place


def open_store(state: Globals, text: str = "") -> None:
    """The UI on the store ``text`` means; on the one opened last, or the one of this computer, where it is empty.

    Raises:
        UsageError: it means none.
    """
    stores = LocalStores()
    _open(state, stores.parse(text) if text else stores.first(), stores)


def open_transfer(
    state: Globals, place: Place, connection: Connection | None, request: PushRequest | PullRequest
) -> None:
    """The UI with the plan of one transfer; nothing runs before it is confirmed."""
    adds = isinstance(request, PushRequest)
    row = row_of_connection(connection) if connection is not None else row_of_place(place, adds=adds)
    _open(state, row, LocalStores(given=(row, place)), requests=(request,))


def open_demo(state: Globals) -> None:
    """The UI on a throw-away store with something in it; all of it is gone afterwards."""
    with _throw_away_directory() as directory:
        stores = LocalStores(demo_dir=directory)
        row = stores.demo_row()
        output = state.output()
        output.say("making a store to try things on")
        with stores.open(row) as service:
            place = stores.add_demo(service, output.detail)
        _open(state, row, stores, place=place)


def _open(
    state: Globals,
    row: StoreRow,
    stores: LocalStores,
    *,
    requests: tuple[PushRequest | PullRequest, ...] = (),
    place: LocalPlace | None = None,
) -> None:
    assert state.screen is not None
    opening = Opening(
        row,
        requests,
        place,
        mouse=not state.no_mouse,
        slow=any(os.environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")),
        ascii=state.ascii,
        theme=state.theme,
    )
    state.screen(opening, stores)


@contextmanager
def _throw_away_directory() -> Iterator[Path]:
    """A directory with a cache of its own; all of it is gone afterwards."""
    before = os.environ.get("OCISTORE_CACHE")
    with tempfile.TemporaryDirectory(prefix="ocistore-demo-", ignore_cleanup_errors=True) as name:
        os.environ["OCISTORE_CACHE"] = str(Path(name) / "cache")
        try:
            yield Path(name)
        finally:
            if before is None:
                del os.environ["OCISTORE_CACHE"]
            else:
                os.environ["OCISTORE_CACHE"] = before
