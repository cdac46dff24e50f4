"""How an image was built, step by step, as its configuration tells."""

from __future__ import annotations

from collections.abc import Hashable

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.image import HistoryEntry, parse_config
from ocistore_tui.model.listing import Inspection
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import parse_time
from ocistore_tui.tui.detail.moments import since
from ocistore_tui.tui.detail.subject import CELL, Page, Subject, lines, step, waiting
from ocistore_tui.tui.format import plural, short_size
from ocistore_tui.tui.rows.row import Column, Row, keyed

COLUMNS = (
    Column("#", 3, right=True), Column("WHEN", 10), Column("SIZE", 8, right=True), Column("CREATED BY"),
    Column("COMMENT", 24, needs=110),
)  # fmt: skip
_EPOCH_S = 400_000_000
"""Reproducible builds say 1970 or 1980: how long ago that was tells nobody anything."""


def history_page(subject: Subject, now: float) -> Page:
    """Every build step, those without a layer too."""
    image = subject.image
    if image is None:
        return Page(COLUMNS, keyed(()), empty=waiting(subject, "image", "the configuration"))
    steps, flaw = history_of(image)
    if flaw:
        return Page(COLUMNS, keyed(()), empty=((inert(flaw, limit=CELL), "bad"),))
    # Where the history and the layers do not fit together, nobody can say which step made which.
    is_fitting = sum(not entry.empty_layer for entry in steps) == len(image.layers)
    layers = iter(image.layers)
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    for number, entry in enumerate(steps, 1):
        layer = None if entry.empty_layer or not is_fitting else next(layers)
        size = "-" if entry.empty_layer else short_size(layer.size_bytes) if layer is not None else "?"
        rows.append((
            number,
            Row((str(number), _when(entry.created, now), size, step(entry.created_by) or "-",
                 inert(" ".join(entry.comment.split()), limit=100)),
                ("dim", "dim", "dim" if entry.empty_layer else "", "dim" if entry.empty_layer else "", "dim")),
        ))  # fmt: skip
        parts = (lines(entry.created_by), lines(entry.comment), inert(entry.created, limit=60))
        full[number] = "\n\n".join(part for part in parts if part)
    beneath = f"{plural(len(rows), 'step')}, {plural(len(image.layers), 'layer')}" if rows else ""
    if rows and not is_fitting:
        beneath += "; they do not fit together: sizes of steps are not known"
    none = "an artifact has no build steps" if image.kind == "artifact" else "the configuration tells no build steps"
    return Page(COLUMNS, keyed(rows), beneath, empty=((none, "dim"),), full=full)


def history_of(image: Inspection) -> tuple[tuple[HistoryEntry, ...], str]:
    """The steps an image's configuration tells, or why it tells none."""
    if image.kind != "image":
        return (), ""
    if image.config is None:
        return (), image.flaws[0] if image.flaws else "the configuration cannot be read"
    try:
        return parse_config(image.config).history, ""
    except IntegrityError as error:
        return (), f"{error}: {error.cause}"


def _when(created: str, now: float) -> str:
    moment = parse_time(created)
    if moment is None:
        return inert(created, limit=30) or "-"
    return created[:10] if moment < _EPOCH_S else since(moment, now)
