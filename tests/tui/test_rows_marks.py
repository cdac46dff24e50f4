"""Marks by identity."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.tui.rows.marks import Marks


def test_marks_are_listed_in_the_order_they_were_made() -> None:
    marks: Marks[str] = Marks()
    marks.toggle("web")
    marks.add(["api", "web"])
    assert marks.listed() == ["web", "api"]
    assert "api" in marks
    assert "base" not in marks
    assert len(marks) == 2


def test_a_second_time_unmarks() -> None:
    marks: Marks[str] = Marks()
    marks.toggle("web")
    marks.toggle("web")
    assert marks.listed() == []


def test_a_range_begins_at_the_last_row_that_was_touched() -> None:
    marks: Marks[str] = Marks()
    assert marks.last is None
    marks.add(["a", "b"])
    assert marks.last == "b"
    marks.toggle("a")
    assert marks.last == "a"
    marks.clear()
    assert marks.last is None


def test_unmarking_what_is_not_marked_does_nothing() -> None:
    marks: Marks[str] = Marks()
    marks.add(["a"])
    marks.remove(["b"])
    assert marks.listed() == ["a"]


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_inversion_touches_only_the_rows_shown_and_twice_is_nothing(marked: set[int], rows: set[int]) -> None:
    marks: Marks[int] = Marks()
    marks.add(marked)
    marks.invert(rows)
    assert set(marks.listed()) == marked ^ rows
    marks.invert(rows)
    assert set(marks.listed()) == marked
