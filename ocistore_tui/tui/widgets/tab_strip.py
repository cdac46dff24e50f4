"""One line of tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static


class TabStrip(Static):
    """Names side by side, one of them chosen; a click chooses another.

    Args:
        tabs: Id and title of each.
    """

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        id: str

    def __init__(self, tabs: Sequence[tuple[str, str]]) -> None:
        super().__init__(markup=False)
        self._tabs = tuple(tabs)
        self._current = tabs[0][0]

    def choose(self, current: str) -> None:
        """Show this one as chosen."""
        self._current = current
        parts: list[tuple[str, str] | str] = []
        for name, title in self._tabs:
            parts.append((f" {title} ", "bold reverse") if name == current else (f" {title} ", "$text-muted"))
            parts.append(" ")
        self.update(Content.assemble(*parts))

    def on_click(self, event: Click) -> None:
        """Which one was it."""
        start = 0
        for name, title in self._tabs:
            if start <= event.x < start + len(title) + 2:
                self.post_message(self.Chosen(name))
                return
            start += len(title) + 3
