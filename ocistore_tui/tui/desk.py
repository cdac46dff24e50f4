"""Everything that blocks: each question runs in a thread of its own, its answer comes back to the UI's thread.

Threads are daemons and never joined: a request that hangs cannot hold up the program's end. An answer nobody waits for
any more is dropped by its number; a worker that was told to stop may still answer later.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from ocistore_tui.errors import OciStoreError

_T = TypeVar("_T")


class Fault(OciStoreError):
    """A bug in the program, met in a thread; the UI stays up and says so."""

    kind = "fault"

    def __init__(self, topic: str, error: BaseException) -> None:
        super().__init__(
            "a fault of the program itself", where=topic, cause=f"{type(error).__name__}: {error}",
            fix="please report it; the command log has the details",
        )  # fmt: skip
        self.details = "".join(traceback.format_exception(error))


_BEHIND = 10


def give_way() -> None:
    """From a worker with much to compute: it, and the threads it starts, let the UI's thread go first.

    Linux keeps this by thread; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND)


class Answer(Message):
    """A call to make in the UI's thread."""

    def __init__(self, deliver: Callable[[], None]) -> None:
        super().__init__()
        self.deliver = deliver


class Desk:
    """Asks questions for one message pump (the app), which calls ``deliver`` of every `Answer` it gets."""

    def __init__(self, pump: MessagePump) -> None:
        self._pump = pump
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._cancels: dict[str, threading.Event] = {}
        self._running = 0

    def ask(
        self,
        topic: str,
        work: Callable[[threading.Event], _T],
        then: Callable[[_T], None],
        failed: Callable[[OciStoreError], None] | None = None,
    ) -> None:
        """Run ``work`` in a thread; call ``then`` or ``failed`` in the UI's thread.

        Args:
            topic: One question is current per topic: asking again stops the one before and drops its answer.
            work: Gets an event that is set when its answer is not wanted any more.
            then: Gets the answer.
            failed: Gets the error; None: it is dropped.
        """
        self.forget(topic)
        number = self._numbers[topic]
        cancel = self._cancels[topic] = threading.Event()

        def settle(deliver: Callable[[], None]) -> None:
            self._running -= 1
            if self._numbers[topic] == number:
                self._cancels.pop(topic, None)
                deliver()

        def run() -> None:
            try:
                value = work(cancel)
            except OciStoreError as error:
                self._post(lambda error=error: settle(lambda: failed(error) if failed else None))
            except Exception as error:  # noqa: BLE001 - a bug in a thread must reach the UI, not vanish with the thread
                fault = Fault(topic, error)
                self._post(lambda: settle(lambda: failed(fault) if failed else None))
            else:
                self._post(lambda: settle(lambda: then(value)))

        self._running += 1
        threading.Thread(target=run, name=f"ocistore-{topic}", daemon=True).start()

    def finish(self, topic: str, work: Callable[[], object], *, within_s: float) -> bool:
        """At the program's end: run ``work`` in a thread and wait for it, but no longer than ``within_s`` seconds.

        Returns:
            Whether it ended in that time.
        """

        def run() -> None:
            with contextlib.suppress(OciStoreError):
                work()

        thread = threading.Thread(target=run, name=f"ocistore-{topic}", daemon=True)
        thread.start()
        thread.join(within_s)
        return not thread.is_alive()

    def tell(self, call: Callable[[], None]) -> None:
        """From a worker: make a call in the UI's thread, such as handing over a page of rows."""
        self._post(call)

    def forget(self, topic: str) -> None:
        """Stop whatever is asked under this topic and drop its answer."""
        self._numbers[topic] += 1
        cancel = self._cancels.pop(topic, None)
        if cancel is not None:
            cancel.set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return self._running == 0

    def _post(self, deliver: Callable[..., Any]) -> None:
        self._pump.post_message(Answer(deliver))
