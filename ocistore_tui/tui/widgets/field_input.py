"""A field of a form: one line, with what can be picked by Up and Down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import SuggestFromList
from textual.widgets import Input

from ocistore_tui.model.text import inert


class FieldInput(Input):
    """One line; Up and Down pick among what was found, or go to the field before or after when nothing was.

    Args:
        value: What it begins with; made inert here.
        hint: Shown while it is empty.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "pick(1)", "Next", show=False),
        Binding("up", "pick(-1)", "Before", show=False),
    ]

    def __init__(self, value: str = "", hint: str = "", *, id: str | None = None) -> None:
        super().__init__(inert(value, limit=4000), placeholder=hint, compact=True, select_on_focus=False, id=id)
        self._choices: tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[str, ...]:
        """What can be picked."""
        return self._choices

    def offer(self, choices: Sequence[str]) -> None:
        """Let these be picked; names that cannot be shown as they are were left out before."""
        self._choices = tuple(choices)
        self.suggester = SuggestFromList(self._choices, case_sensitive=True) if self._choices else None

    def action_pick(self, by: int) -> None:
        """The next of what was found, or the next field."""
        if not self._choices:
            if by > 0:
                self.screen.focus_next()
            else:
                self.screen.focus_previous()
            return
        here = self._choices.index(self.value) if self.value in self._choices else -1 if by > 0 else 0
        self.value = self._choices[(here + by) % len(self._choices)]
        self.cursor_position = len(self.value)
