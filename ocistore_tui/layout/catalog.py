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
from itertools import chain, islice

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.layout import paths
from ocistore_tui.model.reference import is_repository

_AHEAD = 16
_MAX_DEPTH = 64


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


def repositories(
    store: ObjectStore, *, start_after: str | None = None, prefix: str = "", ahead: int = _AHEAD
) -> Iterator[RepositoryEntry]:
    """Every repository once, component by component in byte order, lazily.

    Args:
        store: Where to look.
        start_after: A repository name; only later ones are listed, and what lies before is hardly looked at.
        prefix: Only repositories below this path (``team/`` lists ``team/app``).
        ahead: Directories looked at before they are asked for.
    """
    after = tuple(start_after.split("/")) if start_after else None
    with ThreadPoolExecutor(max(1, ahead), "ocistore-list") as pool:
        try:
            yield from _walk(
                store, pool, tuple(prefix.strip("/").split("/")) if prefix.strip("/") else (), after, ahead
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _walk(
    store: ObjectStore, pool: ThreadPoolExecutor, path: tuple[str, ...], after: tuple[str, ...] | None, ahead: int
) -> Iterator[RepositoryEntry]:
    """Depth first. A directory's children are listed once; that tells whether it is a repository and where to go on."""
    stopped_at = _stopped_at(path, after)
    names: Iterator[str] = store.list_dirs(_key(path), start_after=stopped_at)
    if stopped_at is not None:
        # The child the caller stopped at may hold later repositories itself.
        names = chain([stopped_at], names)
    names = (name for name in names if not name.startswith("_"))
    looking: deque[tuple[tuple[str, ...], Future[list[str]]]] = deque()

    def look(name: str) -> None:
        child = (*path, name)
        looking.append((child, pool.submit(lambda: list(store.list_dirs(_key(child))))))

    for name in islice(names, ahead):
        look(name)
    while looking:
        child, future = looking.popleft()
        children = future.result()
        for name in islice(names, 1):
            look(name)
        name = "/".join(child)
        has_layers, has_manifests = "_layers" in children, "_manifests" in children
        if (has_layers or has_manifests) and (after is None or child > after):
            yield RepositoryEntry(name, is_repository(name), has_layers, has_manifests)
        if len(child) < _MAX_DEPTH and any(not name.startswith("_") for name in children):
            yield from _walk(store, pool, child, after, ahead)


def _stopped_at(path: tuple[str, ...], after: tuple[str, ...] | None) -> str | None:
    if after is None or len(after) <= len(path) or after[: len(path)] != path:
        return None
    return after[len(path)]


def _key(path: tuple[str, ...]) -> str:
    return paths.REPOSITORIES + "".join(f"{name}/" for name in path)
