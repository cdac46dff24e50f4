"""What directories of a store hold, found a few ahead of whoever asks and with as few requests as it takes.

One look at a directory is one request. One page of a flat listing is one request, too, and tells everything about as
many small directories as it covers; so where pages are cheap, they are tried first, and what they leave open is looked
at one by one, side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice, takewhile
from typing import TypeAlias

from msgspec import Struct, field

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.errors import AccessDenied

_FIRST_LOOK = 500
"""Children taken when a directory is looked at: less than a page, so that a large one is not read to its end."""
_PAGE_KEYS = 1000
_WORTHWHILE = 4
"""Directories a page must cover to be better than looking at them side by side."""
_FAILURES = 2
_LOOKS_BETWEEN = 256
_PAGES_AT_ONCE = 8
_MAX_PARTS = 130
_Tree: TypeAlias = "dict[str, _Tree]"


class Look(Struct, frozen=True):
    """What one look at a directory told."""

    children: list[str]
    is_whole: bool
    own: frozenset[str]
    """Those that begin with ``_``: a registry's own, no part of a name."""
    below: Mapping[str, Look] = field(default_factory=dict)
    """What is known already about the others."""

    @property
    def has_names(self) -> bool:
        """Whether there may be names below."""
        return not (self.is_whole and self.own.issuperset(self.children))


def own_dirs(store: ObjectStore, key: str) -> Iterator[str]:
    """The children of a directory that begin with ``_``, without looking at names below it."""
    return takewhile(lambda name: name.startswith("_"), store.list_dirs(key, start_after="_"))


class Looking:
    """Looks at the directories of one store; remembers how many of them a page covers.

    A directory that we may not look into counts as empty, as long as ``top`` may be listed.

    Args:
        store: Where to look.
        top: The directory above all of them.
        ahead: Directories looked at before they are asked for.
    """

    def __init__(self, store: ObjectStore, top: str, *, ahead: int) -> None:
        self._store, self._top, self._ahead = store, top, max(1, ahead)
        self._pool = ThreadPoolExecutor(self._ahead, "ocistore-list")
        self._covered, self._at_once = 0, 1

    def close(self) -> None:
        """End the threads; what has not begun is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def each(self, key: str, names: Iterator[str], known: Mapping[str, Look]) -> Iterator[tuple[str, Look]]:
        """The children ``names`` of the directory ``key``, in their order, each with what it holds."""
        failures = 0
        found = dict(known)
        batch: list[str] = []
        while batch := [*batch, *islice(names, max(0, self._ahead - len(batch)))]:
            taken = len(batch)
            if all(name in found for name in batch):
                looked = iter([(name, found.pop(name)) for name in batch])
            elif not self._has_cheap_pages:
                looked = self._one_by_one(key, iter(batch), found)
            elif failures >= _FAILURES:
                failures -= 1
                looked = self._one_by_one(key, chain(batch, islice(names, _LOOKS_BETWEEN)), found)
            else:
                batch += islice(names, max(0, self._covered * self._at_once - len(batch)))
                unknown = [name for name in batch if name not in found]
                if len(unknown) < _WORTHWHILE or self._read_pages(key, unknown, found):
                    failures, taken = 0, len(batch)
                else:  # the first is too large for a page, the next need not be
                    failures, taken = failures + 1, batch.index(unknown[0]) + 1
                looked = self._one_by_one(key, iter(batch[:taken]), found)
            batch = batch[taken:]
            yield from looked

    @property
    def _has_cheap_pages(self) -> bool:
        # Asked anew each time: some servers are only found out by their listings.
        capabilities = self._store.capabilities
        return capabilities.cheap_pages and capabilities.list_is_ordered

    def _read_pages(self, key: str, unknown: list[str], found: dict[str, Look]) -> bool:
        """Learn what pages tell, more at once each time it was worth it; whether it was."""
        starts = unknown[:: self._covered][: self._at_once] if self._covered else unknown[:1]
        covered: list[int] = []
        for page, is_last in self._pool.map(lambda name: _read_page(self._store, key, name), starts):
            found.update(page)
            if not is_last:  # what comes to its end says nothing about how much a page could cover
                covered.append(len(page))
        least = min(covered, default=self._covered)
        if covered and least < _WORTHWHILE:
            self._at_once = 1
            return False
        self._covered, self._at_once = least, min(_PAGES_AT_ONCE, 2 * self._at_once)
        return True

    def _one_by_one(self, key: str, names: Iterator[str], found: dict[str, Look]) -> Iterator[tuple[str, Look]]:
        looking: deque[tuple[str, Look | Future[Look]]] = deque()

        def look(name: str) -> None:
            seen = found.pop(name, None)
            looking.append((name, seen or self._pool.submit(self._look_at, f"{key}{name}/")))

        for name in islice(names, self._ahead):
            look(name)
        while looking:
            name, seen = looking.popleft()
            told = seen if isinstance(seen, Look) else seen.result()
            for following in islice(names, 1):
                look(following)
            yield name, told

    def _look_at(self, key: str) -> Look:
        try:
            return look_at(self._store, key)
        except AccessDenied:
            # One stray directory must not hide all others; credentials that have just expired are another matter.
            next(iter(self._store.list_dirs(self._top)), None)
            return Look([], True, frozenset())


def look_at(store: ObjectStore, key: str) -> Look:
    """What the directory ``key`` holds: one request, or two where it has hundreds of children."""
    names = store.list_dirs(key)
    children = list(islice(names, _FIRST_LOOK))
    is_whole = len(children) < _FIRST_LOOK
    # "`" comes after all that begin with "_".
    own = children if is_whole or children[-1] >= "`" else own_dirs(store, key)
    return Look(children, is_whole, frozenset(name for name in own if name.startswith("_")))


def _read_page(store: ObjectStore, key: str, first: str) -> tuple[dict[str, Look], bool]:
    """The children of ``key`` from ``first`` on that one page of keys covers whole, and whether it was the last."""
    tree: _Tree = {}
    last, count = "", 0
    for entry in islice(store.list_entries(key, start_after=f"{key}{first}/"), _PAGE_KEYS):
        parts = entry.key[len(key) :].split("/", _MAX_PARTS)
        last, count = parts[0], count + 1
        at = tree
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if part.startswith("_"):
                break
    is_last = count < _PAGE_KEYS
    if not is_last:
        tree.pop(last, None)  # it may go on
    return {name: _look_of(below) for name, below in tree.items()}, is_last


def _look_of(tree: _Tree) -> Look:
    own = frozenset(name for name in tree if name.startswith("_"))
    return Look(sorted(tree), True, own, {name: _look_of(below) for name, below in tree.items() if name not in own})
