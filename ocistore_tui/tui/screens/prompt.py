"""One line asked of a person: a pattern, a folder, a file's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ocistore_tui.model.text import inert
from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice


class PromptScreen(ModalScreen[str | None]):
    """Asks for one line; dismissed with it, or with None.

    Args:
        title: What it is about, such as ``Mark by pattern``.
        question: One sentence above the field; may be empty.
        value: What the field begins with.
        act: What Enter does, in a word or two.
        check: Says why a text cannot be used; empty when it can.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Cancel", show=False)]

    def __init__(
        self,
        title: str,
        *,
        question: str = "",
        value: str = "",
        placeholder: str = "",
        act: str = "OK",
        check: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._question, self._act = title, question, act
        self._placeholder, self._check = placeholder, check
        self._value = inert(value, limit=4000)

    def compose(self) -> ComposeResult:
        """Question, field, reason, buttons."""
        with Vertical(classes="dialog", id="prompt") as frame:
            frame.border_title = Content(inert(self._title, limit=80))
            if self._question:
                yield Static(Content(inert(self._question)), markup=False)
            yield Input(self._value, placeholder=self._placeholder, compact=True, select_on_focus=False)
            yield Static(id="prompt-reason", markup=False)
            yield ButtonRow((Choice("Cancel", "Esc", id="cancel"), Choice(self._act, "Enter", is_main=True, id="act")))

    def on_mount(self) -> None:
        """The field has the focus."""
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#prompt-reason", Static).update("")

    @on(Input.Submitted)
    @on(Choice.Pressed, "#act")
    def _accept(self) -> None:
        text = self.query_one(Input).value
        reason = self._check(text) if self._check else ""
        if reason:
            self.query_one("#prompt-reason", Static).update(Content(inert(reason)))
            self.query_one(Input).focus()
            return
        self.dismiss(text)

    @on(Choice.Pressed, "#cancel")
    def action_back(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
