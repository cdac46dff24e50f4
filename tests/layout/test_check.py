"""What is wrong with a repository: each rule of layout.md §13 broken once, and told once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.layout import paths
from ocistore_tui.layout.check import Flaw, check_repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from tests.layout.content import artifact, describe, image, index, manifest_of, plant, store_image, two_platforms

IMAGE, MULTI = image("app"), two_platforms()
CONFIG, LAYER = (Digest.of(blob) for blob in IMAGE.blobs[:2])
CURRENT = paths.tag_current("app", "1")
REVISION = paths.revision_link("app", IMAGE.digest)
CHILD = MULTI.children[0].digest


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store_image(store, "app", IMAGE, "1", "latest")
    store_image(store, "app", MULTI, "multi")
    return store


def flaws(store: ObjectStore, name: str = "app") -> list[Flaw]:
    return list(check_repository(store, name))


def test_a_sound_repository_has_none_and_its_layers_are_not_read(store: MemoryStore) -> None:
    read: list[str] = []
    store.hook = lambda operation, key: read.append(key) if operation in ("get", "open_range") else None
    assert flaws(store) == []
    data = {paths.blob(Digest.of(blob)) for content in (IMAGE, *MULTI.children) for blob in content.blobs}
    assert data.isdisjoint(read)


def test_what_is_not_there_or_still_being_pushed_has_none(store: MemoryStore) -> None:
    assert flaws(store, "none") == []
    plant(store, {paths.layer_link("begun", LAYER): LAYER.encode()})
    plant(store, {f"{paths.REPOSITORIES}begun/_uploads/1/startedat": b"2026-11-24T10:44:09Z"})
    assert flaws(store, "begun") == []


def test_neighbours_are_none_of_it(store: MemoryStore) -> None:
    plant(store, {paths.tag_current(name, "1"): b"" for name in ("app/x", "app-x", "ap")})
    assert flaws(store) == []


def test_partial_indexes_foreign_layers_and_attachments_are_sound() -> None:
    store = MemoryStore()
    store_image(store, "app", index(image("here"), partial=(image("elsewhere"),)), "partial")
    foreign = {
        **describe(b"far away", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        "urls": ["https://example.com/layer"],
    }
    windows = manifest_of(b"{}", media_types.OCI_CONFIG, layers=[foreign])
    store_image(store, "app", windows, "windows")
    store_image(store, "app", artifact(windows))
    assert flaws(store) == []


Break = Callable[[MemoryStore], object]

BROKEN: list[tuple[str, Break, str, str]] = [
    ("tag without link", lambda s: s.delete([CURRENT]), CURRENT, "answer 404"),
    ("empty link", lambda s: s.put(CURRENT, b""), CURRENT, "empty"),
    ("newline", lambda s: s.put(CURRENT, IMAGE.digest.encode() + b"\n"), CURRENT, "white space"),
    ("doubled", lambda s: s.put(CURRENT, IMAGE.digest.encode() * 2), CURRENT, "twice"),
    ("garbage", lambda s: s.put(CURRENT, b"?" * 71), CURRENT, "damaged"),
    ("huge link", lambda s: s.put(CURRENT, b"?" * 5000), CURRENT, "too large"),
    ("traversal", lambda s: s.put(CURRENT, b"sha256:../../x"), CURRENT, "damaged"),
    ("newline in a revision", lambda s: s.put(REVISION, IMAGE.digest.encode() + b"\n"), REVISION, "white space"),
    ("empty revision", lambda s: s.put(REVISION, b""), REVISION, "empty"),
    ("revision of another", lambda s: s.put(REVISION, CHILD.encode()), REVISION, "does not match"),
    ("manifest gone", lambda s: s.delete([paths.blob(IMAGE.digest)]), REVISION, "missing"),
    ("manifest cut", lambda s: s.put(paths.blob(IMAGE.digest), IMAGE.raw[:-1]), REVISION, "does not match"),
    ("layer gone", lambda s: s.delete([paths.blob(LAYER)]), paths.blob(LAYER), "missing"),
    ("layer cut", lambda s: s.put(paths.blob(LAYER), b"l"), paths.blob(LAYER), "1 bytes instead of 12"),
    ("config gone", lambda s: s.delete([paths.blob(CONFIG)]), paths.blob(CONFIG), "missing"),
    ("layer unlinked", lambda s: s.delete([paths.layer_link("app", LAYER)]), paths.layer_link("app", LAYER), "404"),
    ("config unlinked", lambda s: s.delete([paths.layer_link("app", CONFIG)]), paths.layer_link("app", CONFIG), "404"),
    ("child unlinked", lambda s: s.delete([paths.revision_link("app", CHILD)]), paths.revision_link("app", CHILD),
     "stored but not linked"),
]  # fmt: skip


@pytest.mark.parametrize(("break_it", "where", "what"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_rule_is_told_once(store: MemoryStore, break_it: Break, where: str, what: str) -> None:
    break_it(store)
    (flaw,) = flaws(store)
    assert flaw.where == where
    assert what in flaw.what
    assert flaw.fix
    assert not flaw.is_harmless


def test_a_tag_whose_manifest_is_not_linked_is_told_for_each_tag(store: MemoryStore) -> None:
    """What registries 2.8 over S3 leave when a tag is deleted that begins another's name."""
    store.delete([REVISION])
    assert [flaw.where for flaw in flaws(store)] == [CURRENT, paths.tag_current("app", "latest")]
    assert all("does not link" in flaw.what for flaw in flaws(store))


