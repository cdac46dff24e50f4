"""Deterministic layer compression: the same raw layer always becomes the same gzip blob.

The layer is cut into blocks of 2 MiB counted from its start; each becomes raw deflate of its own, ended by a sync
flush, and all of them stand in one gzip member behind a fixed header. So the result depends neither on the number of
threads nor on the sizes the bytes arrive in (a compressor fed with a stream depends on both), for 0.15 % more bytes.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from isal import isal_zlib
from msgspec import Struct

from ocistore_tui.model.digest import Digest

BLOCK_BYTES = 2 * 1024 * 1024
LEVEL = 2
_AHEAD = 4
"""Blocks in flight at most, so memory is about ``2 * _AHEAD * BLOCK_BYTES``."""
_HEADER = bytes.fromhex("1f8b08000000000000ff")
"""Magic, deflate, no flags, no time, no extra flags, unknown system (RFC 1952 §2.3)."""


class Compressed(Struct, frozen=True):
    """A layer before and after."""

    diff_id: Digest
    raw_bytes: int
    digest: Digest
    size_bytes: int


def compress_layer(
    chunks: Iterable[bytes], write: Callable[[bytes], object], *, pool: ThreadPoolExecutor
) -> Compressed:
    """Compress a layer into ``write``, hashing both sides on the way.

    Args:
        chunks: The raw layer, in pieces of any size. What they raise passes through.
        write: Takes the compressed bytes in order.
        pool: Where blocks are compressed; reading, hashing and writing stay in this thread.
    """
    raw_hash, blob_hash = hashlib.sha256(), hashlib.sha256()
    raw_bytes = size_bytes = checksum = 0

    def emit(data: bytes) -> None:
        nonlocal size_bytes
        blob_hash.update(data)
        size_bytes += len(data)
        write(data)

    emit(_HEADER)
    in_flight: deque[Future[bytes]] = deque()
    held: bytes | None = None
    for block in _blocks(chunks):
        raw_hash.update(block)
        checksum = isal_zlib.crc32(block, checksum)
        raw_bytes += len(block)
        if held is not None:
            in_flight.append(pool.submit(_deflate, held, isal_zlib.Z_SYNC_FLUSH))
        held = block
        while len(in_flight) >= _AHEAD or (in_flight and in_flight[0].done()):
            emit(in_flight.popleft().result())
    in_flight.append(pool.submit(_deflate, held or b"", isal_zlib.Z_FINISH))
    while in_flight:
        emit(in_flight.popleft().result())
    emit(checksum.to_bytes(4, "little") + (raw_bytes & 0xFFFFFFFF).to_bytes(4, "little"))
    return Compressed(
        Digest("sha256:" + raw_hash.hexdigest()), raw_bytes, Digest("sha256:" + blob_hash.hexdigest()), size_bytes
    )


def _deflate(block: bytes, flush: int) -> bytes:
    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
    return bytes(compressor.compress(block) + compressor.flush(flush))


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of exactly BLOCK_BYTES, the last one shorter."""
    parts: list[bytes] = []
    have = 0
    for chunk in chunks:
        view = memoryview(chunk)
        while have + len(view) >= BLOCK_BYTES:
            take = BLOCK_BYTES - have
            parts.append(bytes(view[:take]) if parts or take != len(chunk) else chunk)
            yield b"".join(parts) if len(parts) > 1 else parts[0]
            view = view[take:]
            parts, have = [], 0
        if view:
            parts.append(bytes(view))
            have += len(view)
    if parts:
        yield b"".join(parts)
