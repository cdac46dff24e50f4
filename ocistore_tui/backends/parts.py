"""Sending a blob in parts: a bounded number in flight, in daemon threads, and given up within a second on cancel."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Generic, TypeVar, cast

from ocistore_tui.backends.base import CancelSignal, check_cancel

P = TypeVar("P", bound=Sized)
T = TypeVar("T")

GRACE_S = 0.4
"""How long requests in flight may go on after a failure before they are left behind in their threads. On cancel the
upload has to be aborted after that, within the time a job gets to end (`engine.job`)."""
_POLL_S = 0.1


class PartBuffers:
    """Room for the parts of one upload, used again once they were sent: fresh memory costs more than to copy into it.

    Args:
        part_bytes: The size of every part but the last.
    """

    def __init__(self, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self._free: list[bytearray] = []

    def take(self) -> bytearray:
        """Room for one part; what is in it does not matter."""
        try:
            return self._free.pop()
        except IndexError:
            return bytearray(self.part_bytes)

    def give(self, part: object) -> None:
        """A part was sent, and nobody looks at it any more."""
        if isinstance(part, bytearray):
            self._free.append(part)


def gather_parts(chunks: Iterable[bytes], part_bytes: int, buffers: PartBuffers | None = None) -> Iterator[bytes]:
    """Chunks of any size joined to parts of exactly ``part_bytes``; the last one, sent only at the end, may be shorter.

    A part is held back until more bytes follow or ``chunks`` ended well, so a reader that verifies at its end
    (`checked_chunks`) keeps the last part, and with it the publication, from happening. No bytes are one empty part.

    Args:
        chunks: Where the bytes come from.
        part_bytes: How many go together.
        buffers: Whose room whole parts are in, for who gives it back; without, each part is bytes of its own.
    """
    room = buffers or PartBuffers(part_bytes)
    buffer, size = room.take(), 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            if size == part_bytes:
                yield cast(bytes, buffer) if buffers else bytes(buffer)
                buffer, size = room.take() if buffers else buffer, 0
            step = min(part_bytes - size, len(rest))
            buffer[size : size + step] = rest[:step]
            size += step
            rest = rest[step:]
    yield bytes(memoryview(buffer)[:size])


def send_parts(
    parts: Iterable[P],
    send: Callable[[int, P], T],
    *,
    workers: int,
    where: str = "",
    progress: Callable[[int], None] | None = None,
    cancel: CancelSignal | None = None,
    sent: Callable[[P], None] | None = None,
) -> list[T]:
    """Call ``send(number, part)`` for every part, ``workers`` at a time, and return the answers in order.

    A part is bytes, or a `range` of bytes that another server fetches. ``progress`` gets the length of each, ``sent``
    the part itself as soon as nobody needs it any more.

    With one worker the parts go strictly in order. At most ``workers + 1`` parts are in memory.

    Raises:
        OciStoreError: what ``parts`` or ``send`` raised first; by then no request is in flight, or it was given up
            after `GRACE_S`.
        Cancelled: ``cancel`` was set, noticed within a fraction of a second even while every request hangs.
    """
    crew = _Crew(send, workers, progress, sent)
    try:
        for number, part in enumerate(parts):
            crew.offer(number, part, where, cancel)
        return crew.finish(where, cancel)
    except BaseException:
        crew.give_up()
        raise


class _Crew(Generic[P, T]):
    """Threads that take parts; daemons, so that a hanging request cannot hold up the end of the process."""

    def __init__(
        self,
        send: Callable[[int, P], T],
        workers: int,
        progress: Callable[[int], None] | None,
        sent: Callable[[P], None] | None,
    ) -> None:
        self._send, self._sent = send, sent
        self._workers = workers
        self._progress = progress
        self._slots = threading.Semaphore(workers)
        self._work: queue.SimpleQueue[tuple[int, P] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._answers: dict[int, T] = {}
        self._failure: BaseException | None = None
        self._stopped = False

    def offer(self, number: int, part: P, where: str, cancel: CancelSignal | None) -> None:
        while not self._slots.acquire(timeout=_POLL_S):
            self._look(where, cancel)
        self._look(where, cancel)
        if len(self._threads) < self._workers:
            thread = threading.Thread(target=self._run, name=f"part-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put((number, part))

    def finish(self, where: str, cancel: CancelSignal | None) -> list[T]:
        for _ in range(self._workers):
            while not self._slots.acquire(timeout=_POLL_S):
                self._look(where, cancel)
        self._look(where, cancel)
        self._dismiss()
        return [self._answers[number] for number in sorted(self._answers)]

    def give_up(self) -> None:
        self._stopped = True
        self._dismiss()
        end = time.monotonic() + GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _dismiss(self) -> None:
        for _ in self._threads:
            self._work.put(None)

    def _look(self, where: str, cancel: CancelSignal | None) -> None:
        if self._failure is not None:
            raise self._failure
        check_cancel(cancel, where=where)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            number, part = item
            item = None
            try:
                if self._failure is None and not self._stopped:
                    self._answers[number] = self._send(number, part)
                    if self._progress and not self._stopped:
                        self._progress(len(part))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                self._failure = self._failure or error
            finally:
                if self._sent:
                    self._sent(part)
                del part
                self._slots.release()


def try_for(seconds: float, action: Callable[[], object]) -> None:
    """Run ``action``, which raises nothing, and wait so long for it; tidying up must not hang on a dead network."""
    thread = threading.Thread(target=action, name="tidy", daemon=True)
    thread.start()
    thread.join(seconds)
