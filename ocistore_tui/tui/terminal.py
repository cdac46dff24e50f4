"""The terminal, also when it goes away while the program runs: a window that is closed, a connection that breaks."""

from __future__ import annotations

import contextlib
import signal
from typing import IO, TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp


class Terminal(LinuxDriver):
    """Textual's driver, which would wait for ever for a terminal that is gone."""

    _app: OcistoreApp

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self._file is not None:
            self._file = Enduring(self._file)  # type: ignore[assignment]

    def run_input_thread(self) -> None:
        """Read keys; with the terminal gone, end as its hang-up signal does, should that not have come."""
        try:
            super().run_input_thread()
        except OSError:
            self._app.call_later(self._app.stop_at_once, signal.SIGHUP)


class Enduring:
    """A file whose reader may go away: Textual's writing thread would die of it, and the program wait for that thread.

    Args:
        file: Where to write while somebody reads it.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, or not, where nobody reads any more."""
        with contextlib.suppress(OSError, ValueError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush likewise."""
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()

    def fileno(self) -> int:
        """Of the file itself."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """As the file itself says."""
        return self._file.isatty()
