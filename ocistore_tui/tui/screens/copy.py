"""The copy menu: everything of one row that is worth pasting somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.rows.row import Column, Row, keyed
from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_LABEL_WIDTH = 18


def tag_items(repository: str, row: TagRow, line: str, served_at: str = "") -> list[tuple[str, str]]:
    """What names a tag, and the command lines that pull it; ``served_at`` is where its store is served."""
    items = [("reference", f"{repository}:{row.name}")]
    items += [("with its digest", f"{repository}@{row.digest}"), ("digest", str(row.digest))] if row.digest else []
    items += [("image id", str(digest)) for digest in row.image_ids[:2]]
    items += [("docker pull", f"docker pull {served_at}/{repository}:{row.name}")] if served_at else []
    return [*items, ("pull command", line)]


class CopyScreen(ModalScreen[None]):
    """A list of texts; a digit, Enter or a double click copies one and leaves.

    Args:
        items: What each is, and its text as it came; both are made inert here.
    """

    app: OcistoreApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,y", "back", "Cancel", show=False),
        Binding("enter", "copy", "Copy", show=False),
        *(Binding(str(digit), f"number({digit})", show=False) for digit in range(1, 10)),
    ]

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._items = [(inert(label, limit=40), text) for label, text in items if text]

    def compose(self) -> ComposeResult:
        """One line each."""
        with Vertical(classes="dialog", id="copy") as frame:
            frame.border_title = Content("Copy")
            rows = RowList((Column("", 1), Column("", _LABEL_WIDTH), Column("")), signs=False, header=False)
            rows.styles.height = max(1, len(self._items))
            yield rows
            yield ButtonRow((Choice("Cancel", "Esc", id="cancel"), Choice("Copy", "Enter", is_main=True, id="act")))

    def on_mount(self) -> None:
        """The first one is under the cursor."""
        rows = self.query_one(RowList)
        made = [
            (number, Row((str(number) if number < 10 else "", label, inert(text, limit=1000)), ("accent", "dim")))
            for number, (label, text) in enumerate(self._items, 1)
        ]
        rows.show(keyed(made), empty=(("nothing to copy here", "dim"),))
        rows.focus()

    def action_number(self, digit: int) -> None:
        """Copy the one with this number."""
        self._copy(digit - 1)

    @on(Choice.Pressed, "#act")
    @on(RowList.Opened)
    def action_copy(self) -> None:
        """Copy the one under the cursor."""
        self._copy(self.query_one(RowList).cursor)

    def _copy(self, index: int) -> None:
        if 0 <= index < len(self._items):
            label, text = self._items[index]
            self.dismiss()
            self.app.copy(text, label)

    @on(Choice.Pressed, "#cancel")
    def action_back(self) -> None:
        """Leave."""
        self.dismiss()
