"""Progress and tables in words for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.progress import JobSnapshot, LayerProgress, LayerState
from ocistore_tui.model.reference import is_tag
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import about, size

KEPT = (LayerState.EXISTS, LayerState.LINKED, LayerState.PRESENT)
"""States of layers that need not move."""
INVALID_NAME = "invalid name: registries cannot serve it"
_LEAST_LAST_COLUMN = 12


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


def is_silent(snapshot: JobSnapshot) -> bool:
    """Whether the engine works where nobody sees it: on its export, or unpacking what it got."""
    return awaits_export(snapshot) or snapshot.stage == "loading"


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
        parts.append(f"{about(snapshot.eta_s)} left")
    return parts


def layer_name(layer: LayerProgress) -> str:
    """A layer for people, the same from its start to its end: twelve hex digits of what it was known by first."""
    return layer.id.partition(":")[2][:12] if layer.id.startswith("sha") else inert(layer.id, limit=30)
