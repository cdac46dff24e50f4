"""The same raw layer always becomes the same blob, however it arrives and however many threads there are."""

import gzip
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocistore_tui.engine import codec
from ocistore_tui.engine.codec import BLOCK_BYTES, compress_layer


def compress(data: bytes, piece_bytes: int, threads: int = 2):
    out: list[bytes] = []
    with ThreadPoolExecutor(threads) as pool:
        pieces = (data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes))
        result = compress_layer(pieces, out.append, pool=pool)
    return result, b"".join(out)


@pytest.fixture(scope="module")
def layer() -> bytes:
    return os.urandom(3 * 1024 * 1024) + b"the same words again and again " * 200_000


@pytest.mark.parametrize(
    "piece_bytes", [1000, 32 * 1024, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 64 * 1024 * 1024]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_result_does_not_depend_on_pieces_or_threads(layer: bytes, piece_bytes: int, threads: int) -> None:
    expected, blob = compress(layer, 7 * 1024 * 1024, threads=2)
    result, again = compress(layer, piece_bytes, threads)
    assert result == expected
    assert again == blob


def test_blob_is_plain_gzip_with_honest_numbers(layer: bytes) -> None:
    result, blob = compress(layer, 100_000)
    assert gzip.decompress(blob) == layer
    assert result.diff_id == "sha256:" + hashlib.sha256(layer).hexdigest()
    assert result.digest == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert (result.raw_bytes, result.size_bytes) == (len(layer), len(blob))


def test_golden_digest_guards_the_format() -> None:
    """A change here means every layer ever pushed would be pushed again under another digest."""
    result, _ = compress(b"ocistore" * 1_000_000, 65536)
    assert result.digest == "sha256:b2c733e7bccb8f82a6bbf3e7478f9714e20159dceeb8137d36bb52bc005cd056"


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 4000))
def test_any_small_layer_survives(data: bytes, piece_bytes: int) -> None:
    result, blob = compress(data, piece_bytes)
    assert gzip.decompress(blob) == data
    assert result.raw_bytes == len(data)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.lists(st.integers(0, 300)), st.integers(1, 4))
def test_the_blob_of_a_layer_is_the_same_however_it_was_cut(data: bytes, cuts: list[int], threads: int) -> None:
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    whole: list[bytes] = []
    cut_up: list[bytes] = []
    # Blocks this small are crossed again and again.
    with ThreadPoolExecutor(threads) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "BLOCK_BYTES", 128)
        assert compress_layer([data], whole.append, pool=pool) == compress_layer(
            [*pieces, rest], cut_up.append, pool=pool
        )
    assert b"".join(whole) == b"".join(cut_up)
    assert gzip.decompress(b"".join(whole)) == data


def test_an_error_of_the_source_passes_through() -> None:
    def broken():
        yield b"x" * (5 * BLOCK_BYTES)
        raise ConnectionError("gone")

    with ThreadPoolExecutor(2) as pool, pytest.raises(ConnectionError):
        compress_layer(broken(), lambda data: None, pool=pool)
