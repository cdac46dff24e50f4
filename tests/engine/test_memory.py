"""Images far larger than the memory pass through it: it stays what the issue promises, whatever their size."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.model.digest import Digest
from ocistore_tui.wiring import Place, open_service
from tests.testbed import images, servers
from tests.testbed.memory import peak_bytes

MIB = 1024 * 1024
PIECE = random.Random(1).randbytes(MIB)
DIRECTORY_BYTES = 150_000_000
S3_BYTES = 250_000_000

MOVE = """
    import json, sys
    from ocistore_tui.wiring import Place, open_service
    from tests.testbed.opened import pull, push

    verb, place, image = sys.argv[1:]
    with open_service(Place(**json.loads(place))) as service:
        (push if verb == "push" else pull)(service, "big:1", image)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """For large files: emptied at once, because pytest would keep three of them."""
    inner = tmp_path / "large"
    inner.mkdir()
    yield inner
    shutil.rmtree(inner)


def write_layer(path: Path, name: str, size_mib: int) -> Digest:
    """Bytes that do not shrink, other ones for every name."""
    hashed = hashlib.sha256()
    with path.open("wb") as file:
        for piece in (name.encode(), *(PIECE for _ in range(size_mib))):
            hashed.update(piece)
            file.write(piece)
    return Digest.from_hex(hashed.hexdigest())


def config_of(diff_ids: list[Digest]) -> bytes:
    return json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": diff_ids}}).encode()


def oci_layout(directory: Path, size_mib: int) -> str:
    """An OCI layout with one large layer."""
    directory.mkdir()
    digest = write_layer(directory / "layer", "one", size_mib)
    size_bytes = (directory / "layer").stat().st_size
    config = config_of([digest])
    manifest = {
        "schemaVersion": 2, "mediaType": images.OCI_MANIFEST, "config": images.descriptor(images.OCI_CONFIG, config),
        "layers": [{"mediaType": f"{images.OCI_LAYER}+gzip", "digest": digest, "size": size_bytes}],
    }  # fmt: skip
    roots = {"1": (images.OCI_MANIFEST, json.dumps(manifest).encode())}
    images.oci_layout(directory, images.layout_members(roots, [config]))
    (directory / "layer").rename(directory / "blobs" / "sha256" / digest.encoded)
    return f"oci:{directory}"


def docker_archive(path: Path, layers: int, size_mib: int) -> str:
    """A docker archive with several large layers."""
    digests: list[Digest] = []
    with tarfile.open(path, "w") as tar:
        for number in range(layers):
            layer = path.with_name("layer")
            digests.append(write_layer(layer, f"{number}", size_mib))
            tar.add(layer, f"{digests[-1].encoded}/layer.tar")
            layer.unlink()
        config = config_of(digests)
        named = {"Config": "config.json", "RepoTags": ["big:1"], "Layers": [f"{d.encoded}/layer.tar" for d in digests]}
        for name, raw in {"config.json": config, "manifest.json": json.dumps([named]).encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return f"docker-archive:{path}"


def peaks(place: dict[str, Any], source: str, target: str) -> dict[str, int]:
    """Bytes at the peak of a push and of a pull."""
    return {
        verb: peak_bytes(MOVE, verb, json.dumps(place), image) for verb, image in (("push", source), ("pull", target))
    }


def test_one_layer_of_600_mb_through_a_directory(directory: Path) -> None:
    place = {"backend": "fs", "options": {"dir": str(directory / "store")}}
    seen = peaks(place, oci_layout(directory / "in", 600), f"oci:{directory / 'out'}")
    assert max(seen.values()) < DIRECTORY_BYTES, seen


def test_four_large_layers_through_a_directory(directory: Path) -> None:
    place = {"backend": "fs", "options": {"dir": str(directory / "store")}}
    seen = peaks(place, docker_archive(directory / "in.tar", 4, 100), f"docker-archive:{directory / 'out.tar'}")
    assert max(seen.values()) < DIRECTORY_BYTES, seen


def test_four_large_layers_through_s3(directory: Path, moto: str) -> None:
    """All of them are in flight at once, each in parts that are."""
    access, secret = servers.S3_KEYS
    options = {"endpoint": moto, "access_key": access, "secret_key": secret}
    place: dict[str, Any] = {"backend": "s3", "bucket": servers.make_bucket(moto), "options": options}
    seen = peaks(place, docker_archive(directory / "in.tar", 4, 100), f"docker-archive:{directory / 'out.tar'}")
    assert max(seen.values()) < S3_BYTES, seen
    with open_service(Place(**place)) as service:
        store = service._context.store
        store.delete([entry.key for entry in store.list_entries("")])
