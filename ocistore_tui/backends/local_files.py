"""Single files of a directory store: written whole, brought to the disk, told apart by version."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ocistore_tui.backends.local_listing import stamp
from ocistore_tui.errors import NoSpace


def write_all(file: int, data: bytes) -> None:
    """Write all of ``data``; the system may take it in pieces."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


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
