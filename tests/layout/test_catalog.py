"""Finding repositories: all of them, in order, and no more requests than were needed for what was taken."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar
from unittest import mock

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocistore_tui.backends.base import Capabilities, Entry, ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.errors import AccessDenied
from ocistore_tui.layout import looking, paths
from ocistore_tui.layout.catalog import RepositoryEntry, repositories
from ocistore_tui.model.digest import Digest
from tests.layout.content import image, plant, store_image
from tests.testbed import servers

D = Digest.of(b"")
Item = TypeVar("Item")
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
        return self._paged(super().list_dirs(prefix, start_after=start_after))

    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        return self._paged(super().list_entries(prefix, start_after=start_after))

    def _paged(self, listed: Iterator[Item]) -> Iterator[Item]:
        while True:
            with self._counting:
                self.requests += 1
            page = list(islice(listed, self.page))
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
    return [found.name for found in repositories(store, **options)]


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


def test_strays_among_the_repositories_are_left_out(tmp_path: Path) -> None:
    """Links out of the store, links to nowhere, sockets, pipes and files; a registry lists the others, too."""
    (tmp_path / "outside/app/_layers").mkdir(parents=True)
    with LocalStore(tmp_path / "store", create=True) as store:
        fill(store, ["a/b", "z"])
        top = tmp_path / "store" / paths.REPOSITORIES
        (top / "link").symlink_to(tmp_path / "outside/app")
        (top / "a/link").symlink_to("../../../../../../../outside")
        (top / "nowhere").symlink_to("missing")
        os.mkfifo(top / "pipe")
        (top / "file").write_bytes(b"")
        with socket.socket(socket.AF_UNIX) as stray:
            here = Path.cwd()
            os.chdir(top)  # a socket's path may not be long
            try:
                stray.bind("socket")
            finally:
                os.chdir(here)
            assert names_of(store) == ["a/b", "z"]


class Refusing(MemoryStore):
    """A store that does not let us look below some directories."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = ""
        self.after = 0

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        self.after -= 1
        if self.refused and prefix.startswith(self.refused) and self.after < 0:
            raise AccessDenied("not allowed", where=prefix)
        return super().list_dirs(prefix, start_after=start_after)

    capabilities = Capabilities(cheap_pages=False)


def test_a_directory_we_may_not_look_into_does_not_hide_the_others() -> None:
    store = Refusing()
    fill(store, ["a", "secret/app", "z"])
    store.refused = f"{paths.REPOSITORIES}secret/"
    assert names_of(store) == ["a", "z"]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_store_that_refuses_everything_from_now_on_is_an_error(after: int) -> None:
    """Such as credentials that expire while we list: what is missing must not look like what there is."""
    store = Refusing()
    fill(store, ["a", "secret/app", "z"])
    store.refused, store.after = paths.REPOSITORIES, after
    with pytest.raises(AccessDenied):
        names_of(store, ahead=1)


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


@settings(max_examples=200, deadline=None)
@given(
    tree=st.dictionaries(
        st.lists(st.sampled_from(["a", "a-", "a.", "0", "a_", "b"]), min_size=1, max_size=4).map(tuple),
        st.integers(1, 12),
        max_size=20,
    ),
    ahead=st.integers(1, 20),
    page=st.integers(1, 30),
    first_look=st.integers(1, 6),
    cheap_pages=st.booleans(),
    at=st.integers(0, 19),
)
def test_any_tree_is_listed_whole_and_from_anywhere(
    tree: dict[tuple[str, ...], int], ahead: int, page: int, first_look: int, cheap_pages: bool, at: int
) -> None:
    """Whatever is learned from pages that cover some directories whole and others in part."""
    store = PagedStore()
    store.page = page
    store.capabilities = Capabilities(cheap_pages=cheap_pages)
    for path, size in tree.items():
        plant(store, {f"{paths.layers_dir('/'.join(path))}{number}": b"" for number in range(size)})
    expected = ["/".join(path) for path in sorted(tree)]
    with mock.patch.multiple(looking, _PAGE_KEYS=page, _FIRST_LOOK=first_look, _LOOKS_BETWEEN=2):
        assert names_of(store, ahead=ahead) == expected
        for after in expected[at : at + 1]:
            assert names_of(store, start_after=after, ahead=ahead) == expected[at + 1 :]


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


