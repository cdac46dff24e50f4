"""Bytes one after another, from a file or as they arrive, and how they end too early."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from ocistore_tui.errors import AccessDenied, IntegrityError, OciStoreError, Unavailable
from ocistore_tui.model.text import inert

PIECE_BYTES = 1024 * 1024
MAX_SAID_BYTES = 4096
_SAID = re.compile(rb'\{"(?:errorDetail|error|message)":.*', re.DOTALL)
"""How an engine's error begins that stands where the archive should go on (moby streamformatter)."""


class ByteStream(Protocol):
    """Bytes one after another."""

    @property
    def where(self) -> str:
        """What they are read from, for errors."""

    def exactly(self, size_bytes: int) -> bytes:
        """The next bytes; fewer only at the end."""

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """The next bytes in large pieces; raises `cut_off` when the stream ends before."""

    def skip(self, size_bytes: int) -> None:
        """Past the next bytes."""

    def rest(self) -> Iterator[bytes]:
        """All that is left."""

    def cut_off(self, last: bytes = b"") -> OciStoreError:
        """The error for an end within the archive; an engine's reason may stand in its last bytes."""


class ChunkStream:
    """A stream over pieces as they arrive.

    Args:
        chunks: The pieces.
        where: What they are read from, for errors.
        from_engine: Whether an engine makes the archive while it is read: one that ends too early has gone away.
    """

    def __init__(self, chunks: Iterable[bytes], *, where: str = "", from_engine: bool = False) -> None:
        self.where = where
        self._from_engine = from_engine
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
                raise self.cut_off(last)
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

    def cut_off(self, last: bytes = b"") -> OciStoreError:
        """The error for an end within the archive."""
        if not self._from_engine or engine_said(last):
            return _truncated(self.where, last)
        return Unavailable(
            "the engine went away",
            where=self.where,
            cause="its export ended before the end of the image",
            fix="see whether the engine still runs, then try again",
        )

    def _fill(self) -> bool:
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._held = memoryview(chunk)
        return True


class FileStream:
    """A stream over a file that can seek: what is skipped is not read."""

    def __init__(self, file: BinaryIO, *, where: str = "") -> None:
        self.where = where
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)

    def exactly(self, size_bytes: int) -> bytes:
        """The next bytes; fewer only at the end."""
        try:
            return self._file.read(size_bytes)
        except OSError as error:
            raise AccessDenied(
                "cannot read the archive", where=self.where, cause=error.strerror or str(error), fix="check the disk"
            ) from error

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """The next bytes in large pieces."""
        while size_bytes:
            data = self.exactly(min(PIECE_BYTES, size_bytes))
            if not data:
                raise self.cut_off()
            size_bytes -= len(data)
            yield data

    def skip(self, size_bytes: int) -> None:
        """Past the next bytes."""
        if self._file.tell() + size_bytes > self._size:
            raise self.cut_off()
        self._file.seek(size_bytes, 1)

    def rest(self) -> Iterator[bytes]:
        """All that is left."""
        return iter(lambda: self.exactly(PIECE_BYTES), b"")

    def cut_off(self, last: bytes = b"") -> OciStoreError:
        """The error for an end within the archive."""
        return _truncated(self.where, last)


def engine_said(data: bytes) -> str:
    """An engine's error that it appended to the stream, as text."""
    found = _SAID.search(data[-MAX_SAID_BYTES:])
    return inert(found[0].rstrip(b"\0\r\n").decode("utf-8", "replace"), limit=300) if found else ""


def _truncated(where: str, last: bytes) -> IntegrityError:
    return IntegrityError(
        "the archive is cut off",
        where=where,
        cause=engine_said(last) or "it ends before its end marker",
        fix="make it again",
    )
