"""What was stopped and can go on: remembered for each store from one run of the program to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.stores import StoreRow
from ocistore_tui.tui import parting
from ocistore_tui.tui.ports import Outcome
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.transfers import Request, State, Transfer

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp


class Unfinished:
    """The transfers of a queue that the next run of the program is to know of.

    Args:
        app: Whose stores remember them.
        queue: The transfers of this run; gets those of earlier ones.
        changed: Called when it got some.
    """

    def __init__(self, app: OcistoreApp, queue: Queue, changed: Callable[[], None]) -> None:
        self._app, self._queue, self._changed = app, queue, changed
        self._looked_in: list[StoreRow] = []
        self.stopped: list[Transfer] = []
        """Those that were stopped because the program ends."""

    def look_in(self, session: Session) -> None:
        """List what was stopped in this store an earlier time, to be resumed or forgotten."""
        if any(store.place == session.store.place for store in self._looked_in):
            return
        self._looked_in.append(session.store)
        stores = self._app.stores

        def found(requests: Sequence[Request]) -> None:
            for request in requests:
                self._queue.add(session, request, state=State.INTERRUPTED)
            self._changed()

        self._app.desk.ask(f"unfinished {len(self._looked_in)}", lambda _: stores.unfinished(session.store), found)

    def keep(self, store: StoreRow) -> None:
        """Remember those of one store, as they are now."""
        stores, requests = self._app.stores, self._of(store)
        self._app.desk.ask("keep unfinished", lambda _: stores.keep_unfinished(store, requests), lambda _: None)

    def keep_all(self, outcome: Outcome) -> None:
        """Remember those of every store, at once; what cannot be remembered is said at the end."""
        known = (*self._looked_in, *(transfer.session.store for transfer in self._queue))
        for store in {store.place: store for store in reversed(known)}.values():
            try:
                self._app.stores.keep_unfinished(store, self._of(store))
            except OciStoreError as error:
                outcome.lines.append(parting.not_kept(error))

    def _of(self, store: StoreRow) -> list[Request]:
        ours = [one for one in self._queue if one.session.store.place == store.place]
        return [
            one.request
            for one in ours
            if one.state.is_unfinished or one.state is State.INTERRUPTED
            or (one in self.stopped and one.state is not State.DONE)
        ]  # fmt: skip
