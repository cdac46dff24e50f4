"""One repository: tags that move only when nobody else moved them, links as registries need them, broken ones told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import IntegrityError, NotFound, Refused, StoreMissing, Unavailable, UsageError
from ocistore_tui.layout import paths
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES
from tests.layout.content import image, index, keys, plant, store_image, two_platforms

OLD, NEW = image("old"), image("new")


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    with MemoryStore() if request.param == "memory" else LocalStore(tmp_path, create=True) as opened:
        yield opened


@pytest.fixture
def repository(store: ObjectStore) -> Repository:
    store_image(store, "team/app", OLD, "1")
    store_image(store, "team/app", NEW)
    return Repository(store, "team/app")


# -- tags --


def test_a_tag_names_what_it_was_set_to_and_remembers_what_it_named(store: ObjectStore, repository: Repository) -> None:
    assert repository.read_tag("1").digest == OLD.digest
    repository.set_tag("1", NEW.digest)
    assert repository.read_tag("1").digest == NEW.digest
    assert {digest for digest, _ in repository.timeline("1")} == {OLD.digest, NEW.digest}
    assert all(moved is not None and moved > 1e9 for _, moved in repository.timeline("1"))
    assert store.get(paths.tag_current("team/app", "1"), max_bytes=100)[0] == NEW.digest.encode()
    assert repository.read_manifest(NEW.digest).raw == NEW.raw


def test_the_timeline_is_newest_first() -> None:
    store, seconds = MemoryStore(), iter(range(1, 100))
    repository = Repository(store, "app")
    digests = [store_image(store, "app", image(str(number)), "t") for number in range(3)]
    for digest in (digests[2], digests[0], digests[1]):
        key = paths.tag_index("app", "t", digest)
        store.put(key, digest.encode())
        stored = store._objects[key]
        store._objects[key] = type(stored)(stored.data, stored.token, float(next(seconds)))
    assert repository.timeline("t") == [(digests[1], 3.0), (digests[0], 2.0), (digests[2], 1.0)]


def test_a_tag_is_set_before_it_is_remembered() -> None:
    """The commit point comes first: killed in between, the tag works."""
    writes: list[str] = []
    store = MemoryStore(hook=lambda operation, key: writes.append(key) if operation == "put" else None)
    store_image(store, "app", OLD)
    writes.clear()
    Repository(store, "app").set_tag("1", OLD.digest)
    assert writes == [paths.tag_current("app", "1"), paths.tag_index("app", "1", OLD.digest)]


def test_a_tag_that_must_be_new_is_not_overwritten(repository: Repository) -> None:
    repository.set_tag("2", NEW.digest, expected=None)
    with pytest.raises(Refused) as caught:
        repository.set_tag("1", NEW.digest, expected=None)
    assert str(OLD.digest) in caught.value.cause
    assert repository.read_tag("1").digest == OLD.digest
    repository.set_tag("1", OLD.digest, expected=None)  # it says so already: nothing is lost


def test_a_tag_that_moved_since_is_not_overwritten(repository: Repository) -> None:
    planned = repository.read_tag("1")
    repository.set_tag("1", NEW.digest)
    with pytest.raises(Refused) as caught:
        repository.set_tag("1", image("mine").digest, expected=planned)
    assert caught.value.where == "team/app:1"
    assert f"it named {OLD.digest} then and names {NEW.digest} now" in caught.value.cause
    assert repository.read_tag("1").digest == NEW.digest


def test_a_tag_that_was_removed_since_is_not_made_again(repository: Repository) -> None:
    planned = repository.read_tag("1")
    repository.delete_tag("1")
    with pytest.raises(Refused) as caught:
        repository.set_tag("1", NEW.digest, expected=planned)
    assert "is gone" in caught.value.cause
    with pytest.raises(NotFound):
        repository.read_tag("1")


def test_a_tag_read_before_moves_on(repository: Repository) -> None:
    repository.set_tag("1", NEW.digest, expected=repository.read_tag("1"))
    repository.set_tag("1", OLD.digest, expected=repository.read_tag("1"))
    assert repository.read_tag("1").digest == OLD.digest


@pytest.mark.parametrize("tag", ["", "-x", ".x", "a/b", "..", "a" * 129, "a b", "ä", "a\n", "a\x1b"])
def test_tags_no_registry_serves_are_never_written(store: ObjectStore, repository: Repository, tag: str) -> None:
    before = keys(store)
    with pytest.raises(UsageError):
        repository.set_tag(tag, NEW.digest)
    assert keys(store) == before


@pytest.mark.parametrize(
    "name", ["", "App", "FOO/bar", "a//b", "/a", "a/", "../a", "a/_layers", "a" * 256, "a:b", "a\n", "_a", "a..b"]
)
def test_names_no_registry_serves_are_never_written(store: ObjectStore, name: str) -> None:
    repository = Repository(store, name)
    for write in (repository.link_layer, repository.link_revision, lambda digest: repository.set_tag("1", digest)):
        with pytest.raises(UsageError):
            write(OLD.digest)


# -- removing --


def test_of_tags_that_begin_alike_only_one_goes(store: ObjectStore) -> None:
    names = ["1.0", "1.0.1", "1.0-x", "1.00", "v1", "v10"]
    store_image(store, "app", OLD, *names)
    repository = Repository(store, "app")
    assert list(repository.tag_names()) == sorted(names)
    assert list(repository.tag_names(start_after="1.0")) == ["1.0-x", "1.0.1", "1.00", "v1", "v10"]
    repository.delete_tag("1.0")
    repository.delete_tag("v1")
    assert list(repository.tag_names()) == ["1.0-x", "1.0.1", "1.00", "v10"]
    assert all(repository.read_tag(name).digest == OLD.digest for name in repository.tag_names())
    assert not [key for key in keys(store) if "/tags/1.0/" in key or "/tags/v1/" in key]


def test_an_interrupted_removal_leaves_a_working_tag() -> None:
    """Whatever deletion the process dies before, the tag is either whole to a puller or gone."""
    for survived in range(3):
        store = MemoryStore()
        store_image(store, "app", OLD, "1")
        store_image(store, "app", NEW, "1")
        store.fail_next("delete", Unavailable("killed"), after=survived)
        repository = Repository(store, "app")
        with pytest.raises(Unavailable):
            repository.delete_tag("1")
        assert repository.read_manifest(repository.read_tag("1").digest).raw == NEW.raw
        repository.delete_tag("1")
        assert list(repository.tag_names()) == []


def test_a_tag_that_moved_since_is_not_removed(store: ObjectStore, repository: Repository) -> None:
    planned = repository.read_tag("1")
    repository.set_tag("1", NEW.digest)
    before = keys(store)
    with pytest.raises(Refused) as caught:
        repository.delete_tag("1", expected=planned)
    assert caught.value.message == "the tag moved since the plan was made"
    assert keys(store) == before, "not even what it remembers is gone"
    repository.delete_tag("1", expected=repository.read_tag("1"))
    assert list(repository.tag_names()) == []
    repository.delete_tag("1")  # gone already is fine


def test_a_tag_that_moves_while_it_is_removed_stays() -> None:
    def move(operation: str, key: str) -> None:
        if operation == "delete" and key == paths.tag_current("app", "1"):
            store.hook = None
            Repository(store, "app").set_tag("1", NEW.digest)

    store = MemoryStore()
    store_image(store, "app", OLD, "1")
    repository = Repository(store, "app")
    planned = repository.read_tag("1")
    store.hook = move
    with pytest.raises(Refused) as caught:
        repository.delete_tag("1", expected=planned)
    assert caught.value.where == "app:1"
    assert repository.read_tag("1").digest == NEW.digest


def test_broken_tags_go_with_all_that_is_below_them(store: ObjectStore, repository: Repository) -> None:
    tags = paths.tags_dir("team/app")
    plant(
        store,
        {
            f"{tags}half/index/sha256/{OLD.digest.encoded}/link": OLD.digest.encode(),
            f"{tags}stray/readme.txt": b"?",
            f"{tags}odd name/current/link": b"",
        },
    )
    for tag in ("half", "stray", "odd name"):
        assert tag in list(repository.tag_names())
        repository.delete_tag(tag)
    assert list(repository.tag_names()) == ["1"]


@pytest.mark.parametrize("tag", ["", ".", "..", "../..", "1/current", "/"])
def test_a_removal_cannot_leave_the_tag(store: ObjectStore, repository: Repository, tag: str) -> None:
    before = keys(store)
    with pytest.raises(UsageError):
        repository.delete_tag(tag)
    assert keys(store) == before


def test_the_last_tag_leaves_no_directory(tmp_path: Path) -> None:
    """A registry lists an empty directory below ``tags`` as a tag (layout.md §14.15)."""
    store = LocalStore(tmp_path)
    store_image(store, "team/app", OLD, "1", "2")
    repository = Repository(store, "team/app")
    repository.delete_tag("1")
    repository.delete_tag("2")
    manifests = tmp_path / paths.manifests_dir("team/app")
    assert sorted(path.name for path in manifests.iterdir()) == ["revisions"]
    store_image(store, "team/app", OLD, "1")
    assert repository.read_tag("1").digest == OLD.digest


# -- broken by others --


def test_a_missing_bucket_is_not_taken_for_a_missing_tag_or_link() -> None:
    """Whoever reads "no such tag" goes on and writes it."""
    store = MemoryStore()
    repository, missing = Repository(store, "team/app"), StoreMissing("no such bucket", where="memory://")
    for look in (
        lambda: repository.read_tag("1"),
        lambda: repository.read_manifest(OLD.digest),
        lambda: repository.has_revision(OLD.digest),
        lambda: repository.has_layer_link(OLD.digest),
        lambda: repository.remembers("1", OLD.digest),
        lambda: repository.link_layer(OLD.digest),
    ):
        store.fail_next("get", missing)
        with pytest.raises(StoreMissing) as caught:
            look()
        assert caught.value is missing
    assert keys(store) == []


def test_a_tag_without_its_link_is_not_found_but_listed(store: ObjectStore, repository: Repository) -> None:
    store.delete([paths.tag_current("team/app", "1")])
    assert list(repository.tag_names()) == ["1"]
    with pytest.raises(NotFound) as caught:
        repository.read_tag("1")
    assert "team/app:1" in caught.value.where


@pytest.mark.parametrize(
    ("raw", "is_read"),
    [(b"%s\n", True), (b"%s%s", True), (b"", False), (b"garbage", False), (b"%s" * 20, False), (b"../../x", False)],
)
def test_a_tag_s_link_as_others_leave_it(store: ObjectStore, repository: Repository, raw: bytes, is_read: bool) -> None:
    store.put(paths.tag_current("team/app", "1"), raw.replace(b"%s", OLD.digest.encode()))
    if is_read:
        found = repository.read_tag("1")
        assert found.digest == OLD.digest
        assert found.flaws
    else:
        with pytest.raises(IntegrityError):
            repository.read_tag("1")
    repository.set_tag("1", NEW.digest)
    assert repository.read_tag("1").flaws == ()


def test_a_manifest_that_is_stored_but_not_linked_is_not_served(store: ObjectStore, repository: Repository) -> None:
    store_image(store, "other", two_platforms(), "1")
    with pytest.raises(NotFound) as caught:
        repository.read_manifest(two_platforms().digest)
    assert "does not link it" in caught.value.cause


def test_a_dangling_link_says_that_the_blob_is_missing(store: ObjectStore, repository: Repository) -> None:
    store.delete([paths.blob(OLD.digest)])
    with pytest.raises(NotFound, match="a blob is missing"):
        repository.read_manifest(OLD.digest)
    assert OLD.digest in set(repository.revisions())


def test_a_revision_link_leads_to_the_same_bytes_or_nowhere(store: ObjectStore, repository: Repository) -> None:
    """Reading by digest must not give other bytes, whatever the link says."""
    key = paths.revision_link("team/app", OLD.digest)
    store.put(key, NEW.digest.encode())
    with pytest.raises(IntegrityError, match="does not match its digest"):
        repository.read_manifest(OLD.digest)
    store.put(key, OLD.digest.encode() + b"\n")
    found, flaws = repository.read_revision(OLD.digest)
    assert found.raw == OLD.raw
    assert "white space" in flaws[0]


def test_a_link_named_by_sha512_is_followed_to_its_sha256(store: ObjectStore, repository: Repository) -> None:
    import hashlib

    alias = Digest.parse("sha512:" + hashlib.sha512(OLD.raw).hexdigest())
    store.put(paths.revision_link("team/app", alias), OLD.digest.encode())
    assert repository.read_manifest(alias).raw == OLD.raw
    assert set(repository.revisions()) == {OLD.digest, NEW.digest, alias}
    store.put(paths.revision_link("team/app", alias), NEW.digest.encode())
    with pytest.raises(IntegrityError):
        repository.read_manifest(alias)


@pytest.mark.parametrize("raw", [b"", b"x" * 71, OLD.digest.encode() + b"\n", OLD.digest.encode() * 2])
def test_a_damaged_link_does_not_count_and_is_written_again(
    store: ObjectStore, repository: Repository, raw: bytes
) -> None:
    config = Digest.of(OLD.blobs[0])
    for key in (paths.layer_link("team/app", config), paths.revision_link("team/app", OLD.digest)):
        store.put(key, raw)
    assert not repository.has_layer_link(config)
    assert not repository.has_revision(OLD.digest)
    repository.link_layer(config)
    repository.link_revision(OLD.digest)
    assert repository.has_layer_link(config)
    assert repository.has_revision(OLD.digest)
    assert repository.read_manifest(OLD.digest).raw == OLD.raw


def test_sound_links_and_manifests_are_not_written_twice() -> None:
    store = MemoryStore()
    store_image(store, "app", OLD, "1")
    written = store.counts["put"]
    repository = Repository(store, "app")
    repository.link_layer(Digest.of(OLD.blobs[0]))
    repository.link_revision(OLD.digest)
    repository.put_manifest(OLD.raw)
    assert store.counts["put"] == written


@pytest.mark.parametrize("damage", [b"", b"?" * len(OLD.raw), OLD.raw[:-1], OLD.raw + b" "])
def test_a_damaged_manifest_is_told_and_repaired_by_a_push(
    store: ObjectStore, repository: Repository, damage: bytes
) -> None:
    store.put(paths.blob(OLD.digest), damage)
    with pytest.raises(IntegrityError):
        repository.read_manifest(OLD.digest)
    repository.put_manifest(OLD.raw)
    assert repository.read_manifest(OLD.digest).raw == OLD.raw


def test_a_manifest_over_the_limit_is_refused(store: ObjectStore, repository: Repository) -> None:
    largest = index(filler="x" * (MAX_MANIFEST_BYTES - 200)).raw
    largest += b" " * (MAX_MANIFEST_BYTES - len(largest))
    assert len(repository.put_manifest(largest)) == 71
    with pytest.raises(IntegrityError):
        repository.put_manifest(largest + b" ")
    huge = Digest.of(largest + b" ")
    plant(store, {paths.blob(huge): largest + b" ", paths.revision_link("team/app", huge): huge.encode()})
    with pytest.raises(IntegrityError) as caught:
        repository.read_manifest(huge)
    assert caught.value.fix


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 1, "name": "app", "fsLayers": []},
        {"schemaVersion": 1, "mediaType": media_types.DOCKER_SCHEMA1_SIGNED},
        {"mediaType": media_types.OCI_ARTIFACT, "blobs": []},
        {"schemaVersion": 2, "layers": []},
    ],
)
def test_what_no_registry_collects_garbage_around_is_never_stored(store: ObjectStore, document: object) -> None:
    repository = Repository(store, "app")
    with pytest.raises(IntegrityError):
        repository.put_manifest(json.dumps(document).encode())
    assert keys(store) == []


# -- what is there --


def test_a_repository_exists_by_either_generation_s_rule(store: ObjectStore) -> None:
    digest = OLD.digest.encode()
    prefix = f"{paths.REPOSITORIES}"
    plant(
        store,
        {
            f"{prefix}layers/_layers/sha256/{OLD.digest.encoded}/link": digest,
            f"{prefix}manifests/_manifests/revisions/sha256/{OLD.digest.encoded}/link": digest,
            f"{prefix}uploads/_uploads/1/startedat": b"2026-11-24T10:44:09Z",
            f"{prefix}team/0app/_layers/sha256/{OLD.digest.encoded}/link": digest,
            f"{prefix}team/app/_layers/sha256/{OLD.digest.encoded}/link": digest,
            f"{prefix}FOO/bar/_manifests/tags/1/current/link": digest,
        },
    )
    there = [
        name
        for name in ("layers", "manifests", "uploads", "team", "team/app", "FOO/bar", "none", "_x", "layers/_layers")
        if Repository(store, name).exists()
    ]
    assert there == ["layers", "manifests", "team/app", "FOO/bar"]


def test_revisions_and_layers_are_those_of_this_repository_only(store: ObjectStore, repository: Repository) -> None:
    store_image(store, "team/app/nested", two_platforms("nested"), "1")
    store_image(store, "team/app-x", two_platforms("beside"), "1")
    assert set(repository.revisions()) == {OLD.digest, NEW.digest}
    assert set(repository.layers()) == {Digest.of(blob) for content in (OLD, NEW) for blob in content.blobs}
    assert repository.tag_modified("1") is not None
    assert repository.tag_modified("2") is None
