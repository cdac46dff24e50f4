"""A manifest or configuration as lines: its exact bytes, a formatted reading of them, or hex."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache

import msgspec
from rich.cells import cell_len, chop_cells

from ocistore_tui.model.text import inert
from ocistore_tui.tui.detail.subject import Page, Subject, waiting
from ocistore_tui.tui.rows.row import Column, Row

COLUMNS = (Column("", 7, right=True, needs=50), Column(""))
BESIDE_COLUMNS = 12
"""Columns of a list that are not the document's: sign, number, gap, scrollbar."""
VIEWS = ("formatted", "exact", "hex")
_NAMES = {"formatted": "formatted for reading", "exact": "the exact bytes", "hex": "the exact bytes in hex"}
_LONGEST_LINE = 2000
"""Characters of a formatted line a row keeps; the pop-up shows more."""
_LONGEST_VALUE = 20_000
_HEX_ROW = 16
_INDENT = 2
_MOST_INDENTED_BYTES = 32 * 1024 * 1024
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))


class DocumentLines:
    """A source over one document.

    Args:
        raw: The exact bytes.
        view: ``formatted``, ``exact`` or ``hex``; what is no JSON, or would be endless, is shown as it is.
        width: Columns a line of the exact view may take: it goes on in the next row.
    """

    def __init__(self, raw: bytes, view: str, width: int = 80) -> None:
        self.raw = raw
        formatted = _formatted(raw) if view == "formatted" else None
        self.view = "exact" if view == "formatted" and formatted is None else view
        self._lines: list[str] = []
        self._numbers: list[int] = []
        if formatted is not None:
            self._lines = formatted.split("\n")
        elif self.view == "exact":
            for number, line in enumerate(raw.decode("utf-8", errors="replace").split("\n"), 1):
                pieces = _wrapped(line, max(10, width))
                self._lines += pieces
                self._numbers += [number] + [0] * (len(pieces) - 1)

    @property
    def title(self) -> str:
        """What is shown, in words."""
        return _NAMES[self.view]

    def __len__(self) -> int:
        return -(-len(self.raw) // _HEX_ROW) if self.view == "hex" else len(self._lines)

    def key(self, index: int) -> Hashable:
        """A line's number."""
        return index

    def index(self, key: Hashable) -> int | None:
        """Where a line is."""
        return key if isinstance(key, int) and 0 <= key < len(self) else None

    def text(self, index: int, *, limit: int = _LONGEST_LINE) -> str:
        """A line, inert."""
        if self.view == "hex":
            piece = self.raw[index * _HEX_ROW : (index + 1) * _HEX_ROW]
            letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
            return f"{piece.hex(' '):<{3 * _HEX_ROW}} {letters}"
        return inert(self._lines[index], limit=limit)

    def row(self, index: int) -> Row:
        """A line with its number; offsets in hex."""
        if self.view == "hex":
            number = f"{index * _HEX_ROW:06x}"
        else:
            line = self._numbers[index] if self._numbers else index + 1
            number = str(line) if line else ""
        return Row((number, self.text(index)), ("dim", ""))

    @property
    def full(self) -> Mapping[Hashable, str]:
        """Whole lines for the pop-up; the exact views show all of them already."""
        return _Whole(self) if self.view == "formatted" else {}


class _Whole(Mapping[Hashable, str]):
    """Lines of a document, made when one is looked at."""

    def __init__(self, document: DocumentLines) -> None:
        self._document = document

    def __getitem__(self, key: Hashable) -> str:
        index = self._document.index(key)
        if index is None:
            raise KeyError(key)
        return self._document.text(index, limit=_LONGEST_VALUE).strip()

    def __iter__(self) -> Iterator[Hashable]:
        return iter(range(len(self._document)))

    def __len__(self) -> int:
        return len(self._document)


def raw_of(subject: Subject, tab: str) -> bytes | None:
    """The exact bytes a tab is about; None: there are none (yet), or it is about no document."""
    if tab == "manifest":
        return subject.root.manifest.raw if subject.root is not None else None
    return subject.image.config if tab == "config" and subject.image is not None else None


def document_page(subject: Subject, tab: str, turn: int, width: int) -> Page:
    """The Manifest or the Config tab.

    Args:
        subject: What is known.
        tab: ``manifest`` or ``config``.
        turn: How often another view was asked for.
        width: Columns a line may take.
    """
    raw = raw_of(subject, tab)
    if raw is None:
        return Page(COLUMNS, DocumentLines(b"", "hex"), empty=_why_none(subject, tab))
    views = views_of(raw)
    view = views[turn % len(views)]
    lines = _lines_of(raw, view, width if view == "exact" else 0)
    note = "" if "formatted" in views else "no JSON that can be formatted; "
    beneath = f"{len(raw):,} bytes, {note}{lines.title}; . shows another view, e saves the bytes"
    brief = f"{len(raw):,} bytes, {note}{lines.title}"
    return Page(COLUMNS, lines, beneath, brief, (("it is empty", "warn"),), lines.full)


def _why_none(subject: Subject, tab: str) -> tuple[tuple[str, str], ...]:
    image = subject.image
    if tab == "manifest" or image is None:
        return waiting(subject, "root" if tab == "manifest" else "image", "the document")
    if image.kind == "image":
        return tuple((inert(flaw), "bad") for flaw in image.flaws or ("the configuration cannot be read",))
    return (("an artifact without a configuration that is JSON", "dim"),)


@lru_cache(maxsize=1)
def _lines_of(raw: bytes, view: str, width: int) -> DocumentLines:
    """Answers to other questions draw the same document again."""
    return DocumentLines(raw, view, width)


def views_of(raw: bytes) -> tuple[str, ...]:
    """The views that differ for this document."""
    return VIEWS if _formatted(raw) is not None else VIEWS[1:]


@lru_cache(maxsize=2)
def _formatted(raw: bytes) -> str | None:
    try:
        if _indents_too_much(raw):
            return None
        return msgspec.json.format(raw, indent=_INDENT).decode("utf-8", errors="replace")
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _indents_too_much(raw: bytes) -> bool:
    """Whether indenting makes a hostile document endless: thousands of values, each hundreds of levels deep."""
    structure = _STRING.sub(b"", raw).translate(None, _NOT_STRUCTURE)
    deepest = structure.count(b"[") + structure.count(b"{")
    if len(structure) * deepest * _INDENT <= _MOST_INDENTED_BYTES:
        return False
    depth = indented_bytes = 0
    for sign in structure:
        depth += (sign in b"[{") - (sign in b"]}")
        indented_bytes += depth * _INDENT
        if indented_bytes > _MOST_INDENTED_BYTES:
            return True
    return False


def _wrapped(line: str, width: int) -> list[str]:
    """A line in pieces of at most ``width`` columns, inert."""
    line = inert(line, limit=len(line) + 1)
    pieces: list[str] = []
    for start in range(0, len(line), width):
        piece = line[start : start + width]
        pieces += [piece] if piece.isascii() or cell_len(piece) <= width else chop_cells(piece, width)
    return pieces or [""]
