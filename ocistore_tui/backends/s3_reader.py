"""Reading objects: a stream that goes on after a cut, and several of them side by side where the range is large."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from ocistore_tui.backends.base import RangeReader
from ocistore_tui.backends.ranges import AHEAD_FROM_BYTES, PIECE_BYTES, PieceReader
from ocistore_tui.backends.s3_error_table import CHANGED, CUT, NOT_OFFERED, SHORT
from ocistore_tui.backends.s3_errors import CAUGHT, made, translate
from ocistore_tui.errors import IntegrityError, OciStoreError

TRIES = 5
"""Attempts in a row that bring nothing before a cut is final."""
_MAX_RESUMES = 100
_STEP_BYTES = 256 * 1024
_BROKEN: tuple[type[Exception], ...] = (EOFError, *CAUGHT)


class Source:
    """One object as `S3Stream` and `S3Reader` see it: what to ask, and which version it has to be."""

    def __init__(self, request: Callable[[dict[str, str]], Any], *, token: str | None, where: str, bucket: str) -> None:
        self._request = request
        self._lock = threading.Lock()
        self.token = token
        self.where = where
        self.bucket = bucket

    def get(self, start: int, length: int | None) -> tuple[Any, int]:
        """Ask for a range; its body, and where the object ends.

        Without a token, the first answer's is kept: all further ones must be of the same version.
        """
        conditions: dict[str, str] = {}
        if start or length is not None:
            conditions["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        with self._lock:
            token = self.token
        if token is not None:
            conditions["IfMatch"] = token
        reply = self._request(conditions)
        found = reply["ETag"]
        with self._lock:
            self.token = self.token or found
            same = found == self.token
        if not same:  # also where the server does not know If-Match
            reply["Body"].close()
            raise made(CHANGED, self.where, bucket=self.bucket)
        content_range = str(reply.get("ContentRange") or "")
        if not content_range:
            if "Range" in conditions and start:
                reply["Body"].close()
                raise made(NOT_OFFERED, self.where, said="it ignores Range", bucket=self.bucket)
            return reply["Body"], int(reply["ContentLength"])
        span, _, total = content_range.removeprefix("bytes ").partition("/")
        if not span.startswith(f"{start}-"):
            reply["Body"].close()
            raise made(NOT_OFFERED, self.where, said=f"asked from {start}, got {span}", bucket=self.bucket)
        return reply["Body"], int(total) if total.isdigit() else int(span.partition("-")[2]) + 1

    def broken(self, error: Exception) -> OciStoreError:
        """The error for a body that broke off."""
        if isinstance(error, EOFError):
            return made(CUT, self.where, said=str(error), bucket=self.bucket)
        return translate(error, where=self.where, bucket=self.bucket)

    def too_short(self, said: str) -> OciStoreError:
        """The error for a range that reaches past the end."""
        return made(SHORT, self.where, said=said, bucket=self.bucket)


class S3Stream:
    """Bytes ``start`` to the end of the range, in one request as long as the connection holds.

    With ``limit_s``, no further try is started after half of it.
    """

    def __init__(self, source: Source, *, start: int, length: int | None, limit_s: float | None = None) -> None:
        self._source = source
        self._last_start = None if limit_s is None else time.monotonic() + limit_s / 2
        self._at = start
        self._end = None if length is None else start + length
        self._body: Any = None
        self._failures = 0
        self._resumes = 0

    def open(self) -> int:
        """Send the request if there is none under way; where the range ends."""
        if self._body is None:
            length = None if self._end is None else self._end - self._at
            self._body, total = self._source.get(self._at, length)
            if self._end is None:
                self._end = total
            elif total < self._end:
                self.close()
                raise self._source.too_short(f"wanted bytes up to {self._end} of {total}")
        assert self._end is not None
        return self._end

    def stop_at(self, end: int) -> None:
        """Read no further than ``end``, although more was asked for."""
        self._end = end

    def read(self, size_bytes: int) -> bytes:
        """Up to ``size_bytes`` bytes; ``b""`` only at the end of the range."""
        while self._end is None or self._at < self._end:
            wanted = min(size_bytes, self.open() - self._at)
            try:
                chunk: bytes = self._body.read(wanted)
                if not chunk and wanted:
                    raise EOFError("it ended too early")
            except _BROKEN as error:
                self._after(error)
                continue
            self._at += len(chunk)
            if chunk:
                self._failures = 0
            return chunk
        return b""

    def _after(self, error: Exception) -> None:
        """Get ready for another try, or raise."""
        self.close()
        self._failures += 1
        self._resumes += 1
        said = self._source.broken(error)
        is_late = self._last_start is not None and time.monotonic() >= self._last_start
        if is_late or isinstance(said, IntegrityError) or self._failures >= TRIES or self._resumes > _MAX_RESUMES:
            raise said from error
        time.sleep(random.random() * 0.1 * 2**self._failures)  # noqa: S311 - jitter, no secret

    def close(self) -> None:
        """Let the connection go."""
        body, self._body = self._body, None
        if body is not None:
            body.close()


class S3Reader(RangeReader):
    """A range: one stream while it is small, 8 MiB pieces side by side (up to ``ahead``) from 16 MiB on.

    Where the end is not known before the first answer, that answer's stream is the first piece.
    """

    def __init__(
        self, source: Source, *, start: int, length: int | None, ahead: int, head_size: Callable[[], int]
    ) -> None:
        self._source = source
        self._start = start
        self._length = length
        self._ahead = ahead
        self._head_size = head_size
        self._stream: S3Stream | None = None
        self._pieces: PieceReader | None = None
        self._is_open = False

    def read(self, size_bytes: int) -> bytes:
        """See `RangeReader.read`."""
        if not self._is_open:
            self._is_open = True
            self._open()
        if self._stream is not None:
            if chunk := self._stream.read(size_bytes):
                return chunk
            self._stream.close()
            self._stream = None
        return self._pieces.read(size_bytes) if self._pieces is not None else b""

    def close(self) -> None:
        """See `RangeReader.close`."""
        self._is_open = True
        if self._stream is not None:
            self._stream.close()
        if self._pieces is not None:
            self._pieces.close()
        self._stream = self._pieces = None

    def _open(self) -> None:
        if self._length == 0:
            self._check_end()
        elif self._length is not None and self._length > AHEAD_FROM_BYTES:
            self._pieces = self._ahead_of(self._start, self._length)
        else:
            self._stream = S3Stream(self._source, start=self._start, length=self._length)
            if self._length is None:
                self._open_to_the_end(self._stream)

    def _open_to_the_end(self, stream: S3Stream) -> None:
        try:
            end = stream.open()
        except IntegrityError:  # a range that begins at the very end is refused like one that begins behind it
            self._check_end()
            self._stream = None
            return
        if end - self._start > AHEAD_FROM_BYTES:
            first_end = self._start + PIECE_BYTES
            stream.stop_at(first_end)
            self._pieces = self._ahead_of(first_end, end - first_end)

    def _check_end(self) -> None:
        size_bytes = self._head_size()
        if self._start > size_bytes:
            raise self._source.too_short(f"wanted bytes from {self._start} of {size_bytes}")

    def _ahead_of(self, start: int, length: int) -> PieceReader:
        # A remainder below the pieces' own threshold is read one piece at a time.
        return PieceReader(self._fetch, start=start, length=length, ahead=self._ahead)

    def _fetch(self, start: int, length: int) -> bytes:
        stream = S3Stream(self._source, start=start, length=length)
        try:
            return b"".join(iter(lambda: stream.read(_STEP_BYTES), b""))
        finally:
            stream.close()
