"""Sizes and times in words for people."""

from __future__ import annotations

import datetime as dt
import re

from ocistore_tui.model.text import inert

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?\Z"
)


def size(count_bytes: int | None) -> str:
    """``311.0 MB``; decimal units."""
    if count_bytes is None:
        return "?"
    import humanize

    return humanize.naturalsize(count_bytes, format="%.1f")


def counted(number: int, noun: str) -> str:
    """``1 layer``, ``3 layers``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def ago(seconds: float | None) -> str:
    """``2 hours ago``, from seconds since 1970."""
    moment = _moment(seconds)
    if moment is None:
        return "-"
    import humanize

    return humanize.naturaltime(dt.datetime.now(dt.UTC) - moment)


def ago_text(timestamp: str) -> str:
    """The same from RFC 3339 text; the text itself, inert, when it is none."""
    seconds = parse_time(timestamp)
    if seconds is None:
        return inert(timestamp, limit=30) or "-"
    # Reproducible images carry 1970 or 1980: how long ago that was tells nobody anything.
    return timestamp[:10] if seconds < 400_000_000 else ago(seconds)


def rfc3339(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, from seconds since 1970."""
    moment = _moment(seconds)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment is not None else None


def utc(timestamp: str) -> str | None:
    """The moment of ``timestamp`` as RFC 3339 in UTC; None when it is none."""
    seconds = parse_time(timestamp)
    if seconds is None:
        return None
    return timestamp if timestamp.endswith("Z") and "T" in timestamp else rfc3339(seconds)


def parse_time(timestamp: str) -> float | None:
    """Seconds since 1970 of RFC 3339 text; None when it is none."""
    match = _RFC3339.match(timestamp)
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    # Go writes nanoseconds; Python reads six digits at most.
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        return dt.datetime.fromisoformat(f"{date}T{time}{(fraction or '')[:7]}{zone}").timestamp()
    except ValueError:
        return None


def _moment(seconds: float | None) -> dt.datetime | None:
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s`` or ``3:05 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def about(seconds: float) -> str:
    """A rough time to go: ``12 s``, ``3:05 min``, ``14 min``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return duration(round(seconds / 5) * 5) if seconds < 600 else f"{round(seconds / 60)} min"
