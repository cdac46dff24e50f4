"""Just enough HTTP/1.1 to talk to a container engine: an answer's head, and its body in pieces as large as they come.

Importing a general client costs more than a whole unchanged push may take, and it hands data out in tiny chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.daemon.wire import Wire, not_an_engine
from ocistore_tui.errors import Unavailable

_MAX_HEAD_BYTES = 256 * 1024


class Response:
    """A status, headers in lower case, and a body read in pieces as large as they come."""

    def __init__(self, wire: Wire, *, timeout_s: float | None, cancel: CancelSignal | None) -> None:
        self._wire, self._timeout_s, self._cancel = wire, timeout_s, cancel
        self._buffer = b""
        head = self._read_head()
        lines = head.decode("latin-1").split("\r\n")
        try:
            self.status = int(lines[0].split(" ", 2)[1])
        except (IndexError, ValueError) as error:
            raise not_an_engine(wire.address, lines[0]) from error
        pairs = (line.partition(":") for line in lines[1:])
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}

    def pieces(self) -> Iterator[bytes]:
        """The body; ends where the engine says it ends.

        Raises:
            Unavailable: the connection broke before that.
        """
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            yield from self._chunked()
        elif "content-length" in self.headers:
            left = self._size(self.headers["content-length"], 10)
            while left:
                piece = self._some(left)
                left -= len(piece)
                yield piece
        else:
            while piece := self._take_buffer() or self._receive():
                yield piece

    def read(self, *, max_bytes: int = 64 * 1024 * 1024) -> bytes:
        """The whole body."""
        parts: list[bytes] = []
        size = 0
        for piece in self.pieces():
            size += len(piece)
            if size > max_bytes:
                raise Unavailable("the engine's answer is too large", where=str(self._wire.address))
            parts.append(piece)
        return b"".join(parts)

    def lines(self) -> Iterator[bytes]:
        """The body by lines, without their ends."""
        held = b""
        for piece in self.pieces():
            *whole, held = (held + piece).split(b"\n")
            if len(held) > _MAX_HEAD_BYTES:
                raise not_an_engine(self._wire.address, "a line of its answer has no end")
            yield from whole
        yield held

    def close(self) -> None:
        """Hang up: ends whatever the engine still does for this request."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            piece = self._receive()
            if not piece:
                raise self._wire.hung_up()
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise not_an_engine(self._wire.address, "endless headers")
            self._buffer += piece
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _chunked(self) -> Iterator[bytes]:
        while True:
            size = self._size(self._line().split(b";")[0].decode("latin-1"), 16)
            while size:
                piece = self._some(size)
                size -= len(piece)
                yield piece
                if not size:
                    self._line()
                    break
            else:
                return

    def _size(self, text: str, base: int) -> int:
        try:
            size = int(text, base)
            if size >= 0:
                return size
        except ValueError:
            pass
        raise not_an_engine(self._wire.address, f"a length of {text[:40]!r}")

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise not_an_engine(self._wire.address, "endless chunk sizes")
            self._buffer += self._must_receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _some(self, at_most: int) -> bytes:
        piece = self._take_buffer() or self._must_receive()
        if len(piece) > at_most:
            piece, self._buffer = piece[:at_most], piece[at_most:]
        return piece

    def _take_buffer(self) -> bytes:
        piece, self._buffer = self._buffer, b""
        return piece

    def _must_receive(self) -> bytes:
        piece = self._receive()
        if not piece:
            raise Unavailable(
                "the engine closed the connection in the middle of its answer",
                where=str(self._wire.address),
                fix="look at the engine's log; try again",
            )
        return piece

    def _receive(self) -> bytes:
        return self._wire.receive(timeout_s=self._timeout_s, cancel=self._cancel)
