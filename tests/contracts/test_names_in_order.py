"""Object stores list ``name/``; people expect the order of the names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.backends.base import names_in_order


@given(st.sets(st.text(alphabet="a-.z0é", min_size=1, max_size=5), max_size=20))
def test_any_listing_is_put_in_order(names: set[str]) -> None:
    as_listed = sorted(names, key=lambda name: f"{name}/".encode())
    assert list(names_in_order(as_listed)) == sorted(names, key=str.encode)


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
