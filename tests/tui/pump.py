"""The UI's thread without a UI: answers of a `Desk` are delivered when a test lets them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import cast

from textual.message_pump import MessagePump

from ocistore_tui.tui.desk import Answer, Desk

LONGEST_S = 10.0


class Pump:
    """Takes answers from threads and delivers them in the test's own."""

    def __init__(self) -> None:
        self._answers: queue.Queue[Answer] = queue.Queue()
        self.desk = Desk(cast("MessagePump", self))

    def post_message(self, answer: Answer) -> bool:
        """From a thread."""
        self._answers.put(answer)
        return True

    def until(self, predicate: Callable[[], object], what: str = "") -> None:
        """Deliver answers, one by one, until ``predicate`` holds.

        Raises:
            AssertionError: it never did.
        """
        deadline = time.monotonic() + LONGEST_S
        while not predicate():
            try:
                answer = self._answers.get(timeout=0.01)
            except queue.Empty:
                assert time.monotonic() < deadline, f"never came: {what or predicate}"
            else:
                answer.deliver()

    def settle(self) -> None:
        """Deliver everything, until no question is open."""
        self.until(lambda: self.desk.is_idle and self._answers.empty(), "every answer")
