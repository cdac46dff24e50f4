"""Manifests and indexes: exact bytes beside their parsed form.

Sources: OCI image-spec manifest.md, image-index.md, descriptor.md; Docker "Image Manifest Version 2, Schema 2".
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Struct

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.platform import Platform

_T = TypeVar("_T")

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""What registries accept as a manifest (distribution, registry/handlers/manifests.go)."""


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Names a blob: type, digest, size in bytes."""

    media_type: str = ""
    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    annotations: dict[str, str] | None = None
    urls: tuple[str, ...] = ()
    platform: Platform | None = None
    artifact_type: str = ""

    @property
    def plain(self) -> Descriptor:
        """Only type, digest and size: what a layer list needs."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=self.size)

    @property
    def is_attestation(self) -> bool:
        """Whether an index names a build attestation here, not an image (BuildKit attestation-storage.md)."""
        return (self.annotations or {}).get("vnd.docker.reference.type") == "attestation-manifest"


class _Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: int = 0
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    manifests: tuple[Descriptor, ...] | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class Manifest(Struct, frozen=True):
    """One image or artifact: a config and layers."""

    raw: bytes
    digest: Digest
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str
    annotations: dict[str, str]

    @property
    def is_image(self) -> bool:
        """Whether a container engine could run it; anything else is an artifact."""
        return self.config.media_type in media_types.IMAGE_CONFIGS

    @property
    def stated_type(self) -> str:
        """What an artifact says it is: its artifactType, else its config's media type (OCI image-spec manifest.md)."""
        return self.artifact_type or self.config.media_type

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers that must be stored, each digest once; foreign layers with URLs are left out."""
        found = {self.config.digest: self.config}
        for layer in self.layers:
            if not (layer.urls and media_types.is_foreign(layer.media_type)):
                found.setdefault(layer.digest, layer)
        return tuple(found.values())

    @property
    def size_bytes(self) -> int:
        """Bytes of manifest, config and layers as stored, each digest once."""
        return len(self.raw) + sum(blob.size for blob in self.blobs)


class Index(Struct, frozen=True):
    """Several manifests under one digest: platforms of an image, or referrers."""

    raw: bytes
    digest: Digest
    media_type: str
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str
    annotations: dict[str, str]


def _decode_digest(kind: type, value: object) -> Any:
    if kind is Digest and isinstance(value, str):
        return Digest.parse(value)
    raise ValueError(f"not a digest: {str(value)[:80]!r}")


_decoder = msgspec.json.Decoder(_Document, dec_hook=_decode_digest)


def descriptor_decoder(kind: type[_T]) -> msgspec.json.Decoder[_T]:
    """A JSON decoder for something made of descriptors; raises `msgspec.MsgspecError` for other input."""
    return msgspec.json.Decoder(kind, dec_hook=_decode_digest)


def _encode_digest(value: object) -> str:
    if isinstance(value, Digest):
        return str(value)
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_encode_digest)


def encode_descriptors(descriptors: tuple[Descriptor, ...]) -> bytes:
    """Descriptors as a JSON list."""
    return _encoder.encode(descriptors)


def build_manifest(config: Descriptor, layers: tuple[Descriptor, ...]) -> Manifest:
    """The OCI manifest of an image that has none of its own; the same image always gets the same bytes.

    Always OCI, never Docker schema 2: every engine and registry of the last years reads it, and only it holds zstd.
    """
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": _oci(config),
        "layers": [_oci(layer) for layer in layers],
    }
    parsed = parse_manifest(_encoder.encode(document))
    assert isinstance(parsed, Manifest)
    return parsed


def build_index(manifests: tuple[Descriptor, ...]) -> bytes:
    """An OCI index of these manifests."""
    return _encoder.encode({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": manifests})


def _oci(descriptor: Descriptor) -> Descriptor:
    media_type = media_types.OCI_OF_DOCKER.get(descriptor.media_type, descriptor.media_type)
    return Descriptor(media_type=media_type, digest=descriptor.digest, size=descriptor.size)


def parse_manifest(raw: bytes, *, where: str = "") -> Manifest | Index:
    """Read the bytes of a manifest or index; its kind is decided from the body, as registries do (layout.md §3).

    Raises:
        IntegrityError: too large, not JSON, nested without end, or not a manifest that can be stored or served.
    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise IntegrityError(
            f"manifest of {len(raw)} bytes is over the limit of {MAX_MANIFEST_BYTES}",
            where=where,
            cause="no registry accepts such a manifest",
            fix="push the image again; if it comes from outside, do not trust it",
        )
    try:
        document = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        cause = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise IntegrityError(
            "not a readable manifest", where=where, cause=cause, fix="push the image again to repair it"
        ) from error
    media_type = document.media_type or (
        media_types.OCI_INDEX if document.manifests is not None else media_types.OCI_MANIFEST
    )
    of_image, of_index = (document.config, document.layers), (document.manifests,)
    if any(part is not None for part in (of_image if media_type in media_types.INDEXES else of_index)):
        raise IntegrityError(
            "not a manifest this program can use",
            where=where,
            cause="it is an image and an index at once: readers differ in which they see (CVE-2021-41190)",
            fix="store it as one of the two",
        )
    digest = Digest.of(raw)
    if document.schema_version == 2 and media_type in media_types.INDEXES:
        return Index(
            raw, digest, media_type, document.manifests or (), document.subject,
            document.artifact_type, document.annotations or {},
        )  # fmt: skip
    if document.schema_version == 2 and media_type in media_types.MANIFESTS and document.config:
        return Manifest(
            raw, digest, media_type, document.config, document.layers or (), document.subject,
            document.artifact_type, document.annotations or {},
        )  # fmt: skip
    raise IntegrityError(
        "not a manifest this program can use",
        where=where,
        cause=f"schema version {document.schema_version}, media type {media_type[:100] or 'missing'}"
        + ("" if document.config or document.manifests else ", no config"),
        fix="store it as a Docker schema 2 or OCI manifest or index",
    )
