"""Which images are the same on both sides: by what identifies them, never by name alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import Enum

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.tui.targets import push_target

Key = tuple[str, str]
"""Repository and tag."""


class Sameness(Enum):
    """How an image stands to the other side: glyph's name and word."""

    SAME = ("same", "same")
    ONLY = ("only", "not there")
    DIFFERS = ("differs", "differs")
    PARTIAL = ("partial", "partial")
    UNKNOWN = ("unknown", "checking")
    BROKEN = ("broken", "broken")
    NONE = ("", "")
    """There is no other side to compare with."""

    @property
    def glyph(self) -> str:
        """Its field in `Glyphs`."""
        return self.value[0]

    @property
    def word(self) -> str:
        """For people."""
        return self.value[1]


def ids_of(row: TagRow) -> set[Digest]:
    """Everything that identifies the image of a tag."""
    found = {*row.image_ids, *row.manifests}
    if row.digest is not None:
        found.add(row.digest)
    return found


def _has_all(stored: TagRow, row: LocalRow) -> bool:
    """Whether no platform of a local image of several is absent; a single one is the image itself."""
    if len(row.platforms) < 2:
        return True
    return {_base(text) for text in row.platforms} <= {_base(text) for text in stored.platforms}


def _base(platform: str) -> str:
    """Without the variant, which not everybody tells."""
    return "/".join(platform.split("/")[:2])


class Comparison:
    """What is known of both sides."""

    def __init__(self) -> None:
        self.is_complete = False
        """Whether every tag of the store is known: only then nothing means nothing."""
        self.is_unanswered = False
        """Whether the store could not be listed: then what is not known is not being looked up either."""
        self._tags: dict[Key, TagRow] = {}
        self._stored: defaultdict[Digest, set[Key]] = defaultdict(set)
        self._local: defaultdict[Digest, list[LocalRow]] = defaultdict(list)
        self._named: dict[Key, LocalRow] = {}
        self.has_local = False

    # what is learnt

    def set_local(self, rows: Sequence[LocalRow]) -> None:
        """The local side, anew."""
        self._local.clear()
        self._named.clear()
        self.has_local = bool(rows)
        for row in rows:
            for digest in row.ids:
                self._local[digest].append(row)
            target = push_target(row)
            if target is not None:
                self._named[target] = row

    def set_tag(self, repository: str, row: TagRow) -> None:
        """A tag, as it is now."""
        self.drop_tag(repository, row.name)
        self._tags[repository, row.name] = row
        for digest in ids_of(row):
            self._stored[digest].add((repository, row.name))

    def drop_tag(self, repository: str, tag: str) -> None:
        """The tag is gone."""
        before = self._tags.pop((repository, tag), None)
        if before is not None:
            for digest in ids_of(before):
                self._stored[digest].discard((repository, tag))

    # what is asked

    def word_of(self, sameness: Sameness) -> str:
        """The word for people."""
        return "no answer" if sameness is Sameness.UNKNOWN and self.is_unanswered else sameness.word

    def knows(self, row: LocalRow, target: Key) -> bool:
        """Whether nothing needs to be looked up for this image."""
        return self.is_complete or target in self._tags or any(self._stored.get(digest) for digest in row.ids)

    def of_local(self, row: LocalRow) -> Sameness:
        """How a local image stands to the store."""
        if row.flaw:
            return Sameness.BROKEN
        places = self.stored_as(row)
        if places:
            whole = any(not self._tags[place].missing and _has_all(self._tags[place], row) for place in places)
            return Sameness.SAME if whole else Sameness.PARTIAL
        target = push_target(row)
        there = self._tags.get(target) if target is not None else None
        if there is None:
            return Sameness.ONLY if self.is_complete or target is None else Sameness.UNKNOWN
        if there.is_gone:
            return Sameness.ONLY
        return Sameness.DIFFERS if there.is_described else Sameness.UNKNOWN

    def of_tag(self, repository: str, row: TagRow) -> Sameness:
        """How a tag stands to the local side."""
        if row.flaw and row.digest is None:
            return Sameness.BROKEN
        if not self.has_local:
            return Sameness.NONE
        if not row.is_described:
            return Sameness.UNKNOWN
        if self.local_names(row):
            return Sameness.PARTIAL if row.missing else Sameness.SAME
        return Sameness.DIFFERS if (repository, row.name) in self._named else Sameness.ONLY

    def stored_as(self, row: LocalRow) -> list[Key]:
        """Tags of the store that hold the same image; the tag of its own name first."""
        found = {place for digest in row.ids for place in self._stored.get(digest, ())}
        target = push_target(row)
        return sorted(found, key=lambda place: (place != target, place))

    def local_names(self, row: TagRow) -> list[str]:
        """Names of the same image on the local side; an image id for one without a name."""
        found = {local.name or local.image: None for digest in ids_of(row) for local in self._local.get(digest, ())}
        return sorted(found)

    def other_tag(self, row: LocalRow) -> Key | None:
        """The tag of a local image's own name, where it holds another image."""
        target = push_target(row)
        there = self._tags.get(target) if target is not None else None
        if there is None or there.is_gone or not there.is_described or not ids_of(there).isdisjoint(row.ids):
            return None
        return target

    def other_image(self, repository: str, row: TagRow) -> str:
        """The local image of a tag's name, where it is another image; empty where there is none."""
        local = self._named.get((repository, row.name))
        return local.name if local is not None and ids_of(row).isdisjoint(local.ids) else ""

    def tag(self, repository: str, tag: str) -> TagRow | None:
        """What is known of a tag."""
        return self._tags.get((repository, tag))
