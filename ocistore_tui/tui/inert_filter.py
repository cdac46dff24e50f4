"""The second lock: whatever a widget paints passes here once more before it reaches the terminal (ux.md §5)."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from ocistore_tui.model.text import inert


class InertFilter(LineFilter):
    """Replaces what could steer a terminal in every rendered segment."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        """The same segments, inert; control segments of Textual's own hold no text."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment
            if segment.control or segment.text.isprintable()
            else Segment(inert(segment.text, limit=len(segment.text) + 1), segment.style)
            for segment in segments
        ]
