"""The layers of an image: how large, who else holds them, which are here already."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import Inspection, LayerRow, TagRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.detail.subject import Page, Subject, lines, step, waiting
from ocistore_tui.tui.format import plural, short_digest, short_size
from ocistore_tui.tui.rows.row import Column, Row, keyed

_NEVER = 1_000_000
"""No list is as wide."""
_LOCAL = Column("LOCAL", 5, needs=96)
# At 80 columns LOCAL and UNPACKED go first (ux.md §2.4); CREATED BY is cut to what is left.
COLUMNS: tuple[Column, ...] = (
    Column("#", 3, right=True), Column("DIGEST", 12), Column("PACKED", 8, right=True),
    Column("UNPACKED", 8, right=True, needs=90), Column("UNIQUE", 8, right=True, needs=66),
    Column("USED BY", 17, right=True, needs=76), _LOCAL, Column("CREATED BY"),
)  # fmt: skip


def uses_of(layers: Iterable[LayerRow], tags: Iterable[tuple[str, TagRow]]) -> dict[Digest, tuple[int, int]]:
    """Tags and repositories that hold each of the layers.

    Args:
        layers: Of one image.
        tags: Repository and row of every tag of the store.
    """
    wanted = {layer.digest for layer in layers}
    counts = dict.fromkeys(wanted, 0)
    places: dict[Digest, set[str]] = {digest: set() for digest in wanted}
    for repository, row in tags:
        for digest in wanted & row.blobs.keys():
            counts[digest] += 1
            places[digest].add(repository)
    return {digest: (counts[digest], len(places[digest])) for digest in wanted}


def layers_page(subject: Subject) -> Page:
    """Layers, bottom first."""
    image = subject.image
    if image is None:
        return Page(COLUMNS, keyed(()), empty=waiting(subject, "image", "the manifest"))
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    is_artifact = image.kind == "artifact"
    for number, layer in enumerate(image.layers, 1):
        created_by = step(layer.created_by) or inert(layer.media_type, limit=200)
        rows.append((
            number,
            Row(
                (str(number), short_digest(layer.digest), short_size(layer.size_bytes), _unpacked(subject, layer),
                 _unique(subject, layer), _users(subject, layer), _local(subject, layer), created_by),
                ("dim", "accent", "", "dim", "dim", "dim", "dim", ""),
            ),
        ))  # fmt: skip
        full[number] = f"{layer.digest}\n{inert(layer.media_type)}\n\n{lines(layer.created_by)}".rstrip()
    none = "an artifact without layers" if is_artifact else "no layers"
    beneath, brief = _sum(image, subject)
    columns = (*COLUMNS[:-1], Column("MEDIA TYPE")) if is_artifact else COLUMNS
    if subject.here.get(subject.platform, {}) is None:  # there is nobody to ask
        columns = tuple(replace(column, needs=_NEVER) if column is _LOCAL else column for column in columns)
    return Page(columns, keyed(rows), beneath, brief, ((none, "dim"),), full)


def _unpacked(subject: Subject, layer: LayerRow) -> str:
    size_bytes = subject.unpacked.get(layer.digest)
    if size_bytes is not None:
        return short_size(size_bytes)
    return "-" if subject.platform in subject.unpacked_of else "…"


def _unique(subject: Subject, layer: LayerRow) -> str:
    if subject.sharing is None:
        return "…"
    return short_size(layer.size_bytes if subject.sharing.users(layer.digest) <= 1 else 0)


def _users(subject: Subject, layer: LayerRow) -> str:
    if layer.digest not in subject.uses:
        return "…"
    tags, repositories = subject.uses[layer.digest]
    if tags <= 1:
        return "only this tag"
    return plural(tags, "tag") + (f", {repositories} repos" if repositories > 1 else "")


def _local(subject: Subject, layer: LayerRow) -> str:
    if subject.platform not in subject.here:
        return "…"
    here = subject.here[subject.platform]
    return "" if here is None else "yes" if here.get(layer.digest) else "no"


def _sum(image: Inspection, subject: Subject) -> tuple[str, str]:
    """What the layers come to and what a pull would fetch of them, and the same in fewer words."""
    if not image.layers:
        return "", ""
    distinct = {layer.digest: layer.size_bytes for layer in image.layers}
    packed = f"{plural(len(image.layers), 'layer')}, {short_size(sum(distinct.values()))} packed"
    sizes = [subject.unpacked.get(layer.digest) for layer in image.layers]
    unpacked = "" if None in sizes else f", {short_size(sum(size or 0 for size in sizes))} unpacked"
    platform = f" on {inert(subject.platform, limit=40)}" if subject.platform else ""
    here = subject.here.get(subject.platform)
    if here is None:
        return f"{packed}{unpacked}{platform}", packed
    absent = {digest: size_bytes for digest, size_bytes in distinct.items() if not here.get(digest)}
    if not absent:
        return f"{packed}{unpacked}{platform}. A pull would fetch no layer: all are here.", f"{packed}; all are here"
    fetch = f"{plural(len(absent), 'layer')}, {short_size(sum(absent.values()))}"
    rest = "" if len(absent) == len(distinct) else ": the others are here"
    return f"{packed}{unpacked}{platform}. A pull would fetch {fetch}{rest}.", f"{packed}; a pull fetches {fetch}"
