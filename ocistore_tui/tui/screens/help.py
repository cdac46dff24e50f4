"""Help: the keys that work here with the signs, all keys, what the program is made of. Generated, never written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.widgets import Static

from ocistore_tui.model.text import inert
from ocistore_tui.tui.commands import AREAS, COMMANDS, MOVES, PLACES, shown_keys
from ocistore_tui.tui.legend import legend
from ocistore_tui.tui.ports import Preferences
from ocistore_tui.tui.reach import Reachable, below, reachable
from ocistore_tui.tui.report import Rows, about_rows, report
from ocistore_tui.tui.rows.row import Column, Row, keyed
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.key_bar import KeyBar
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

Lines = list[tuple[object, Row]]

TABS = ("Keys here", "All keys", "About")
_KEY_WIDTH = 13
_LABEL_WIDTH = 17
_LEGEND_FROM = 100
"""Columns of the terminal from which on the signs have a column of their own."""
_COLUMNS = {
    0: (Column("", _KEY_WIDTH), Column("", _LABEL_WIDTH), Column("", is_prose=True)),
    1: (Column("", _KEY_WIDTH), Column("", _LABEL_WIDTH), Column("", is_prose=True), Column("", 14, needs=80)),
    2: (Column("", 18), Column("")),
}


class HelpScreen(Screen[None]):
    """Three tabs over the screen that asked for help; Enter on a key does what it does."""

    app: OcistoreApp
    bar_places: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "do", "Do it"),
        Binding("right_square_bracket,l,right,tab", "tab(1)", "Next tab"),
        Binding("left_square_bracket,h,left,shift+tab", "tab(-1)", "Tab before", show=False),
        *(Binding(str(number + 1), f"show_tab({number})", show=False) for number in range(len(TABS))),
        Binding("y", "copy_report", "Copy a report"),
        Binding("escape,question_mark,f1,q", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._tab = 0
        self._here: list[Reachable] = []
        self._files: Rows = []

    def compose(self) -> ComposeResult:
        """Header, tabs, list with the signs beside it, keys."""
        yield StatusHeader()
        yield Static(id="help-tabs", markup=False)
        with Horizontal(id="help-body"):
            yield RowList(_COLUMNS[0], signs=False, header=False)
            with VerticalScroll(id="help-signs", can_focus=False):
                yield Static(id="help-legend", markup=False)
        yield Static(id="help-told", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Look at the screen below before anything changes."""
        self._here = reachable(below(self.app))
        self.query_one("#help-legend", Static).update(self._legend())
        self.action_show_tab(0)
        self.query_one(RowList).focus()
        stores = self.app.stores
        if isinstance(stores, Preferences):
            self.app.desk.ask("about", lambda _: stores.about(), self._told)

    def _told(self, files: Sequence[tuple[str, str]]) -> None:
        self._files = [(inert(label), inert(path)) for label, path in files]
        if self.is_attached:
            self._fill()

    def on_resize(self) -> None:
        """Without room for two columns the signs follow the keys."""
        self._fill()

    # tabs

    def action_tab(self, by: int) -> None:
        """The next one, round and round."""
        self.action_show_tab((self._tab + by) % len(TABS))

    def action_show_tab(self, number: int) -> None:
        """Show a tab from its beginning."""
        self._tab = number
        self._draw_tabs()
        rows = self.query_one(RowList)
        rows.set_columns(_COLUMNS[number])
        self._fill()
        rows.action_first()
        rows.action_go(1)  # over the heading

    def _draw_tabs(self) -> None:
        parts: list[tuple[str, str]] = [(" ", "")]
        for number, title in enumerate(TABS):
            text = f"{number + 1} {title}"
            parts.append((f"[{text}]", "bold reverse") if number == self._tab else (f" {text} ", "$text-muted"))
            parts.append((" ", ""))
        self.query_one("#help-tabs", Static).update(Content.assemble(*parts))

    @on(Click, "#help-tabs")
    def _tab_clicked(self, event: Click) -> None:
        start = 1
        for number, title in enumerate(TABS):
            end = start + cell_len(title) + 4
            if start <= event.x < end:
                self.action_show_tab(number)
            start = end + 1

    def _fill(self) -> None:
        has_column = self._tab == 0 and self.size.width >= _LEGEND_FROM
        self.query_one("#help-signs").display = has_column
        lines = (self._keys_here, self._all_keys, self._about)[self._tab]()
        if self._tab == 0 and not has_column:
            lines += self._sign_lines()
        self.query_one(RowList).show(keyed(lines))

    # contents

    def _keys_here(self) -> Lines:
        lines: Lines = []
        area = ""
        plain = self.app.glyphs.is_ascii
        for one in self._here:
            command = one.command
            if command.area != area:
                area = command.area
                lines += _heading(AREAS[area], first=not lines)
            keys = shown_keys(one.keys, is_ascii=plain)
            if one.reason:
                told = f"not now: {inert(one.reason)}"
                lines.append((command.id, Row((f"({keys})", command.label, told), ("dim", "dim", "warn"))))
            else:
                lines.append((command.id, Row((keys, command.label, command.help), ("accent", "bold", ""))))
        return lines + self._moves()

    def _moves(self) -> Lines:
        plain = self.app.glyphs.is_ascii
        return [
            *_heading("In every list"),
            *((("move", keys), Row((shown_keys(keys, is_ascii=plain), "", text), ("accent",))) for keys, text in MOVES),
        ]

    def _all_keys(self) -> Lines:
        lines: Lines = []
        plain = self.app.glyphs.is_ascii
        for area, title in AREAS.items():
            lines += _heading(title, first=not lines)
            for command in COMMANDS:
                if command.area == area:
                    told = f"{command.help} (coming)" if command.coming else command.help
                    cells = (shown_keys(command, is_ascii=plain), command.label, told, PLACES[command.where])
                    lines.append((command.id, Row(cells, ("accent", "bold", "", "dim"))))
        return lines + self._moves()

    def _about(self) -> Lines:
        lines: Lines = []
        for title, rows in about_rows(self.app, self._files):
            lines += _heading(title, first=not lines)
            lines += [((title, number), Row((label, text), ("dim", ""))) for number, (label, text) in enumerate(rows)]
        return lines

    def _sign_lines(self) -> Lines:
        lines: Lines = []
        for title, signs in legend(self.app.glyphs):
            lines += _heading(title)
            lines += [((title, sign), Row((sign, "", words), ("bold",))) for sign, words in signs]
        return lines

    def _legend(self) -> Content:
        parts: list[tuple[str, str]] = []
        for title, signs in legend(self.app.glyphs):
            parts.append((f"{title}\n", "bold $text-accent"))
            for sign, words in signs:
                parts += [(f" {sign:<3} " if len(sign) < 4 else f" {sign}  ", "bold"), (f"{words}\n", "$text-muted")]
            parts.append(("\n", ""))
        return Content.assemble(*parts)

    @on(RowList.Moved)
    def _moved(self) -> None:
        """The row under the cursor with nothing cut."""
        rows = self.query_one(RowList)
        cells = rows.source.row(rows.cursor).cells if len(rows.source) else ()
        self.query_one("#help-told", Static).update(Content("  ".join(cell for cell in cells if cell)))

    # what keys do

    @on(RowList.Opened)
    async def action_do(self) -> None:
        """Leave, and do what the key under the cursor does."""
        key = self.query_one(RowList).cursor_key
        one = next((one for one in self._here if one.command.id == key), None)
        if one is None:
            if self._tab < 2 and isinstance(key, str):
                self.app.say("this key does nothing on the screen that asked for help", kind="warning")
            return
        self.app.pop_screen()
        await self.app.run_action(one.command.action, one.node)

    def action_copy_report(self) -> None:
        """Copy what a bug report needs, without names of anything of yours."""
        self.app.copy(report(self.app), "report")

    def action_back(self) -> None:
        """Leave."""
        self.app.pop_screen()


def _heading(title: str, *, first: bool = False) -> Lines:
    gap: Lines = [] if first else [(("gap", title), Row(("",)))]
    return [*gap, (("title", title), Row((title,), ("bold",)))]
