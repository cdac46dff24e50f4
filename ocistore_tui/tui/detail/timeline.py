"""Every digest the tag ever named, newest first."""

from __future__ import annotations

from collections.abc import Hashable

from ocistore_tui.model.text import inert
from ocistore_tui.tui.detail.moments import exactly, since
from ocistore_tui.tui.detail.subject import CELL, Page, Subject, waiting
from ocistore_tui.tui.format import plural, short_digest, short_size
from ocistore_tui.tui.rows.row import Column, Row, keyed

COLUMNS = (
    Column("WHEN", 9), Column("MOMENT", 20, needs=76), Column("DIGEST", 12), Column("SIZE", 8, right=True),
    Column("BROUGHT", 8, right=True), Column(""),
)  # fmt: skip


def timeline_page(subject: Subject, now: float) -> Page:
    """One line for each digest, by its digest."""
    found = subject.timeline
    if found is None:
        return Page(COLUMNS, keyed(()), empty=waiting(subject, "timeline", "the tag's history"))
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    for row in found:
        flaw = inert(row.flaw, limit=CELL)
        state = "   ".join(part for part in ("now" if row.is_current else "", flaw) if part)
        size = "-" if row.size_bytes is None else short_size(row.size_bytes)
        brought = "-" if row.brought_bytes is None else short_size(row.brought_bytes)
        rows.append((
            row.digest,
            Row((since(row.moment, now), exactly(row.moment), short_digest(row.digest), size, brought, state),
                ("", "dim", "accent", "dim", "", "warn" if flaw else "good"),
                "!" if flaw else "=" if row.is_current else " "),
        ))  # fmt: skip
        parts = [str(row.digest), exactly(row.moment), *(f"image id {digest}" for digest in row.image_ids[:12]), flaw]
        full[row.digest] = "\n".join(part for part in parts if part)
    beneath = f"{plural(len(rows), 'digest')}: p pulls the one under the cursor, y copies its name"
    none = "no history: only tags move, a digest never does"
    return Page(COLUMNS, keyed(rows), beneath if rows else "", empty=((none, "dim"),), full=full)
