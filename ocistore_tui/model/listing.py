"""What lists and inspections show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.reference import Reference


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """One repository of a store."""

    name: str
    is_valid: bool
    """Whether registries can serve a repository of this name."""


@dataclass(frozen=True, slots=True)
class TagRow:
    """One tag with what its manifest tells; a broken tag keeps its row and says why."""

    name: str
    digest: Digest | None = None
    media_type: str = ""
    size_bytes: int | None = None
    """All stored bytes below the tag, each digest once; for an index over the platforms that are there."""
    created: str = ""
    """As the image's config tells it, RFC 3339; empty for artifacts."""
    pushed: float | None = None
    """When the tag was last moved, seconds since 1970, UTC."""
    platforms: tuple[str, ...] = ()
    kind: str = ""
    """``image``, ``index`` or ``artifact``."""
    image_ids: tuple[Digest, ...] = ()
    """Config digests below the tag: how images are compared across stores and engines."""
    missing: int = 0
    """Platforms the index names that are not in the store."""
    flaw: str = ""
    """Why the tag is broken, in words; empty when it is sound."""


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of an inspected image."""

    digest: Digest
    diff_id: Digest | None
    media_type: str
    size_bytes: int
    created_by: str


@dataclass(frozen=True, slots=True)
class PlatformRow:
    """One entry of an inspected index."""

    platform: str
    descriptor: Descriptor
    is_stored: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything about one reference."""

    kind: str
    """``image``, ``index`` or ``artifact``."""
    reference: Reference
    digest: Digest
    media_type: str
    size_bytes: int
    manifest: Manifest | Index
    config: bytes | None
    """Exact bytes; None for an index, or an artifact whose config is not JSON."""
    layers: tuple[LayerRow, ...] = ()
    platforms: tuple[PlatformRow, ...] = ()
    pushed: float | None = None
    flaws: tuple[str, ...] = ()
    documents: Mapping[Digest, bytes] = field(default_factory=dict)
