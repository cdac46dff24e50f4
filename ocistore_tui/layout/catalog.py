"""Which repositories a store holds: found by walking names, never by reading everything (layout.md §5).

Repositories nest, so the walk goes on below one. Registries 2.8 see a repository by its ``_layers``, 3.x by its
``_manifests``; here either makes one. Looking at a directory is one request, so the walk looks at the next few
directories while the caller takes names: requests stay in proportion to what is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice, takewhile

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.layout import paths
from ocistore_tui.model.reference import MAX_REPOSITORY_CHARS, is_repository

_AHEAD = 16
_FIRST_LOOK = 500
"""Children taken when a directory is looked at: less than a page, so that a large one is not read to its end."""
_MAX_DEPTH = MAX_REPOSITORY_CHARS // 2 + 1


@dataclass(frozen=True, slots=True)
class RepositoryEntry:
    """One repository."""

    name: str
    valid: bool
    """Whether registries can serve a repository of this name."""
    has_layers: bool
    """Seen by registries 2.8."""
    has_manifests: bool
    """Seen by registries 3.x."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at a directory told."""

    children: list[str]
    is_whole: bool
    own: frozenset[str]

    @property
    def is_repository(self) -> bool:
        return not self.own.isdisjoint(("_layers", "_manifests"))


def repositories(
    store: ObjectStore, *, start_after: str | None = None, prefix: str = "", ahead: int = _AHEAD
) -> Iterator[RepositoryEntry]:
    """Every repository once, component by component in byte order (``a``, ``a/b``, ``a-b``), lazily.

    Args:
        store: Where to look.
        start_after: A repository name; only later ones are listed, and what lies before is hardly looked at.
        prefix: Only repositories below this path (``team/`` lists ``team/app``).
        ahead: Directories looked at before they are asked for.
    """
    after = tuple(start_after.split("/")) if start_after else None
    path = tuple(part for part in prefix.split("/") if part)
    with ThreadPoolExecutor(max(1, ahead), "ocistore-list") as pool:
        try:
            yield from _walk(store, pool, path, None, after, max(1, ahead))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def own_dirs(store: ObjectStore, path: str) -> Iterator[str]:
    """The children of a directory that begin with ``_``, without looking at repositories below it."""
    return takewhile(lambda name: name.startswith("_"), store.list_dirs(path, start_after="_"))


def _walk(
    store: ObjectStore,
    pool: ThreadPoolExecutor,
    path: tuple[str, ...],
    looked: _Look | None,
    after: tuple[str, ...] | None,
    ahead: int,
) -> Iterator[RepositoryEntry]:
    """Depth first. A directory's children are listed once; that tells whether it is a repository and where to go on."""
    names = _children(store, path, looked, _stopped_at(path, after))
    looking: deque[tuple[tuple[str, ...], Future[_Look]]] = deque()

    def look(name: str) -> None:
        child = (*path, name)
        looking.append((child, pool.submit(_look_at, store, _key(child))))

    for name in islice(names, ahead):
        look(name)
    while looking:
        child, future = looking.popleft()
        seen = future.result()
        for name in islice(names, 1):
            look(name)
        if seen.is_repository and (after is None or child > after):
            name = "/".join(child)
            yield RepositoryEntry(name, is_repository(name), "_layers" in seen.own, "_manifests" in seen.own)
        if len(child) < _MAX_DEPTH and not (seen.is_whole and seen.own.issuperset(seen.children)):
            yield from _walk(store, pool, child, seen, after, ahead)


def _look_at(store: ObjectStore, key: str) -> _Look:
    names = store.list_dirs(key)
    children = list(islice(names, _FIRST_LOOK))
    is_whole = len(children) < _FIRST_LOOK
    own = children if is_whole or children[-1] >= "`" else own_dirs(store, key)  # "`" comes after all that begin with _
    return _Look(children, is_whole, frozenset(name for name in own if name.startswith("_")))


def _children(store: ObjectStore, path: tuple[str, ...], looked: _Look | None, stopped_at: str | None) -> Iterator[str]:
    names: Iterator[str]
    if looked is not None and looked.is_whole:
        names = (name for name in looked.children if stopped_at is None or name >= stopped_at)
    elif stopped_at is not None:
        # The child the caller stopped at may hold later repositories itself.
        names = chain([stopped_at], store.list_dirs(_key(path), start_after=stopped_at))
    elif looked is not None:
        names = chain(looked.children, store.list_dirs(_key(path), start_after=looked.children[-1]))
    else:
        names = store.list_dirs(_key(path))
    return (name for name in names if name not in ("", ".", "..") and not name.startswith("_"))


def _stopped_at(path: tuple[str, ...], after: tuple[str, ...] | None) -> str | None:
    if after is None or len(after) <= len(path) or after[: len(path)] != path:
        return None
    return after[len(path)]


def _key(path: tuple[str, ...]) -> str:
    return paths.REPOSITORIES + "".join(f"{name}/" for name in path)
