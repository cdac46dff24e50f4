"""Ctrl-C and termination: stop within a second, leave nothing half-visible, say what is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from ocistore_tui.errors import Cancelled

_Result = TypeVar("_Result")

GRACE_S = 1.0
"""How long a transfer has to end by itself once it is told to."""


class Interrupted(BaseException):
    """A signal asked the program to end.

    Args:
        signal_number: Which one.
        kept: What a resume can rely on.
    """

    def __init__(self, signal_number: int, kept: str = "") -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number
        self.kept = kept

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.signal_number


def raise_on_signals() -> None:
    """Let SIGINT and SIGTERM end whatever the main thread does."""

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        raise Interrupted(number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)


def run_interruptible(work: Callable[[threading.Event], _Result], *, done: Callable[[], None]) -> _Result:
    """Run a transfer in a thread of its own, so that a signal is heard at once, whatever the transfer waits for.

    Raises:
        Interrupted: a signal came; the transfer was told to stop, and had ``GRACE_S`` seconds to.
        BaseException: whatever the transfer raised.
    """
    cancel = threading.Event()
    outcome: list[tuple[_Result | None, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((work(cancel), None))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            outcome.append((None, error))

    thread = threading.Thread(target=run, name="ocistore-transfer", daemon=True)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(0.5)
    except Interrupted as interrupted:
        cancel.set()
        thread.join(GRACE_S)
        if outcome and outcome[0][1] is None:
            # It was done before it could be stopped.
            interrupted.kept = "the transfer had just finished"
        else:
            interrupted.kept = "finished blobs are kept: run the same command again to go on; no tag was changed"
        raise
    finally:
        done()
    result, error = outcome[0]
    if isinstance(error, Cancelled) and cancel.is_set():
        raise Interrupted(signal.SIGINT) from error
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only where the work returns None
