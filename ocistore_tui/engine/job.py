"""One push or pull as a job: watched to its last snapshot, and stopped at once, whatever it waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.engine.pause import PauseSignal
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.errors import Cancelled
from ocistore_tui.model.progress import JobState

_Result = TypeVar("_Result")

GRACE_S = 0.7
"""How long a job has to end by itself once it is told to."""
_POLL_S = 0.1


class StopSignal:
    """Set by the user, or by the engine itself when one part of a job has failed. Asking waits while it is paused."""

    def __init__(self, user: CancelSignal | None) -> None:
        self._user = user
        self._failed = False

    def fail(self) -> None:
        """One part failed: the others need not go on, and are not held by a pause."""
        self._failed = True
        if isinstance(self._user, PauseSignal):
            self._user.wake()

    def is_set(self) -> bool:
        """Whether to stop now."""
        if self._failed or self._user is None:
            return self._failed
        if isinstance(self._user, PauseSignal):
            return self._user.wait(unless=lambda: self._failed) or self._failed
        return self._user.is_set()


def run_job(
    tracker: Tracker, notes: Iterable[str], work: Callable[[StopSignal], _Result], cancel: CancelSignal | None
) -> _Result:
    """Do ``work``; the last snapshot always arrives, however it ends.

    Raises:
        Cancelled: ``cancel`` was set.
        BaseException: whatever ``work`` raised.
    """
    for note in notes:
        tracker.note(note)
    stop = StopSignal(cancel)
    try:
        result = _stoppable(lambda: work(stop), cancel, stop, tracker)
    except BaseException as error:
        tracker.finish(JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED)
        raise
    tracker.finish(JobState.DONE)
    return result


def _stoppable(work: Callable[[], _Result], user: CancelSignal | None, stop: StopSignal, tracker: Tracker) -> _Result:
    """Run ``work``, which asks ``stop`` before everything it writes; stop waiting for it soon after ``user`` is set.

    No SDK can interrupt a request from outside. So the work has a thread of its own, and one that hangs in a request
    is left behind in it: it ends with that request, and writes nothing more.

    Raises:
        Cancelled: ``user`` was set.
        BaseException: whatever ``work`` raised.
    """
    if user is None:
        return work()
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="ocistore-job", daemon=True)
    thread.start()
    while thread.is_alive() and not _asked_to_stop(user, tracker):
        thread.join(_POLL_S)
    if thread.is_alive():
        thread.join(GRACE_S)
    if errors:
        raise errors[0]
    if not results:
        stop.fail()
        raise Cancelled(
            "stopped on request, in the middle of a request that hangs",
            fix="run the same command again: finished blobs are kept",
        )
    return results[0]


def _asked_to_stop(user: CancelSignal, tracker: Tracker) -> bool:
    """Whether ``user`` is set, without waiting where that can be: work that ends during a pause is told at once."""
    if isinstance(user, PauseSignal):
        tracker.pause(user.is_paused)
        return user.is_cancelled
    before = time.monotonic()
    answer = user.is_set()
    held_s = time.monotonic() - before
    if held_s > _POLL_S:  # a signal of another kind that holds whoever asks
        tracker.skip(held_s)
    return answer
