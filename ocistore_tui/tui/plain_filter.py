"""For poor terminals: lines, bars and typographic signs of whichever widget become ASCII of the same width."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "-": "─┄┈╌╴╶·•–—▔‾", "=": "━┅┉╍═╸╺", "|": "│┆┊╎┃┇┋╏║▏▎▕‖", "+": "┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬",
    "#": "█▉▊▋▌▍▇▆▅▐▓▒", "_": "▁▂▃▄", " ": "░\u00a0", "~": "…≈", "<": "«‹▾◂", ">": "»›▸→", "^": "↑▲", "v": "↓▼✓",
    "'": "‘’", '"': "“”", "x": "×", "?": "�",
}  # fmt: skip
TABLE = str.maketrans({letter: plain for plain, letters in _SIGNS.items() for letter in letters})
"""Signs of one column each to ASCII. Letters stay: a name is shown as it is, or as well as the terminal can."""


class PlainFilter(LineFilter):
    """Replaces signs in every rendered segment."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        """The same segments in ASCII, as far as they are ours."""
        if all(segment.text.isascii() for segment in segments):
            return segments
        return [Segment(segment.text.translate(TABLE), segment.style, segment.control) for segment in segments]
