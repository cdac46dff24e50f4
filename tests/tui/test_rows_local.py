"""Rows of the left list."""

from __future__ import annotations

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.rows.compare import Comparison
from ocistore_tui.tui.rows.filter import Filter
from ocistore_tui.tui.rows.local import LocalRows
from ocistore_tui.tui.rows.order import Order

NOW = 1_700_000_000.0
UNTAGGED = f"sha256:3f1b20c9aa01{'0' * 52}"


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def image(name: str, *, age_s: float = 0, size: int | None = 1000, of: str = "", flaw: str = "") -> LocalRow:
    return LocalRow(
        name, name or UNTAGGED, ids=frozenset({digest(of or name or UNTAGGED)}), size_bytes=size,
        created=NOW - age_s, platforms=("linux/amd64",), flaw=flaw,
    )  # fmt: skip


def rows_of(*images: LocalRow, comparison: Comparison | None = None) -> LocalRows:
    rows = LocalRows(comparison or Comparison(), Glyphs(), lambda: NOW)
    rows.set(images)
    return rows


def names(rows: LocalRows) -> list[str]:
    return [rows.row(index).cells[0] for index in range(len(rows))]


def refilter(rows: LocalRows, text: str) -> list[str]:
    rows.filter = Filter(text)
    rows.rebuild()
    return names(rows)


def test_newest_first_then_by_name_or_size() -> None:
    rows = rows_of(
        image("api:1.9", age_s=60, size=2), image("api:1.10", age_s=7200, size=3), image("web:1", age_s=5, size=1)
    )
    assert names(rows) == ["web:1", "api:1.9", "api:1.10"]
    rows.order = Order("name")
    rows.rebuild()
    assert names(rows) == ["api:1.9", "api:1.10", "web:1"]
    rows.order = Order("size")
    rows.rebuild()
    assert names(rows) == ["api:1.10", "api:1.9", "web:1"]


def test_a_row_says_in_sign_and_word_how_it_stands_to_the_store() -> None:
    comparison = Comparison()
    comparison.is_complete = True
    comparison.set_tag("team/api", TagRow("2", digest=digest("m"), image_ids=(digest("same"),)))
    comparison.set_tag("web", TagRow("1", digest=digest("w"), image_ids=(digest("theirs"),)))
    rows = rows_of(
        image("mine:1", of="same"), image("web:1", of="my own"), image("new:1"), image("bad:1", flaw="cut off"),
        comparison=comparison,
    )  # fmt: skip
    told = {row.cells[0]: (row.sign, row.cells[3]) for row in map(rows.row, range(len(rows)))}
    assert told == {
        "mine:1": ("=", "same"), "web:1": ("≠", "differs"), "new:1": ("+", "not there"), "bad:1": ("!", "broken"),
    }  # fmt: skip
    comparison.is_complete = False
    assert rows.row(rows.index("new:1") or 0).cells[3] == "checking"
    assert refilter(rows, "is:differs") == ["web:1"]


def test_an_image_without_a_name_is_shown_and_found_by_its_id() -> None:
    rows = rows_of(image(""), image("api:1"))
    assert "<none> 3f1b20c9aa01" in names(rows)
    assert refilter(rows, "3f1b20") == ["<none> 3f1b20c9aa01"]
    assert refilter(rows, "none") == ["<none> 3f1b20c9aa01"]
    assert refilter(rows, "api") == ["api:1"]


def test_hostile_names_are_inert() -> None:
    rows = rows_of(image("evil\x1b]52;c;aGk=\x07:1"))
    assert "\x1b" not in "".join(names(rows))
    assert "�" in names(rows)[0]


def test_marks_survive_filter_and_refresh_and_go_with_their_images() -> None:
    rows = rows_of(image("api:1"), image("web:1"), image("base:1"))
    rows.marks.add(["api:1", "web:1"])
    assert refilter(rows, "base") == ["base:1"]
    assert rows.hidden_marks == 2
    assert [row.name for row in rows.chosen("base:1")] == ["api:1", "web:1"], "hidden marks are marks"
    rows.set([image("web:1"), image("base:1")])
    assert rows.marks.listed() == ["web:1"]
    rows.marks.clear()
    assert [row.name for row in rows.chosen("base:1")] == ["base:1"], "no marks: the cursor's row"
    assert refilter(rows, "") == ["web:1", "base:1"]


def test_fields_and_marks_are_filtered() -> None:
    rows = rows_of(image("big:1", size=600_000_000, age_s=40 * 86400), image("small:1", size=5, age_s=60))
    assert refilter(rows, "size>500MB") == ["big:1"]
    assert refilter(rows, "age<1h plat:amd64") == ["small:1"]
    rows.marks.toggle("small:1")
    assert refilter(rows, "is:marked") == ["small:1"]
    assert refilter(rows, f"digest:{digest('big:1').encoded[:6]}") == ["big:1"]


def test_two_names_of_one_image_are_two_rows_and_one_size() -> None:
    rows = rows_of(image("api:1", of="x", size=100), image("api:latest", of="x", size=100), image("web:1", size=7))
    assert rows.total == 3
    assert rows.total_bytes == 107


def test_a_key_finds_its_row_also_when_the_filter_hides_it() -> None:
    rows = rows_of(image("api:1"), image("web:1"))
    refilter(rows, "web")
    assert rows.index("api:1") is None
    found = rows.at("api:1")
    assert found is not None
    assert found.name == "api:1"
    assert rows.at("gone:1") is None
