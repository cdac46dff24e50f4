"""Hours of silence in a moment: a clock that runs while an engine says nothing, and somebody who waits."""

from __future__ import annotations

import threading

import pytest

from ocistore_tui.daemon import wire


class Patience:
    """A cancel signal that is never set; asked often enough while the engine is silent, it lets the engine go on."""

    def __init__(self, engine_asked: threading.Event, gate: threading.Event) -> None:
        self._asked, self._gate, self._left = engine_asked, gate, 3

    def is_set(self) -> bool:
        if self._asked.is_set():
            self._left -= 1
            if not self._left:
                self._gate.set()
        return False


def hours_pass(monkeypatch: pytest.MonkeyPatch, since: threading.Event, until: threading.Event) -> None:
    """From one look at the clock to the next, as long as one thing has happened and the other has not."""
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += 3600 if since.is_set() and not until.is_set() else 0
        return now

    monkeypatch.setattr(wire, "time", type("Clock", (), {"monotonic": staticmethod(monotonic)}))
