"""The best matches for a few typed letters, over many names, quickly enough for every key."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import TypeVar

_T = TypeVar("_T")
_MAX_LETTERS = 100
MAX_SCATTERED = 20_000
"""Names that are searched for scattered letters: that costs more than a search for the text itself."""


def best(text: str, items: Sequence[_T], needle: Callable[[_T], str], limit: int) -> list[_T]:
    """The items that match, best first: the text itself, in front of a word or within, then scattered letters.

    Args:
        text: As typed; words may match in any order.
        items: What is searched.
        needle: An item's text in lower case.
        limit: Most items that are returned.
    """
    words = text.lower()[:_MAX_LETTERS].split()
    if not words:
        return list(items[:limit])
    found: list[tuple[int, int, int]] = []
    rest: list[int] = []
    for index, item in enumerate(items):
        name = needle(item)
        if all(word in name for word in words):
            found.append((_rank(words[0], name), len(name), index))
        else:
            rest.append(index)
    if len(found) < limit:
        pattern = re.compile("(?<![a-z0-9])" + ".*?".join(map(re.escape, "".join(words))))
        for index in rest[:MAX_SCATTERED]:
            match = pattern.search(needle(items[index]))
            if match is not None:
                found.append((10 + match.end() - match.start(), len(needle(items[index])), index))
    return [items[index] for _, _, index in nsmallest(limit, found)]


def _rank(word: str, name: str) -> int:
    if name.startswith(word):
        return 0
    at = name.find(word)
    return 1 if not name[at - 1].isalnum() else 2
