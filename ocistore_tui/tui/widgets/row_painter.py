"""Lines of a list: rows, titles, and what is said where there are no rows, each exactly as wide as the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from ocistore_tui.tui.format import fit
from ocistore_tui.tui.rows.row import Column, Row

_SIGNS_WIDTH = 3
"""A mark, a sign and a blank."""


class RowPainter:
    """Paints lines.

    Args:
        columns: From left to right.
        style: Gives a style by its name; the empty name is the list's own.
        signs: Whether there is room for marks and signs in front.
    """

    def __init__(self, columns: Sequence[Column], style: Callable[[str], Style], *, signs: bool) -> None:
        self._columns = tuple(columns)
        self._style = style
        self._start = _SIGNS_WIDTH if signs else 0
        self._signs = signs
        self._total = -1
        self._placed: tuple[tuple[int, Column, int], ...] = ()

    def _layout(self, total: int) -> tuple[tuple[int, Column, int], ...]:
        """Columns that fit into ``total``: which it is, the column, how wide it is."""
        if total == self._total:
            return self._placed
        kept = [(number, column) for number, column in enumerate(self._columns) if total >= column.needs]
        fixed = sum(column.width for _, column in kept) + max(0, len(kept) - 1)
        flexible = [number for number, column in kept if not column.width]
        left = max(0, total - self._start - fixed)
        placed: list[tuple[int, Column, int]] = []
        for number, column in kept:
            width = column.width
            if not width:
                width = left // len(flexible) + (left % len(flexible) if number == flexible[-1] else 0)
            placed.append((number, column, width))
        self._total, self._placed = total, tuple(placed)
        return self._placed

    def column_at(self, x: int, total: int) -> Column | None:
        """The column at a place of the line."""
        at = self._start
        for _, column, width in self._layout(total):
            if at <= x < at + width:
                return column
            at += width + 1
        return None

    def row(self, row: Row, cursor: str, width: int) -> Strip:
        """One row; ``cursor`` is the style of the cursor on it, empty where it is not."""
        base = self._style("")
        ground = base + self._style(cursor) if cursor else base
        marked = self._style("marked") if row.is_marked and not cursor else None
        segments: list[Segment] = []
        if self._signs:
            segments.append(Segment(row.mark if row.is_marked else " ", ground + marked if marked else ground))
            segments.append(Segment(f"{row.sign} ", ground))
        for place, (number, column, cell_width) in enumerate(self._layout(width)):
            text = row.cells[number] if number < len(row.cells) else ""
            name = row.styles[number] if number < len(row.styles) else ""
            style = ground + self._style(name) if name and cursor != "cursor" else ground
            if marked:
                style += marked
            if place:
                segments.append(Segment(" ", ground))
            shown = fit(text, cell_width, right=column.right, is_prose=column.is_prose)
            segments.append(Segment(shown, style))
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(" " * max(0, width - used), ground))
        return Strip(segments).adjust_cell_length(width, ground)

    def titles(self, arrow: tuple[str, str], width: int) -> Strip:
        """The titles; ``arrow`` is what the list is sorted by, and the sign that says so."""
        base = self._style("")
        texts: list[str] = []
        for _, column, cell_width in self._layout(width):
            is_sorted = bool(column.order) and column.order == arrow[0]
            title = column.title + (arrow[1] if is_sorted else "")
            texts.append(fit(title, cell_width, right=column.right))
        line = Segment(" " * self._start + " ".join(texts), base + self._style("header"))
        return Strip([line]).adjust_cell_length(width, base)

    def words(self, lines: Sequence[tuple[str, str]], y: int, width: int) -> Strip:
        """Line ``y`` of what is said where there are no rows; long texts go on in the next line."""
        base = self._style("")
        wrapped = [(line, name) for text, name in lines for line in wrap(text, max(10, width - 2)) or [""]]
        if y >= len(wrapped):
            return Strip.blank(width, base)
        text, name = wrapped[y]
        return Strip([Segment(f" {text}", base + self._style(name) if name else base)]).adjust_cell_length(width, base)
