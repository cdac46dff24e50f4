"""One connection's bytes: read through a buffer and within a time, sent by the kernel where it can."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable

from ocistore_tui.serving.message import BodyBroken

_STEP_BYTES = 256 * 1024
_HEAD_STEP_BYTES = 16 * 1024
"""Heads are short: room for much more, given back at once, would leave the process's memory in shreds."""
_SEND_BYTES = 8 * 1024 * 1024


class TooLong(Exception):
    """A line or the headers have no end."""


class NoLine(Exception):
    """A carriage return stands where no line ends: some take it for an end, and read another request than others."""


class Wire:
    """A connected socket.

    Args:
        sock: Becomes this object's own.
        silence_s: Seconds a peer may take to send or take anything, where no deadline says less.
    """

    def __init__(self, sock: socket.socket, *, silence_s: float) -> None:
        self.sock = sock
        self._silence_s = silence_s
        self._timeout_s = -1.0
        self._deadline: float | None = None
        self._budget = 0
        self._step_bytes = _HEAD_STEP_BYTES
        self._data = b""
        self._at = 0
        self.received_bytes = 0
        self.sent_bytes = 0

    def begin_head(self, *, head_s: float, max_bytes: int) -> None:
        """From now on all lines together may take so many seconds and bytes."""
        self._deadline = time.monotonic() + head_s
        self._budget = max_bytes

    def end_head(self) -> None:
        """What comes now is a body."""
        self._deadline = None
        self._step_bytes = _STEP_BYTES

    def wait(self, timeout_s: float) -> bool:
        """Wait for the first byte of something; False: the peer has closed, or took too long."""
        self._step_bytes = _HEAD_STEP_BYTES
        try:
            return self._at < len(self._data) or self._fill(timeout_s)
        except TimeoutError:
            return False

    def peek(self) -> int:
        """The next byte, after `wait`."""
        return self._data[self._at]

    def readline(self, limit: int = -1) -> bytes:
        """A line with its end, as the standard library asks for it; without, only where the peer has closed.

        Raises:
            TooLong: it is longer than what is left for all lines.
            NoLine: there is a carriage return in it.
            TimeoutError: it did not come in time.
        """
        parts: list[bytes] = []
        most = self._budget if limit < 0 else min(limit, self._budget)
        while True:
            end = self._data.find(b"\n", self._at, self._at + most) + 1
            if end:
                parts.append(self._data[self._at : end])
                self._budget -= end - self._at
                self._at = end
                line = b"".join(parts)
                if line.find(b"\r", 0, -2) >= 0:
                    raise NoLine
                return line
            rest = len(self._data) - self._at
            if rest >= most:
                raise TooLong
            parts.append(self._data[self._at :])
            self._budget -= rest
            most -= rest
            self._at = len(self._data)
            if not self._fill(self._left()):
                return b"".join(parts)

    def body_line(self, limit: int) -> bytes:
        """A line within a body, as a whole no later than anything has to come; see `readline`."""
        self._budget = limit
        self._deadline = time.monotonic() + self._silence_s
        try:
            return self.readline()
        finally:
            self._deadline = None

    def read(self, size_bytes: int, pace: Callable[[int], None]) -> bytes:
        """Up to ``size_bytes`` bytes, fewer only where the peer has closed.

        Args:
            size_bytes: How many.
            pace: Hears, piece by piece, how many came so far; raises where that is too slow.

        Raises:
            BodyBroken: it fell silent, or the connection broke.
        """
        ready = self._data[self._at : self._at + size_bytes]
        self._at += len(ready)
        left = size_bytes - len(ready)
        if not left:
            return ready
        # Room is made for what came, not for what was announced: most of many connections may be waiting.
        parts = [ready]
        try:
            self._set_timeout(self._silence_s)
            while left and (part := self.sock.recv(min(left, _STEP_BYTES))):
                parts.append(part)
                left -= len(part)
                self.received_bytes += len(part)
                pace(size_bytes - left)
        except TimeoutError as error:
            raise BodyBroken("nothing came for too long", status=408) from error
        except OSError as error:
            raise BodyBroken("the connection broke") from error
        return b"".join(parts)

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: it cannot be sent, or the peer takes nothing.
        """
        self._set_timeout(self._silence_s)
        rest = memoryview(data)
        while rest:
            sent = self.sock.send(rest)
            self.sent_bytes += sent
            rest = rest[sent:]

    @property
    def can_send_files(self) -> bool:
        """Whether `send_file` works: not through TLS."""
        return type(self.sock) is socket.socket

    def send_file(self, file: int, offset: int, length: int) -> bool:
        """Let the kernel send a part of an open file; False: it cannot for this file, and nothing was sent.

        Raises:
            OSError: it cannot be sent, the peer takes nothing, or the file is shorter by now.
        """
        self._set_timeout(self._silence_s)
        start, end = offset, offset + length
        waiting = select.poll()
        waiting.register(self.sock, select.POLLOUT)
        while offset < end:
            try:
                sent = os.sendfile(self.sock.fileno(), file, offset, min(end - offset, _SEND_BYTES))
            except BlockingIOError:
                if not waiting.poll(self._silence_s * 1000):
                    raise TimeoutError("the peer takes nothing") from None
                continue
            except OSError as error:
                if offset > start or error.errno not in (errno.EINVAL, errno.ENOSYS):
                    raise
                return False
            if not sent:
                raise OSError("the file became shorter while it was sent")
            offset += sent
            self.sent_bytes += sent
        return True

    def drop(self, size_bytes: int, *, timeout_s: float) -> None:
        """Read and forget up to so many bytes, for so long: a peer that still sends would not see our answer."""
        end = time.monotonic() + timeout_s
        try:
            while size_bytes > 0 and (left := end - time.monotonic()) > 0 and self._fill(left):
                size_bytes -= len(self._data)
        except OSError:
            return

    def _fill(self, timeout_s: float) -> bool:
        self._set_timeout(timeout_s)
        self._data, self._at = b"", 0
        self._data = self.sock.recv(self._step_bytes)
        self.received_bytes += len(self._data)
        return bool(self._data)

    def _left(self) -> float:
        if self._deadline is None:
            return self._silence_s
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, self._silence_s)

    def _set_timeout(self, timeout_s: float) -> None:
        if timeout_s != self._timeout_s:  # each change is a system call
            self._timeout_s = timeout_s
            self.sock.settimeout(timeout_s)
