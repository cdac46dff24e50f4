"""Images made of nothing but documents: real manifests and configs, layers that are only named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest, build_index, build_manifest, parse_manifest
from ocistore_tui.model.platform import Platform

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class StoredPlatform:
    """One image of one platform."""

    manifest: Manifest
    config: bytes
    diff_ids: tuple[Digest, ...]
    created_by: tuple[str, ...]
    platform: str


@dataclass(frozen=True)
class Stored:
    """What a tag names: an image, or an index of several."""

    images: tuple[StoredPlatform, ...]
    index: Index | None = None
    documents: dict[Digest, bytes] = field(default_factory=dict)

    @property
    def root(self) -> Manifest | Index:
        return self.index or self.images[0].manifest

    @property
    def digest(self) -> Digest:
        return self.root.digest

    @property
    def ids(self) -> frozenset[Digest]:
        """Everything that identifies it to an engine."""
        manifests = (image.manifest for image in self.images)
        return frozenset({self.digest}).union(*({found.digest, found.config.digest} for found in manifests))

    @property
    def blobs(self) -> dict[Digest, int]:
        sizes = {self.digest: len(self.root.raw)}
        for image in self.images:
            sizes[image.manifest.digest] = len(image.manifest.raw)
            sizes |= {blob.digest: blob.size for blob in image.manifest.blobs}
        return sizes


def make_image(
    name: str,
    *,
    layers: Sequence[tuple[str, int]] = (("base", 29_100_000), ("app", 1_100_000)),
    platforms: Sequence[str] = ("linux/amd64",),
    created: str = "2025-11-23T10:00:00Z",
) -> Stored:
    """An image: the same ``name``, layers and platforms always make the same digests.

    Args:
        name: Goes into the config, and so into every digest above it.
        layers: Names and stored sizes in bytes; images that name the same layer share it.
        platforms: More than one: an index.
        created: As the config tells it.
    """
    images = tuple(_image(name, layers, platform, created) for platform in platforms)
    documents = {image.manifest.digest: image.manifest.raw for image in images}
    documents |= {image.manifest.config.digest: image.config for image in images}
    if len(images) == 1:
        return Stored(images, None, documents)
    raw = build_index(
        tuple(
            Descriptor(
                media_type=media_types.OCI_MANIFEST, digest=image.manifest.digest, size=len(image.manifest.raw),
                platform=Platform.parse(image.platform),
            )
            for image in images
        )
    )  # fmt: skip
    index = parse_manifest(raw)
    assert isinstance(index, Index)
    return Stored(images, index, documents | {index.digest: raw})


def _image(name: str, layers: Sequence[tuple[str, int]], platform: str, created: str) -> StoredPlatform:
    os_name, _, architecture = platform.partition("/")
    diff_ids = tuple(Digest.of(f"raw {layer}".encode()) for layer, _ in layers)
    created_by = tuple(f"RUN make {layer}" for layer, _ in layers)
    config = json.dumps(
        {
            "os": os_name,
            "architecture": architecture,
            "created": created,
            "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created": created, "created_by": step} for step in created_by],
        },
        separators=(",", ":"),
    ).encode()
    manifest = build_manifest(
        Descriptor(media_type=media_types.OCI_CONFIG, digest=Digest.of(config), size=len(config)),
        tuple(
            Descriptor(media_type=LAYER_TYPE, digest=Digest.of(f"layer {layer}".encode()), size=size_bytes)
            for layer, size_bytes in layers
        ),
    )
    return StoredPlatform(manifest, config, diff_ids, created_by, platform)
