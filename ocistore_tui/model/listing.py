"""What lists and inspections show."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.reference import Reference


class RepositoryRow(Struct, frozen=True):
    """One repository of a store."""

    name: str
    is_valid: bool
    """Whether registries can serve a repository of this name."""


class TagRow(Struct, frozen=True):
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
    artifact_type: str = ""
    """Of an artifact: what it says it is (OCI image-spec manifest.md, "artifactType", else its config's media type)."""
    image_ids: tuple[Digest, ...] = ()
    """Config digests below the tag: how images are compared across stores and engines."""
    manifests: tuple[Digest, ...] = ()
    """The tag's own digest and those of the manifests below it: the image's ids in engines with a containerd store."""
    blobs: Mapping[Digest, int] = field(default_factory=dict)
    """Every stored blob below the tag with its size in bytes, manifests too; the sum of them is `size_bytes`."""
    extras: tuple[str, ...] = ()
    """What is attached, as far as names and the index tell: ``signature``, ``sbom``, ``provenance``, ``other``."""
    subject: Digest | None = None
    """Of a tag that belongs to another image (referrers fallback, cosign): that image's digest."""
    is_gone: bool = False
    """Whether the tag was looked for and has no link; one that is listed nevertheless is broken."""
    missing: int = 0
    """Platforms the index names that are not in the store."""
    flaw: str = ""
    """Why the tag is broken, in words; empty when it is sound."""

    @property
    def is_described(self) -> bool:
        """Whether more than the name is known."""
        return self.digest is not None or bool(self.flaw) or self.is_gone


class RepositorySummary(Struct, frozen=True):
    """What one look at a repository's tags tells, without reading any manifest."""

    name: str
    tags: int
    """Tags of images; attachments are left out."""
    is_whole: bool
    """False: there are more than were counted."""
    pushed: float | None = None
    """When a tag was last moved, seconds since 1970, UTC."""


class TimelineRow(Struct, frozen=True):
    """One digest a tag has named at some time (layout: ``tags/<t>/index``)."""

    digest: Digest
    moment: float | None
    """When the tag first named it, seconds since 1970, UTC."""
    is_current: bool
    kind: str = ""
    size_bytes: int | None = None
    """Stored bytes below it; None when its manifest is gone."""
    brought_bytes: int | None = None
    """Bytes it holds that no earlier entry of this timeline holds."""
    image_ids: tuple[Digest, ...] = ()
    flaw: str = ""


class AttachmentRow(Struct, frozen=True):
    """Something attached to an image: a signature, an SBOM, an attestation."""

    kind: str
    """``signature``, ``sbom``, ``provenance`` or ``other``."""
    digest: Digest
    artifact_type: str
    size_bytes: int
    found_by: str
    """How it was found: a tag's name, ``index`` (an attestation beside the platforms) or ``subject``."""
    subject: Digest
    depth: int = 0
    """0: attached to the image or a platform of it; 1: attached to an attachment …"""
    platform: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    flaw: str = ""


class Remembered(Struct, frozen=True):
    """A store's listing as it was last seen, kept on this machine."""

    moment: float
    """When it was seen, seconds since 1970, UTC."""
    repositories: tuple[RepositoryRow, ...]
    is_whole: bool
    """Whether these are all repositories there were."""
    tags: Mapping[str, tuple[TagRow, ...]] = field(default_factory=dict)
    """Tag rows by repository, for those that were opened."""


class LayerRow(Struct, frozen=True):
    """One layer of an inspected image."""

    digest: Digest
    diff_id: Digest | None
    media_type: str
    size_bytes: int
    created_by: str


class PlatformRow(Struct, frozen=True):
    """One entry of an inspected index."""

    platform: str
    descriptor: Descriptor
    is_stored: bool


class Inspection(Struct, frozen=True):
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