def test_a_damaged_layer_link_breaks_what_needs_it(store: MemoryStore) -> None:
    key = paths.layer_link("app", LAYER)
    for raw, said in ((b"", "empty"), (CONFIG.encode(), "another digest")):
        store.put(key, raw)
        assert flaws(store)[0].where == key
        assert said in flaws(store)[0].what
    store.put(key, LAYER.encode() + b"\n")
    assert [flaw.what for flaw in flaws(store)] == ["the link has white space around its digest: registries answer 500"]


def test_a_repository_without_any_layer_link_is_told() -> None:
    """Registries 2.8 do not see it, and their garbage collection sweeps what it holds."""
    store = MemoryStore()
    store_image(store, "app", index(), "empty")
    (flaw,) = flaws(store)
    assert flaw.where == paths.layers_dir("app")
    assert "sweep" in flaw.what


def test_manifests_registries_stumble_over_are_told(store: MemoryStore) -> None:
    for raw in (
        b'{"schemaVersion":1}',
        b'{"mediaType":"application/vnd.oci.artifact.manifest.v1+json"}',
        b"[" * 10_000,
    ):
        digest = Digest.of(raw)
        plant(store, {paths.blob(digest): raw, paths.revision_link("app", digest): digest.encode()})
        (flaw,) = flaws(store)
        assert flaw.where == paths.revision_link("app", digest)
        store.delete([flaw.where])


def test_layers_named_by_sha512_are_followed_to_their_sha256() -> None:
    store, layer = MemoryStore(), b"a layer"
    alias = Digest.parse("sha512:" + hashlib.sha512(layer).hexdigest())
    described = {**describe(layer, media_types.OCI_LAYER), "digest": alias}
    content = manifest_of(b"{}", media_types.OCI_CONFIG, layers=[described])
    store_image(store, "app", content, "1")
    plant(store, {paths.blob(Digest.of(layer)): layer, paths.layer_link("app", alias): Digest.of(layer).encode()})
    assert flaws(store) == []
    store.delete([paths.blob(Digest.of(layer))])
    assert [flaw.where for flaw in flaws(store)] == [paths.blob(Digest.of(layer))]


def test_what_harms_nobody_is_told_as_harmless(store: MemoryStore) -> None:
    memory = paths.tag_index("app", "1", IMAGE.digest)
    store.delete([memory])
    plant(store, {f"{paths.tags_dir('app')}1/readme.txt": b"", f"{paths.layers_dir('app')}.DS_Store": b""})
    found = flaws(store)
    assert all(flaw.is_harmless for flaw in found)
    assert {flaw.where for flaw in found} == {
        memory,
        f"{paths.tags_dir('app')}1/readme.txt",
        f"{paths.layers_dir('app')}.DS_Store",
    }


def test_names_no_registry_serves_are_told() -> None:
    store = MemoryStore()
    digest = store_image(store, "app", IMAGE)
    config = Digest.of(IMAGE.blobs[0])
    links = {paths.layer_link("x/Upper", Digest.of(blob)): Digest.of(blob).encode() for blob in IMAGE.blobs}
    plant(store, links | {paths.revision_link("x/Upper", digest): digest.encode()})
    assert [flaw.where for flaw in flaws(store, "x/Upper")] == ["x/Upper"]
    plant(store, {paths.layer_link("app", config): config.encode()})
    plant(store, {paths.tag_current("app", "a b"): digest.encode()})
    assert "no registry serves a tag" in flaws(store)[0].what


def test_an_empty_directory_is_a_tag_to_a_registry(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, create=True)
    store_image(store, "app", IMAGE, "1")
    (tmp_path / paths.tag_dir("app", "empty")).mkdir(parents=True)
    (flaw,) = flaws(store)
    assert flaw.where == paths.tag_current("app", "empty")
    assert "404" in flaw.what
