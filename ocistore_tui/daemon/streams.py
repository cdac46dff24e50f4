"""Bytes one after another, from a file or as they arrive, and how they end too early."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.text import inert

PIECE_BYTES = 1024 * 1024
MAX_SAID_BYTES = 4096
_SAID = re.compile(rb'\{"(?:errorDetail|error|message)":.*', re.DOTALL)
"""How an engine's error begins that stands where the archive should go on (moby streamformatter)."""


class ByteStream(Protocol):
    """Bytes one after another."""

    def exactly(self, size_bytes: int) -> bytes:
        """The next bytes; fewer only at the end."""

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """The next bytes in large pieces; IntegrityError when the stream ends before."""

    def skip(self, size_bytes: int) -> None:
        """Past the next bytes."""

    def rest(self) -> Iterator[bytes]:
        """All that is left."""


class ChunkStream:
    """A stream over pieces as they arrive."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = memoryview(b"")

    def exactly(self, size_bytes: int) -> bytes:
        """The next bytes; fewer only at the end."""
        parts: list[bytes] = []
        while size_bytes and self._fill():
            taken, self._held = self._held[:size_bytes], self._held[size_bytes:]
            size_bytes -= len(taken)
            parts.append(bytes(taken))
        return b"".join(parts)

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """The next bytes in large pieces."""
        last = b""
        while size_bytes:
            if not self._fill():
                raise truncated(last)
            taken, self._held = self._held[:size_bytes], self._held[size_bytes:]
            size_bytes -= len(taken)
            last = bytes(taken)
            yield last

    def skip(self, size_bytes: int) -> None:
        """Past the next bytes."""
        for _ in self.pieces(size_bytes):
            pass

    def rest(self) -> Iterator[bytes]:
        """All that is left."""
        if self._held:
            yield bytes(self._held)
            self._held = memoryview(b"")
        yield from self._chunks

    def _fill(self) -> bool:
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._held = memoryview(chunk)
        return True


class FileStream:
    """A stream over a file that can seek: what is skipped is not read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)

    def exactly(self, size_bytes: int) -> bytes:
        """The next bytes; fewer only at the end."""
        return self._file.read(size_bytes)

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """The next bytes in large pieces."""
        while size_bytes:
            data = self._file.read(min(PIECE_BYTES, size_bytes))
            if not data:
                raise truncated()
            size_bytes -= len(data)
            yield data

    def skip(self, size_bytes: int) -> None:
        """Past the next bytes."""
        if self._file.tell() + size_bytes > self._size:
            raise truncated()
        self._file.seek(size_bytes, 1)

    def rest(self) -> Iterator[bytes]:
        """All that is left."""
        return iter(lambda: self._file.read(PIECE_BYTES), b"")


def engine_said(data: bytes) -> str:
    """An engine's error that it appended to the stream, as text."""
    found = _SAID.search(data[-MAX_SAID_BYTES:])
    return inert(found[0].rstrip(b"\0\r\n").decode("utf-8", "replace"), limit=300) if found else ""


def truncated(last: bytes = b"") -> IntegrityError:
    """For a stream that ended within the archive; an engine's reason may stand in its last bytes."""
    return IntegrityError(
        "the archive is cut off", cause=engine_said(last) or "it ends before its end marker", fix="make it again"
    )
