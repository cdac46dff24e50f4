"""The palette: what can be done, opened and gone to, by typing a few letters. It looks only at what is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ocistore_tui.model.stores import StoreRow
from ocistore_tui.tui.commands import shown_keys
from ocistore_tui.tui.palette_entries import (
    Entry,
    command_entries,
    name_entries,
    setting_entries,
    store_entries,
    typed_entries,
)
from ocistore_tui.tui.rows.fuzzy import best
from ocistore_tui.tui.rows.row import Column, Row, keyed
from ocistore_tui.tui.settings import note_used, settings_of
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

MAX_HITS = 50
_LEAST_LABEL = 18


def _columns(label_width: int) -> tuple[Column, ...]:
    return (Column("", 10), Column("", label_width), Column("", is_prose=True), Column("", 8, needs=56))


class PaletteScreen(ModalScreen[None]):
    """A field over a list. Typing narrows the list, Enter does what is under the cursor."""

    app: OcistoreApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2,ctrl+p", "back", "Back", show=False),
        Binding("down,ctrl+n", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []
        self._names: list[Entry] | None = None
        self._shown: list[Entry] = []

    def compose(self) -> ComposeResult:
        """Field, list, one line of help."""
        with Vertical(classes="dialog", id="palette") as frame:
            frame.border_title = Content("Palette")
            yield Input(placeholder="a command, a store, a repository, a tag, REPOSITORY:TAG, a URL", compact=True)
            rows = RowList(_columns(_LEAST_LABEL), signs=False, header=False)
            rows.can_focus = False
            yield rows
            yield Static(id="palette-foot", markup=False)

    def on_mount(self) -> None:
        """What there is without asking anybody; saved stores as soon as they are read."""
        self._entries = [*command_entries(self.app), *setting_entries(self.app)]
        self._show("")
        self.query_one(Input).focus()
        stores = self.app.stores
        self.app.desk.ask("palette stores", lambda _: stores.saved(), self._stores_read)

    def _stores_read(self, rows: Sequence[StoreRow]) -> None:
        if self.is_attached:
            self._entries += store_entries(self.app, rows)
            self._show(self.query_one(Input).value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, text: str) -> None:
        text = text.strip()
        if text:
            if self._names is None:
                self._names = name_entries(self.app)
            hits = best(text, [*self._entries, *self._names], lambda entry: entry.needle, MAX_HITS)
            self._shown = [*hits, *typed_entries(self.app, text)]
        else:
            order = {key: number for number, key in enumerate(settings_of(self.app).recent)}
            self._shown = sorted(
                self._entries, key=lambda entry: (bool(entry.reason), order.get(entry.key, len(order)))
            )
        rows = self.query_one(RowList)
        longest = max((cell_len(entry.label) for entry in self._shown), default=0)
        rows.set_columns(_columns(max(_LEAST_LABEL, min(longest, rows.size.width * 3 // 5))))
        rows.show(keyed([(entry.key, self._row(entry)) for entry in self._shown]), empty=(("nothing matches", "dim"),))
        rows.action_first()
        count = len(self._shown)
        more = f"the best {MAX_HITS}" if count >= MAX_HITS else f"{count} of them"
        self.query_one("#palette-foot", Static).update(
            Content(f"Enter does it   Esc back   {more}" if text else "Enter does it   Esc back   type to search")
        )

    def _row(self, entry: Entry) -> Row:
        keys = shown_keys(entry.keys, is_ascii=self.app.glyphs.is_ascii) if entry.keys else ""
        if entry.reason:
            return Row((entry.kind, f"({entry.label})", entry.reason, keys), ("dim", "dim", "dim", "dim"))
        return Row((entry.kind, entry.label, entry.detail, keys), ("dim", "", "dim", "accent"))

    # keys

    def action_move(self, rows: int) -> None:
        """Up or down the list, from the field."""
        self.query_one(RowList).action_go(rows)

    def action_page(self, pages: int) -> None:
        """A page up or down."""
        self.query_one(RowList).action_page(pages)

    @on(Input.Submitted)
    @on(RowList.Opened)
    async def _chosen(self) -> None:
        key = self.query_one(RowList).cursor_key
        entry = next((entry for entry in self._shown if entry.key == key), None)
        if entry is None:
            return
        self.app.pop_screen()
        if entry.is_kept:
            note_used(self.app, entry.key)
        await entry.act()

    def action_back(self) -> None:
        """Leave."""
        self.app.pop_screen()
