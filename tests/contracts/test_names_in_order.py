"""Object stores list ``name/``; people expect the order of the names."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.backends import order
from ocistore_tui.backends.order import names_in_order


@given(st.sets(st.text(alphabet="a-.z0é", min_size=1, max_size=5), max_size=20))
def test_any_listing_is_put_in_order(names: set[str]) -> None:
    as_listed = sorted(names, key=lambda name: f"{name}/".encode())
    assert list(names_in_order(as_listed)) == sorted(names, key=str.encode)


@given(
    st.sets(st.text(alphabet="a-.z0é", min_size=1, max_size=6), max_size=40),
    st.integers(1, 8),
)
def test_asking_gives_the_same_order_with_fewer_names_held_back(names: set[str], most: int) -> None:
    as_listed = sorted(names, key=lambda name: f"{name}/".encode())
    with mock.patch.object(order, "_HELD_NAMES", most):
        assert list(names_in_order(as_listed, names.__contains__)) == sorted(names, key=str.encode)


@pytest.mark.parametrize("there", [True, False])
def test_what_thousands_of_names_wait_for_is_asked_about_once(there: bool) -> None:
    """Version tags: all of ``v1.0`` to ``v1.4999`` are listed before ``v1``, which comes first."""
    names = [f"v1.{number}" for number in range(5000)] + ["v1"] * there
    as_listed = iter(sorted(names, key=lambda name: f"{name}/"))
    asked: list[str] = []

    def exists(name: str) -> bool:
        asked.append(name)
        return name in names

    ordered = names_in_order(as_listed, exists)
    assert next(ordered) == ("v1" if there else "v1.0")
    assert len(list(as_listed)) > 4800, "the rest was not read for the first"
    ordered = names_in_order(sorted(names, key=lambda name: f"{name}/"), exists)
    assert list(ordered) == sorted(names)
    assert asked == ["v1", "v1"]


def test_a_name_is_held_back_only_while_it_must() -> None:
    taken: list[str] = []

    def listed() -> list[str]:
        return ["alpha", "beta", "v1-x", "v1.0", "v1", "v10", "v2"]

    def watched():
        for name in listed():
            taken.append(name)
            yield name

    names = names_in_order(watched())
    assert next(names) == "alpha"
    assert taken == ["alpha"]
    assert [next(names) for _ in range(4)] == ["beta", "v1", "v1-x", "v1.0"]
    assert taken[-1] == "v10"
    assert list(names) == ["v10", "v2"]
