"""Reading a range of an object: piece by piece, several pieces ahead where the range is large."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from ocistore_tui.backends.base import MIB, RangeReader

PIECE_BYTES = 8 * MIB
AHEAD_FROM_BYTES = 16 * MIB
"""Ranges larger than this are fetched several pieces at a time."""


class PieceReader(RangeReader):
    """A range read by ``fetch(start, length) -> bytes``, in order; memory stays within pieces times (``ahead`` + 1).

    ``fetch`` gives exactly the bytes it is asked for or raises an `OciStoreError`; it resumes and retries by itself,
    may be called from several threads, and is not called before the first `read`.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], *, start: int, length: int, ahead: int = 4) -> None:
        self._fetch = fetch
        self._next = start
        self._end = start + length
        self._ahead = ahead if length > AHEAD_FROM_BYTES else 0
        self._pending: deque[Future[bytes]] = deque()
        self._piece = memoryview(b"")

    def read(self, size_bytes: int) -> bytes:
        """See `RangeReader.read`."""
        if not len(self._piece):
            self._piece = memoryview(self._take())
        taken, self._piece = self._piece[:size_bytes], self._piece[size_bytes:]
        return bytes(taken)

    def close(self) -> None:
        """See `RangeReader.close`; pieces under way end by themselves and are dropped."""
        for future in self._pending:
            future.cancel()
        self._pending.clear()
        self._next = self._end
        self._piece = memoryview(b"")

    def _take(self) -> bytes:
        if not self._ahead:
            start, length = self._advance()
            return self._fetch(start, length) if length else b""
        while len(self._pending) < self._ahead and self._next < self._end:
            self._start_piece()
        if not self._pending:
            return b""
        try:
            return self._pending.popleft().result()
        except BaseException:
            self.close()
            raise

    def _advance(self) -> tuple[int, int]:
        start, length = self._next, min(PIECE_BYTES, self._end - self._next)
        self._next += length
        return start, length

    def _start_piece(self) -> None:
        start, length = self._advance()
        future: Future[bytes] = Future()
        self._pending.append(future)
        # A daemon thread, not an executor: an abandoned fetch on a hanging connection must not hold up the exit.
        threading.Thread(target=self._run, args=(future, start, length), name="read-ahead", daemon=True).start()

    def _run(self, future: Future[bytes], start: int, length: int) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._fetch(start, length))
        except BaseException as error:  # noqa: BLE001 - handed to the reader
            future.set_exception(error)
