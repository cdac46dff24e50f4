"""Rows of the left list: local images, each with how it stands to the store."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from ocistore_tui.model.local import LocalRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.format import short_age, short_size
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.rows.compare import Comparison, Sameness
from ocistore_tui.tui.rows.facts import LocalFacts
from ocistore_tui.tui.rows.filter import Filter
from ocistore_tui.tui.rows.marks import Marks
from ocistore_tui.tui.rows.order import Order, arrange, natural
from ocistore_tui.tui.rows.row import Column, Row

COLUMNS = (
    Column("NAME", order="name"),
    Column("SIZE", 7, right=True, order="size"),
    Column("AGE", 4, right=True, order="pushed"),
    Column("STORE", 9, needs=36),
)
STYLE_OF = {
    Sameness.SAME: "good", Sameness.ONLY: "", Sameness.DIFFERS: "warn", Sameness.PARTIAL: "warn",
    Sameness.UNKNOWN: "dim", Sameness.BROKEN: "bad", Sameness.NONE: "dim",
}  # fmt: skip


class LocalRows:
    """A source for the list.

    Args:
        comparison: Tells how an image stands to the store.
        glyphs: The terminal's signs.
        clock: Seconds since 1970.
    """

    def __init__(self, comparison: Comparison, glyphs: Glyphs, clock: Callable[[], float]) -> None:
        self._comparison, self._glyphs, self._clock = comparison, glyphs, clock
        self._all: tuple[LocalRow, ...] = ()
        self._shown: list[LocalRow] = []
        self._index: dict[Hashable, int] = {}
        self.marks: Marks[str] = Marks()
        self.filter = Filter("")
        self.order = Order("pushed")

    def __len__(self) -> int:
        return len(self._shown)

    def key(self, index: int) -> str:
        """What `PushRequest.image` takes."""
        return self._shown[index].image

    def index(self, key: Hashable) -> int | None:
        """Where an image is."""
        return self._index.get(key)

    def row(self, index: int) -> Row:
        """What one image shows."""
        row = self._shown[index]
        sameness = self._comparison.of_local(row)
        name = inert(row.name) if row.name else f"<none> {inert(row.image.partition(':')[2] or row.image)[:12]}"
        word, style = self._comparison.word_of(sameness), STYLE_OF[sameness]
        return Row(
            (name, short_size(row.size_bytes), short_age(row.created, self._clock()), word),
            ("" if row.name else "dim", "dim", "dim", style),
            getattr(self._glyphs, sameness.glyph, " "),
            row.image in self.marks,
            self._glyphs.marked,
        )

    def set(self, rows: Sequence[LocalRow]) -> None:
        """All images, anew."""
        self._all = tuple(rows)
        keys = {row.image for row in rows}
        self.marks.remove([key for key in self.marks.listed() if key not in keys])
        self.rebuild()

    def rebuild(self) -> None:
        """Filter and sort anew."""
        shown = [
            row for row in self._all if self.filter.matches(row.name.lower() or f"<none> {row.image}", self._facts(row))
        ]
        value: dict[str, Callable[[LocalRow], float | None]] = {
            "pushed": lambda row: row.created, "size": lambda row: row.size_bytes,
        }  # fmt: skip
        self._shown = arrange(
            shown, self.order, lambda row: natural(row.name), value.get(self.order.by, lambda row: row.size_bytes)
        )
        self._index = {row.image: index for index, row in enumerate(self._shown)}

    def _facts(self, row: LocalRow) -> LocalFacts:
        return LocalFacts(self._comparison, row, self._clock(), is_marked=row.image in self.marks)

    def at(self, key: Hashable) -> LocalRow | None:
        """The image of a key, shown or not."""
        index = self._index.get(key)
        if index is not None:
            return self._shown[index]
        return next((row for row in self._all if row.image == key), None)

    def chosen(self, cursor: Hashable) -> list[LocalRow]:
        """What a command is about: the marks, or the cursor's row."""
        keys: Sequence[Hashable] = self.marks.listed() or [cursor]
        return [row for key in keys if (row := self.at(key)) is not None]

    @property
    def total(self) -> int:
        """All images, also those the filter hides."""
        return len(self._all)

    @property
    def total_bytes(self) -> int:
        """Their sizes, as the place tells them, each image once."""
        sizes = {row.ids or row.image: row.size_bytes or 0 for row in self._all}
        return sum(sizes.values())

    @property
    def hidden_marks(self) -> int:
        """Marked ones that the filter hides."""
        return sum(key not in self._index for key in self.marks.listed())

    def visible(self, rows: range) -> list[LocalRow]:
        """The images of these lines."""
        return self._shown[rows.start : rows.stop]

    def shown_keys(self) -> list[str]:
        """Keys of all rows the filter leaves."""
        return [row.image for row in self._shown]

    def name(self, key: str) -> str:
        """An image's name, for marking by pattern."""
        row = self.at(key)
        return row.name if row else ""
