"""What a tag has named, newest first, and what each of it brought."""

from __future__ import annotations

import json

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import NotFound
from ocistore_tui.layout import paths
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TimelineRow
from tests.engine.hostile import MANIFESTS, plant_tag
from tests.engine.test_listing import serve, stored_size
from tests.layout.content import image, index, store_image

BASE = b"a base layer that all share" * 100
OLD = image("old", layers=(BASE, b"old"))
MIDDLE = image("middle", layers=(BASE, b"middle", b"and more"))
NEW = image("new", layers=(BASE, b"new"))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def timeline(store: ObjectStore, tag: str = "1") -> tuple[TimelineRow, ...]:
    with serve(store) as service:
        return service.timeline("app", tag)


def test_newest_first_and_what_each_brought(store: MemoryStore) -> None:
    for content in (OLD, MIDDLE, NEW):
        store_image(store, "app", content, "1")
    rows = timeline(store)
    assert [row.digest for row in rows] == [NEW.digest, MIDDLE.digest, OLD.digest]
    assert [row.is_current for row in rows] == [True, False, False]
    assert [row.size_bytes for row in rows] == [stored_size(NEW), stored_size(MIDDLE), stored_size(OLD)]
    assert [row.brought_bytes for row in rows] == [
        stored_size(NEW) - len(BASE), stored_size(MIDDLE) - len(BASE), stored_size(OLD)
    ]  # fmt: skip
    assert [row.image_ids for row in rows] == [(Digest.of(each.blobs[0]),) for each in (NEW, MIDDLE, OLD)]
    assert all(row.moment is not None and row.kind == "image" and not row.flaw for row in rows)


def test_a_tag_that_went_back_says_which_is_current(store: MemoryStore) -> None:
    for content in (OLD, NEW, OLD):
        store_image(store, "app", content, "1")
    assert {row.digest: row.is_current for row in timeline(store)} == {OLD.digest: True, NEW.digest: False}


def test_an_index_counts_what_is_below_it(store: MemoryStore) -> None:
    multi = index(OLD, NEW)
    store_image(store, "app", OLD, "1")
    store_image(store, "app", multi, "1")
    newest, oldest = timeline(store)
    assert (newest.kind, newest.size_bytes) == ("index", stored_size(multi))
    assert newest.brought_bytes == stored_size(multi) - stored_size(OLD)
    assert oldest.brought_bytes == stored_size(OLD)


def test_an_entry_whose_manifest_is_gone_keeps_its_row(store: MemoryStore) -> None:
    for content in (OLD, NEW):
        store_image(store, "app", content, "1")
    store.delete([paths.blob(OLD.digest)])
    newest, gone = timeline(store)
    assert (gone.digest, gone.size_bytes, gone.brought_bytes) == (OLD.digest, None, None)
    assert "gone" in gone.flaw
    assert newest.brought_bytes == stored_size(NEW)


def test_an_entry_that_registries_do_not_serve_any_more_says_so(store: MemoryStore) -> None:
    for content in (OLD, NEW):
        store_image(store, "app", content, "1")
    store.delete([paths.revision_link("app", OLD.digest)])
    assert "not linked" in timeline(store)[1].flaw


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_hostile_entry_keeps_its_row(store: MemoryStore, name: str) -> None:
    store_image(store, "app", OLD, "1")
    digest = plant_tag(store, "app", "1", MANIFESTS[name])
    newest, oldest = timeline(store)
    assert (newest.digest, newest.is_current, newest.size_bytes) == (digest, True, None)
    assert newest.flaw
    assert oldest.brought_bytes == stored_size(OLD)


def test_what_a_killed_push_left_out_is_there_all_the_same(store: MemoryStore) -> None:
    store_image(store, "app", OLD, "1")
    store_image(store, "app", NEW)
    store.put(paths.tag_current("app", "1"), NEW.digest.encode())
    newest, oldest = timeline(store)
    assert (newest.digest, newest.is_current, newest.moment is not None) == (NEW.digest, True, True)
    assert not oldest.is_current


def test_a_tag_without_its_link_has_a_past(store: MemoryStore) -> None:
    store_image(store, "app", OLD, "1")
    store.delete([paths.tag_current("app", "1")])
    assert [(row.digest, row.is_current) for row in timeline(store)] == [(OLD.digest, False)]
    store.put(paths.tag_current("app", "1"), b"nonsense")
    assert [(row.digest, row.is_current) for row in timeline(store)] == [(OLD.digest, False)]


def test_a_tag_that_never_was(store: MemoryStore) -> None:
    with pytest.raises(NotFound):
        timeline(store, "never")


def test_a_very_long_past_is_read_in_part(store: MemoryStore) -> None:
    repository = Repository(store, "app")
    digests = []
    for number in range(400):
        raw = json.dumps({"schemaVersion": 2, "config": {"digest": OLD.digest, "size": 1}, "x": number}).encode()
        repository.put_manifest(raw)
        digests.append(Digest.of(raw))
        repository.link_revision(digests[-1])
        repository.set_tag("1", digests[-1])
    store.counts.clear()
    rows = timeline(store)
    assert [row.digest for row in rows] == digests[::-1]
    assert sum(store.counts.values()) < 900
    assert [row.brought_bytes is None for row in (rows[0], rows[254], rows[255], rows[399])] == [
        False, False, True, True
    ]  # fmt: skip
