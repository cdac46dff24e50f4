"""What a list asks of its model: columns, rows, and a source of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list."""

    title: str
    width: int = 0
    """Columns of the screen; 0: shares what is left."""
    right: bool = False
    needs: int = 0
    """Dropped when the list is narrower than this."""
    order: str = ""
    """What a click on the title sorts by; empty: nothing."""
    is_prose: bool = False
    """Sentences, which are cut at their end; names are in their middle."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row shows; every text is inert already."""

    cells: tuple[str, ...]
    styles: tuple[str, ...] = ()
    """Name of a style for each cell (``good``, ``warn``, ``bad``, ``dim``, ``accent``, ``bold``); shorter: plain."""
    sign: str = " "
    """In front of the row: the glyph of its state."""
    is_marked: bool = False
    mark: str = "*"


class RowSource(Protocol):
    """Rows by index."""

    def __len__(self) -> int: ...

    def key(self, index: int) -> Hashable:
        """What the row is, for good."""

    def row(self, index: int) -> Row:
        """What it shows; called for rows on the screen only."""

    def index(self, key: Hashable) -> int | None:
        """Where the row is; None: nowhere."""


def keyed(rows: Sequence[tuple[Hashable, Row]]) -> RowSource:
    """A source over rows that are made already: for short lists."""
    return _Keyed(rows)


class _Keyed:
    def __init__(self, rows: Sequence[tuple[Hashable, Row]]) -> None:
        self._rows = rows
        self._index = {key: index for index, (key, _) in enumerate(rows)}

    def __len__(self) -> int:
        return len(self._rows)

    def key(self, index: int) -> Hashable:
        return self._rows[index][0]

    def row(self, index: int) -> Row:
        return self._rows[index][1]

    def index(self, key: Hashable) -> int | None:
        return self._index.get(key)
