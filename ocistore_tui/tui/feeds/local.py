"""The left list: local images, and what the store holds under the name each would get there."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.local import LocalListing, LocalRow
from ocistore_tui.tui.desk import Desk
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.targets import push_target


class LocalFeed:
    """Lists local images and looks up their counterparts, those on the screen only.

    Args:
        desk: Runs what blocks.
        session: The open store and the local place.
        changed: Called in the UI's thread whenever there is something new to show.
    """

    def __init__(self, desk: Desk, session: Session, changed: Callable[[], None]) -> None:
        self._desk, self._session, self._changed = desk, session, changed
        self.listing: LocalListing | None = None
        self.error: OciStoreError | None = None
        self.is_loading = False
        self._looked: set[tuple[str, str]] = set()

    def start(self) -> None:
        """List the place anew."""
        session = self._session
        self.is_loading = True
        self._looked.clear()
        self._desk.ask("local", lambda _: session.service.local_images(session.place), self._listed, self._failed)

    def _listed(self, listing: LocalListing) -> None:
        self.is_loading, self.error, self.listing = False, None, listing
        self._session.place_label = listing.label
        self._session.comparison.set_local(listing.rows)
        self._changed()

    def _failed(self, error: OciStoreError) -> None:
        self.is_loading, self.error, self.listing = False, error, None
        self._session.place_label = ""
        self._session.comparison.set_local(())
        self._changed()

    def look(self, rows: Sequence[LocalRow]) -> None:
        """Look up what the store holds for these rows, where nothing tells yet."""
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for row in rows:
            target = push_target(row)
            if target is None or target in self._looked or self._session.comparison.knows(row, target):
                continue
            wanted[target[0]].append(target[1])
        if not wanted:
            return
        service = self._session.service

        def work(cancel: threading.Event) -> None:
            for repository, tags in wanted.items():
                for row in service.describe_tags(repository, tags, cancel=cancel):
                    self._desk.tell(partial(self._found, repository, row))

        self._desk.ask("counterparts", work, lambda _: self._changed(), lambda _: None)

    def _found(self, repository: str, row: TagRow) -> None:
        self._looked.add((repository, row.name))
        self._session.comparison.set_tag(repository, row)
        self._changed()
