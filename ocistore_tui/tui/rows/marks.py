"""Marks by identity: they stay through filter, sort and refresh."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Marks(Generic[K]):
    """The keys that are marked, in the order they were."""

    def __init__(self) -> None:
        self._keys: dict[K, None] = {}
        self.last: K | None = None
        """Where a range begins."""

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def listed(self) -> list[K]:
        """All of them, in the order they were marked."""
        return list(self._keys)

    def covers(self, key: K) -> bool:
        """Whether it is marked, by itself or with what it belongs to."""
        return key in self._keys

    def toggle(self, key: K) -> None:
        """Mark or unmark one."""
        self.invert([key])
        self.last = key

    def add(self, keys: Iterable[K]) -> None:
        """Mark all of these."""
        for key in keys:
            self._put(key)
            self.last = key

    def remove(self, keys: Iterable[K]) -> None:
        """Unmark all of these."""
        for key in keys:
            self._take(key)

    def invert(self, keys: Iterable[K]) -> None:
        """Mark what is not marked among these, and the other way round."""
        for key in keys:
            if self.covers(key):
                self._take(key)
            else:
                self._put(key)

    def clear(self) -> None:
        """Unmark everything."""
        self._keys.clear()
        self.last = None

    def _put(self, key: K) -> None:
        self._keys[key] = None

    def _take(self, key: K) -> None:
        self._keys.pop(key, None)


Key = tuple[str, str | None]
"""Repository and tag; None: the repository itself; an empty tag: the line that says its tags are being listed."""


class TagMarks(Marks[Key]):
    """Marks of tags and repositories: a repository's mark covers its tags, until one of them is unmarked.

    Args:
        tags_of: The tags of a repository that are known.
    """

    def __init__(self, tags_of: Callable[[str], Iterable[str]]) -> None:
        super().__init__()
        self._tags_of = tags_of
        self._single: dict[str, set[str]] = {}
        """Tags marked by themselves, by repository."""

    def covers(self, key: Key) -> bool:
        """Whether a tag is marked, by itself or with its repository."""
        return key in self._keys or (bool(key[1]) and (key[0], None) in self._keys)

    def marked_in(self, repository: str) -> int:
        """How many of its tags are marked by themselves."""
        return len(self._single.get(repository, ()))

    def drop(self, keys: Iterable[Key]) -> None:
        """These tags are gone; the mark of their repository stays."""
        for key in keys:
            if key[1] and key in self._keys:
                del self._keys[key]
                self._single[key[0]].discard(key[1])

    def forget(self, repository: str) -> None:
        """The repository is gone, and its tags with it."""
        for tag in self._single.pop(repository, ()):
            self._keys.pop((repository, tag), None)
        self._keys.pop((repository, None), None)

    def clear(self) -> None:
        """Unmark everything."""
        super().clear()
        self._single.clear()

    def _put(self, key: Key) -> None:
        repository, tag = key
        if not tag:
            self.forget(repository)
        elif (repository, None) in self._keys:
            return
        else:
            self._single.setdefault(repository, set()).add(tag)
        self._keys[key] = None

    def _take(self, key: Key) -> None:
        repository, tag = key
        if tag and (repository, None) in self._keys:
            self.forget(repository)
            for other in self._tags_of(repository):
                if other != tag:
                    self._put((repository, other))
            return
        if tag:
            self.drop([key])
        else:
            self.forget(repository)
