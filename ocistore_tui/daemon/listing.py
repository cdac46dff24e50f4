"""What a local place holds, as a list shows it: a container engine, a folder of archives, an OCI layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ocistore_tui.daemon.local import daemon_image
from ocistore_tui.daemon.registry import is_passing
from ocistore_tui.errors import UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import LocalImage, LocalListing, LocalPlace, LocalRow
from ocistore_tui.model.text import inert

if TYPE_CHECKING:
    from ocistore_tui.daemon.client import EngineClient


def list_local(place: LocalPlace, *, engine: Callable[[str | None], EngineClient]) -> LocalListing:
    """Everything a place holds; what cannot be read keeps its row and says why.

    Args:
        place: Where to look.
        engine: Gives the container engine at an address; None: the usual one.

    Raises:
        Unavailable, AccessDenied: the engine does not answer, or may not be asked.
        NotFound, AccessDenied: the directory is not there, or may not be read.
        UsageError: no kind of place.
    """
    if place.kind == "engine":
        return _list_engine(place, engine(place.address or None))
    if place.kind not in ("folder", "oci"):
        raise UsageError("no such kind of local place", where=place.kind, fix="use engine, folder or oci")
    from ocistore_tui.daemon.folder import list_folder, list_layout

    path = Path(place.address)
    return list_folder(place, path) if place.kind == "folder" else list_layout(place, path)


def _list_engine(place: LocalPlace, client: EngineClient) -> LocalListing:
    images = client.images()
    by_manifest = client.has_containerd_store
    rows = tuple(row for image in images for row in _rows(image, by_manifest=by_manifest))
    return LocalListing(place, client.product, rows)


def _rows(image: LocalImage, *, by_manifest: bool) -> list[LocalRow]:
    """A row for each name of an image that is its own; one for an image without any."""
    ids = {image.id}
    if by_manifest:
        # On a classic store they are manifests the image was moved by, which may have been of several platforms.
        ids |= set(_digests(image.repo_digests))
    return [
        LocalRow(
            name=inert(name, limit=300),
            image=daemon_image(name) if name else str(image.id),
            ids=frozenset(ids),
            size_bytes=image.size_bytes,
            created=image.created,
        )
        for name in [name for name in image.names if not is_passing(name)] or [""]
    ]


def _digests(names: tuple[str, ...]) -> list[Digest]:
    found: list[Digest] = []
    for name in names:
        try:
            found.append(Digest.parse(str(name).rpartition("@")[2]))
        except ValueError:
            continue
    return found
