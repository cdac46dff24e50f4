"""Sizes, ages and names in as few columns as a list has for them."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from ocistore_tui.model.digest import Digest
from ocistore_tui.tui.glyphs import Glyphs

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_AGES = ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (86400 * 14, 86400, "d"), (86400 * 70, 86400 * 7, "w"),
         (86400 * 730, 86400 * 30, "mo"))  # fmt: skip


def short_size(size_bytes: int | None) -> str:
    """``311 MB``, ``1.9 GB``, ``0 B``: three digits at most, decimal; ``…`` while not known."""
    if size_bytes is None:
        return "…"
    value = float(size_bytes)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            digits = 1 if value < 9.95 and unit != "B" else 0
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    raise AssertionError


def short_age(moment: float | None, now: float) -> str:
    """``10m``, ``2h``, ``6d``, ``3w``, ``5mo``, ``3y``; empty when not known."""
    if moment is None:
        return ""
    age = max(0.0, now - moment)
    for limit, unit, letter in _AGES:
        if age < limit:
            return f"{int(age // unit)}{letter}"
    return f"{int(age // (86400 * 365))}y"


def short_digest(digest: Digest | str | None) -> str:
    """Twelve hex digits, as everybody shows them."""
    return str(digest).partition(":")[2][:12] if digest else "…"


def count(number: int) -> str:
    """``3 912``: a narrow gap between thousands."""
    return f"{number:,}".replace(",", " ")


def plural(number: int, noun: str, *, is_whole: bool = True) -> str:
    """``1 tag``, ``3 tags``, ``2 repositories``; ``1+ tags`` where there may be more."""
    if number == 1 and is_whole:
        return f"1 {noun}"
    shown = f"{count(number)}{'' if is_whole else '+'}"
    return f"{shown} {noun[:-1]}ies" if noun.endswith("y") else f"{shown} {noun}s"


def fit(text: str, width: int, *, right: bool = False, cut: str = "…", is_prose: bool = False) -> str:
    """``text`` in exactly ``width`` columns.

    What is too long is cut in its middle, where names differ least; prose at its end.
    """
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        if width <= 1:
            return cut[:width]
        head = width - 1 if is_prose else (width - 1) // 2
        text = set_cell_size(text, head) + cut + _tail(text, width - 1 - head)
        size = len(text) if text.isascii() else cell_len(text)
    gap = " " * max(0, width - size)
    return gap + text if right else text + gap


def _tail(text: str, width: int) -> str:
    if text.isascii():
        return text[len(text) - width :]
    start = len(text)
    taken = 0
    while start > 0 and taken + cell_len(text[start - 1]) <= width:
        start -= 1
        taken += cell_len(text[start])
    return " " * (width - taken) + text[start:]


def bar(fraction: float, width: int, glyphs: Glyphs) -> str:
    """A bar of ``width`` columns."""
    halves = round(max(0.0, min(1.0, fraction)) * width * 2)
    full, half = divmod(halves, 2)
    return glyphs.bar_full * full + glyphs.bar_half * half + glyphs.bar_empty * (width - full - half)


def rate(bytes_s: float) -> str:
    """``41 MB/s``."""
    return f"{short_size(int(bytes_s))}/s"


def to_go(seconds: float) -> str:
    """``0:18``: rounded to what can be believed — a second, then 5 s, then minutes."""
    if seconds >= 600:
        return f"{round(seconds / 60)} min"
    whole = round(seconds) if seconds < 60 else round(seconds / 5) * 5
    return f"{whole // 60}:{whole % 60:02d}"
