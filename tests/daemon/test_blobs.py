"""Compressed layers, small documents and names: garbage is an IntegrityError, and the right ones are found."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ocistore_tui.daemon.blobs import HeldDocuments, blob_digest, is_document, raw_layer
from ocistore_tui.daemon.documents import (
    familiar,
    gather,
    normalised,
    parse_archive_manifest,
    parse_layout_index,
)
from ocistore_tui.daemon.legacy import v1_names
from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, compressed, layer

RAW = random.Random(3).randbytes(3_000_000) + bytes(2_000_000)


def unpacked(data: bytes, size: int) -> bytes:
    """The raw bytes of a layer that comes in pieces of a size."""
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(raw_layer(pieces)[1])


@pytest.mark.parametrize("size", [4, 1000, 1 << 20, 1 << 30])
@pytest.mark.parametrize("coding", ["gzip", "zstd", ""])
def test_layers_come_out_raw_whatever_they_were(coding: str, size: int) -> None:
    raw = RAW[2_990_000:3_200_000] if size < 10 else RAW
    data = compressed(raw, coding)
    assert raw_layer([data])[0] == bool(coding)
    assert unpacked(data, size) == raw


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_members_and_frames_may_follow_one_another(coding: str) -> None:
    """As parallel compressors write them, stargz and zstd:chunked among them."""
    parts = [compressed(RAW[at : at + 1_000_000], coding) for at in range(0, len(RAW), 1_000_000)]
    if coding == "zstd":
        parts.insert(1, b"\x50\x2a\x4d\x18" + (7).to_bytes(4, "little") + b"skipped")
    for size in (1000, 1 << 20):
        assert unpacked(b"".join(parts), size) == RAW
    if coding == "gzip":
        assert unpacked(b"".join(parts) + bytes(5000), 1000) == RAW, "padding"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_layer_cut_off_anywhere_is_damaged_or_shorter(coding: str) -> None:
    """Shorter is enough for zstd: its diff ID, or the tar in it, tells."""
    raw = RAW[2_900_000:3_100_000]
    data = compressed(raw, coding)
    for length in (*range(4, 40, 3), *range(100, len(data), len(data) // 20), len(data) - 9, len(data) - 1):
        if coding == "gzip":
            with pytest.raises(IntegrityError, match="damaged"):
                unpacked(data[:length], 1 << 16)
        else:
            assert len(unpacked(data[:length], 1 << 16)) < len(raw)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08\x00"]), st.binary(max_size=300))
def test_garbage_that_looks_compressed_is_damaged(magic: bytes, data: bytes) -> None:
    try:
        unpacked(magic + data, 64)
    except IntegrityError as error:
        assert error.fix  # noqa: PT017  # the rare data that is sound after all may pass


def test_flipped_bits_in_a_checksummed_layer_are_damaged() -> None:
    data = bytearray(gzip.compress(RAW[:50_000], mtime=0))
    for at in range(10, len(data), 4999):
        data[at] ^= 4
        with pytest.raises(IntegrityError):
            unpacked(bytes(data), 1000)
        data[at] ^= 4


def test_a_window_beyond_what_decoders_have_to_support_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True, compression_level=1)
    data = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(IntegrityError):
        unpacked(data.compress(RAW) + data.flush(), 1 << 20)


# Documents.


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just("sha256:" + "a" * 64)),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["Config", "RepoTags", "Layers", "schemaVersion", "manifests", "digest", "size", "x"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ).map(lambda document: json.dumps(document).encode()),
    )
)
def test_documents_of_any_form_are_read_or_refused(raw: bytes) -> None:
    assert is_document(raw) in (True, False)
    for parse in (parse_archive_manifest, parse_layout_index):
        try:
            assert isinstance(parse(raw, where="x"), tuple)
        except IntegrityError as error:
            assert (error.where, bool(error.fix)) == ("x", True)  # noqa: PT017


@pytest.mark.parametrize(
    ("raw", "is_one"),
    [
        (Image((b"x",)).manifest, True),
        (Image((b"x",)).config, True),
        (images.index_of([]), True),
        (b"{}", False),
        (b'{"spdxVersion":"SPDX-2.3"}', False),
        (b"[]", False),
        (b"", False),
        (b"\xff{", False),
        (b"{" * 100_000, False),
        (b'{"rootfs":', False),
    ],
)
def test_documents_are_known_by_their_form(raw: bytes, is_one: bool) -> None:
    assert is_document(raw) == is_one


@pytest.mark.parametrize(
    ("path", "digest"),
    [
        ("blobs/sha256/" + "a" * 64, "sha256:" + "a" * 64),
        ("blobs/sha512/" + "a" * 128, "sha512:" + "a" * 128),
        ("blobs/sha256/" + "a" * 63, None),
        ("blobs/sha256/" + "A" * 64, None),
        ("blobs/md5/" + "a" * 32, None),
        ("x/blobs/sha256/" + "a" * 64, None),
        ("blobs/sha256/" + "a" * 64 + ".tar.gz", None),
        ("blobs/sha256/" + "a" * 64 + "\n", None),
    ],
)
def test_blobs_are_known_by_their_path(path: str, digest: str | None) -> None:
    assert blob_digest(path) == digest


def test_documents_are_held_up_to_a_limit() -> None:
    held = HeldDocuments()
    for number in range(64):
        held.keep(Digest.of(b"%d" % number), bytes(1 << 20))
    with pytest.raises(IntegrityError, match="too many documents"):
        held.keep(Digest.of(b"one more"), b"x")
    assert len(held) == 64


def test_a_document_is_believed_only_with_its_digest() -> None:
    image = Image((b"x",))
    root = Descriptor(media_type=images.OCI_MANIFEST, digest=image.digest, size=len(image.manifest))
    sound = {image.digest: image.manifest, image.id: image.config}
    assert gather(root, sound.get, where="x") == sound
    for digest in sound:
        with pytest.raises(IntegrityError, match="not what its digest says"):
            gather(root, {**sound, digest: sound[digest] + b" "}.get, where="x")


# Names.


@pytest.mark.parametrize(
    ("given_name", "short", "long"),
    [
        ("app:1", "app:1", "docker.io/library/app:1"),
        ("app", "app:latest", "docker.io/library/app:latest"),
        ("rt/app:1", "rt/app:1", "docker.io/rt/app:1"),
        ("docker.io/library/app:1", "app:1", "docker.io/library/app:1"),
        ("docker.io/rt/app:1", "rt/app:1", "docker.io/rt/app:1"),
        ("localhost/app:1", "localhost/app:1", "localhost/app:1"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        ("ghcr.io/a/b", "ghcr.io/a/b:latest", "ghcr.io/a/b:latest"),
    ],
)
def test_names_as_docker_shows_them_and_as_containerd_keeps_them(given_name: str, short: str, long: str) -> None:
    assert familiar(given_name) == short
    assert normalised(familiar(given_name)) == long


@pytest.mark.xdist_group("engines")
def test_layers_in_the_export_of_an_old_engine_are_known_by_their_names(docker_classic: str, tmp_path: Path) -> None:
    """Else a push would read and hash what it may drop."""
    name = f"rt/v1-{Digest.of(str(tmp_path).encode()).short}:1"
    image = Image(tuple(layer(f"{name}{number}", 2000) for number in range(5)))
    client(docker_classic, "load", "-i", str(images.docker_archive(tmp_path / "in.tar", {name: image})))
    client(docker_classic, "save", "-o", str(tmp_path / "out.tar"), name)
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "out.tar").read_bytes())) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        layers = [path.partition("/")[0] for path in json.loads(manifest.read())[0]["Layers"]]
    known = v1_names([Digest.of(raw) for raw in image.layers])
    assert list(known) == layers[:-1]
    assert list(known.values()) == [Digest.of(raw) for raw in image.layers[:-1]]
