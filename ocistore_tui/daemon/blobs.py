"""The blobs of an image archive: which of them are documents, and compressed layers read as raw ones."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, cast

import msgspec

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest

MAX_HELD_BYTES = 64 * 1024 * 1024
"""Documents of one image that are held in memory at most; hundreds of platforms fit."""
_BLOB_PATH = re.compile(r"blobs/(sha256|sha384|sha512)/([0-9a-f]+)\Z")


class _Shape(msgspec.Struct, rename="camel"):
    """What tells manifests, indexes and image configs from other JSON, such as an SBOM kept as a layer."""

    schema_version: msgspec.Raw = msgspec.Raw()
    manifests: msgspec.Raw = msgspec.Raw()
    rootfs: msgspec.Raw = msgspec.Raw()


_shape = msgspec.json.Decoder(_Shape)


def blob_digest(name: str) -> Digest | None:
    """The digest of ``blobs/<algorithm>/<hex>`` (image-spec image-layout.md); None for any other path."""
    found = _BLOB_PATH.match(name)
    try:
        return Digest.parse(f"{found[1]}:{found[2]}") if found else None
    except ValueError:
        return None


def is_document(raw: bytes) -> bool:
    """Whether these bytes are a manifest, an index or an image config, by their form."""
    if raw.lstrip()[:1] != b"{":
        return False
    try:
        found = _shape.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return any(map(bytes, (found.schema_version, found.manifests, found.rootfs)))


class HeldDocuments(dict[Digest, bytes]):
    """Documents met in an archive; refuses to grow without end."""

    def __init__(self) -> None:
        super().__init__()
        self._held_bytes = 0

    def keep(self, digest: Digest, raw: bytes) -> None:
        """Hold one.

        Raises:
            IntegrityError: together they are more than any real image has.
        """
        self._held_bytes += len(raw)
        if self._held_bytes > MAX_HELD_BYTES:
            raise IntegrityError(
                "the archive holds too many documents",
                cause=f"manifests and configs of over {MAX_HELD_BYTES} bytes",
                fix="do not use this archive",
            )
        self[digest] = raw


def raw_layer(pieces: Iterable[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Whether a layer is compressed, by its first bytes, and its raw bytes.

    Whoever reads has to compare the end with a diff ID or an end marker: zstd that is cut off just ends early.

    Raises:
        IntegrityError: while reading, when the compressed data is damaged.
    """
    source = iter(pieces)
    first = next(source, b"")
    whole = chain([first], source)
    if first.startswith(b"\x1f\x8b"):
        return True, _gunzipped(whole)
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        return True, _unzstd(whole)
    return False, whole


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    from isal import isal_zlib

    decompressor = isal_zlib.decompressobj(16 + zlib.MAX_WBITS)
    begun = False
    try:
        for piece in pieces:
            data = piece
            while data:
                if decompressor.eof:
                    # Members may follow one another (RFC 1952 §2.2); zeros behind the last one are padding.
                    if not (data := data.lstrip(b"\0")):
                        break
                    decompressor = isal_zlib.decompressobj(16 + zlib.MAX_WBITS)
                begun = True
                out = decompressor.decompress(data, _OUT_BYTES)
                data = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail
                if out:
                    yield out
        while begun and not decompressor.eof and (out := decompressor.decompress(b"", _OUT_BYTES)):
            yield out
    except isal_zlib.error as error:  # type: ignore[misc]  # an exception class the package does not type
        raise _damaged(str(error)) from error
    if not decompressor.eof:
        raise _damaged("the compressed data is cut off")


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    import zstandard

    source = cast(IO[bytes], _Readable(pieces))
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    reader = decompressor.stream_reader(source, read_across_frames=True)
    try:
        while out := reader.read(_OUT_BYTES):
            yield out
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from error


_OUT_BYTES = 1024 * 1024
_MAX_WINDOW_BYTES = 128 * 1024 * 1024
"""What decoders have to support at most without being asked (RFC 8878 §3.1.1.1.2 recommends 8 MiB; ``--long=27``)."""


class _Readable:
    """Chunks as a file that can be read once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = b""

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; ``b""`` at the end."""
        if not self._held:
            self._held = next(self._chunks, b"")
        if size < 0:
            data, self._held = self._held + b"".join(self._chunks), b""
            return data
        data, self._held = self._held[:size], self._held[size:]
        return data


def _damaged(cause: str) -> IntegrityError:
    return IntegrityError("compressed data is damaged", cause=cause, fix="make the archive again")
