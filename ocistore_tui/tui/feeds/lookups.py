"""Details of what is on the screen: asked for once, dropped when it scrolls away, not asked in vain over and over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from ocistore_tui.errors import OciStoreError
from ocistore_tui.tui.desk import Desk

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lookups(Generic[K, V]):
    """Asks for what is wanted now, side by side.

    Args:
        desk: Runs what blocks.
        topic: What it is about.
        ask: In a thread: gives answers as they come; stops soon once the event is set.
        found: In the UI's thread: gets each answer.
        ended: In the UI's thread: called when a question is over, with the error that ended it.
        side_by_side: Questions at once.
    """

    def __init__(
        self,
        desk: Desk,
        topic: str,
        ask: Callable[[Sequence[K], threading.Event], Iterator[tuple[K, V]]],
        found: Callable[[K, V], None],
        ended: Callable[[OciStoreError | None], None],
        *,
        side_by_side: int = 1,
    ) -> None:
        self._desk, self._ask, self._found, self._ended = desk, ask, found, ended
        self._topics = [f"{topic} {number}" for number in range(side_by_side)]
        self._pending: dict[K, str] = {}
        """What is on the way, and the question it is part of."""
        self._in_vain: set[K] = set()
        """What was asked and not answered: not again before something else is."""
        self._round = 0
        """Grows when what was asked does not count any more."""

    def want(self, keys: Sequence[K]) -> None:
        """Ask for these and nothing else; what is on the way already stays so."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._in_vain]
        if set(wanted) == self._pending.keys():
            return
        self._forget()
        for number, topic in enumerate(self._topics):
            share = wanted[number :: len(self._topics)]
            if share:
                self._start(topic, share)

    def retry(self) -> None:
        """Everything may be asked again, also what was in vain; answers still on the way are from before."""
        self._in_vain.clear()
        self._round += 1
        self._forget()

    def _forget(self) -> None:
        for topic in self._topics:
            self._desk.forget(topic)
        self._pending.clear()

    def _start(self, topic: str, share: Sequence[K]) -> None:
        self._pending.update(dict.fromkeys(share, topic))
        number = self._round

        def work(cancel: threading.Event) -> None:
            for key, value in self._ask(share, cancel):
                if cancel.is_set():
                    return
                self._desk.tell(partial(self._answer, number, topic, key, value))

        def over(error: OciStoreError | None = None) -> None:
            left = [key for key in share if self._pending.get(key) == topic]
            for key in left:
                del self._pending[key]
            self._in_vain.update(left)
            self._ended(error)

        self._desk.ask(topic, work, lambda _: over(), over)

    def _answer(self, number: int, topic: str, key: K, value: V) -> None:
        if number != self._round:
            return
        if self._pending.get(key) == topic:
            del self._pending[key]
            self._in_vain.clear()
        self._found(key, value)
