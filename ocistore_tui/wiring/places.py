"""Local places of this machine: the usual engine first, then other contexts, podman, and folders of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ocistore_tui.found import find_engines
from ocistore_tui.found.files import listed
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.text import inert

_LOOKED_AT = 400


def find_places(folders: Iterable[Path] = ()) -> Iterator[LocalPlace]:
    """Where local images may be.

    Args:
        folders: Folders of images that are kept; those that are gone are left out.
    """
    for engine in find_engines():
        yield LocalPlace("engine", engine.address, engine.name)
    for folder in folders:
        if folder.is_dir():
            yield LocalPlace("folder", str(folder), inert(folder.name, limit=80))
    yield from _here(Path.cwd())


def _here(directory: Path) -> Iterator[LocalPlace]:
    """The current directory, where it holds images."""
    names = {path.name for path in listed(directory, _LOOKED_AT)}
    name = inert(directory.name, limit=80) or "/"
    if {"oci-layout", "index.json"} <= names:
        yield LocalPlace("oci", str(directory), name)
    elif any(name.endswith((".tar", ".tar.gz", ".tgz")) for name in names):
        yield LocalPlace("folder", str(directory), name)
