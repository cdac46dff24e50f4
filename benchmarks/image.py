"""The image the benchmarks move: a docker-archive like a real application's, and variants nobody has seen before.

0.7 GB in four layers: a minimal Debian, a ``node_modules``, a Python environment with large packages, random bytes. It
is built once, from this machine's own package sources, and kept in the work directory.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.trees import debian_tree, node_tree, python_tree, standard_library_tree

MIB = 1024 * 1024
TOP_BYTES = MIB
CREATED = "2024-05-01T12:00:00Z"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as it goes into an archive: a few bytes of its own, then a stored one."""

    prefix: bytes
    """Whole tar members that come before the stored ones."""
    stored: IO[bytes]
    size_bytes: int
    """Of the stored part."""
    created_by: str


def build_image(work: Path, *, tiny: bool = False) -> Path:
    """The docker-archive to measure with, built now or earlier; ``tiny`` is one of a few MB, made without network.

    Raises:
        RuntimeError: a tool or a package could not be had; says which.
    """
    image = work / ("tiny.tar" if tiny else "image.tar")
    if image.exists():
        return image
    trees = work / "trees"
    trees.mkdir(parents=True, exist_ok=True)
    if tiny:
        made = [(standard_library_tree(trees, name), f"COPY {name} /opt/{name}") for name in ("email", "json")]
    else:
        made = [
            (debian_tree(trees / "debian"), "ADD debian /"),
            (node_tree(trees / "node"), "RUN npm install"),
            (python_tree(trees / "python"), "RUN pip install"),
        ]
    packed: list[tuple[Path, str]] = []
    for number, (tree, created_by) in enumerate(made):
        packed.append((_pack(tree, work / f"layer-{number}.tar"), created_by))
    top = work / "layer-top.tar"
    top.write_bytes(_top("image"))
    packed.append((top, "COPY settings.bin /opt/settings.bin"))
    files = [path.open("rb") for path, _ in packed]
    layers = [
        Layer(b"", file, path.stat().st_size, created_by)
        for file, (path, created_by) in zip(files, packed, strict=True)
    ]
    _write_archive(image, layers, name="bench/base:1")
    for file, (path, _) in zip(files, packed, strict=True):
        file.close()
        path.unlink()
    return image


def make_variant(
    image: Path, archive: Path, *, name: str, unique: str, only_top: bool = False, base: str | None = None
) -> None:
    """Write a docker-archive of an image that differs from ``image``; the same for the same words, whenever it is made.

    Args:
        image: A docker-archive with uncompressed layers.
        archive: Where to write; replaced.
        name: The image's name in the archive.
        unique: What makes it differ: every layer begins with a small file of this text.
        only_top: All layers but the top one are those of the variant ``base``; the top one is new, about 1 MB.
        base: The ``unique`` of that variant.
    """
    below = base if only_top and base is not None else unique
    with _layers_of(image) as stored:
        layers = [
            Layer(_member(f".bench-{number}", f"{below} {number}\n".encode()), file, size, created_by)
            for number, (file, size, created_by) in enumerate(stored)
        ]
        if only_top:
            top = _top(unique)
            layers[-1] = Layer(b"", io.BytesIO(top), len(top), layers[-1].created_by)
        _write_archive(archive, layers, name=name)


def layer_count(image: Path) -> int:
    """How many layers a docker-archive has."""
    with _layers_of(image) as layers:
        return len(layers)


@contextmanager
def _layers_of(image: Path) -> Iterator[list[tuple[IO[bytes], int, str]]]:
    """The layers of a docker-archive, bottom first: file, size, and what made it."""
    with tarfile.open(image, "r:") as archive:
        [manifest] = json.load(_open(archive, "manifest.json"))
        config = json.load(_open(archive, manifest["Config"]))
        steps = [step.get("created_by", "") for step in config.get("history", ()) if not step.get("empty_layer")]
        found: list[tuple[IO[bytes], int, str]] = []
        for number, path in enumerate(manifest["Layers"]):
            file = _open(archive, path)
            if file.read(2) == b"\x1f\x8b":
                raise RuntimeError(f"{image}: layer {number} is compressed; save the image from a classic Docker store")
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            found.append((file, size, steps[number] if number < len(steps) else ""))
        yield found


def _open(archive: tarfile.TarFile, path: str) -> IO[bytes]:
    member = archive.getmember(path)
    while member.issym():  # Docker 20.10 saves a layer two images share as a link
        member = archive.getmember(str(Path(member.name).parent.joinpath(member.linkname)).replace("/../", "/"))
    file = archive.extractfile(member)
    if file is None:
        raise RuntimeError(f"{path} is not a file of the archive")
    return file


def _write_archive(archive: Path, layers: list[Layer], *, name: str) -> None:
    partial = archive.with_suffix(".partial")
    with partial.open("wb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        diff_ids: list[str] = []
        paths: list[str] = []
        for number, layer in enumerate(layers):
            path = f"{number}/layer.tar"
            member = tarfile.TarInfo(path)
            member.size = len(layer.prefix) + layer.size_bytes
            reader = _Hashed(layer)
            tar.addfile(member, reader)
            diff_ids.append(f"sha256:{reader.running.hexdigest()}")
            paths.append(path)
        config = json.dumps(_config(layers, diff_ids)).encode()
        config_path = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = json.dumps([{"Config": config_path, "RepoTags": [name], "Layers": paths}]).encode()
        for path, content in ((config_path, config), ("manifest.json", manifest)):
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    partial.replace(archive)


class _Hashed:
    """Reads a layer, prefix first, and hashes what it hands out."""

    def __init__(self, layer: Layer) -> None:
        self._prefix, self._stored = io.BytesIO(layer.prefix), layer.stored
        self.running = hashlib.sha256()

    def read(self, size_bytes: int) -> bytes:
        chunk = self._prefix.read(size_bytes)
        chunk += self._stored.read(size_bytes - len(chunk))
        self.running.update(chunk)
        return chunk


def _config(layers: list[Layer], diff_ids: list[str]) -> dict[str, object]:
    history: list[dict[str, object]] = [{"created": CREATED, "created_by": layer.created_by} for layer in layers]
    history.append({"created": CREATED, "created_by": 'CMD ["/bin/sh"]', "empty_layer": True})
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": CREATED,
        "config": {
            "Cmd": ["/bin/sh"],
            "Env": ["PATH=/opt/python/bin:/usr/local/bin:/usr/bin:/bin", "NODE_PATH=/opt/node/node_modules"],
            "Labels": {"org.opencontainers.image.title": "bench", "org.opencontainers.image.version": "1"},
        },
        "history": history,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def _pack(tree: Path, target: Path) -> Path:
    """A tree as a layer: sorted, without device nodes, under the name it has in the image."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(tree, arcname="" if tree.name == "debian" else f"opt/{tree.name}", filter=_portable)
    return target


def _portable(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # What says where this machine gets its packages from stays here.
    if member.name.startswith(("etc/apt", "var/lib/apt/lists/", "etc/resolv.conf", "etc/host", "proc/", "sys/")):
        return None
    member.mtime = int(member.mtime)
    return member if member.isfile() or member.isdir() or member.issym() or member.islnk() else None


def _top(seed: str) -> bytes:
    return _member("opt/settings.bin", random.Random(seed).randbytes(TOP_BYTES)) + bytes(2 * tarfile.BLOCKSIZE)


def _member(path: str, content: bytes) -> bytes:
    """One file as a tar holds it, without the end of an archive."""
    member = tarfile.TarInfo(path)
    member.size = len(content)
    return member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)
