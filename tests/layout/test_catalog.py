"""Finding repositories: all of them, in order, and no more requests than were needed for what was taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.layout import paths
from ocistore_tui.layout.catalog import RepositoryEntry, repositories
from ocistore_tui.model.digest import Digest
from tests.layout.content import image, plant, store_image

D = Digest.of(b"")
NAMES = ["FOO/bar", "a", "a/b", "a/b/c", "a-b", "a.b", "x/y/z"]
"""In the order of components: what is below a name comes before its neighbours."""


class PagedStore(MemoryStore):
    """A store in memory that counts requests as a bucket bills them: a listing costs one for each page."""

    page = 1000

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self._counting = threading.Lock()

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        names = super().list_dirs(prefix, start_after=start_after)
        while True:
            with self._counting:
                self.requests += 1
            page = list(islice(names, self.page))
            yield from page
            if len(page) < self.page:
                return


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    with MemoryStore() if request.param == "memory" else LocalStore(tmp_path, create=True) as opened:
        yield opened


def fill(store: ObjectStore, names: list[str]) -> None:
    """Repositories with one key each, quickly."""
    plant(store, {paths.layer_link(name, D): D.encode() for name in names})


def names_of(store: ObjectStore, **options: object) -> list[str]:
    return [found.name for found in repositories(store, **options)]  # type: ignore[arg-type]


def test_nested_repositories_are_found_with_their_neighbours(store: ObjectStore) -> None:
    for name in NAMES:
        if name != "FOO/bar":
            store_image(store, name, image(name), "latest")
    plant(store, {paths.tag_current("FOO/bar", "1"): D.encode()})
    found = list(repositories(store))
    assert [entry.name for entry in found] == NAMES
    assert [entry.name for entry in found if not entry.valid] == ["FOO/bar"]
    assert found[1] == RepositoryEntry("a", valid=True, has_layers=True, has_manifests=True)


def test_either_generation_s_rule_makes_a_repository(store: ObjectStore) -> None:
    plant(
        store,
        {
            paths.layer_link("only/layers", D): D.encode(),
            paths.revision_link("only/manifests", D): D.encode(),
            f"{paths.REPOSITORIES}only/uploads/_uploads/1/startedat": b"2026-11-24T10:44:09Z",
            f"{paths.REPOSITORIES}only/stray/file.txt": b"",
            f"{paths.REPOSITORIES}only/file.txt": b"",
            f"{paths.REPOSITORIES}_trash/app/_layers/x/link": b"",
            f"{paths.REPOSITORIES}only/_tmp-1/_manifests/tags/1/current/link": b"",
        },
    )
    assert list(repositories(store)) == [
        RepositoryEntry("only/layers", valid=True, has_layers=True, has_manifests=False),
        RepositoryEntry("only/manifests", valid=True, has_layers=False, has_manifests=True),
    ]


def test_an_empty_store_has_none(store: ObjectStore, tmp_path: Path) -> None:
    store.put("unrelated", b"")
    assert names_of(store) == []
    store_image(store, "app", image(), "1")
    if isinstance(store, LocalStore):
        (tmp_path / paths.REPOSITORIES / "empty" / "dir").mkdir(parents=True)
    assert names_of(store) == ["app"]


@pytest.mark.parametrize("after", [*NAMES, "A", "a/a", "a/b/0", "a/b/c/d", "a/c", "x", "x/y", "x/y/z/0", "zz", "b/c"])
def test_a_list_goes_on_after_any_name(store: ObjectStore, after: str) -> None:
    fill(store, NAMES)
    later = [name for name in NAMES if name.split("/") > after.split("/")]
    assert names_of(store, start_after=after) == later


@pytest.mark.parametrize("after", ["/", "a/", "//", "a//b", "..", "../..", "a/../b", "_x", "a/_layers", "\x1b"])
def test_a_name_to_go_on_after_may_be_anything(store: ObjectStore, after: str) -> None:
    fill(store, NAMES)
    assert names_of(store, start_after=after) == [name for name in NAMES if name.split("/") > after.split("/")]


def test_a_part_of_the_tree_can_be_listed(store: ObjectStore) -> None:
    fill(store, NAMES)
    assert names_of(store, prefix="a/") == ["a/b", "a/b/c"]
    assert names_of(store, prefix="a") == ["a/b", "a/b/c"]
    assert names_of(store, prefix="a/b", start_after="a/b/b") == ["a/b/c"]
    assert names_of(store, prefix="none/") == []


@settings(max_examples=60, deadline=None)
@given(
    st.sets(
        st.lists(st.sampled_from(["a", "a-", "a.", "0", "a_", "b"]), min_size=1, max_size=4).map(tuple), max_size=15
    ),
    st.integers(1, 20),
    st.data(),
)
def test_any_tree_is_listed_whole_and_from_anywhere(
    tree: set[tuple[str, ...]], ahead: int, data: st.DataObject
) -> None:
    store = PagedStore()
    store.page = 3
    fill(store, ["/".join(path) for path in tree])
    expected = ["/".join(path) for path in sorted(tree)]
    assert names_of(store, ahead=ahead) == expected
    if expected:
        at = data.draw(st.integers(0, len(expected) - 1))
        assert names_of(store, start_after=expected[at], ahead=ahead) == expected[at + 1 :]


def test_names_as_deep_as_registries_allow_are_found_and_bottomless_ones_end() -> None:
    store = MemoryStore()
    deepest, bottomless = "/".join("a" * 128), "/".join("b" * 480)
    fill(store, [deepest, bottomless])
    assert len(deepest) == 255
    assert [(entry.name, entry.valid) for entry in repositories(store)] == [(deepest, True)]


def test_names_from_a_hostile_bucket_are_told_apart() -> None:
    store = MemoryStore()
    hostile = ["\x1b[31mred", "a b", "[/x]", "x/Upper", "é", "a" * 300]
    fill(store, hostile)
    plant(store, {f"{paths.REPOSITORIES}/_layers/x/link": b"", f"{paths.REPOSITORIES}a//b/_layers/x/link": b""})
    found = list(repositories(store))
    assert sorted(entry.name for entry in found) == sorted(hostile)
    assert not any(entry.valid for entry in found)


# -- what it costs --


@pytest.fixture(scope="module")
def flat() -> PagedStore:
    store = PagedStore()
    fill(store, [f"app-{number:05}" for number in range(10_000)])
    return store


def test_the_first_hundred_of_ten_thousand_cost_little_more_than_a_hundred(flat: PagedStore) -> None:
    flat.requests = 0
    found = [entry.name for entry in islice(repositories(flat), 100)]
    assert found == [f"app-{number:05}" for number in range(100)]
    assert flat.requests <= 100 + 16 + 1


def test_going_on_does_not_look_at_what_lies_before(flat: PagedStore) -> None:
    flat.requests = 0
    found = [entry.name for entry in islice(repositories(flat, start_after="app-09000"), 10)]
    assert found[0] == "app-09001"
    assert flat.requests <= 10 + 16 + 2


def test_nothing_is_looked_at_before_the_first_is_asked_for(flat: PagedStore) -> None:
    flat.requests = 0
    listing = repositories(flat)
    assert flat.requests == 0
    next(listing)
    assert flat.requests <= 16 + 2
    listing.close()


def test_a_namespace_of_thousands_is_not_read_to_its_end_for_its_first() -> None:
    store = PagedStore()
    names = [f"team/app-{number:04}" for number in range(3000)]
    fill(store, ["team", *names])
    store.requests = 0
    assert [entry.name for entry in islice(repositories(store), 3)] == ["team", *names[:2]]
    assert store.requests <= 3 + 16 + 4
    store.requests = 0
    assert names_of(store) == ["team", *names]
    assert store.requests <= 3001 + 16 + 4


def test_own_directories_are_seen_among_thousands_of_neighbours() -> None:
    """``_layers`` comes after names that begin with a digit and before those that begin with a letter."""
    store = PagedStore()
    names = ["mixed", *(f"mixed/{number:04}" for number in range(1200)), "mixed/app"]
    fill(store, names)
    assert names_of(store) == names


def test_a_leaf_is_looked_at_once() -> None:
    store = PagedStore()
    fill(store, ["a/b/c", "a/b/d"])
    store.requests = 0
    assert names_of(store) == ["a/b/c", "a/b/d"]
    assert store.requests == 1 + 1 + 1 + 2, "the root, a, a/b, and both leaves"


def test_looking_ahead_ends_with_the_caller(flat: PagedStore) -> None:
    listing = repositories(flat)
    next(listing)
    listing.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ocistore-list")]
