"""Orders of a list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.model.natural import natural_key
from ocistore_tui.tui.rows.order import Order, arrange, natural

TAG = st.text(alphabet="0019ab.-_/é", max_size=12)


def names(rows: list[tuple[str, float | None]], order: Order) -> list[str]:
    return [name for name, _ in arrange(rows, order, lambda row: natural(row[0]), lambda row: row[1])]


@given(st.lists(TAG, max_size=30))
def test_the_quick_key_sorts_as_the_natural_one_of_the_command_line(tags: list[str]) -> None:
    assert sorted(tags, key=natural) == sorted(tags, key=natural_key)


def test_versions_go_by_their_numbers() -> None:
    rows = [(name, None) for name in ("1.10", "1.9", "2", "latest", "1.10-rc1", "01.9")]
    assert names(rows, Order("name")) == ["01.9", "1.9", "1.10", "1.10-rc1", "2", "latest"]
    assert names(rows, Order("name", reverse=True)) == ["latest", "2", "1.10-rc1", "1.10", "1.9", "01.9"]


def test_newest_and_biggest_come_first_and_what_is_not_known_last_whichever_way_round() -> None:
    rows = [("b", None), ("old", 1.0), ("a10", None), ("new", 3.0), ("a9", None)]
    assert names(rows, Order("pushed")) == ["new", "old", "a9", "a10", "b"]
    assert names(rows, Order("pushed", reverse=True)) == ["old", "new", "a9", "a10", "b"]
    assert names(rows, Order("size")) == ["new", "old", "a9", "a10", "b"]


def test_zero_is_known() -> None:
    assert names([("nothing", None), ("empty", 0.0)], Order("size")) == ["empty", "nothing"]


def test_equal_rows_stay_as_they_are() -> None:
    rows = [("z", 1.0), ("a", 1.0), ("m", 1.0)]
    assert names(rows, Order("pushed")) == ["z", "a", "m"]
    assert names(rows, Order("pushed", reverse=True)) == ["z", "a", "m"]
