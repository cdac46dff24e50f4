"""Uploads under way: in this process only, bounded in number, forgotten when nobody goes on with them."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.spool import Spool
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.problem import Problem

_MEMORY_BYTES = 64 * 1024
"""More than this of one upload is kept in a file: there may be a thousand of them."""
_RESTED_S = 60.0
"""One that nobody has touched for so long gives way where there are too many."""


class Session:
    """One upload: the bytes so far, spooled and hashed as they come. One thread at a time uses it."""

    def __init__(self, repository: str, spool_dir: Path | None, algorithm: str, now: float) -> None:
        self.id = str(uuid.uuid4())
        self.repository = repository
        self.offset = 0
        """Bytes so far."""
        self.touched = now
        self.lock = threading.Lock()
        self.is_over = False
        self._spool = Spool(spool_dir, memory_bytes=_MEMORY_BYTES)
        self._running = hashlib.new(algorithm)

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            NoSpace: the disk is full.
        """
        self._spool.write(data)
        self._running.update(data)
        self.offset += len(data)

    def finish(self, algorithm: str) -> Digest:
        """What all bytes are called; nothing can be appended afterwards."""
        self._spool.finish()
        running = self._running
        if running.name != algorithm:
            running = hashlib.new(algorithm)
            for chunk in self.chunks():
                running.update(chunk)
        return Digest.parse(f"{algorithm}:{running.hexdigest()}")

    @property
    def path(self) -> Path | None:
        """The file that holds them; None where they are in memory."""
        return self._spool.path

    def chunks(self) -> Iterator[bytes]:
        """All bytes, once `finish` was called."""
        if self._spool.path is None:
            yield self._spool.data or b""
            return
        with self._spool.path.open("rb") as file:
            while chunk := file.read(MIB):
                yield chunk

    def close(self) -> None:
        """Forget the bytes."""
        self.is_over = True
        self._spool.close()


class Sessions:
    """All uploads of one registry.

    Args:
        most: How many there may be at once.
        idle_s: Seconds after which one that nobody touched is forgotten.
        clock: Seconds.
    """

    def __init__(self, *, most: int, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._idle_s, self._clock = most, idle_s, clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, repository: str, spool_dir: Path | None, algorithm: str) -> Session:
        """A new upload.

        Raises:
            Problem: there are too many.
        """
        self.tidy()
        if len(self._sessions) >= self._most:
            self._make_room()
        session = Session(repository, spool_dir, algorithm, self._clock())
        with self._lock:
            if len(self._sessions) >= self._most:
                message = f"{self._most} uploads are under way"
                raise Problem(429, "TOOMANYREQUESTS", message, headers={"Retry-After": "30"})
            self._sessions[session.id] = session
        return session

    @contextmanager
    def taken(self, repository: str, upload: str) -> Iterator[Session]:
        """An upload for one request alone.

        Raises:
            Problem: it is not there, or another request works on it.
        """
        session = self._sessions.get(upload)
        if session is None or session.repository != repository:
            raise _unknown()
        if not session.lock.acquire(blocking=False):
            raise Problem(409, "BLOB_UPLOAD_INVALID", "another request works on this upload")
        try:
            if session.is_over:
                raise _unknown()
            yield session
        finally:
            session.touched = self._clock()
            session.lock.release()

    def end(self, session: Session) -> None:
        """Forget an upload that the caller has taken, or that nobody has."""
        with self._lock:
            self._sessions.pop(session.id, None)
        session.close()

    def tidy(self) -> int:
        """Forget what nobody goes on with; how many there are then."""
        before = self._clock() - self._idle_s
        for session in list(self._sessions.values()):
            if session.touched < before:
                self._forget(session)
        return len(self._sessions)

    def _make_room(self) -> None:
        longest = min(list(self._sessions.values()), key=lambda session: session.touched, default=None)
        if longest is not None and longest.touched < self._clock() - _RESTED_S:
            self._forget(longest)

    def _forget(self, session: Session) -> None:
        if session.lock.acquire(blocking=False):
            try:
                self.end(session)
            finally:
                session.lock.release()

    def close(self) -> None:
        """Forget all of them."""
        for session in list(self._sessions.values()):
            self.end(session)


def _unknown() -> Problem:
    return Problem(404, "BLOB_UPLOAD_UNKNOWN", "no such upload; it was finished, cancelled or forgotten")
