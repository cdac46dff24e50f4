"""Small real images, made here: the same arguments always make the same bytes."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from ocistore_tui.model.digest import Digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def layer(name: str, size_bytes: int = 20_000) -> bytes:
    """An uncompressed layer with one file of noise, so that it does not shrink."""
    return tar_of([(f"files/{name}", random.Random(name).randbytes(size_bytes))])


def tar_of(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A tar archive of regular files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return target.getvalue()


def compressed(raw: bytes, coding: str) -> bytes:
    """A layer as ``gzip``, ``zstd`` or ``""``."""
    if coding == "gzip":
        return gzip.compress(raw, 6, mtime=0)
    return zstandard.ZstdCompressor().compress(raw) if coding == "zstd" else raw


def descriptor(media_type: str, raw: bytes, **more: Any) -> dict[str, Any]:
    """Names these bytes."""
    return {"mediaType": media_type, "digest": str(Digest.of(raw)), "size": len(raw), **more}


def path_of(raw: bytes) -> str:
    """Where these bytes lie in a layout."""
    return f"blobs/sha256/{Digest.of(raw).encoded}"


@dataclass(frozen=True)
class Image:
    """One image with everything that belongs to it."""

    layers: tuple[bytes, ...]
    """Raw."""
    coding: str = "gzip"
    architecture: str = "amd64"
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> bytes:
        """The config's bytes."""
        return json.dumps(
            {
                "architecture": self.architecture,
                "os": "linux",
                "created": "2026-01-02T03:04:05Z",
                "config": {"Cmd": ["/bin/app"], "Labels": self.labels},
                "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(raw)) for raw in self.layers]},
                "history": [{"created_by": f"step {number}"} for number in range(len(self.layers))],
            }
        ).encode()

    @property
    def blobs(self) -> tuple[bytes, ...]:
        """The layers as they are stored."""
        return tuple(compressed(raw, self.coding) for raw in self.layers)

    @property
    def manifest(self) -> bytes:
        """The manifest's bytes: spaced in a way no encoder of ours would, to see that they are kept."""
        layer_type = OCI_LAYER + (f"+{self.coding}" if self.coding else "")
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, self.config),
            "layers": [descriptor(layer_type, blob) for blob in self.blobs],
        }
        return json.dumps(document, indent=3).encode()

    @property
    def id(self) -> Digest:
        """The config's digest."""
        return Digest.of(self.config)

    @property
    def digest(self) -> Digest:
        """The manifest's digest."""
        return Digest.of(self.manifest)

    @property
    def contents(self) -> list[bytes]:
        """Everything a layout holds of it."""
        return [self.manifest, self.config, *dict.fromkeys(self.blobs)]


def index_of(images: Sequence[Image], *, more: Sequence[dict[str, Any]] = ()) -> bytes:
    """The index of several platforms."""
    children = [
        descriptor(OCI_MANIFEST, image.manifest, platform={"os": "linux", "architecture": image.architecture})
        for image in images
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*children, *more]}).encode()


def docker_archive(path: Path, images: dict[str, Image], *, leave_out: Iterable[bytes] = ()) -> Path:
    """What ``docker save`` of engines up to 24 writes, in its words: raw layers, ``manifest.json``, no manifest."""
    members: dict[str, bytes] = {}
    listed = []
    for name, image in images.items():
        members[f"{image.id.encoded}.json"] = image.config
        for raw in image.layers:
            if raw not in leave_out:
                members[f"{Digest.of(raw).encoded}/layer.tar"] = raw
        layers = [f"{Digest.of(raw).encoded}/layer.tar" for raw in image.layers]
        listed.append({"Config": f"{image.id.encoded}.json", "RepoTags": [name], "Layers": layers})
    members["manifest.json"] = json.dumps(listed).encode()
    path.write_bytes(tar_of(members.items()))
    return path


def layout_members(roots: dict[str, tuple[str, bytes]], blobs: Iterable[bytes]) -> dict[str, bytes]:
    """The files of an OCI layout: roots by tag as (media type, bytes)."""
    children = [
        descriptor(kind, raw, annotations={"org.opencontainers.image.ref.name": tag})
        for tag, (kind, raw) in roots.items()
    ]
    members = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": children}).encode()
    members.update((path_of(raw), raw) for raw in (*(raw for _, raw in roots.values()), *blobs))
    return members


def oci_archive(path: Path, tag: str, image: Image) -> Path:
    """An OCI archive of one image."""
    path.write_bytes(tar_of(layout_members({tag: (OCI_MANIFEST, image.manifest)}, image.contents).items()))
    return path


def oci_layout(directory: Path, members: dict[str, bytes]) -> Path:
    """An OCI layout directory of these files."""
    for name, raw in members.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
    return directory
