"""What the fields of a filter may ask of a row; nothing is worked out before it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.tui.rows.compare import Comparison

if TYPE_CHECKING:
    from ocistore_tui.tui.rows.bucket import BucketRows
    from ocistore_tui.tui.rows.node import Node


class TagFacts:
    """Of a tag."""

    __slots__ = ("_node", "_now", "_row", "_rows")

    def __init__(self, rows: BucketRows, node: Node, row: TagRow, now: float) -> None:
        self._rows, self._node, self._row, self._now = rows, node, row, now

    @property
    def size_bytes(self) -> int | None:
        """Stored bytes below the tag."""
        return self._row.size_bytes

    @property
    def unique_bytes(self) -> int | None:
        """Bytes only its digest holds; None before every tag is known."""
        digest = self._row.digest
        return self._rows.sharing.unique_bytes(digest) if self._rows.is_complete and digest else None

    @property
    def age_s(self) -> float | None:
        """Since it was last moved."""
        return None if self._row.pushed is None else self._now - self._row.pushed

    @property
    def platforms(self) -> tuple[str, ...]:
        """And what kind of thing it is."""
        return (*self._row.platforms, self._row.kind)

    @property
    def extras(self) -> tuple[str, ...]:
        """Kinds of what is attached."""
        return tuple(self._rows.painter.extras(self._node, self._row))

    @property
    def digests(self) -> tuple[str, ...]:
        """Of the manifest, those below it, and image ids."""
        row = self._row
        return (*((row.digest,) if row.digest else ()), *row.manifests, *row.image_ids)

    @property
    def states(self) -> tuple[str, ...]:
        """How it stands to the local side, whether it is broken or marked."""
        name, row = self._node.name, self._row
        is_marked = self._rows.is_marked((name, row.name))
        return (
            self._rows.comparison.of_tag(name, row).glyph,
            *(("broken",) if row.flaw else ()),
            *(("marked",) if is_marked else ()),
        )


class LocalFacts:
    """Of an image outside the store."""

    __slots__ = ("_comparison", "_is_marked", "_now", "_row")

    def __init__(self, comparison: Comparison, row: LocalRow, now: float, *, is_marked: bool) -> None:
        self._comparison, self._row, self._now, self._is_marked = comparison, row, now, is_marked

    @property
    def size_bytes(self) -> int | None:
        """As its place tells."""
        return self._row.size_bytes

    @property
    def unique_bytes(self) -> int | None:
        """Nobody tells."""
        return None

    @property
    def age_s(self) -> float | None:
        """Since it was created."""
        return None if self._row.created is None else self._now - self._row.created

    @property
    def platforms(self) -> tuple[str, ...]:
        """As far as its place tells."""
        return self._row.platforms

    @property
    def extras(self) -> tuple[str, ...]:
        """Nobody tells."""
        return ()

    @property
    def digests(self) -> tuple[str, ...]:
        """Everything that identifies it."""
        return tuple(self._row.ids)

    @property
    def states(self) -> tuple[str, ...]:
        """How it stands to the store, whether it is marked or without a name."""
        return (
            self._comparison.of_local(self._row).glyph,
            *(("marked",) if self._is_marked else ()),
            *(("untagged",) if not self._row.name else ()),
        )
