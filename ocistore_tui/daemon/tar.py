"""Tar archives: a streaming reader that trusts nothing, an index for files, and a deterministic writer.

Formats: POSIX ustar and pax (pax(1), "pax Header Block"), GNU long names. What comes in is hostile until verified.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.text import inert

BLOCK = 512
PIECE_BYTES = 1024 * 1024
_MAX_EXTENSION_BYTES = 1024 * 1024
_ZEROS = bytes(BLOCK)


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
        if len(self._held) >= size_bytes:
            data, self._held = bytes(self._held[:size_bytes]), self._held[size_bytes:]
            return data
        with contextlib.suppress(IntegrityError):
            return b"".join(self.pieces(size_bytes))
        return b""

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """The next bytes in large pieces."""
        left = size_bytes
        while left:
            if not self._held:
                chunk = next(self._chunks, None)
                if chunk is None:
                    raise _truncated()
                self._held = memoryview(chunk)
            taken, self._held = self._held[:left], self._held[left:]
            left -= len(taken)
            yield bytes(taken)

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


class FileStream:
    """A stream over a file that can seek: what is skipped is not read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)

    @property
    def offset(self) -> int:
        """Where the stream is, in bytes from the start."""
        return self._file.tell()

    def exactly(self, size_bytes: int) -> bytes:
        """The next bytes; fewer only at the end."""
        return self._file.read(size_bytes)

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """The next bytes in large pieces."""
        while size_bytes:
            data = self._file.read(min(PIECE_BYTES, size_bytes))
            if not data:
                raise _truncated()
            size_bytes -= len(data)
            yield data

    def skip(self, size_bytes: int) -> None:
        """Past the next bytes."""
        if self.offset + size_bytes > self._size:
            raise _truncated()
        self._file.seek(size_bytes, 1)

    def rest(self) -> Iterator[bytes]:
        """All that is left."""
        return iter(lambda: self._file.read(PIECE_BYTES), b"")


@dataclass(slots=True)
class TarEntry:
    """One member; its bytes are read before the next member, or are skipped."""

    name: str
    """Relative, without ``.`` and ``..`` parts."""
    type: str
    """``file``, ``dir``, ``link`` (symbolic or hard) or ``other``."""
    size_bytes: int
    target: str
    """Of a link, relative to the archive's root where it can be told."""
    stream: ByteStream
    left_bytes: int
    padding_bytes: int = 0

    def pieces(self) -> Iterator[bytes]:
        """The member's bytes, or what nobody has read of them yet."""
        for piece in self.stream.pieces(self.left_bytes):
            self.left_bytes -= len(piece)
            yield piece

    def read(self, *, max_bytes: int) -> bytes:
        """The member's bytes at once."""
        if self.size_bytes > max_bytes:
            raise IntegrityError("a document in the archive is too large", where=inert(self.name, limit=120))
        return b"".join(self.pieces())

    def finish(self) -> None:
        """Skip what nobody read, and what fills the last block."""
        self.stream.skip(self.left_bytes + self.padding_bytes)
        self.left_bytes = 0


def read_tar(stream: ByteStream) -> Iterator[TarEntry]:
    """The members of a tar archive, which has to end with its end marker and nothing but zeros behind it.

    Raises:
        IntegrityError: truncated, damaged, or with names that leave the archive; an engine's error text behind the end
            marker is passed on.
    """
    long_name = long_target = ""
    pax: dict[str, str] = {}
    while True:
        header = stream.exactly(BLOCK)
        if len(header) < BLOCK:
            raise _truncated()
        if header == _ZEROS:
            _check_end(stream)
            return
        if not _checksum_fits(header):
            raise IntegrityError(
                "the archive is damaged",
                cause=_said(header) or "a header's checksum does not fit",
                fix="make the archive again",
            )
        kind = header[156:157]
        size = _number(header[124:136])
        if kind in (b"L", b"K", b"x", b"g"):
            if size > _MAX_EXTENSION_BYTES:
                raise IntegrityError("the archive has an absurd header", fix="make the archive again")
            data = stream.exactly(size)
            stream.skip(-size % BLOCK)
            if kind == b"L":
                long_name = _text(data)
            elif kind == b"K":
                long_target = _text(data)
            elif kind == b"x":
                pax = _pax_records(data)
            continue
        name = pax.get("path") or long_name or _ustar_name(header)
        target = pax.get("linkpath") or long_target or _text(header[157:257])
        if "size" in pax:
            size = int(pax["size"]) if pax["size"].isdigit() else -1
        if size < 0:
            raise IntegrityError("the archive has a member of absurd size", where=inert(name, limit=120))
        long_name = long_target = ""
        pax = {}
        entry = _entry(name, kind, size, target, stream)
        yield entry
        entry.finish()


