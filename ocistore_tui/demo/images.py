"""Small real images, made from nothing, as layouts and archives that other tools read.

Image ids and diff IDs are the same on every machine; how layers are compressed depends on its zlib.

Formats: OCI image-spec (config.md, manifest.md, image-layout.md) and the archive of ``docker save``.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
CREATED = "2026-01-15T12:00:00Z"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its tar, compressed and not."""

    created_by: str
    raw: bytes
    blob: bytes

    @property
    def diff_id(self) -> str:
        """Digest of the uncompressed tar."""
        return digest_of(self.raw)

    @property
    def digest(self) -> str:
        """Digest of the blob."""
        return digest_of(self.blob)


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest or an index with everything below it."""

    root: bytes
    media_type: str
    blobs: Mapping[str, bytes] = field(repr=False)
    """Exact bytes by digest: the root, manifests, configs, layers."""
    config: bytes = b""
    """Empty for an index."""
    layers: tuple[Layer, ...] = ()
    platform: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of the manifest or index."""
        return digest_of(self.root)

    @property
    def image_id(self) -> str:
        """Digest of the config: what an engine with a classic store calls the image."""
        return digest_of(self.config)


def digest_of(data: bytes) -> str:
    """``sha256:…``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_layer(files: Mapping[str, bytes], *, created_by: str) -> Layer:
    """A layer holding ``files`` by path."""
    raw = make_tar(files)
    squeezer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return Layer(created_by, raw, squeezer.compress(raw) + squeezer.flush())


def make_image(
    layers: Sequence[Layer],
    *,
    command: Sequence[str] = ("/bin/hello",),
    labels: Mapping[str, str] | None = None,
    architecture: str = "amd64",
    created: str = CREATED,
) -> Image:
    """An image of one platform."""
    steps: list[dict[str, Any]] = [{"created": created, "created_by": layer.created_by} for layer in layers]
    steps.append({"created": created, "created_by": f"CMD {json.dumps(list(command))}", "empty_layer": True})
    config = to_json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": {"Cmd": list(command), "Env": ["PATH=/bin"], "Labels": dict(labels or {}), "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": steps,
        }
    )
    root = to_json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer.blob) for layer in layers],
        }
    )
    blobs = {digest_of(blob): blob for blob in (root, config, *(layer.blob for layer in layers))}
    return Image(root, _MANIFEST, blobs, config, tuple(layers), {"os": "linux", "architecture": architecture})


def make_artifact(
    artifact_type: str,
    config_type: str,
    config: bytes,
    blobs: Sequence[tuple[str, bytes]],
    *,
    subject: Image | None = None,
) -> Image:
    """A manifest that holds something else than an image, attached to ``subject`` or on its own.

    Args:
        artifact_type: What it is; empty where the config's type says it.
        config_type: Media type of the config.
        config: Its exact bytes.
        blobs: Media type and bytes of each.
        subject: The image it is about.
    """
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": _MANIFEST}
    if artifact_type:
        document["artifactType"] = artifact_type
    document["config"] = _descriptor(config_type, config)
    document["layers"] = [_descriptor(media_type, blob) for media_type, blob in blobs]
    if subject is not None:
        document["subject"] = _descriptor(subject.media_type, subject.root)
    root = to_json(document)
    return Image(
        root, _MANIFEST, {digest_of(blob): blob for blob in (root, config, *(blob for _, blob in blobs))}, config
    )


def make_index(images: Sequence[Image]) -> Image:
    """An index over images of several platforms."""
    rows = [{**_descriptor(image.media_type, image.root), "platform": dict(image.platform)} for image in images]
    root = to_json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": rows})
    blobs = {digest: blob for image in images for digest, blob in image.blobs.items()}
    return Image(root, _INDEX, {**blobs, digest_of(root): root})


def oci_layout(images: Mapping[str, Image]) -> dict[str, bytes]:
    """The files of an OCI layout directory, by path; ``images`` by tag."""
    rows = [
        {**_descriptor(image.media_type, image.root), "annotations": {"org.opencontainers.image.ref.name": tag}}
        for tag, image in images.items()
    ]
    files = {
        "oci-layout": to_json({"imageLayoutVersion": "1.0.0"}),
        "index.json": to_json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": rows}),
    }
    for image in images.values():
        files.update((f"blobs/sha256/{digest.partition(':')[2]}", blob) for digest, blob in image.blobs.items())
    return files


def oci_archive(images: Mapping[str, Image]) -> bytes:
    """The same as one tar file."""
    return make_tar(oci_layout(images))


def docker_archive(images: Mapping[str, Image]) -> bytes:
    """What ``docker save`` of a classic store writes; ``images`` by ``NAME:TAG``."""
    files: dict[str, bytes] = {}
    rows = []
    for name, image in images.items():
        config = f"{image.image_id.partition(':')[2]}.json"
        paths = [f"{layer.diff_id.partition(':')[2]}/layer.tar" for layer in image.layers]
        files.update({config: image.config}, **dict(zip(paths, (layer.raw for layer in image.layers), strict=True)))
        rows.append({"Config": config, "RepoTags": [name], "Layers": paths})
    return make_tar({**files, "manifest.json": to_json(rows)})


def make_tar(files: Mapping[str, bytes]) -> bytes:
    """A tar without a clock, an owner or an order of its own."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o755 if path.startswith("bin/") else 0o644
            archive.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def filler(name: str, size_bytes: int) -> bytes:
    """Bytes that do not compress, always the same for a name."""
    return random.Random(name).randbytes(size_bytes)  # noqa: S311 - nothing secret


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(blob), "size": len(blob)}


def to_json(document: object) -> bytes:
    """A document as it is stored."""
    return json.dumps(document, separators=(",", ":")).encode()
