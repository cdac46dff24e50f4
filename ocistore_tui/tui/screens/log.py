"""The command log: what was done here, as command lines that do the same without this screen."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from ocistore_tui.tui.rows.row import Column, Row, keyed
from ocistore_tui.tui.widgets.covered import is_left
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.key_bar import KeyBar
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_LOOK_S = 0.5
_EMPTY = (
    ("Nothing was done yet.", ""),
    ("Pushes and pulls appear here as the command lines that do the same.", "dim"),
)


class LogScreen(Screen[None]):
    """Moments, command lines and how they ended; the newest is last and under the cursor."""

    app: OcistoreApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("y", "copy", "Copy the line"),
    ]
    bar_places = ("log", "app")

    def __init__(self) -> None:
        super().__init__()
        self._shown = -1
        """Entries that are shown; the empty log has to be shown too."""

    def compose(self) -> ComposeResult:
        """Header, list, the whole line, keys."""
        yield StatusHeader()
        yield RowList((Column("TIME", 8), Column("COMMAND LINE"), Column("RESULT", 28, needs=90)), signs=False)
        yield Static(id="log-line", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what there is."""
        self.look()
        rows = self.query_one(RowList)
        rows.focus()
        self.set_interval(_LOOK_S, self.look)

    def look(self) -> None:
        """Show the log as it is now; at its end, the cursor stays at its end."""
        if self._shown == len(self.app.commands_done) or is_left(self):
            return
        listed = self.query_one(RowList)
        is_at_end = listed.cursor >= self._shown - 1
        self._shown = len(self.app.commands_done)
        rows = [
            (number, Row((_clock(moment), line, result), ("dim", "", "bad" if _is_bad(result) else "good")))
            for number, (moment, line, result) in enumerate(self.app.commands_done)
        ]
        listed.show(keyed(rows), empty=_EMPTY)
        if is_at_end:
            listed.action_last()

    @on(RowList.Moved)
    def _moved(self) -> None:
        entry = self._entry()
        text = f"$ {entry[1]}\n{entry[2]}   y copies the line" if entry else ""
        self.query_one("#log-line", Static).update(Content(text))

    def _entry(self) -> tuple[float, str, str] | None:
        key = self.query_one(RowList).cursor_key
        return self.app.commands_done[key] if isinstance(key, int) else None

    def action_copy(self) -> None:
        """Copy the command line under the cursor."""
        entry = self._entry()
        if entry is None:
            self.app.say("nothing to copy: nothing was done yet", kind="warning")
        else:
            self.app.copy(entry[1], "command line")

    def action_back(self) -> None:
        """Leave."""
        self.app.pop_screen()


def _clock(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment).astimezone().strftime("%H:%M:%S")


def _is_bad(result: str) -> bool:
    return result.startswith(("failed", "cancelled", "!"))
