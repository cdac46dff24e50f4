"""Orders of a list. Names go naturally (1.9 before 1.10); what is not known goes last, whichever way round."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

_T = TypeVar("_T")

_DIGITS = re.compile("([0-9]+)")
_MOST_ZEROS = 0xFFFF


@lru_cache(maxsize=250_000)
def natural(name: str) -> str:
    """A text that sorts as `natural_key` does, in half the time."""
    parts = _DIGITS.split(name)
    parts[1::2] = map(_number, parts[1::2])
    return "".join(parts)


@lru_cache(maxsize=10_000)
def _number(text: str) -> str:
    """Digits that sort before every word, then by value, which is by length first; then as texts do."""
    digits = text.lstrip("0")
    zeros = len(text) - len(digits)
    return f"\0{chr(len(digits) + 1)}{digits}{chr(_MOST_ZEROS - zeros if digits else zeros)}"


@contextmanager
def uncollected() -> Iterator[None]:
    """While a long list is made anew: the collector would walk it again and again, for two thirds of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by."""

    by: str
    """``name``, ``pushed`` (or ``created``), ``size``, ``unique``."""
    reverse: bool = False
    """True: z to a, oldest first, smallest first."""

    @property
    def words(self) -> str:
        """For the pane's edge."""
        first, last = _WORDS[self.by]
        return last if self.reverse else first


_WORDS = {
    "name": ("by name", "by name, z to a"),
    "pushed": ("newest first", "oldest first"),
    "size": ("biggest first", "smallest first"),
    "unique": ("most unique bytes first", "fewest unique bytes first"),
}


def arrange(
    rows: Iterable[_T], order: Order, name: Callable[[_T], Any], value: Callable[[_T], float | None]
) -> list[_T]:
    """``rows`` in ``order``; equal ones stay as they are.

    Args:
        rows: What to sort.
        order: How.
        name: A row's `natural` key.
        value: A row's moment, size …; None: not known.
    """
    if order.by == "name":
        return sorted(rows, key=name, reverse=order.reverse)
    known: list[tuple[float, _T]] = []
    unknown: list[_T] = []
    for row in rows:
        number = value(row)
        if number is None:
            unknown.append(row)
        else:
            known.append((number, row))
    known.sort(key=itemgetter(0), reverse=not order.reverse)
    return [row for _, row in known] + sorted(unknown, key=name)
