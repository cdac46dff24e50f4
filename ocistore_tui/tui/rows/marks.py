"""Marks by identity: they stay through filter, sort and refresh."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
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

    def toggle(self, key: K) -> None:
        """Mark or unmark one."""
        if key in self._keys:
            del self._keys[key]
        else:
            self._keys[key] = None
        self.last = key

    def add(self, keys: Iterable[K]) -> None:
        """Mark all of these."""
        for key in keys:
            self._keys[key] = None
            self.last = key

    def remove(self, keys: Iterable[K]) -> None:
        """Unmark all of these."""
        for key in keys:
            self._keys.pop(key, None)

    def invert(self, keys: Iterable[K]) -> None:
        """Mark what is not marked among these, and the other way round."""
        for key in keys:
            if key in self._keys:
                del self._keys[key]
            else:
                self._keys[key] = None

    def clear(self) -> None:
        """Unmark everything."""
        self._keys.clear()
        self.last = None
