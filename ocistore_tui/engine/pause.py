"""A cancel signal that can also hold the work: everything that asks whether to stop waits for the answer meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable


class PauseSignal:
    """Given to a push or pull as its ``cancel``; safe to use from any thread.

    Work asks `is_set` at every chunk, so a pause holds it within a chunk, with connections and finished parts kept. A
    server may hang up on a connection that is silent for long: what was under way on it is sent or read again. Whoever
    leaves the program has to `set` it, or to `resume`: held threads do not end by themselves.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_set = False
        self._is_paused = False

    def set(self) -> None:
        """Stop the work, paused or not; there is no way back."""
        with self._changed:
            self._is_set = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Hold the work."""
        with self._changed:
            self._is_paused = True
            self._changed.notify_all()

    def resume(self) -> None:
        """Let it go on."""
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()

    def is_set(self) -> bool:
        """Whether to stop now; while paused, the answer comes with `resume` or `set`."""
        return self.wait()

    def wait(self, unless: Callable[[], bool] = lambda: False) -> bool:
        """Like `is_set`, and also answers once ``unless`` is true, which is asked again at every `wake`."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_set or not self._is_paused or unless())
            return self._is_set

    def wake(self) -> None:
        """Let those who wait ask their ``unless`` again."""
        with self._changed:
            self._changed.notify_all()

    @property
    def is_cancelled(self) -> bool:
        """Whether `set` was called; never waits."""
        return self._is_set

    @property
    def is_paused(self) -> bool:
        """Whether work is held, or would be; no longer once it was stopped."""
        return self._is_paused and not self._is_set
