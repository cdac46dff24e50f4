"""Colour as a second signal: on terminals only, never where ``NO_COLOR`` or ``TERM=dumb`` says no (no-color.org)."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO


class Style:
    """Paints text, or leaves it as it is.

    Args:
        on: Whether to paint.
    """

    def __init__(self, *, on: bool) -> None:
        self._on = on

    def bold(self, text: str) -> str:
        """Headings."""
        return self._paint("1", text)

    def dim(self, text: str) -> str:
        """What matters less."""
        return self._paint("2", text)

    def bad(self, text: str) -> str:
        """Errors and broken things."""
        return self._paint("1;31", text)

    def warning(self, text: str) -> str:
        """What should be changed."""
        return self._paint("33", text)

    def good(self, text: str) -> str:
        """What is done."""
        return self._paint("32", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and text else text


def style_of(stream: TextIO | None) -> Style:
    """How to write to ``stream``."""
    return Style(on=is_live(stream) and not os.environ.get("NO_COLOR"))


def screen_width() -> int | None:
    """Columns of the terminal the result goes to; None when it goes elsewhere, where nothing is to be cut."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size((80, 24)).columns


def is_live(stream: TextIO | None) -> bool:
    """Whether a terminal that understands control sequences is at the other end."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def draws_unicode(stream: TextIO | None) -> bool:
    """Whether lines and arrows arrive as such; the Linux console has no glyphs for them."""
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return encoding == "utf8" and os.environ.get("TERM") != "linux"
