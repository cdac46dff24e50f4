"""Reading files of a directory store: one open file is one version, whatever is renamed over it."""

from __future__ import annotations

import errno
import os
import stat
import weakref

from ocistore_tui.backends.base import MIB, CancelSignal, RangeReader, check_cancel
from ocistore_tui.backends.local_errors import translated
from ocistore_tui.backends.local_listing import CheckLink
from ocistore_tui.errors import IntegrityError, NotFound

_COPY_BYTES = 16 * MIB
_CANNOT_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # non-blocking: a pipe somebody left there must not hang us


def open_file(path: str, check_link: CheckLink) -> tuple[int, os.stat_result]:
    """The regular file at ``path``, open.

    Raises:
        NotFound: there is none.
    """
    with translated(path):
        try:
            try:
                file = os.open(path, _FLAGS | os.O_NOFOLLOW)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.EMLINK):
                    raise
                check_link(path)
                file = os.open(path, _FLAGS)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                raise
            raise NotFound("no such object", where=path) from error
        found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        os.close(file)
        raise NotFound("no such object", where=path, cause="there is a directory or a special file")
    return file, found


class FileReader(RangeReader):
    """A range of an open file; closes the file with itself."""

    def __init__(self, file: int, path: str, *, start: int, end: int) -> None:
        self._file = file
        self._path = path
        self._at = start
        self._end = end
        self._closing = weakref.finalize(self, os.close, file)

    def read(self, size_bytes: int) -> bytes:
        """See `RangeReader.read`."""
        wanted = min(size_bytes, self._end - self._at)
        if wanted <= 0 or not self._closing.alive:
            return b""
        with translated(self._path):
            piece = os.pread(self._file, wanted, self._at)
        if not piece:
            raise IntegrityError(
                "the file became shorter while it was read",
                where=self._path,
                cause=f"it ends at byte {self._at} of {self._end}",
                fix="somebody writes into it in place: find out who, and push the image again",
            )
        self._at += len(piece)
        return piece

    def file_range(self) -> tuple[int, int, int] | None:
        """See `RangeReader.file_range`."""
        return (self._file, self._at, self._end - self._at) if self._closing.alive else None

    def copy_to(self, file: int, *, limit_bytes: int, cancel: CancelSignal | None) -> bool:
        """Let the kernel copy the range into an empty file, up to ``limit_bytes``; False: it cannot, nothing is lost.

        Raises:
            OSError: the copy failed midway, such as for lack of space.
        """
        copied, wanted = 0, min(limit_bytes, self._end - self._at)
        while copied < wanted:
            check_cancel(cancel, where=self._path)
            try:
                step = os.copy_file_range(
                    self._file, file, min(_COPY_BYTES, wanted - copied), self._at + copied, copied
                )
            except (OSError, AttributeError) as error:  # not on every system
                if copied or getattr(error, "errno", errno.ENOSYS) not in _CANNOT_COPY:
                    raise
                return False
            if not step:
                break
            copied += step
        return True

    def close(self) -> None:
        """See `RangeReader.close`."""
        self._closing()
