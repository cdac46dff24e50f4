"""Single files of a directory store: written whole, brought to the disk, told apart by version."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ocistore_tui.backends.local_listing import stamp
from ocistore_tui.errors import NoSpace

_WRITE_BYTES = 64 * 1024
"""More in one call makes Linux take pages in such large pieces that only memory nobody used yet has them: in a virtual
machine that comes from the host, ten times as slowly."""
_FLUSH_BYTES = 16 * 1024 * 1024


class GrowingFile:
    """An open file that is written from its beginning to its end.

    Args:
        file: Its descriptor; stays the caller's.
        is_to_stay: Whether it will be sealed: what was written starts for the disk at once then, without waiting, so
            that `seal` has little left to wait for.
    """

    def __init__(self, file: int, *, is_to_stay: bool = True) -> None:
        self.file, self._is_to_stay = file, is_to_stay
        self._written = self._flushed = 0

    def write(self, data: bytes | bytearray) -> None:
        """Append all of ``data``; the system may take it in pieces.

        Raises:
            OSError: the disk is full, or fails.
        """
        rest = memoryview(data)
        while rest:  # a disk that is nearly full takes a part, and says so only the next time
            step = os.write(self.file, rest[:_WRITE_BYTES])
            rest = rest[step:]
            self._written += step
        if self._is_to_stay and self._written - self._flushed >= _FLUSH_BYTES and sys.platform == "linux":
            # Linux begins to write these pages and keeps them in memory; they would have to be clean to be dropped.
            os.posix_fadvise(self.file, self._flushed, self._written - self._flushed, os.POSIX_FADV_DONTNEED)
            self._flushed = self._written


def seal(file: int) -> str:
    """Bring a finished file to the disk, with a time of its own, and tell its token."""
    now = time.time_ns()
    os.utime(file, ns=(now, now))
    os.fsync(file)
    return stamp(os.fstat(file))


def current_token(path: Path) -> str | None:
    """The token of what is there now; None: nothing."""
    try:
        return stamp(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_space(directory: Path, size_bytes: int) -> None:
    """Say at once, not after gigabytes, that a blob will not fit.

    Raises:
        NoSpace: fewer than ``size_bytes`` are free.
    """
    free = os.statvfs(directory)
    free_bytes = free.f_bavail * free.f_frsize
    if size_bytes > free_bytes:
        raise NoSpace(
            "no space left",
            where=str(directory),
            cause=f"{size_bytes} bytes are needed, {free_bytes} are free",
            fix="free space, then run again",
        )
