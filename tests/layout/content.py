"""Small images made of nothing, and the write order of layout.md §11 to store them by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest


@dataclass(frozen=True)
class Content:
    """A manifest or index with everything below it."""

    raw: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()
    children: tuple[Content, ...] = ()
    """Manifests of an index that are stored with it."""
    descriptor_fields: tuple[tuple[str, Any], ...] = ()
    """What an index says about this manifest beside its digest."""

    @property
    def digest(self) -> Digest:
        return Digest.of(self.raw)

    @property
    def descriptor(self) -> dict[str, Any]:
        return describe(self.raw, self.media_type) | dict(self.descriptor_fields)

    def described(self, **fields: Any) -> Content:
        return replace(self, descriptor_fields=tuple(fields.items()))


def describe(raw: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": Digest.of(raw), "size": len(raw)}


def image(
    text: str = "app", *, architecture: str = "amd64", layers: Sequence[bytes] = (), os: str = "linux", **fields: Any
) -> Content:
    """An image whose bytes depend on its arguments only."""
    layers = tuple(layers) or (f"layer of {text}".encode(), f"{architecture} {text}".encode())
    config = json.dumps(
        {
            "architecture": architecture,
            "os": os,
            "created": "2024-05-06T07:08:09Z",
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(layer) for layer in layers]},
            "history": [{"created_by": f"RUN {number}"} for number in range(len(layers))],
        }
    ).encode()
    return manifest_of(config, media_types.OCI_CONFIG, layers, media_types.OCI_LAYER, **fields).described(
        platform={"os": os, "architecture": architecture}
    )


def manifest_of(
    config: bytes, config_type: str, layers: Sequence[bytes] = (), layer_type: str = "", /, **fields: Any
) -> Content:
    """An OCI manifest with these blobs; ``fields`` are added to its document."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": describe(config, config_type),
        "layers": [describe(layer, layer_type) for layer in layers],
        **fields,
    }
    return Content(json.dumps(document, indent=3).encode(), media_types.OCI_MANIFEST, (config, *layers))


def attestation(subject: Content) -> Content:
    """What BuildKit adds to an index beside every image."""
    statement = json.dumps({"subject": subject.digest, "predicate": {}}).encode()
    return manifest_of(b"{}", media_types.OCI_CONFIG, (statement,), "application/vnd.in-toto+json").described(
        platform={"os": "unknown", "architecture": "unknown"},
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject.digest,
        },
    )


def artifact(subject: Content | None = None, text: str = "signature") -> Content:
    """An artifact with the empty config, attached to an image."""
    fields: dict[str, Any] = {"artifactType": "application/vnd.example.signature"}
    if subject is not None:
        fields["subject"] = describe(subject.raw, subject.media_type)
    return manifest_of(b"{}", media_types.OCI_EMPTY, (text.encode(),), "text/plain", **fields)


def index(*children: Content, partial: Sequence[Content] = (), **fields: Any) -> Content:
    """An index of ``children``, which are stored with it, and of ``partial``, which are not."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [child.descriptor for child in (*children, *partial)],
        **fields,
    }
    return Content(json.dumps(document).encode(), media_types.OCI_INDEX, children=children)


def two_platforms(text: str = "multi") -> Content:
    """What ``docker buildx`` makes: two images and what attests them."""
    images = (image(text), image(text, architecture="arm64"))
    return index(*images, *(attestation(found) for found in images))


def manifests_of(content: Content) -> list[Content]:
    """All manifests, children before parents."""
    return [*(found for child in content.children for found in manifests_of(child)), content]


def store_image(store: ObjectStore, repository: str, content: Content, *tags: str) -> Digest:
    """Store everything in the order of layout.md §11, then tag it."""
    blobs, target = Blobs(store), Repository(store, repository)
    manifests = manifests_of(content)
    for found in manifests:
        for blob in found.blobs:
            blobs.put(blob)
    for found in manifests:
        for blob in found.blobs:
            target.link_layer(Digest.of(blob))
    for found in manifests:
        target.put_manifest(found.raw)
    for found in manifests:
        target.link_revision(found.digest)
    for tag in tags:
        target.set_tag(tag, content.digest)
    return content.digest


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list_entries(prefix)]


def plant(store: ObjectStore, objects: Mapping[str, bytes]) -> None:
    """Put raw objects where a hostile or broken writer left them."""
    for key, data in objects.items():
        store.put(key, data)
