"""The left list: local images, and what the store holds under the name each would get there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.local import LocalListing, LocalRow
from ocistore_tui.tui.desk import Desk
from ocistore_tui.tui.feeds.lookups import Lookups
from ocistore_tui.tui.feeds.tags import TagKey, described
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.targets import push_target


class LocalFeed:
    """Lists local images and looks up their counterparts, those on the screen only.

    Args:
        desk: Runs what blocks.
        session: The open store and the local place.
        changed: Called in the UI's thread whenever there is something new to show.
        clock: Seconds since 1970.
    """

    def __init__(self, desk: Desk, session: Session, changed: Callable[[], None], clock: Callable[[], float]) -> None:
        self._desk, self._session, self._changed, self._clock = desk, session, changed, clock
        self.listing: LocalListing | None = None
        self.error: OciStoreError | None = None
        self.asked_at: float | None = None
        """Since when the place's answer is waited for; None: it is not."""
        self._looked: set[TagKey] = set()
        """What this side asked about."""
        self._old: set[TagKey] = set()
        """What was asked about before the last refresh, and is to be asked again."""
        self._lookups: Lookups[TagKey, TagRow] = Lookups(
            desk, "counterparts", self._describe, self._found, lambda _: self._changed()
        )

    @property
    def is_loading(self) -> bool:
        """Whether the place is being listed."""
        return self.asked_at is not None

    def start(self) -> None:
        """List the place anew."""
        session = self._session
        self.asked_at = self._clock()
        self._old |= self._looked
        self._lookups.retry()
        self._desk.ask("local", lambda _: session.service.local_images(session.place), self._listed, self._failed)

    def empty(self) -> None:
        """Another place is to be listed: nothing is known of it."""
        self.listing = self.error = None
        self._session.place_label = ""
        self._session.comparison.set_local(())

    def _listed(self, listing: LocalListing) -> None:
        self.asked_at, self.error, self.listing = None, None, listing
        self._session.place_label = listing.label
        self._session.comparison.set_local(listing.rows)
        self._changed()

    def _failed(self, error: OciStoreError) -> None:
        self.asked_at, self.error, self.listing = None, error, None
        self._session.place_label = ""
        self._session.comparison.set_local(())
        self._changed()

    def look(self, rows: Sequence[LocalRow]) -> None:
        """Look up what the store holds for these rows, where nothing tells yet."""
        comparison = self._session.comparison
        wanted: list[TagKey] = []
        for row in rows:
            target = push_target(row)
            if target is not None and (not comparison.knows(row, target) or self._is_old(target)):
                wanted.append(target)
        self._lookups.want(wanted)

    def _is_old(self, target: TagKey) -> bool:
        return target in self._old and not self._session.comparison.is_complete

    def _describe(self, keys: Sequence[TagKey], cancel: threading.Event) -> Iterator[tuple[TagKey, TagRow]]:
        return described(self._session.service, keys, cancel)

    def _found(self, key: TagKey, row: TagRow) -> None:
        self._old.discard(key)
        self._looked.add(key)
        self._session.comparison.set_tag(key[0], row)
        self._changed()
