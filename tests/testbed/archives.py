"""Image archives in the words of every program that writes them (docker-api.md §3), made here without it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ocistore_tui.model.digest import Digest
from tests.testbed.images import OCI_MANIFEST, Image, compressed, descriptor, path_of

CONTAINERD_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"


class Members(dict[str, bytes]):
    """Files of an archive by name; a value that begins with ``->`` is a symbolic link."""

    def tar(self, *, order: Callable[[list[str]], list[str]] = sorted) -> bytes:
        """The archive; engines sort names."""
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as tar:
            for name in order(list(self)):
                raw = self[name]
                info = tarfile.TarInfo(name)
                if raw.startswith(b"->"):
                    info.type, info.linkname = tarfile.SYMTYPE, raw[2:].decode()
                    tar.addfile(info)
                else:
                    info.size = len(raw)
                    tar.addfile(info, io.BytesIO(raw))
        return target.getvalue()

    def write(self, path: Path, *, coding: str = "") -> Path:
        """The archive as a file, compressed as a whole if asked for."""
        path.write_bytes(compressed(self.tar(), coding))
        return path


def docker_20(named: Mapping[str, Image], *, layer_coding: str = "") -> Members:
    """Engines up to 24: v1 ids, a layer that stands twice is a symbolic link the second time."""
    members, listed = Members(), []
    for name, image in named.items():
        layers: list[str] = []
        seen: dict[bytes, str] = {}
        for number, raw in enumerate(image.layers):
            v1 = hashlib.sha256(image.id.encode() + bytes([number])).hexdigest()
            members[f"{v1}/VERSION"], members[f"{v1}/json"] = b"1.0", json.dumps({"id": v1}).encode()
            link = f"->../{seen[raw]}/layer.tar".encode() if raw in seen else b""
            members[f"{v1}/layer.tar"] = link or compressed(raw, layer_coding)
            seen.setdefault(raw, v1)
            layers.append(f"{v1}/layer.tar")
        members[f"{image.id.encoded}.json"] = image.config
        listed.append({"Config": f"{image.id.encoded}.json", "RepoTags": [name] if name else None, "Layers": layers})
    members["manifest.json"] = json.dumps(listed).encode()
    members["repositories"] = b"{}"
    return members


def docker_26(name: str, image: Image) -> Members:
    """Classic stores from 25 on: raw layers named by diff ID below ``blobs``, and a manifest made up at export."""
    members = Members({path_of(raw): raw for raw in (*image.layers, image.config)})
    made_up = Image(image.layers, coding="", architecture=image.architecture, labels=image.labels).manifest
    members[path_of(made_up)] = made_up
    return _layout(members, made_up, name, image, [path_of(raw) for raw in image.layers])


def containerd(name: str, image: Image) -> Members:
    """Containerd stores: the image's own manifest, and layers as they were pulled."""
    members = Members({path_of(raw): raw for raw in image.contents})
    return _layout(members, image.manifest, name, image, [path_of(raw) for raw in image.blobs])


def podman(name: str, image: Image) -> Members:
    """``podman save``: layers at the root by diff ID, legacy directories with links to them."""
    members = Members({f"{image.id.encoded}.json": image.config})
    layers = [f"{Digest.of(raw).encoded}.tar" for raw in image.layers]
    for path, raw in zip(layers, image.layers, strict=True):
        members[path] = raw
        members[f"{hashlib.sha256(path.encode()).hexdigest()}/layer.tar"] = f"->../{path}".encode()
    listed = [{"Config": f"{image.id.encoded}.json", "RepoTags": [name], "Layers": layers}]
    members["manifest.json"] = json.dumps(listed).encode()
    return members


def crane(name: str, image: Image) -> Members:
    """go-containerregistry (crane, ko, bazel): the config is called by its digest, layers are gzip."""
    config = str(image.id)
    layers = [f"{Digest.of(raw).encoded}.tar.gz" for raw in image.blobs]
    members = Members({config: image.config, **dict(zip(layers, image.blobs, strict=True))})
    members["manifest.json"] = json.dumps([{"Config": config, "RepoTags": [name], "Layers": layers}]).encode()
    return members


def _layout(members: Members, manifest: bytes, name: str, image: Image, layers: list[str]) -> Members:
    tag = name.rpartition(":")[2]
    annotations = {CONTAINERD_NAME: f"docker.io/{name}", REF_NAME: tag}
    root = descriptor(OCI_MANIFEST, manifest, annotations=annotations)
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [root]}).encode()
    members["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    listed = [{"Config": path_of(image.config), "RepoTags": [name], "Layers": layers}]
    members["manifest.json"] = json.dumps(listed).encode()
    return members
