"""Large layers pass through: memory stays small, and nothing is left in temporary or staging directories."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from ocistore_tui.daemon.tar import TAR_END, tar_header, tar_padding
from ocistore_tui.errors import NoSpace
from ocistore_tui.model.digest import Digest
from tests.fakes.engine import FakeEngine, fake_engine
from tests.testbed import images
from tests.testbed.archives import Members
from tests.testbed.images import Image, layer
from tests.testbed.memory import peak_bytes
from tests.testbed.need import missing
from tests.testbed.opened import directory_service, pull, push

PIECE = random.Random(1).randbytes(1 << 20)
LAYER_MIB = 300
MEMORY_BYTES = 150_000_000
"""What the issue promises for a directory, whatever the image's size."""


def pieces() -> Iterator[bytes]:
    """A layer that does not shrink."""
    return (PIECE for _ in range(LAYER_MIB))


def _diff_id() -> str:
    running = hashlib.sha256()
    for piece in pieces():
        running.update(piece)
    return "sha256:" + running.hexdigest()


DIFF_ID = _diff_id()
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [DIFF_ID]}}
).encode()
ID = Digest.of(CONFIG)


def archive() -> Iterator[bytes]:
    """What an engine of version 20 exports."""
    yield from member("c" * 64 + "/layer.tar", LAYER_MIB << 20, pieces())
    yield from member(f"{ID.encoded}.json", len(CONFIG), iter([CONFIG]))
    manifest = [{"Config": f"{ID.encoded}.json", "RepoTags": ["big:1"], "Layers": ["c" * 64 + "/layer.tar"]}]
    raw = json.dumps(manifest).encode()
    yield from member("manifest.json", len(raw), iter([raw]))
    yield TAR_END


def member(name: str, size_bytes: int, data: Iterator[bytes]) -> Iterator[bytes]:
    yield tar_header(name, size_bytes)
    yield from data
    yield tar_padding(size_bytes)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path) as running:
        running.hold("big:1", str(ID), [DIFF_ID], Os="linux", Architecture="amd64")
        running.export = archive
        running.load = lambda: [b'{"stream":"Loaded image: big:1"}']
        yield running


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary directory of the work, which is empty when it is done."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    yield place
    assert os.listdir(place) == []


MOVE = """
import sys
from pathlib import Path
from tests.testbed.need import missing
from tests.testbed.opened import directory_service, pull, push
verb, store, host, image = sys.argv[1:]
with directory_service(Path(store), docker_host=host) as service:
    result = {"push": push, "pull": pull}[verb](service, "big:1", image)
    assert result.layers
"""


def moved(verb: str, tmp_path: Path, host: str, image: str) -> int:
    """Peak memory of a push or pull in a process of its own; afterwards the store holds nothing unfinished."""
    peak = peak_bytes(MOVE, verb, str(tmp_path / "store"), host, image)
    names = {path.name for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert names - {"lock"} == {"data", "link"}
    return peak


@pytest.mark.parametrize("source", ["engine", "docker-archive", "docker-archive, gzip", "oci"])
def test_a_large_layer_is_pushed_in_little_memory(
    source: str, engine: FakeEngine, temporary: Path, tmp_path: Path
) -> None:
    image = "big:1"
    if source == "docker-archive":
        image = f"docker-archive:{tmp_path / 'big.tar'}"
        with (tmp_path / "big.tar").open("wb") as file:
            file.writelines(archive())
    elif source == "docker-archive, gzip":
        from isal import igzip

        image = f"docker-archive:{tmp_path / 'big.tar'}"
        with igzip.open(tmp_path / "big.tar", "wb", compresslevel=0) as file:
            file.writelines(archive())
    elif source == "oci":
        with directory_service(tmp_path / "first", docker_host=engine.host) as service:
            push(service, "big:1")
            pull(service, "big:1", f"oci:{tmp_path / 'layout'}")
        image = f"oci:{tmp_path / 'layout'}"
    assert moved("push", tmp_path, engine.host, image) < MEMORY_BYTES


@pytest.mark.parametrize("target", ["engine", "docker-archive", "oci-archive", "oci"])
def test_a_large_layer_is_pulled_in_little_memory(
    target: str, engine: FakeEngine, temporary: Path, tmp_path: Path
) -> None:
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        push(service, "big:1")
    engine.hold("big:1", str(ID), [])  # so that it lacks the layer
    image = "big:1" if target == "engine" else f"{target}:{tmp_path / 'out'}"
    assert moved("pull", tmp_path, engine.host, image) < MEMORY_BYTES
    if target == "engine":
        assert engine.loaded[0] > LAYER_MIB << 20


def test_a_layer_that_is_recoded_for_an_old_engine_leaves_nothing(
    engine: FakeEngine, temporary: Path, tmp_path: Path
) -> None:
    blob = zstandard.ZstdCompressor(level=1).compress(PIECE * LAYER_MIB)
    manifest = {
        "schemaVersion": 2,
        "mediaType": images.OCI_MANIFEST,
        "config": images.descriptor(images.OCI_CONFIG, CONFIG),
        "layers": [images.descriptor(images.OCI_LAYER + "+zstd", blob)],
    }
    raw = json.dumps(manifest).encode()
    members = Members(images.layout_members({"1": (images.OCI_MANIFEST, raw)}, [CONFIG, blob]))
    engine.api = "1.41"
    engine.hold("big:1", str(ID), [])
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        push(service, "big:1", f"oci:{images.oci_layout(tmp_path / 'layout', members)}")
    assert moved("pull", tmp_path, engine.host, "big:1") < MEMORY_BYTES
    assert engine.loaded[0] > LAYER_MIB << 20
    assert f"{Digest.of(blob).encoded}.tar.gz".encode() in engine.last_archive


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory with room for 400 kB."""
    if os.geteuid() != 0:
        missing("root", "mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        missing("mount", "this machine does not let us mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci"])
def test_a_full_disk_is_told_and_nothing_is_left(form: str, small_disk: Path, tmp_path: Path) -> None:
    image = Image((layer("one", 100_000), layer("two", 900_000)))
    with directory_service(tmp_path / "store") as service:
        push(service, "app:1", f"oci-archive:{images.oci_archive(tmp_path / 'made.tar', '1', image)}")
        with pytest.raises(NoSpace) as caught:
            pull(service, "app:1", f"{form}:{small_disk / 'out'}")
    assert caught.value.cause == "No space left on device"
    assert not list(small_disk.rglob("*.tmp"))
    assert not list(small_disk.rglob("index.json"))
    assert form == "oci" or os.listdir(small_disk) == []


def test_a_full_temporary_directory_is_told(
    small_disk: Path, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a layer is recoded for an engine that cannot read zstd."""
    image = Image((layer("one", 900_000),), coding="zstd")
    engine.api = "1.41"
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        push(service, "app:1", f"oci-archive:{images.oci_archive(tmp_path / 'made.tar', '1', image)}")
        monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
        with pytest.raises(NoSpace, match="recompress") as caught:
            pull(service, "app:1")
        monkeypatch.setattr(tempfile, "tempdir", str(small_disk / "none"))
        with pytest.raises(NoSpace, match="recompress"):
            pull(service, "app:1")
    assert "TMPDIR" in caught.value.fix
    assert os.listdir(small_disk) == []
    assert engine.loaded == []
