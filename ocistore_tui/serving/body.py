"""Bodies of requests as HTTP/1.1 frames them (RFC 9112, section 6 and 7)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ocistore_tui.serving.message import BodyBroken
from ocistore_tui.serving.wire import NoLine, TooLong, Wire

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r\n\Z")
_LINE_BYTES = 4096
_TRAILER_BYTES = 32 * 1024
_MANY = 256
_SLOW_BYTES_S = 1000
"""A client that sends less than this in the mean, over a minute or more, only holds the connection."""
_MEAN_FROM_S = 60.0


class WireBody:
    """The body of one request on a wire.

    Args:
        wire: Where it comes from.
        length: Bytes; None: chunked.
        begin: Called before the first read: says that the body may come, where the client waits for that.
    """

    def __init__(self, wire: Wire, length: int | None, begin: Callable[[], None]) -> None:
        self.length = length
        self._wire, self._begin = wire, begin
        self._left = length or 0
        self._is_chunked = length is None
        self.is_over = length == 0
        self.has_begun = False
        self._started, self._seen = 0.0, 0

    @property
    def left(self) -> int | None:
        """Bytes to come; None where nobody knows."""
        return None if self._is_chunked and not self.is_over else self._left

    def read(self, size_bytes: int) -> bytes:
        """See `Body.read`."""
        if self.is_over:
            return b""
        if not self.has_begun:
            self.has_begun = True
            self._started = time.monotonic()
            self._begin()
        return self._read_chunks(size_bytes) if self._is_chunked else self._read_rest(size_bytes)

    def _take(self, size_bytes: int) -> bytes:
        data = self._wire.read(size_bytes, self._check_pace)
        self._seen += len(data)
        self._left -= len(data)
        self._check_pace(0)
        return data

    def _check_pace(self, more_bytes: int) -> None:
        took_s = time.monotonic() - self._started
        if took_s > _MEAN_FROM_S and self._seen + more_bytes < took_s * _SLOW_BYTES_S:
            raise BodyBroken("the body comes too slowly", status=408)

    def _read_rest(self, size_bytes: int) -> bytes:
        wanted = min(size_bytes, self._left)
        data = self._take(wanted)
        if len(data) < wanted:
            raise BodyBroken(f"the body ends {self._left} bytes too early")
        self.is_over = not self._left
        return data

    def _read_chunks(self, size_bytes: int) -> bytes:
        pieces: list[bytes] = []
        joined: list[bytes] = []
        wanted = size_bytes
        while wanted:
            if not self._left and not self._next_chunk():
                break
            step = min(wanted, self._left)
            piece = self._take(step)
            if len(piece) < step:
                raise BodyBroken("the body ends in the middle of a chunk")
            pieces.append(piece)
            wanted -= step
            if len(pieces) == _MANY:  # chunks may be of one byte each, and an object takes fifty times as much
                joined.append(b"".join(pieces))
                pieces.clear()
            if not self._left and self._line(_LINE_BYTES) != b"\r\n":
                raise BodyBroken("a chunk is longer than it says")
        return b"".join((*joined, *pieces))

    def _next_chunk(self) -> bool:
        found = _CHUNK.match(self._line(_LINE_BYTES))
        if found is None:
            raise BodyBroken("not the beginning of a chunk")
        self._left = int(found[1], 16)
        if self._left:
            return True
        room = _TRAILER_BYTES
        while (line := self._line(_LINE_BYTES)) not in (b"\r\n", b"\n"):
            room -= len(line)
            if not line or room < 0:
                raise BodyBroken("the body's trailers have no end")
        self.is_over = True
        return False

    def _line(self, limit: int) -> bytes:
        try:
            line = self._wire.body_line(limit)
        except TooLong as error:
            raise BodyBroken("a line of the body has no end") from error
        except NoLine as error:
            raise BodyBroken("a line of the body is not one") from error
        except TimeoutError as error:
            raise BodyBroken("nothing came for too long", status=408) from error
        except OSError as error:
            raise BodyBroken("the connection broke") from error
        self._check_pace(0)
        return line
