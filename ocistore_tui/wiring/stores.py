"""The stores of this machine, as the terminal UI is handed them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from ocistore_tui.config import data_dir, load_connections, remove_connection, save_connection
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import OciStoreError, UsageError
from ocistore_tui.found import find_logins
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from ocistore_tui.wiring.place import Place
from ocistore_tui.wiring.rows import (
    connection_of,
    embedded_row,
    parse_store,
    place_of,
    row_of_connection,
    row_of_login,
    url_of,
)
from ocistore_tui.wiring.service import open_service

if TYPE_CHECKING:
    from ocistore_tui.wiring.served import Served

Request = PushRequest | PullRequest


class LocalStores:
    """What ``tui.ports.Stores`` and ``tui.ports.Preferences`` ask for, on this machine.

    Args:
        given: A store whose place the command line has said already, credentials and all: they stay in memory.
        demo_dir: The throw-away directory of the row `demo_row`; None where there is no demo.
    """

    def __init__(self, *, given: tuple[StoreRow, Place] | None = None, demo_dir: Path | None = None) -> None:
        self._given = given
        self._demo_dir = demo_dir

    def first(self) -> StoreRow:
        """The store to begin with when nothing is said: the one opened last, else the embedded one."""
        from ocistore_tui.wiring.state import last_store

        last = last_store()
        if last is None or last.origin == "embedded":
            return embedded_row()
        if last.origin != "saved":
            return last
        try:
            return next(row for row in self.saved() if row.name == last.name)
        except (OciStoreError, StopIteration):
            return embedded_row()

    def demo_row(self) -> StoreRow:
        """The throw-away store."""
        assert self._demo_dir is not None
        directory = str(self._demo_dir / "store")
        return StoreRow("demo", "demo", "fs", f"file://{directory}", {"dir": directory}, Mode.ADD_ONLY,
                        "removed when you leave")  # fmt: skip

    def saved(self) -> Sequence[StoreRow]:
        """Saved connections, in the order of the file."""
        return [row_of_connection(connection) for connection in load_connections().values()]

    def found(self) -> Iterator[StoreRow]:
        """The embedded store, then sign-ins that were found, as they are found."""
        if self._demo_dir is not None:
            yield self.demo_row()
        yield embedded_row()
        for login in find_logins():
            yield row_of_login(login)

    def parse(self, text: str) -> StoreRow:
        """The store a name or URL means."""
        return parse_store(text)

    def open(self, row: StoreRow) -> Service:
        """Open it; nothing is read or written yet."""
        return open_service(self._place(row))

    def serve(self, row: StoreRow) -> Served:
        """Serve it as a registry, read only, to this computer only: at the usual port, or at any that is free."""
        from ocistore_tui.wiring.served import Served

        return Served(self._place(row))

    def check(self, row: StoreRow, *, write: bool = False) -> Iterator[CheckStep]:
        """Try it step by step."""
        from ocistore_tui.wiring.check import check_place

        return check_place(self._place(row), write=write)

    def policy(self, row: StoreRow) -> str:
        """The least rights this program needs there."""
        from ocistore_tui.wiring.policy import policy_of

        return policy_of(row)

    def save(self, row: StoreRow) -> StoreRow:
        """Keep it under its name."""
        if row.origin == "demo":
            raise UsageError("the demo store cannot be saved", cause="it is removed when you leave",
                             fix="save a folder of your own")  # fmt: skip
        connection = connection_of(row)
        save_connection(connection)
        return row_of_connection(connection)

    def forget(self, name: str) -> None:
        """Remove a saved connection."""
        remove_connection(name.removeprefix("@"))

    def opened(self, row: StoreRow) -> None:
        """Remember that this store was opened last."""
        from ocistore_tui.wiring.state import remember_store

        if not self._is_given(row):  # it may not open again without what was typed
            remember_store(row)

    def places(self) -> Sequence[LocalPlace]:
        """Local places that were found."""
        from ocistore_tui.wiring.places import find_places

        return list(find_places([self._demo_images()]))

    def add_demo(self, service: Service, on_step: Callable[[str], None]) -> LocalPlace:
        """Fill a store with demo content; returns the folder of demo archives for the left side."""
        from ocistore_tui.demo.content import add_demo

        folder = self._demo_images()
        add_demo(service, folder, on_step)
        return LocalPlace("folder", str(folder), "demo images")

    def unfinished(self, store: StoreRow) -> Sequence[Request]:
        """Transfers of a store that were stopped in an earlier session and can go on."""
        from ocistore_tui.wiring.state import remembered_requests

        return remembered_requests(store)

    def keep_unfinished(self, store: StoreRow, requests: Sequence[Request]) -> None:
        """Remember, or forget when empty, what was stopped."""
        from ocistore_tui.wiring.state import remember_requests

        remember_requests(store, requests)

    def settings(self) -> Mapping[str, Any]:
        """What a person likes."""
        from ocistore_tui.wiring.preferences import read_settings

        return read_settings()

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep it; from the demo too, but without what the palette did there: it is about things that are gone."""
        from ocistore_tui.wiring.preferences import read_settings, write_settings

        before = read_settings()
        kept = dict(settings)
        if self._demo_dir is not None:
            kept.pop("recent", None)
            kept |= {"recent": before["recent"]} if "recent" in before else {}
        if kept != before:
            write_settings(kept)

    def about(self) -> Sequence[tuple[str, str]]:
        """Files of this program, as a label and a path each."""
        from ocistore_tui.wiring.preferences import own_files

        throw_away = (("demo, removed when you leave", str(self._demo_dir)),) if self._demo_dir is not None else ()
        return (*own_files(), *throw_away)

    def write_text(self, name: str, text: str) -> str:
        """Write a new file, never over another; returns its path."""
        from ocistore_tui.wiring.preferences import write_text

        return write_text(name, text)

    def _place(self, row: StoreRow) -> Place:
        if self._given is not None and self._is_given(row):
            return self._given[1]
        return place_of(row)

    def _is_given(self, row: StoreRow) -> bool:
        if self._given is None:
            return False
        given = self._given[0]
        return (given.origin, given.name, given.url, given.settings) == (row.origin, row.name, row.url, row.settings)

    def _demo_images(self) -> Path:
        return (self._demo_dir if self._demo_dir is not None else data_dir() / "demo") / "images"


def row_of_place(place: Place, *, adds: bool) -> StoreRow:
    """The row of a place the command line described; secrets stay behind in the place."""
    if place.is_embedded:
        return embedded_row()
    from ocistore_tui.config import SETTINGS

    settings = {name: value for name, value in place.options.items() if name in SETTINGS[place.backend]}
    if place.bucket:
        settings["bucket"] = place.bucket
    if "dir" in settings:
        settings["dir"] = os.path.normpath(Path(str(settings["dir"])).absolute())
    url = url_of(place.backend, settings)
    name = url.partition("://")[2]
    row = StoreRow("url", name, place.backend, url, settings, Mode.READ_ONLY)
    return structs.replace(row, mode=Mode.ADD_ONLY) if adds else row
