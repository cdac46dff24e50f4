"""A side whose keys for rows cannot work where it has none: they are in brackets then, and say why when pressed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

from ocistore_tui.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from ocistore_tui.tui.commands import Command

_FOR_ROWS = frozenset(
    {
        "open", "send", "mark", "mark-range", "mark-down", "mark-up", "mark-invert", "mark-pattern", "unmark-pattern",
        "sort",
    }
)  # fmt: skip


def needs_rows(action: Callable[[Any], None]) -> Callable[[Any], None]:
    """An action that says why it cannot work where there are no rows."""

    @wraps(action)
    def guarded(side: Side) -> None:
        if reason := side.why_empty():
            side.app.say(reason, kind="warning")
        else:
            action(side)

    return guarded


class Side(Pane):
    """A pane that tells why it has no rows."""

    action_sort = needs_rows(Pane.action_sort)
    action_mark = needs_rows(Pane.action_mark)
    action_mark_down = needs_rows(Pane.action_mark_down)
    action_mark_up = needs_rows(Pane.action_mark_up)
    action_mark_range = needs_rows(Pane.action_mark_range)
    action_mark_invert = needs_rows(Pane.action_mark_invert)
    action_mark_pattern = needs_rows(Pane.action_mark_pattern)
    action_unmark_pattern = needs_rows(Pane.action_unmark_pattern)

    def unmark(self, keys: Iterable[Hashable]) -> None:
        """These are on their way: what is marked from now on is chosen anew."""
        before = len(self.model.marks)
        self.model.marks.remove(keys)
        if len(self.model.marks) != before:
            self._marked()

    def why_empty(self) -> str:
        """Why there is nothing to work with; empty when there is, or while that is not known yet."""
        raise NotImplementedError

    def bar_dim(self, command: Command) -> str:
        """Keys for rows need rows."""
        return self.why_empty() if command.id in _FOR_ROWS else super().bar_dim(command)