def _entry(name: str, kind: bytes, size: int, target: str, stream: ByteStream) -> TarEntry:
    if kind in (b"0", b"\0", b"7"):
        return TarEntry(_safe(name), "file", size, "", stream, size, -size % BLOCK)
    if kind in (b"1", b"2"):
        base = _safe(name).rpartition("/")[0] if kind == b"2" else ""
        return TarEntry(_safe(name), "link", 0, _joined(base, target), stream, 0)
    left = size if kind != b"5" else 0
    return TarEntry(_safe(name), "dir" if kind == b"5" else "other", 0, "", stream, left, -left % BLOCK)


def tar_header(name: str, size_bytes: int) -> bytes:
    """The header of a regular file: always the same for the same name and size; pax where ustar cannot say it."""
    encoded = name.encode()
    pax = b""
    if len(encoded) > 100:
        pax += _pax_record("path", name)
    if size_bytes >= 8**11:
        pax += _pax_record("size", str(size_bytes))
    extension = b""
    if pax:
        extension = _ustar(b"pax", len(pax), b"x") + pax + bytes(-len(pax) % BLOCK)
    return extension + _ustar(encoded[:100], 0 if size_bytes >= 8**11 else size_bytes, b"0")


def tar_padding(size_bytes: int) -> bytes:
    """What fills a member up to the next block."""
    return bytes(-size_bytes % BLOCK)


TAR_END = bytes(2 * BLOCK)


def _ustar(name: bytes, size: int, kind: bytes) -> bytes:
    fields = [
        name.ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size, b"00000000000\0",
        b" " * 8, kind, bytes(100), b"ustar\x0000", bytes(32), bytes(32), b"0000000\0", b"0000000\0", bytes(155),
    ]  # fmt: skip
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _pax_record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def _pax_records(data: bytes) -> dict[str, str]:
    records: dict[str, str] = {}
    while data:
        digits, space, _ = data.partition(b" ")
        if not space or not digits.isdigit() or not 3 <= int(digits) <= len(data):
            break
        record, data = data[: int(digits)], data[int(digits) :]
        key, _, value = record[len(digits) + 1 : -1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
    return records


def _check_end(stream: ByteStream) -> None:
    second = stream.exactly(BLOCK)
    tail = b"" if second == _ZEROS else second
    for piece in stream.rest():
        if len(tail) < 4096 and piece.strip(b"\0"):
            tail += piece
    if len(second) < BLOCK:
        raise _truncated()
    if tail.strip(b"\0"):
        raise IntegrityError(
            "the export did not end well", cause=_said(tail) or "there is something behind its end", fix="try again"
        )


def _said(data: bytes) -> str:
    """An engine's error that it appended to the stream, as text."""
    start = data.find(b"{")
    return inert(data[start:].rstrip(b"\0\n").decode("utf-8", "replace"), limit=300) if start >= 0 else ""


def _checksum_fits(header: bytes) -> bool:
    stored = header[148:156].split(b"\0")[0].strip()
    try:
        return sum(header) - sum(header[148:156]) + 8 * 32 == int(stored or b"-1", 8)
    except ValueError:
        return False


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field, "big") - (0x80 << (8 * (len(field) - 1)))
    try:
        return int(field.split(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        return -1


def _ustar_name(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500])
    return f"{prefix}/{name}" if prefix and header[257:262] == b"ustar" and header[263:265] == b"00" else name


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _safe(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise IntegrityError(
            "the archive has a member outside itself", where=inert(name, limit=120), fix="do not use this archive"
        )
    return "/".join(parts)


def _joined(base: str, target: str) -> str:
    """A link's target from the archive's root; empty when it leaves the archive, so that it names nothing."""
    parts: list[str] = base.split("/") if base and not target.startswith("/") else []
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _truncated() -> IntegrityError:
    return IntegrityError("the archive is cut off", cause="it ends before its end marker", fix="make it again")
