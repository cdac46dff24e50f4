"""The one-line field inside a pane: the filter, live while it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterLine(Input):
    """Enter keeps the filter, Esc clears it; both give the keys back to the list."""

    DEFAULT_CSS = """
    FilterLine, FilterLine:focus {
        height: 1;
        border: none;
        padding: 0 1;
        background: $surface;
        &.-bad { color: $text-error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Clear", show=False),
        Binding("down", "keep", "To the list", show=False),
    ]

    @dataclass
    class Ended(Message):
        """The keys go back to the list."""

        line: FilterLine
        is_kept: bool

        @property
        def control(self) -> FilterLine:
            """The line."""
            return self.line

    def __init__(self) -> None:
        super().__init__(
            placeholder="filter: words  !not  *?  ~fuzzy  /regex/  size>500MB  age>30d  plat:arm64", compact=True
        )
        self.display = False

    def action_give_up(self) -> None:
        """Show everything again."""
        self.value = ""
        self._end(is_kept=False)

    def action_keep(self) -> None:
        """Keep what is typed."""
        self._end(is_kept=True)

    def _end(self, *, is_kept: bool) -> None:
        self.post_message(self.Ended(self, is_kept=is_kept))

    async def action_submit(self) -> None:
        """Enter keeps what is typed."""
        self.action_keep()
