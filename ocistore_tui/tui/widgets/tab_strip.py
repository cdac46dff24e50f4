"""One line of tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.widgets import Static

Tab = tuple[str, str]
"""Id and title."""
_CUT = "…"


@dataclass(frozen=True, slots=True)
class PlacedTab:
    """A tab on the line."""

    id: str
    title: str
    start: int
    end: int


def place_tabs(tabs: Sequence[Tab], current: str, width: int) -> tuple[PlacedTab, ...]:
    """Put tabs on a line: with a gap, without, or only those around the chosen one.

    Args:
        tabs: From left to right.
        current: The chosen one; it is always among those placed.
        width: Columns there are.
    """
    padded = [cell_len(title) + 2 for _, title in tabs]
    gap = int(sum(padded) + len(tabs) - 1 <= width)
    first, last = 0, len(tabs) - 1
    chosen = next((index for index, (name, _) in enumerate(tabs) if name == current), 0)
    # Each end that something is left out of has a sign of one column.
    while first < last and sum(padded[first : last + 1]) + gap * (last - first) > width - (first > 0) - (
        last < len(tabs) - 1
    ):
        if last > chosen and (last - chosen >= chosen - first):
            last -= 1
        else:
            first += 1
    placed: list[PlacedTab] = []
    start = int(first > 0)
    for index in range(first, last + 1):
        placed.append(PlacedTab(*tabs[index], start, start + padded[index]))
        start += padded[index] + gap
    return tuple(placed)


class TabStrip(Static):
    """Names side by side, one of them chosen; a click chooses another.

    Args:
        tabs: Id and title of each.
    """

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        id: str

    ALLOW_SELECT = False

    def __init__(self, tabs: Sequence[Tab]) -> None:
        super().__init__(markup=False)
        self._tabs = tuple(tabs)
        self._current = tabs[0][0]
        self._placed: tuple[PlacedTab, ...] = ()

    def choose(self, current: str, tabs: Sequence[Tab] | None = None) -> None:
        """Show this one as chosen.

        Args:
            current: Its id.
            tabs: Those there are now; None: as before.
        """
        before = (self._current, self._tabs)
        self._current, self._tabs = current, self._tabs if tabs is None else tuple(tabs)
        if before != (self._current, self._tabs) or not self._placed:
            self._draw(self.size.width)

    def on_resize(self, event: Resize) -> None:
        """Another width, other tabs."""
        self._draw(event.size.width)

    def _draw(self, width: int) -> None:
        if not width:
            return
        self._placed = place_tabs(self._tabs, self._current, width)
        parts: list[tuple[str, str]] = []
        at = 0
        for tab in self._placed:
            is_cut = not at and tab.id != self._tabs[0][0]
            parts.append((_CUT if is_cut else " " * (tab.start - at), "$text-muted"))
            parts.append((f" {tab.title} ", "bold reverse" if tab.id == self._current else "$text-muted"))
            at = tab.end
        if self._placed[-1].id != self._tabs[-1][0]:
            parts.append((_CUT, "$text-muted"))
        self.update(Content.assemble(*parts), layout=False)

    def on_click(self, event: Click) -> None:
        """Which one was it; a sign at an end is the tab behind it."""
        for tab in self._placed:
            if tab.start <= event.x < tab.end:
                self.post_message(self.Chosen(tab.id))
                return
        names = [name for name, _ in self._tabs]
        if self._placed and event.x < self._placed[0].start:
            self.post_message(self.Chosen(names[names.index(self._placed[0].id) - 1]))
        elif self._placed and event.x == self._placed[-1].end and self._placed[-1].id != names[-1]:
            self.post_message(self.Chosen(names[names.index(self._placed[-1].id) + 1]))
