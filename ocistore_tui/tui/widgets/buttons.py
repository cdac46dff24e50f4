"""The choices at the foot of a dialog: words that say the act, with their key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from ocistore_tui.model.text import inert


class Choice(Static, can_focus=True):
    """One thing a dialog can do. Enter, Space or a click presses it; its key is bound by the dialog.

    Args:
        label: What it does, such as ``Push ~92 MB``; made inert here.
        key: The key that does the same, shown in brackets; empty: none.
        is_main: Whether it is what Enter does.
    """

    DEFAULT_CSS = """
    Choice {
        width: auto;
        height: 1;
        padding: 0 1;
        margin-left: 2;
        color: $text-muted;
        &.-main { color: $text; text-style: bold; }
        &:hover { background: $surface; }
        &:focus { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold; }
        &:focus:nocolor { text-style: reverse bold; }
        &.-dim { color: $text-disabled; text-style: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", "Press", show=False)]

    @dataclass
    class Pressed(Message):
        """It was pressed."""

        choice: Choice

        @property
        def control(self) -> Choice:
            """The choice."""
            return self.choice

    def __init__(self, label: str, key: str = "", *, is_main: bool = False, id: str | None = None) -> None:
        super().__init__(markup=False, id=id)
        self._label, self._key = label, key
        self.set_class(is_main, "-main")
        self._draw()

    @property
    def label(self) -> str:
        """What it does."""
        return self._label

    def set_label(self, label: str, *, is_dim: bool = False) -> None:
        """Say something else; dim where it cannot be done now (pressing it then says why)."""
        self._label = label
        self.set_class(is_dim, "-dim")
        self._draw()

    def _draw(self) -> None:
        key = f" ({self._key})" if self._key else ""
        self.update(Content(inert(self._label, limit=120) + key))

    def action_press(self) -> None:
        """Press it."""
        self.post_message(self.Pressed(self))

    def on_click(self, event: Click) -> None:
        """A click presses it."""
        event.stop()
        self.action_press()


class ButtonRow(Horizontal):
    """The choices of a dialog, at its foot whatever scrolls above; Left and Right go from one to the next."""

    DEFAULT_CSS = """
    ButtonRow {
        dock: bottom;
        height: 1;
        width: 100%;
        align-horizontal: right;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", "Before", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, choices: Iterable[Choice]) -> None:
        super().__init__()
        self._choices = tuple(choices)

    def compose(self) -> ComposeResult:
        """The choices."""
        yield from self._choices
