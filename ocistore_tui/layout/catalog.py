"""Which repositories a store holds: found by walking names, never by reading everything (layout.md §5).

Repositories nest, so the walk goes on below one. Registries 2.8 see a repository by its ``_layers``, 3.x by its
``_manifests``; here either makes one. Requests stay in proportion to what the caller takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import chain

from msgspec import Struct

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.layout import paths
from ocistore_tui.layout.looking import Look, Looking
from ocistore_tui.model.reference import MAX_REPOSITORY_CHARS, is_repository

_AHEAD = 16
_MAX_DEPTH = MAX_REPOSITORY_CHARS // 2 + 1


class RepositoryEntry(Struct, frozen=True):
    """One repository."""

    name: str
    valid: bool
    """Whether registries can serve a repository of this name."""
    has_layers: bool
    """Seen by registries 2.8."""
    has_manifests: bool
    """Seen by registries 3.x."""


def repositories(
    store: ObjectStore, *, start_after: str | None = None, ahead: int = _AHEAD
) -> Iterator[RepositoryEntry]:
    """Every repository once, component by component in byte order (``a``, ``a/b``, ``a-b``), lazily.

    What is no directory of ours to read is left out: links that leave the store, and what we may not look into.

    Args:
        store: Where to look.
        start_after: A repository name; only later ones are listed, and what lies before is hardly looked at.
        ahead: Directories looked at before they are asked for.
    """
    after = tuple(start_after.split("/")) if start_after else None
    with closing(Looking(store, paths.REPOSITORIES, ahead=ahead)) as looking:
        yield from _walk(store, looking, (), None, after)


def _walk(
    store: ObjectStore, looking: Looking, path: tuple[str, ...], looked: Look | None, after: tuple[str, ...] | None
) -> Iterator[RepositoryEntry]:
    """Depth first. What a directory holds tells whether it is a repository and where to go on."""
    names = _children(store, path, looked, _stopped_at(path, after))
    for name, seen in looking.each(_key(path), names, looked.below if looked else {}):
        child = (*path, name)
        has_layers, has_manifests = "_layers" in seen.own, "_manifests" in seen.own
        if (has_layers or has_manifests) and (after is None or child > after):
            full_name = "/".join(child)
            yield RepositoryEntry(full_name, is_repository(full_name), has_layers, has_manifests)
        if len(child) < _MAX_DEPTH and seen.has_names:
            yield from _walk(store, looking, child, seen, after)


def _children(store: ObjectStore, path: tuple[str, ...], looked: Look | None, stopped_at: str | None) -> Iterator[str]:
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
