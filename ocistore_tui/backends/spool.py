"""Bytes on their way into a store: in memory while few, in a file while many, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from ocistore_tui.backends.local_files import GrowingFile
from ocistore_tui.errors import NoSpace

MEMORY_BYTES = 4 * 1024 * 1024


class Spool:
    """Takes bytes; afterwards they are either in ``data`` or in the file ``path``.

    Args:
        directory: Where a file goes, when one is needed; None: the system's temporary directory.
        memory_bytes: More than this goes into a file.
    """

    def __init__(self, directory: Path | None, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._directory = directory
        self._memory_bytes = memory_bytes
        self._memory: bytearray | None = bytearray()
        self._growing: GrowingFile | None = None
        self.path: Path | None = None

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            NoSpace: the disk is full.
        """
        if self._memory is not None:
            if len(self._memory) + len(data) <= self._memory_bytes:
                self._memory += data
                return
            self._open()
        self._append(data)

    def finish(self) -> None:
        """End writing, so that the file can be read by its path."""
        try:
            self._end()
        except OSError as error:
            raise self._no_space(error) from error

    @property
    def data(self) -> bytes | None:
        """The bytes, when they stayed in memory."""
        return bytes(self._memory) if self._memory is not None else None

    def close(self) -> None:
        """Forget everything; the file, if it is still there, goes too, unless the system does not let it."""
        self._memory = None
        with contextlib.suppress(OSError):  # some disks say only now that they were full
            self._end()
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _open(self) -> None:
        assert self._memory is not None
        try:
            # Not mkstemp: its 0600 would stay on the file when the store takes it, and a registry could not read it.
            name = f"{os.getpid()}-{os.urandom(8).hex()}.tmp"
            self.path = Path(self._directory or tempfile.gettempdir()) / name
            mode = 0o666 if self._directory else 0o600
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except OSError as error:
            raise self._no_space(error) from error
        self._growing = GrowingFile(file, is_to_stay=self._directory is not None)
        self._append(self._memory)
        self._memory = None

    def _end(self) -> None:
        growing, self._growing = self._growing, None
        if growing is not None:
            os.close(growing.file)

    def _append(self, data: bytes | bytearray) -> None:
        assert self._growing is not None
        try:
            self._growing.write(data)
        except OSError as error:
            raise self._no_space(error) from error

    def _no_space(self, error: OSError) -> NoSpace:
        return NoSpace(
            "cannot spool a layer",
            where=str(self.path),
            cause=error.strerror or str(error),
            fix="free space there, or set TMPDIR to a directory with room for the largest layer",
        )
