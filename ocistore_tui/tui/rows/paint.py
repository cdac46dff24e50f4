"""How repositories and tags look in a line, and what the filter may ask of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.reference import is_tag
from ocistore_tui.model.text import inert
from ocistore_tui.tui.format import count, plural, short_age, short_size
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.rows.compare import Comparison, Sameness
from ocistore_tui.tui.rows.row import Column, Row

if TYPE_CHECKING:
    from ocistore_tui.tui.rows.bucket import BucketRows
    from ocistore_tui.tui.rows.node import Node

COLUMNS = (
    Column("REPOSITORY / TAG", order="name"),
    Column("UNIQUE", 9, right=True, needs=58, order="unique"),
    Column("SIZE", 7, right=True, order="size"),
    Column("PUSHED", 7, right=True, order="pushed"),
    Column("PLAT", 6, needs=64),
    Column("EXTRA", 6, needs=50),
)
_LETTERS = {"signature": "S", "sbom": "B", "provenance": "P", "other": "A"}
_SUFFIXES = {".sig": "signature", ".sbom": "sbom", ".att": "provenance"}
_HEX = re.compile(r"[0-9a-f]{8}")
_STYLES = {
    Sameness.SAME: "good", Sameness.DIFFERS: "warn", Sameness.PARTIAL: "warn", Sameness.BROKEN: "bad",
}  # fmt: skip


class Painter:
    """Makes rows of what `BucketRows` knows."""

    def __init__(self, rows: BucketRows, comparison: Comparison, glyphs: Glyphs, clock: Callable[[], float]) -> None:
        self._rows, self._comparison, self._glyphs, self._clock = rows, comparison, glyphs, clock

    def paint(self, node: Node, tag: str | None) -> Row:
        """One line."""
        if tag is None:
            return self._repository(node)
        if tag == "":
            return Row(("      listing tags …",), ("dim",))
        row = node.tags.get(tag)
        if row is None:
            return self._attachment(node, tag)
        return self._tag(node, row)

    def _repository(self, node: Node) -> Row:
        glyphs = self._glyphs
        arrow = glyphs.unfolded if node.is_open else glyphs.folded
        name = inert(node.name)
        if not node.is_valid:
            return Row((f"{arrow} {name} (invalid name)",), ("bad",), glyphs.broken)
        if node.failure is not None:
            return Row((f"{arrow} {name}  {inert(node.failure.message)}",), ("bad",), glyphs.broken)
        tags = node.tag_count
        counted = "" if tags is None else f"  {plural(tags, 'tag')}"
        if node.summary is not None and not node.summary.is_whole and not node.is_listed:
            counted = f"  over {count(node.summary.tags)} tags"
        size_bytes, is_exact = self.size_of(node)
        size = "" if size_bytes is None else ("" if is_exact else "≥") + short_size(size_bytes)
        marks = self._rows.marks
        single = marks.marked_in(node.name)
        is_marked = (node.name, None) in marks or (node.is_listed and 0 < len(node.tags) <= single)
        return Row(
            (f"{arrow} {name}{counted}", "", size, short_age(node.pushed, self._clock())),
            ("bold", "", "dim", "dim"), is_marked=is_marked or single > 0,
            mark=glyphs.marked if is_marked else glyphs.some_marked,
        )  # fmt: skip

    def size_of(self, node: Node) -> tuple[int | None, bool]:
        """Bytes below a repository, each blob once, and whether that is all; None: nothing is known."""
        return node.size_bytes, node.is_described and node.size_bytes is not None

    def _tag(self, node: Node, row: TagRow) -> Row:
        glyphs, rows = self._glyphs, self._rows
        sameness = self._comparison.of_tag(node.name, row)
        name = inert(row.name)
        label = f"{inert(node.name)}:{name}" if rows.is_flat else f"    {name}"
        is_bad = bool(row.flaw) or not is_tag(row.name)
        if is_bad and row.digest is None:
            why = "" if is_tag(row.name) else " (invalid name)"
            return Row((label + why,), ("bad",), glyphs.broken, rows.is_marked((node.name, row.name)), glyphs.marked)
        style = _STYLES.get(sameness, "")
        return Row(
            (label, self._unique(node, row), short_size(row.size_bytes), short_age(row.pushed, self._clock()),
             platform_word(row), " ".join(_LETTERS[kind] for kind in self.extras(node, row))),
            ("bad" if is_bad else style, "dim", "", "dim", "dim", "accent"),
            glyphs.broken if is_bad else getattr(glyphs, sameness.glyph, " "),
            rows.is_marked((node.name, row.name)),
            glyphs.marked,
        )  # fmt: skip

    def _unique(self, node: Node, row: TagRow) -> str:
        if row.digest is None:
            return "…"
        first = self.alias_of(node, row)
        if first is not None:
            return f"= {inert(first, limit=12)}"
        return short_size(self._rows.sharing.unique_bytes(row.digest)) if self._rows.is_complete else "…"

    def alias_of(self, node: Node, row: TagRow) -> str | None:
        """The tag people mean when several name one digest; None when it is this one."""
        first = node.first_name(row.digest) if row.digest is not None else None
        return first if first != row.name else None

    def _attachment(self, node: Node, tag: str) -> Row:
        row = self._rows.tag((node.name, tag))
        kind = attachment_kind(tag)
        return Row(
            (f"     {kind} {_brief(tag)}", "", short_size(row.size_bytes) if row and row.size_bytes else ""),
            ("dim", "", "dim"), is_marked=self._rows.is_marked((node.name, tag)), mark=self._glyphs.marked,
        )  # fmt: skip

    def extras(self, node: Node, row: TagRow) -> list[str]:
        """Kinds of what is attached to an image, as far as names and its index tell."""
        if not row.extras and not node.attached:
            return []
        kinds = dict.fromkeys(row.extras)
        for attached in node.attached_to(row):
            kinds.update(dict.fromkeys(attached.extras or (attachment_kind(attached.name),)))
        return [kind for kind in _LETTERS if kind in kinds]


def attachment_kind(tag: str) -> str:
    """What a tag that belongs to another image holds, by its name."""
    return next((kind for suffix, kind in _SUFFIXES.items() if tag.endswith(suffix)), "other")


def _brief(tag: str) -> str:
    """Of a name that is a digest, its first digits: the whole of it would push what it is out of the line."""
    algorithm, _, rest = tag.partition("-")
    return rest[:8] if algorithm == "sha256" and _HEX.match(rest) else inert(tag, limit=24)


def platform_word(row: TagRow) -> str:
    """``amd64``, the number of platforms of an index, or what an artifact is."""
    if row.kind == "artifact":
        return artifact_word(row.artifact_type)
    if row.kind == "index":
        return str(len(row.platforms)) if len(row.platforms) != 1 else _short(row.platforms[0])
    return _short(row.platforms[0]) if row.platforms else ""


def _short(platform: str) -> str:
    return inert(platform.partition("/")[2] or platform, limit=20)


def artifact_word(artifact_type: str) -> str:
    """``helm``, ``wasm`` or what else an artifact says it is."""
    for word in ("helm", "wasm", "sbom", "cosign"):
        if word in artifact_type:
            return word
    return "other"
