"""One line asked of a person: a pattern, a folder, a file's name."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from ocistore_tui.model.text import inert
from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice


class PromptScreen(ModalScreen[str | None]):
    """Asks for one line; dismissed with it, or with None.

    Args:
        title: What it is about, such as ``Mark by pattern``.
        value: What the field begins with.
        placeholder: What an empty field shows.
        act: What Enter does, in a word or two.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Cancel", show=False)]

    def __init__(self, title: str, *, value: str = "", placeholder: str = "", act: str = "OK") -> None:
        super().__init__()
        self._title, self._placeholder, self._act = title, placeholder, act
        self._value = inert(value, limit=4000)

    def compose(self) -> ComposeResult:
        """Field and buttons."""
        with Vertical(classes="dialog", id="prompt") as frame:
            frame.border_title = Content(inert(self._title, limit=80))
            yield Input(self._value, placeholder=self._placeholder, compact=True, select_on_focus=False)
            yield ButtonRow((Choice("Cancel", "Esc", id="cancel"), Choice(self._act, "Enter", is_main=True, id="act")))

    def on_mount(self) -> None:
        """The field has the focus."""
        self.query_one(Input).focus()

    @on(Input.Submitted)
    @on(Choice.Pressed, "#act")
    def _accept(self) -> None:
        self.dismiss(self.query_one(Input).value)

    @on(Choice.Pressed, "#cancel")
    def action_back(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
