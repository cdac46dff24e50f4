"""One repository of the right list: its tags, what is attached to them, and sums over both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import RepositorySummary, TagRow


@dataclass(slots=True)
class Node:
    """One repository."""

    name: str
    is_valid: bool
    lower: str
    tags: dict[str, TagRow] = field(default_factory=dict)
    """Tags of images."""
    attached: dict[Digest, list[TagRow]] = field(default_factory=dict)
    """Tags that belong to another image, by its digest."""
    summary: RepositorySummary | None = None
    failure: OciStoreError | None = None
    is_open: bool = False
    is_listed: bool = False
    """Whether all its tags are known by name."""
    first_names: dict[Digest, str] | None = None
    """Of digests that several tags name: the tag people mean; None: to be found anew."""
    _sums: tuple[int | None, bool] | None = None
    _newest: float | None = None
    _is_dated: bool = False
    """Whether `_newest` is true."""

    # what is learnt

    def take(self, rows: Iterable[TagRow], *, is_whole: bool) -> set[str]:
        """Take tags that were listed; details known of them stay unless the tag was moved since.

        Args:
            rows: The tags.
            is_whole: Whether these are all: others are gone.

        Returns:
            Names of the tags that are gone.
        """
        gone: set[str] = set()
        before = self.attached
        if is_whole:
            rows = list(rows)
            names = {row.name for row in rows}
            gone = {*self.tags, *(row.name for row in self.attachments())} - names
            for name in gone:
                self.tags.pop(name, None)
            self.is_listed, self.attached = True, {}
        for row in rows:
            if row.subject is not None:
                self._attach(row, before)
            elif (known := self.tags.get(row.name)) is None or row.is_described or not is_still(known, row):
                self.tags[row.name] = row
        self.changed()
        self.failure = None
        return gone

    def put(self, row: TagRow) -> bool:
        """Take all there is to know of one tag; whether it is a new line."""
        self.changed()
        if row.subject is not None:
            self._attach(row, self.attached)
            return False
        is_new = row.name not in self.tags
        self.tags[row.name] = row
        return is_new

    def drop(self, tag: str) -> None:
        """A tag is gone."""
        if self.tags.pop(tag, None) is not None:
            self.changed()

    def _attach(self, row: TagRow, before: dict[Digest, list[TagRow]]) -> None:
        subject = row.subject
        assert subject is not None
        if not row.is_described:
            known = next((one for one in before.get(subject, ()) if one.name == row.name), None)
            row = known if known is not None and is_still(known, row) else row
        attached = self.attached.setdefault(subject, [])
        place = next((place for place, other in enumerate(attached) if other.name == row.name), None)
        if place is None:
            attached.append(row)
        else:
            attached[place] = row

    def changed(self) -> None:
        """What was summed up is not true any more."""
        self.first_names = self._sums = None
        self._is_dated = False

    # what is asked

    def attachments(self) -> Iterable[TagRow]:
        """All tags that belong to another image."""
        return (row for rows in self.attached.values() for row in rows)

    def attached_to(self, row: TagRow) -> Sequence[TagRow]:
        """Tags that belong to this image or to a platform of it."""
        if not self.attached or row.digest is None:
            return ()
        subjects = dict.fromkeys((row.digest, *row.manifests))
        return [attached for subject in subjects for attached in self.attached.get(subject, ())]

    def left_over(self, shown: Collection[str]) -> Sequence[TagRow]:
        """Attachments of images no tag names; told only once every tag is described."""
        if not self.attached or not self.is_described:
            return ()
        return [row for row in self.attachments() if row.name not in shown]

    @property
    def size_bytes(self) -> int | None:
        """Bytes below its tags, each blob once; None: nothing is known."""
        return self._summed()[0]

    @property
    def is_described(self) -> bool:
        """Whether there is more than a name known of every tag."""
        return self._summed()[1]

    @property
    def pushed(self) -> float | None:
        """When a tag was last moved."""
        if not self._is_dated:
            self._is_dated = True
            self._newest = max(
                (moment for moment in map(_pushed, self.tags.values()) if moment is not None), default=None
            )
        return self._newest if self._newest is not None or self.summary is None else self.summary.pushed

    @property
    def tag_count(self) -> int | None:
        """Tags of images; None: not known."""
        if self.is_listed and self.failure is None:
            return len(self.tags)
        return self.summary.tags if self.summary else None

    def _summed(self) -> tuple[int | None, bool]:
        if self._sums is None:
            blobs: dict[Digest, int] = {}
            for row in self.tags.values():
                if row.blobs:
                    blobs.update(row.blobs)
            is_described = self.is_listed and all(row.is_described for row in self.tags.values())
            self._sums = (sum(blobs.values()) if blobs else None, is_described)
        return self._sums


_pushed: Callable[[TagRow], float | None] = attrgetter("pushed")


def is_still(known: TagRow, listed: TagRow) -> bool:
    """Whether what is known of a tag holds, by the moment it was listed with; some listings tell none."""
    return listed.pushed is None or known.pushed == listed.pushed
