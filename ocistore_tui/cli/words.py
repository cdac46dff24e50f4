"""Sizes, times, progress and tables in words for people."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.progress import JobSnapshot, LayerProgress, LayerState
from ocistore_tui.model.reference import is_tag
from ocistore_tui.model.text import inert

KEPT = (LayerState.EXISTS, LayerState.LINKED, LayerState.PRESENT)
"""States of layers that need not move."""
INVALID_NAME = "invalid name: registries cannot serve it"
_LEAST_LAST_COLUMN = 12
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?\Z"
)


def size(count_bytes: int | None) -> str:
    """``311.0 MB``; decimal units."""
    if count_bytes is None:
        return "?"
    import humanize

    return humanize.naturalsize(count_bytes, format="%.1f")


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


def _about(seconds: float) -> str:
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return duration(round(seconds / 5) * 5) if seconds < 600 else f"{round(seconds / 60)} min"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = (), width: int | None = None
) -> list[str]:
    """Lines of a table.

    Args:
        header: Titles of the columns.
        rows: One text for each column.
        right: Columns that are aligned right.
        width: Columns of the screen, for which the last column is cut, but never below use; None: nothing is cut.
    """
    listed = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in listed) for column in range(len(header))]
    if width is not None:
        room = max(_LEAST_LAST_COLUMN, width - sum(widths[:-1]) - 2 * (len(widths) - 1))
        listed = [(*row[:-1], cut(row[-1], room)) for row in listed]
    aligned_right = set(right)
    return [
        "  ".join(
            cell.rjust(width) if column in aligned_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in listed
    ]


def cut(text: str, width: int | None) -> str:
    """``text`` in at most ``width`` columns; None: as it is."""
    return text if width is None or len(text) <= width else text[: width - 1] + "…"


def flaw_of(row: TagRow) -> str:
    """What is wrong with a tag, its name too; empty when nothing is."""
    return "; ".join(filter(None, (row.flaw, "" if is_tag(row.name) else INVALID_NAME)))


def awaits_export(snapshot: JobSnapshot) -> bool:
    """Whether the engine still prepares what it will send: for long, and with nothing to see, as it should be."""
    return snapshot.stage == "exporting"


def total_line(snapshot: JobSnapshot, *, width: int = 160) -> str:
    """The whole job in one line: what, where it is, how much, how fast, how long; the name gives way to the rest."""
    rest = "waiting for the engine's export" if awaits_export(snapshot) else "  ".join(_amounts(snapshot))
    subject = inert(snapshot.subject, limit=max(12, width - len(snapshot.verb) - len(rest) - 3))
    return f"{snapshot.verb} {subject}  {rest}"


def _amounts(snapshot: JobSnapshot) -> list[str]:
    done, total = snapshot.done_bytes, snapshot.total_bytes
    parts = [snapshot.stage]
    if total:
        parts += [f"{done * 100 // total}%", f"{size(done)} of {size(total)}"]
    if snapshot.rate_bytes_s >= 1:
        parts.append(f"{size(int(snapshot.rate_bytes_s))}/s")
    if snapshot.eta_s is not None:
        parts.append(f"{_about(snapshot.eta_s)} left")
    return parts


def layer_name(layer: LayerProgress) -> str:
    """A layer for people, the same from its start to its end: twelve hex digits of what it was known by first."""
    return layer.id.partition(":")[2][:12] if layer.id.startswith("sha") else inert(layer.id, limit=30)
