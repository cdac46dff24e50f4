"""A value longer than its row, whole."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice


class ValueScreen(ModalScreen[None]):
    """One text in a box; every key that leaves a dialog closes it.

    Args:
        title: What it is.
        text: Inert already; its line breaks are kept.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "back", "Close", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """The text, scrolled when it is long."""
        with Vertical(classes="dialog", id="value") as frame:
            frame.border_title = Content(self._title)
            with VerticalScroll():
                yield Static(Content(self._text), markup=False)
            yield ButtonRow((Choice("Close", "Esc", is_main=True, id="act"),))

    def on_choice_pressed(self) -> None:
        """Close."""
        self.dismiss()

    def action_back(self) -> None:
        """Close."""
        self.dismiss()
