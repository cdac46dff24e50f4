"""One repository of the right list: its tags, what is attached to them, and sums over both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import RepositorySummary, TagRow
from ocistore_tui.model.reference import is_tag
from ocistore_tui.tui.rows.order import natural


@dataclass(slots=True)
class Sums:
    """What the tags of a repository make together; kept up to date tag by tag, as there may be 100,000."""

    blobs: set[Digest] = field(default_factory=set)
    total_bytes: int = 0
    described: int = 0
    newest: float | None = None
    names: dict[Digest, list[str]] = field(default_factory=dict)
    first: dict[Digest, str] = field(default_factory=dict)
    """Of digests that several tags name, where it was asked: the tag people mean."""

    @classmethod
    def of(cls, rows: Collection[TagRow]) -> Sums:
        """The sums of these tags."""
        sums = cls(newest=max((moment for moment in map(_pushed, rows) if moment is not None), default=None))
        for row in [row for row in rows if row.digest is not None or row.flaw or row.is_gone]:
            sums.add(row)
        return sums

    def add(self, row: TagRow) -> None:
        """Count a tag."""
        if row.pushed is not None and (self.newest is None or row.pushed > self.newest):
            self.newest = row.pushed
        self.described += row.is_described
        for digest, size_bytes in row.blobs.items():
            if digest not in self.blobs:
                self.blobs.add(digest)
                self.total_bytes += size_bytes
        if row.digest is not None:
            self.names.setdefault(row.digest, []).append(row.name)
            self.first.pop(row.digest, None)

    def can_lose(self, row: TagRow) -> bool:
        """Whether the sums stay true when a tag is no longer counted: of a name alone they do."""
        return not row.is_described and (row.pushed is None or row.pushed != self.newest)


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
    _sums: Sums | None = None
    """None: to be summed up anew."""

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
        self._sums = self.failure = None
        return gone

    def put(self, row: TagRow) -> bool:
        """Take all there is to know of one tag; whether it is a new line."""
        if row.subject is not None:
            self._attach(row, self.attached)
            return False
        known = self.tags.get(row.name)
        self.tags[row.name] = row
        sums = self._sums
        if sums is not None and (known is None or known.pushed == row.pushed or sums.can_lose(known)):
            if known is None or not known.is_described:
                sums.add(row)
            elif known != row:
                self._sums = None
        else:
            self._sums = None
        return known is None

    def drop(self, tag: str) -> None:
        """A tag is gone."""
        if self.tags.pop(tag, None) is not None:
            self._sums = None

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
        sums = self._summed()
        return sums.total_bytes if sums.blobs else None

    @property
    def is_described(self) -> bool:
        """Whether there is more than a name known of every tag."""
        return self.is_listed and self._summed().described == len(self.tags)

    @property
    def pushed(self) -> float | None:
        """When a tag was last moved."""
        newest = self._summed().newest
        return newest if newest is not None or self.summary is None else self.summary.pushed

    def names_of(self, digest: Digest) -> Sequence[str]:
        """All tags that name a digest."""
        return self._summed().names.get(digest, ())

    def first_name(self, digest: Digest) -> str | None:
        """The tag people mean among several that name a digest; None: no tag names it."""
        sums = self._summed()
        found = sums.first.get(digest)
        if found is None and digest in sums.names:
            found = max(sums.names[digest], key=_exactness)
            sums.first[digest] = found
        return found

    @property
    def tag_count(self) -> int | None:
        """Tags of images; None: not known."""
        if self.is_listed and self.failure is None:
            return len(self.tags)
        return self.summary.tags if self.summary else None

    def _summed(self) -> Sums:
        if self._sums is None:
            self._sums = Sums.of(self.tags.values())
        return self._sums


_pushed: Callable[[TagRow], float | None] = attrgetter("pushed")


def is_still(known: TagRow, listed: TagRow) -> bool:
    """Whether what is known of a tag holds, by the moment it was listed with; some listings tell none."""
    return listed.pushed is None or known.pushed == listed.pushed


def _exactness(name: str) -> tuple[object, ...]:
    """How exactly a tag names an image; one that no registry could serve comes last."""
    return is_tag(name), name != "latest", name.count("."), natural(name)
