"""Images outside the store: in a container engine, an archive or an OCI layout, as sources and targets see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct, field

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.platform import Platform

LOOPBACK_PREFIX = "ocistore-"
"""Begins the path of every registry of ours that lives for one transfer, so that names left in engines are known."""


class LocalImage(Struct, frozen=True):
    """One image as a container engine lists it."""

    id: Digest
    """Config digest on classic stores and podman, root manifest digest on containerd stores (docker-api.md §2)."""
    names: tuple[str, ...]
    """Familiar names with tag, such as ``app:1``; empty for an untagged image."""
    size_bytes: int
    created: float | None
    """Seconds since 1970, UTC."""
    diff_ids: tuple[Digest, ...] = ()
    platform: Platform = field(default_factory=Platform)
    repo_digests: tuple[str, ...] = ()


class LocalPlace(Struct, frozen=True):
    """Where local images are: the left side of the terminal UI."""

    kind: str
    """``engine`` (docker or podman), ``folder`` (of image archives) or ``oci`` (an OCI layout directory)."""
    address: str = ""
    """Engine: its address as for ``--docker-host``, empty for the usual one; else a directory."""
    name: str = ""
    """What people call it: a docker context, ``podman``, a folder's name."""


class LocalRow(Struct, frozen=True):
    """One name of one image outside the store, as a list shows it."""

    name: str
    """``app:1``; empty for an untagged image."""
    image: str
    """The same as `PushRequest.image` takes it: ``app:1``, an image id, ``oci-archive:FILE:1`` …"""
    ids: frozenset[Digest] = frozenset()
    """Everything that identifies it: digests of its config, manifest and index, as far as they are known."""
    size_bytes: int | None = None
    created: float | None = None
    """Seconds since 1970, UTC."""
    platforms: tuple[str, ...] = ()
    flaw: str = ""
    """Why it cannot be read, in words; empty when it is sound."""


class LocalListing(Struct, frozen=True):
    """What a local place holds."""

    place: LocalPlace
    label: str
    """What was found there, in words: ``docker 27.3``, ``folder of 3 archives``."""
    rows: tuple[LocalRow, ...]


class SourceKind(Enum):
    """What an image's bytes look like where they come from."""

    CLASSIC = "classic"
    """Raw layers named by diff ID, a config, no manifest of its own."""
    CONTENT = "content"
    """Blobs named by digest, manifests kept byte for byte."""


class ImageFacts(Struct, frozen=True):
    """What is known of a source image before any of its layers is read."""

    name: str
    id: Digest
    """Config digest (classic) or root manifest digest (content)."""
    kind: SourceKind
    platform: Platform
    diff_ids: tuple[Digest, ...] = ()
    """Classic: one per layer, bottom first."""
    size_bytes: int = 0
    """Bytes an export moves at most, as far as the source tells: unpacked (classic) or content (content)."""
    documents: Mapping[Digest, bytes] = field(default_factory=dict)
    """Manifests, indexes and configs already at hand; files have all of them, daemons none."""
    layer_sizes: Mapping[Digest, int] = field(default_factory=dict)
    """Raw size in bytes by diff ID, where known without reading."""
    notes: tuple[str, ...] = ()
    """What people should know before it is moved."""


class RawLayer(Struct, frozen=True):
    """An uncompressed layer in an export; its chunks are read before the next item is asked for."""

    diff_id: Digest | None
    """As the export's names tell it; None: only reading tells. Claims are verified by whoever reads."""
    size_bytes: int
    chunks: Iterator[bytes]
    likely: Digest | None = None
    """The diff ID it should turn out to have, where no name tells it; for people, nothing else relies on it."""


class StoredBlob(Struct, frozen=True):
    """A blob in an export, byte for byte as it is to be stored; read before the next item is asked for."""

    digest: Digest
    """As its name tells it; verified by whoever reads."""
    size_bytes: int
    chunks: Iterator[bytes]


class ClassicImage(Struct, frozen=True):
    """The end of a classic export: what the layers that passed by make together."""

    config: bytes
    diff_ids: tuple[Digest, ...]


class ContentImage(Struct, frozen=True):
    """The end of a content export: its root and every small document met, each verified against its digest."""

    root: Descriptor
    documents: Mapping[Digest, bytes]


class EngineEvent(Struct, frozen=True):
    """What an engine says of one layer while it pushes or pulls (docker-api.md §5)."""

    layer: str
    """12 hex digits of its diff ID (classic push) or of its blob digest; empty or something else: of the image."""
    status: str
    """``Preparing``, ``Waiting``, ``Pushing``, ``Pushed``, ``Layer already exists`` …"""
    done_bytes: int = 0
    """May be more than the total."""
    total_bytes: int = 0


ExportItem = RawLayer | StoredBlob | ClassicImage | ContentImage


class StoredImage(Struct, frozen=True):
    """An image of the store as a target takes it."""

    root: Descriptor
    index: Index | None
    """The root, when it is an index."""
    manifests: tuple[Manifest, ...]
    """All manifests to hand over; the chosen one first."""
    documents: Mapping[Digest, bytes]
    """Exact bytes of index, manifests and configs."""
    diff_ids: tuple[Digest, ...]
    """Of the chosen manifest, one per layer; empty for artifacts."""
    platform: Platform

    @property
    def chosen(self) -> Manifest:
        """The manifest of the wanted platform."""
        return self.manifests[0]


class Loaded(Struct, frozen=True):
    """What a target holds after a load."""

    name: str
    id: Digest
    recoded: tuple[Digest, ...] = ()
    """Layers that were recompressed on the way because the engine cannot read zstd."""
    is_unpacked: bool = False
    """Whether the target unpacked the layers, and so held them against their diff IDs."""
