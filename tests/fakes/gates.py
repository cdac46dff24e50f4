"""Calls that wait, fail or go through as a test says: what a fake of something slow and fallible is made of."""

from __future__ import annotations

import threading

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.errors import Cancelled, OciStoreError

_Key = tuple[str, str | None]


class Gates:
    """Every call of a fake passes here first.

    A gate is a method's name, or a method's name with a subject: the reference, repository or row it is about.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[_Key] = set()
        self._errors: dict[_Key, tuple[OciStoreError, int | None]] = {}
        self._waiting: list[_Key] = []
        self._is_over = False
        self.calls: list[tuple[str, str]] = []
        """Every call with its subject, in order."""

    def hold(self, method: str, subject: str | None = None) -> None:
        """Let calls wait until they are released."""
        with self._changed:
            self._held.add((method, subject))

    def release(self, method: str, subject: str | None = None) -> None:
        """Let what waits there go on, and what comes later."""
        with self._changed:
            self._held.discard((method, subject))
            self._changed.notify_all()

    def fail(self, method: str, error: OciStoreError, subject: str | None = None, *, times: int | None = None) -> None:
        """Let calls fail, after they were held; with ``times``, only so many."""
        with self._changed:
            self._errors[(method, subject)] = (error, times)

    def heal(self, method: str, subject: str | None = None) -> None:
        """Calls go through again."""
        with self._changed:
            self._errors.pop((method, subject), None)

    def waiting(self, method: str, subject: str | None = None) -> int:
        """How many calls are held there now."""
        with self._changed:
            return sum(name == method and subject in (None, about) for name, about in self._waiting)

    def count(self, method: str, subject: str | None = None) -> int:
        """How often it was called."""
        return sum(name == method and subject in (None, about) for name, about in self.calls)

    def let_go(self) -> None:
        """The test is over: nothing waits any more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def arrive(self, method: str, subject: str = "", cancel: CancelSignal | None = None) -> None:
        """Keep record of a call, then pass its gate."""
        with self._changed:
            self.calls.append((method, subject))
        self.wait(method, subject, cancel)

    def wait(self, method: str, subject: str = "", cancel: CancelSignal | None = None) -> None:
        """Wait while the gate is held, then raise what was said for it.

        Raises:
            Cancelled: ``cancel`` was set.
            OciStoreError: as the test said.
        """
        keys: tuple[_Key, ...] = ((method, None), (method, subject))
        with self._changed:
            self._waiting.append((method, subject))
        try:
            while True:
                # Asked outside the lock: a paused signal blocks.
                if cancel is not None and cancel.is_set():
                    raise Cancelled("stopped on request", fix="run it again: finished blobs are kept")
                with self._changed:
                    if self._is_over or not any(key in self._held for key in keys):
                        break
                    self._changed.wait(0.02 if cancel is not None else None)
        finally:
            with self._changed:
                self._waiting.remove((method, subject))
        with self._changed:
            for key in keys:
                if key in self._errors:
                    error, times = self._errors[key]
                    if times is not None:
                        self._errors[key] = (error, times - 1)
                        if times <= 1:
                            del self._errors[key]
                    raise error


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_795_600_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
