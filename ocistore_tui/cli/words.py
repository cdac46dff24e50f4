"""Sizes, times and tables for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from ocistore_tui.model.text import inert


def size(count_bytes: int | None) -> str:
    """``311.0 MB``; decimal units."""
    if count_bytes is None:
        return "?"
    import humanize

    return humanize.naturalsize(count_bytes, format="%.1f")


def ago(seconds: float | None) -> str:
    """``2 hours ago``, from seconds since 1970."""
    if seconds is None:
        return "-"
    import humanize

    now = dt.datetime.now(dt.UTC)
    return humanize.naturaltime(now - dt.datetime.fromtimestamp(seconds, dt.UTC))


def ago_text(timestamp: str) -> str:
    """The same from RFC 3339 text; the text itself, inert, when it is none."""
    seconds = parse_time(timestamp)
    # Reproducible images carry 1970 or 1980: how long ago that was tells nobody anything.
    if seconds is not None and seconds < 400_000_000:
        return timestamp[:10]
    return ago(seconds) if seconds is not None else inert(timestamp, limit=30) or "-"


def rfc3339(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, from seconds since 1970."""
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_time(timestamp: str) -> float | None:
    """Seconds since 1970 of RFC 3339 text; None when it is none."""
    head, dot, fraction = timestamp.partition(".")
    if dot:
        # Go writes nanoseconds; Python reads six digits at most.
        digits = fraction.rstrip("Zz")
        zone = fraction[len(digits) :]
        for sign in "+-":
            if sign in digits:
                digits, _, offset = digits.partition(sign)
                zone = sign + offset
        timestamp = f"{head}.{digits[:6]}{zone}"
    try:
        parsed = dt.datetime.fromisoformat(timestamp)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s`` or ``3:05``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Lines of a table; columns listed in ``right`` are aligned right."""
    listed = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in listed) for column in range(len(header))]
    aligned_right = set(right)
    return [
        "  ".join(
            cell.rjust(width) if column in aligned_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in listed
    ]
