"""Whether anybody can see a widget; painting one that is covered would have the screen above painted anew."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widget import Widget


def is_covered(widget: Widget) -> bool:
    """Whether a whole screen lies over the one of ``widget``, or it is on none; a dialog covers nothing."""
    screen, stack = widget.screen, widget.app.screen_stack
    return screen not in stack or any(not above.is_modal for above in stack[stack.index(screen) + 1 :])


def is_left(screen: Screen[Any]) -> bool:
    """Whether a screen was left: it is taken apart piece by piece then, while timers and resizes may still call it."""
    return screen not in screen.app.screen_stack
