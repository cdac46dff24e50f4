"""What the operating system refuses, said as the program's own errors."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocistore_tui.errors import (
    AccessDenied,
    NoSpace,
    NotFound,
    OciStoreError,
    Refused,
    StoreMissing,
    Unavailable,
    UsageError,
)

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM}
_BAD_NAME = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}
_IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY}
_TOO_MANY_OPEN = {errno.EMFILE, errno.ENFILE}


def store_error(error: OSError, *, where: str) -> OciStoreError:
    """The error of the program for an error of the system."""
    cause = error.strerror or str(error)
    code = error.errno
    if code in _NO_SPACE:
        return NoSpace("no space left", where=where, cause=cause, fix="free space or raise the quota, then run again")
    if code == errno.EFBIG:
        fix = "raise the limit (ulimit -f), or use a file system that takes files of this size"
        return NoSpace("the file system does not take a file of this size", where=where, cause=cause, fix=fix)
    if code == errno.EROFS:
        fix = "mount it writable, or use the store for reading only"
        return AccessDenied("the file system is read-only", where=where, cause=cause, fix=fix)
    if code in _DENIED:
        fix = "run as a user who may use this directory (the registry's own user), or grant the rights"
        return AccessDenied("not allowed", where=where, cause=cause, fix=fix)
    if code in _BAD_NAME:
        fix = "choose a shorter or plainer name, or a file system that takes it"
        return UsageError("the file system does not take this name", where=where, cause=cause, fix=fix)
    if code in _IN_THE_WAY:
        fix = "this is not as a registry lays it out: look at the path and move away what does not belong there"
        return Refused("a file is where a directory must be, or the other way round", where=where, cause=cause, fix=fix)
    if code == errno.ENOENT:
        return NotFound("no such object", where=where, cause=cause)
    if code in _TOO_MANY_OPEN:
        return Unavailable("too many open files", where=where, cause=cause, fix="raise the limit: ulimit -n 4096")
    fix = "look at the disk or the network mount (dmesg, mount), then run again"
    return Unavailable("the file system reports an error", where=where, cause=cause, fix=fix)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Let no `OSError` out."""
    try:
        yield
    except OSError as error:
        raise store_error(error, where=where) from error


def check_root(root: Path, *, create: bool) -> None:
    """Look whether the store's directory is there.

    Raises:
        StoreMissing: it is not; with ``create`` a plain `NotFound`, because the first write makes it.
        UsageError: it is a file, or below one.
        OSError: it cannot be looked at.
    """
    message = "the store's directory does not exist"
    try:
        is_directory = stat.S_ISDIR(root.stat().st_mode)
    except FileNotFoundError as error:
        if not create:
            raise StoreMissing(message, where=str(root), fix="make it, or give another --dir") from error
        cause = "nothing was pushed there yet: the first push makes the directory"
        raise NotFound(message, where=str(root), cause=cause, fix="push, or give another --dir") from error
    except NotADirectoryError:
        is_directory = False
    if not is_directory:
        raise UsageError(
            "the store is to be a directory",
            where=str(root),
            cause="it is a file, or below one",
            fix="give another --dir",
        )


def make_root(root: Path) -> None:
    """Make the store's directory, with everything above it.

    Raises:
        UsageError: there can be none.
        AccessDenied: we may not make one.
        OSError: anything else.
    """
    message = "the store's directory cannot be made"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, FileExistsError) as error:
        # /proc says so, which takes no directories; and so does a link that leads nowhere.
        leads_nowhere = root.is_symlink()
        cause = "it is a link that leads nowhere" if leads_nowhere else f"its file system takes none: {error.strerror}"
        raise UsageError(message, where=str(root), cause=cause, fix="give another --dir") from error
    except OSError as error:
        if error.errno not in _DENIED:
            raise
        fix = "give another --dir, or make it first as a user who may"
        raise AccessDenied(message, where=str(root), cause=error.strerror or str(error), fix=fix) from error


def make_below(root: Path, directory: Path) -> None:
    """Make one of our own directories below ``root``, which is there.

    Raises:
        UsageError: its file system takes no directories.
        OSError: anything else.
    """
    try:
        directory.mkdir(exist_ok=True)
    except FileNotFoundError as error:
        if not root.is_dir():
            raise
        raise UsageError(
            "no directory can be made in the store's",
            where=str(directory),
            cause=f"its file system takes none: {error.strerror}",
            fix="give another --dir",
        ) from error
