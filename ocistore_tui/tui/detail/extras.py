"""Signatures, SBOMs, attestations: what is attached, below what it is attached to."""

from __future__ import annotations

from collections.abc import Hashable

from ocistore_tui.model.listing import AttachmentRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.detail.subject import CELL, Page, Subject, waiting
from ocistore_tui.tui.format import plural, short_digest, short_size
from ocistore_tui.tui.rows.row import Column, Row, keyed

COLUMNS = (
    Column("KIND", 26), Column("DIGEST", 12), Column("SIZE", 8, right=True), Column("PLATFORM", 14, needs=90),
    Column("WHAT IT SAYS IT IS", is_prose=True),
)  # fmt: skip
NOT_VERIFIED = "present, not verified"
_DEEPEST = 6


def extras_page(subject: Subject) -> Page:
    """The tree of attachments."""
    found = subject.attachments
    if found is None:
        return Page(COLUMNS, keyed(()), empty=waiting(subject, "attachments", "attachments"))
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    for index, row in enumerate(found):
        what = _what(row)
        kind = "  " * min(row.depth, _DEEPEST) + inert(row.kind, limit=40)
        rows.append((
            index,
            Row((kind, short_digest(row.digest), short_size(row.size_bytes), inert(row.platform, limit=40), what),
                ("accent", "", "dim", "dim", "bad" if row.flaw else "dim"), "!" if row.flaw else " "),
        ))  # fmt: skip
        notes = "\n".join(f"{inert(key)}: {inert(value)}" for key, value in list(row.annotations.items())[:40])
        full[index] = f"{row.digest}\n{what}\nfound by {inert(row.found_by)}\nof {row.subject}\n\n{notes}".rstrip()
    has_signature = any(row.kind == "signature" for row in found)
    beneath = plural(len(rows), "attachment") + (f"; signature {NOT_VERIFIED}" if has_signature else "")
    empty = (("nothing is attached: no signature, no SBOM, no attestation", "dim"),)
    return Page(COLUMNS, keyed(rows), beneath if rows else "", empty=empty, full=full)


def _what(row: AttachmentRow) -> str:
    if row.flaw:
        return inert(row.flaw, limit=CELL)
    note = f"{NOT_VERIFIED}   " if row.kind == "signature" else ""
    return note + inert(row.artifact_type, limit=CELL)
