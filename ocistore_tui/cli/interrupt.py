"""Ctrl-C and termination: stop within a second, leave nothing half-visible, say what is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TypeVar

from ocistore_tui.errors import Cancelled

_Result = TypeVar("_Result")

GRACE_S = 0.8
"""How long a transfer has to end by itself once it is told to."""
TICK_S = 0.5
"""The longest wait: a signal that comes to another thread, or just before a wait, does not end the wait."""
_NOTHING = "nothing was changed"


class Interrupted(BaseException):
    """A signal asked the program to end.

    Args:
        signal_number: Which one.
        kept: What a resume can rely on.
    """

    def __init__(self, signal_number: int, kept: str = _NOTHING) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number
        self.kept = kept

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.signal_number

    @property
    def word(self) -> str:
        """What happened."""
        return "interrupted" if self.signal_number == signal.SIGINT else "terminated"


def raise_on_signals() -> None:
    """Let SIGINT, SIGTERM and a lost terminal end whatever the main thread does."""

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        raise Interrupted(number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # under nohup it is ignored, and stays so
            signal.signal(signal.SIGHUP, stop)


def end_on_signals() -> None:
    """From now on they end the program without another word: all that was to be said is said."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def temporary_files() -> Iterator[None]:
    """What a transfer spools is gone at the end, even where a thread hung in a socket and could not be waited for."""
    import shutil
    import tempfile

    try:
        directory = tempfile.mkdtemp(prefix="ocistore-")
    except OSError:  # no room for anything; whoever needs some will say so
        yield
        return
    before, tempfile.tempdir = tempfile.tempdir, directory
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(directory, ignore_errors=True)


def run_interruptible(
    work: Callable[[threading.Event], _Result], *, tick: Callable[[], None], done: Callable[[], None], kept: str
) -> _Result:
    """Run a transfer in a thread of its own, so that a signal is heard at once, whatever the transfer waits for.

    Args:
        work: The transfer; stops soon after the event is set.
        tick: Called about twice a second meanwhile.
        done: Called once, however it ends.
        kept: What an interrupted transfer leaves behind.

    Raises:
        Interrupted: a signal came; the transfer was told to stop, and had ``GRACE_S`` seconds to.
        BaseException: whatever the transfer raised.
    """
    cancel, ended = threading.Event(), threading.Event()
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work(cancel))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=run, name="ocistore-transfer", daemon=True)
    with temporary_files():
        try:
            thread.start()
            # Not joined: a join that a signal breaks off takes the thread for ended (Python up to 3.12), and nobody
            # would wait for it.
            while not ended.is_set():
                ended.wait(TICK_S)
                tick()
        except Interrupted as interrupted:
            with suppress(Interrupted):  # another one: it is not to take any longer
                cancel.set()
                ended.wait(GRACE_S)
            # It may have been done before it could be stopped.
            interrupted.kept = "the transfer had just finished" if results else kept
            raise
        finally:
            done()
    if errors:
        if isinstance(errors[0], Cancelled) and cancel.is_set():
            raise Interrupted(signal.SIGINT, kept) from errors[0]
        raise errors[0]
    return results[0]
