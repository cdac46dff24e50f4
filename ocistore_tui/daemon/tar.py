"""Tar archives: a streaming reader that trusts nothing, and a deterministic writer.

Formats: POSIX ustar and pax (pax(1), "pax Header Block"), GNU long names. What comes in is hostile until verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ocistore_tui.daemon.streams import MAX_SAID_BYTES, ByteStream, engine_said
from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.text import inert

BLOCK = 512
_MAX_EXTENSION_BYTES = 1024 * 1024
_MAX_MEMBER_BYTES = 2**62
_ZEROS = bytes(BLOCK)
_OCTAL = re.compile(rb"[0-7]*\Z")


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
        Unavailable: it is truncated, and an engine was making it.
    """
    long_name = long_target = ""
    pax: dict[str, str] = {}
    while True:
        header = stream.exactly(BLOCK)
        if len(header) < BLOCK:
            raise stream.cut_off(header)
        if header == _ZEROS:
            _check_end(stream)
            return
        if not _checksum_fits(header):
            raise IntegrityError(
                "the archive is damaged",
                cause=engine_said(header + stream.exactly(MAX_SAID_BYTES - BLOCK))
                or "a header's checksum does not fit",
                fix="make the archive again",
            )
        kind = header[156:157]
        size = _number(header[124:136])
        if kind in (b"L", b"K", b"x", b"g"):
            if not 0 <= size <= _MAX_EXTENSION_BYTES:
                raise IntegrityError(
                    "the archive has an absurd header", cause=f"a name of {size} bytes", fix="make the archive again"
                )
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
            size = _decimal(pax["size"].encode("utf-8", "surrogateescape"))
        if not 0 <= size <= _MAX_MEMBER_BYTES:
            raise IntegrityError(
                "the archive has a member of absurd size", where=inert(name, limit=120), fix="make the archive again"
            )
        long_name = long_target = ""
        pax = {}
        if kind == b"S":
            _skip_sparse_map(header, stream)
        entry = _entry(name, kind, size, target, stream)
        yield entry
        entry.finish()


def _skip_sparse_map(header: bytes, stream: ByteStream) -> None:
    """Past the blocks that go on telling where the holes of an old GNU sparse file are."""
    goes_on = header[482:483]
    while goes_on not in (b"\0", b""):
        goes_on = stream.exactly(BLOCK)[504:505]


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
        length = _decimal(digits)
        if not space or not 3 <= length <= len(data):
            break
        record, data = data[:length], data[length:]
        key, _, value = record[len(digits) + 1 : -1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
    return records


def _check_end(stream: ByteStream) -> None:
    second = stream.exactly(BLOCK)
    tail = b"" if second == _ZEROS else second
    for piece in stream.rest():
        if len(tail) < MAX_SAID_BYTES:
            tail += piece.strip(b"\0")[:MAX_SAID_BYTES]
    if len(second) < BLOCK:
        raise stream.cut_off(second)
    if tail.strip(b"\0"):
        raise IntegrityError(
            "the export did not end well",
            cause=engine_said(tail) or "there is something behind its end",
            fix="try again",
        )


def _checksum_fits(header: bytes) -> bool:
    stored = header[148:156].split(b"\0")[0].strip()
    try:
        return sum(header) - sum(header[148:156]) + 8 * 32 == int(stored or b"-1", 8)
    except ValueError:
        return False


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field, "big") - (0x80 << (8 * (len(field) - 1)))
    digits = field.split(b"\0")[0].strip()
    return int(digits or b"0", 8) if _OCTAL.match(digits) else -1


def _decimal(digits: bytes) -> int:
    """A number that pax writes; -1 for anything else, such as one of a thousand digits."""
    return int(digits) if digits.isdigit() and len(digits) <= 20 else -1


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
