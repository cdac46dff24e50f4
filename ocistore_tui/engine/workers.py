"""Bounded threads for the engine's many small requests and for its few large moves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Workers:
    """Thread pools; threads start when there is work for them.

    Args:
        concurrency: Large moves at once.
    """

    def __init__(self, concurrency: int) -> None:
        self.concurrency = max(1, concurrency)
        self.requests = ThreadPoolExecutor(max(16, 2 * self.concurrency), "ocistore-request")
        """For small requests, which mostly wait."""
        self.processors = ThreadPoolExecutor(min(8, os.cpu_count() or 1), "ocistore-compress")
        """For compression: one thread a processor."""

    def each(self, work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
        """``work`` on every item at once, results in order; the first error drops what has not begun."""
        listed = list(items)
        if len(listed) < 2:
            return [work(item) for item in listed]
        futures = [self.requests.submit(work, item) for item in listed]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()

    def stream(self, work: Callable[[_Item], _Result], items: Iterable[_Item], *, ahead: int = 32) -> Iterator[_Result]:
        """Like `each`, lazily: only ``ahead`` items are worked on before the first result is taken."""
        source = iter(items)
        running: list[Future[_Result]] = [self.requests.submit(work, item) for item in islice(source, ahead)]
        try:
            while running:
                yield running.pop(0).result()
                running.extend(self.requests.submit(work, item) for item in islice(source, 1))
        finally:
            for future in running:
                future.cancel()

    def close(self) -> None:
        """Let all threads end; what has not begun is dropped, and a request that hangs is not waited for."""
        for pool in (self.requests, self.processors):
            pool.shutdown(wait=False, cancel_futures=True)
