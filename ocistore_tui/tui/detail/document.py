"""A manifest or configuration as lines: its exact bytes, a formatted reading of them, or hex."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from ocistore_tui.model.text import inert
from ocistore_tui.tui.rows.row import Column, Row

COLUMNS = (Column("", 7, right=True, needs=50), Column(""))
_WRAP = 400
"""Characters of one shown line: a document in one line is cut there, so that it can be scrolled."""
_HEX_ROW = 16


class DocumentLines:
    """A source over one document.

    Args:
        raw: The exact bytes.
        view: ``formatted``, ``exact`` or ``hex``.
    """

    def __init__(self, raw: bytes, view: str) -> None:
        self.raw = raw
        self.view = view
        self._lines: list[str] | None = None
        if view == "hex":
            return
        text = raw.decode("utf-8", errors="replace")
        if view == "formatted":
            try:
                text = msgspec.json.format(text, indent=2)
            except (msgspec.MsgspecError, RecursionError, ValueError):
                self.view = "exact"
        self._lines = [part for line in text.split("\n") for part in _cut(line)]

    def __len__(self) -> int:
        if self._lines is None:
            return -(-len(self.raw) // _HEX_ROW)
        return len(self._lines)

    def key(self, index: int) -> Hashable:
        """A line's number."""
        return index

    def index(self, key: Hashable) -> int | None:
        """Where a line is."""
        return key if isinstance(key, int) and 0 <= key < len(self) else None

    def text(self, index: int) -> str:
        """A line, inert."""
        if self._lines is None:
            piece = self.raw[index * _HEX_ROW : (index + 1) * _HEX_ROW]
            letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
            return f"{piece.hex(' '):<{3 * _HEX_ROW}} {letters}"
        return inert(self._lines[index].replace("\t", "    "), limit=_WRAP)

    def row(self, index: int) -> Row:
        """A line with its number; offsets in hex."""
        number = f"{index * _HEX_ROW:06x}" if self._lines is None else str(index + 1)
        return Row((number, self.text(index)), ("dim", ""))


def _cut(line: str) -> list[str]:
    return [line[start : start + _WRAP] for start in range(0, len(line), _WRAP)] or [""]
