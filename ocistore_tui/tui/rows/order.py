"""Orders of a list. Names go naturally (1.9 before 1.10); what is not known goes last, whichever way round."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from ocistore_tui.model.natural import natural_key

_T = TypeVar("_T")

natural = lru_cache(maxsize=250_000)(natural_key)


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
    rows: Iterable[_T], order: Order, name: Callable[[_T], str], value: Callable[[_T], float | None]
) -> list[_T]:
    """``rows`` in ``order``; equal ones by name.

    Args:
        rows: What to sort.
        order: How.
        name: A row's name.
        value: A row's moment, size …; None: not known.
    """
    if order.by == "name":
        return sorted(rows, key=lambda row: natural(name(row)), reverse=order.reverse)
    known: list[Any] = []
    unknown: list[_T] = []
    for row in rows:
        (unknown if value(row) is None else known).append(row)
    known.sort(key=lambda row: natural(name(row)))
    known.sort(key=lambda row: value(row) or 0, reverse=not order.reverse)
    return known + sorted(unknown, key=lambda row: natural(name(row)))