def test_a_server_with_an_order_of_its_own_is_not_read_page_by_page(rclone: str) -> None:
    """Once it was found out, since every page of such a server costs the whole listing."""
    access, secret = servers.S3_KEYS
    boto3.client(
        "s3", endpoint_url=rclone, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1"
    ).create_bucket(Bucket="catalog")
    options = S3Options("catalog", endpoint=rclone, region="us-east-1", access_key=access, secret_key=secret)
    names = sorted([*NAMES, *(f"n{number}" for number in range(30))], key=lambda name: name.split("/"))
    with S3Store(options) as store:
        larger(store, names, 3)
        assert names_of(store) == names
        store._lister.is_ordered = False
        with mock.patch.object(looking, "_read_page", side_effect=AssertionError("a page was read")):
            assert names_of(store) == names
            assert names_of(store, start_after="a/b") == names[names.index("a/b") + 1 :]


# -- what it costs --


@pytest.fixture(scope="module")
def flat() -> PagedStore:
    """Ten thousand small repositories side by side."""
    store = PagedStore()
    fill(store, [f"app{number:05}" for number in range(10_000)])
    return store


def larger(store: ObjectStore, names: list[str], size: int) -> None:
    """Repositories with so many keys each."""
    for name in names:
        plant(store, {f"{paths.layers_dir(name)}{number}": b"" for number in range(size)})


def test_the_first_hundred_of_ten_thousand_small_ones_cost_a_handful_of_requests(flat: PagedStore) -> None:
    flat.requests = 0
    found = [entry.name for entry in islice(repositories(flat), 100)]
    assert found == [f"app{number:05}" for number in range(100)]
    assert flat.requests <= 4


def test_a_huge_one_at_the_front_does_not_change_that() -> None:
    store = PagedStore()
    names = [f"app{number:04}" for number in range(2000)]
    fill(store, names)
    larger(store, names[:1], 5000)
    store.requests = 0
    assert [entry.name for entry in islice(repositories(store), 100)] == names[:100]
    assert store.requests <= 8


def test_large_ones_cost_one_request_each_and_few_in_vain() -> None:
    store = PagedStore()
    store.page = 50
    names = [f"app{number:03}" for number in range(400)]
    larger(store, names, 60)
    with mock.patch.multiple(looking, _PAGE_KEYS=50):
        store.requests = 0
        assert [entry.name for entry in islice(repositories(store), 100)] == names[:100]
        assert store.requests <= 100 + 16 + 2 + 2 * 3
        store.requests = 0
        assert names_of(store) == names
        assert store.requests <= 400 + 400 // 50 + 1 + 10


def test_where_pages_are_dear_each_is_looked_at(flat: PagedStore) -> None:
    """A directory walks through every file for a page."""
    flat.capabilities = Capabilities(cheap_pages=False)
    try:
        for capabilities in (Capabilities(cheap_pages=False), Capabilities(list_is_ordered=False)):
            flat.capabilities = capabilities
            flat.counts.clear()
            assert len(list(islice(repositories(flat), 20))) == 20
            assert flat.counts["list_entries"] == 0
            assert flat.counts["list_dirs"] <= 20 + 16 + 1
    finally:
        flat.capabilities = Capabilities()


def test_namespaces_of_a_few_are_known_from_the_pages_above_them() -> None:
    store = PagedStore()
    names = [f"team{number:03}/{app}" for number in range(300) for app in ("api", "web")]
    fill(store, names)
    store.requests = 0
    assert names_of(store) == names
    assert store.requests <= 12


def test_going_on_does_not_look_at_what_lies_before(flat: PagedStore) -> None:
    flat.requests = 0
    found = [entry.name for entry in islice(repositories(flat, start_after="app09000"), 10)]
    assert found[0] == "app09001"
    assert flat.requests <= 4


def test_nothing_is_looked_at_before_the_first_is_asked_for(flat: PagedStore) -> None:
    flat.requests = 0
    listing = repositories(flat)
    assert flat.requests == 0
    next(listing)
    assert flat.requests <= 2
    listing.close()


def test_a_namespace_of_thousands_is_not_read_to_its_end_for_its_first() -> None:
    store = PagedStore()
    names = [f"team/app{number:04}" for number in range(3000)]
    fill(store, ["team", *names])
    store.requests = 0
    assert [entry.name for entry in islice(repositories(store), 3)] == ["team", *names[:2]]
    assert store.requests <= 6
    store.requests = 0
    assert names_of(store) == ["team", *names]
    assert store.requests <= 16


def test_own_directories_are_seen_among_thousands_of_neighbours() -> None:
    """``_layers`` comes after names that begin with a digit and before those that begin with a letter."""
    store = PagedStore()
    names = ["mixed", *(f"mixed/{number:04}" for number in range(1200)), "mixed/app"]
    fill(store, names)
    assert names_of(store) == names


def test_looking_ahead_ends_with_the_caller(flat: PagedStore) -> None:
    listing = repositories(flat)
    next(listing)
    listing.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ocistore-list")]
