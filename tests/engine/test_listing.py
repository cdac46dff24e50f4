"""Lists of tags: what sound ones tell, and how broken and hostile ones keep their row."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import boto3
import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import NotFound, Unavailable
from ocistore_tui.layout import paths
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from tests.engine.hostile import CONFIGS, MANIFESTS, plant_tag, with_config
from tests.layout.content import (
    Content,
    artifact,
    attestation,
    image,
    index,
    manifests_of,
    plant,
    store_image,
    two_platforms,
)
from tests.testbed import servers

IMAGE, MULTI = image("app"), two_platforms()


def serve(store: ObjectStore, cache: Path | None = None) -> Service:
    """A service over a store, with nothing beside it."""

    def nothing(*_: object) -> object:
        raise AssertionError("a list opens no image")

    return Service(store, open_source=nothing, open_target=nothing, cache_dir=cache)


def rows(store: ObjectStore, repository: str = "app") -> dict[str, TagRow]:
    with serve(store) as service:
        return {row.name: row for row in service.tags(repository)}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def stored_size(content: Content) -> int:
    sizes = {found.digest: len(found.raw) for found in manifests_of(content)}
    sizes |= {Digest.of(blob): len(blob) for found in manifests_of(content) for blob in found.blobs}
    return sum(sizes.values())


# -- sound ones --


def test_an_image_tells_what_it_is(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    row = rows(store)["1"]
    assert row.pushed is not None
    assert row == TagRow(
        name="1",
        digest=IMAGE.digest,
        media_type=media_types.OCI_MANIFEST,
        size_bytes=stored_size(IMAGE),
        created="2024-05-06T07:08:09Z",
        pushed=row.pushed,
        platforms=("linux/amd64",),
        kind="image",
        image_ids=(Digest.of(IMAGE.blobs[0]),),
        manifests=(IMAGE.digest,),
        blobs={IMAGE.digest: len(IMAGE.raw)} | {Digest.of(blob): len(blob) for blob in IMAGE.blobs},
    )


def test_an_index_tells_its_platforms_and_what_is_missing(store: MemoryStore) -> None:
    here, elsewhere = image("here"), image("elsewhere", architecture="arm64")
    whole = index(here, attestation(here))
    partial = index(here, partial=(elsewhere, attestation(elsewhere)))
    nested = index(index(here).described(platform={"os": "linux", "architecture": "s390x"}))
    store_image(store, "app", MULTI, "multi")
    store_image(store, "app", whole, "whole")
    store_image(store, "app", partial, "partial")
    store_image(store, "app", nested, "nested")
    found = rows(store)
    assert found["multi"].platforms == ("linux/amd64", "linux/arm64")
    assert len(found["multi"].image_ids) == 2
    assert found["partial"].platforms == ("linux/amd64", "linux/arm64")
    assert {name: (row.kind, row.missing, row.flaw) for name, row in found.items()} == {
        "multi": ("index", 0, ""),
        "nested": ("index", 0, ""),
        "partial": ("index", 1, ""),
        "whole": ("index", 0, ""),
    }
    assert found["partial"].size_bytes == len(partial.raw) + stored_size(here)


def test_an_index_of_many_images_with_as_many_attestations_is_whole(store: MemoryStore) -> None:
    images = [image(f"number {number}") for number in range(60)]
    store_image(store, "app", index(*images, *map(attestation, images)), "many")
    assert (rows(store)["many"].missing, rows(store)["many"].flaw) == (0, "")


def test_attachments_are_told_from_images(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    fallback = f"sha256-{IMAGE.digest.encoded}"
    store_image(store, "app", artifact(IMAGE), "signature")
    store_image(store, "app", index(artifact(IMAGE)), fallback)
    store_image(store, "app", image("cosign uses image types"), f"{fallback}.sig")
    kinds = {name: row.kind for name, row in rows(store).items()}
    assert kinds == {"1": "image", "signature": "artifact", fallback: "artifact", f"{fallback}.sig": "artifact"}


def test_tags_come_in_the_order_people_count(store: MemoryStore) -> None:
    names = ["1.10", "1.9", "1.0-x", "1.0", "1.0.1", "1.00", "v10", "v1", "latest"]
    store_image(store, "app", IMAGE, *names)
    listed = list(rows(store))
    assert set(listed) == set(names)
    assert listed.index("1.9") < listed.index("1.10")
    assert listed.index("v1") < listed.index("v10")


def test_nothing_of_nested_or_neighbouring_repositories_is_listed(store: MemoryStore) -> None:
    for name in ("app", "app/nested", "app-x", "app.y", "ap"):
        store_image(store, name, image(name), name.replace("/", "-"))
    assert list(rows(store)) == ["app"]
    assert list(rows(store, "app/nested")) == ["app-nested"]


def test_a_repository_without_tags_is_empty_and_none_is_an_error(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE)
    assert rows(store) == {}
    with pytest.raises(NotFound) as caught:
        rows(store, "none")
    assert caught.value.fix


def test_details_are_looked_up_as_rows_are_taken(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, *(f"t{number}" for number in range(500)))
    store.counts.clear()
    with serve(store) as service:
        assert len(list(islice(service.tags("app"), 10))) == 10
    assert sum(store.counts.values()) < 150


def test_what_was_read_once_is_not_read_again(store: MemoryStore, tmp_path: Path) -> None:
    store_image(store, "app", MULTI, "1")
    for _ in range(2):
        store.counts.clear()
        with serve(store, tmp_path) as service:
            assert next(service.tags("app")).platforms == ("linux/amd64", "linux/arm64")
    assert store.counts["get"] == 1, "only the tag's own link"


# -- broken ones --


def test_broken_tags_keep_their_row_and_say_why(store: MemoryStore) -> None:
    digest = store_image(store, "app", IMAGE, "sound", "no-link", "empty", "newline", "doubled", "garbage", "traversal")
    gone, unlinked, cut = (store_image(store, "app", image(text), text) for text in ("gone", "unlinked", "cut"))
    store.delete([paths.tag_current("app", "no-link"), paths.blob(gone), paths.revision_link("app", unlinked)])
    plant(
        store,
        {
            paths.tag_current("app", "empty"): b"",
            paths.tag_current("app", "newline"): digest.encode() + b"\n",
            paths.tag_current("app", "doubled"): digest.encode() * 2,
            paths.tag_current("app", "garbage"): b"\x1b[31m" * 20,
            paths.tag_current("app", "traversal"): b"../../../blobs/sha256/aa/data",
            paths.blob(cut): image("cut").raw[:-1],
            f"{paths.tags_dir('app')}stray/readme.txt": b"",
        },
    )
    found = rows(store)
    said = {
        "no-link": "no such tag",
        "empty": "damaged",
        "newline": "white space",
        "doubled": "twice",
        "garbage": "damaged",
        "traversal": "damaged",
        "gone": "missing",
        "unlinked": "404",
        "cut": "does not match its digest",
        "stray": "no such tag",
    }
    assert set(found) == {"sound", *said}
    assert found["sound"].flaw == ""
    for name, words in said.items():
        assert words in found[name].flaw, name
    readable = {name for name, row in found.items() if row.digest is not None}
    assert readable == {"sound", "newline", "doubled", "unlinked"}


def test_a_damaged_revision_link_is_told_though_the_manifest_can_be_read(store: MemoryStore) -> None:
    digest = store_image(store, "app", IMAGE, "1")
    store.put(paths.revision_link("app", digest), digest.encode() + b"\n")
    row = rows(store)["1"]
    assert "500" in row.flaw
    assert row.platforms == ("linux/amd64",)


def test_a_child_that_registries_cannot_serve_is_told(store: MemoryStore) -> None:
    store_image(store, "app", MULTI, "unlinked")
    store.delete([paths.revision_link("app", MULTI.children[0].digest)])
    other = two_platforms("other")
    store_image(store, "app", other, "damaged")
    store.put(paths.blob(other.children[1].digest), b"{")
    found = rows(store)
    assert "not linked" in found["unlinked"].flaw
    assert "does not match its digest" in found["damaged"].flaw
    assert found["damaged"].missing == 0


def test_an_empty_directory_keeps_its_row(tmp_path: Path) -> None:
    """To a registry over a directory it is a tag (layout.md §5)."""
    store = LocalStore(tmp_path, create=True)
    store_image(store, "app", IMAGE, "1")
    (tmp_path / paths.tag_dir("app", "empty")).mkdir()
    (tmp_path / paths.tags_dir("app") / ".DS_Store").write_bytes(b"")
    Path(tmp_path / paths.tag_dir("app", "odd\udcff")).mkdir()
    found = rows(store)
    assert found["1"].flaw == ""
    assert found["empty"].flaw
    assert found["odd\udcff"].flaw


def test_a_store_that_fails_is_an_error_not_a_flaw(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1", "2")
    store.fail_next("get", Unavailable("gone"))
    with pytest.raises(Unavailable):
        rows(store)


def test_layers_named_by_sha512_stay_readable(store: MemoryStore) -> None:
    digest = store_image(store, "app", IMAGE)
    alias = Digest.parse("sha512:" + hashlib.sha512(IMAGE.raw).hexdigest())
    plant(
        store,
        {paths.revision_link("app", alias): digest.encode(), paths.tag_current("app", "1"): alias.encode()},
    )
    assert rows(store)["1"].platforms == ("linux/amd64",)
    assert rows(store)["1"].flaw == ""


# -- hostile ones --


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_hostile_manifest_is_a_flawed_row_among_sound_ones(store: MemoryStore, name: str) -> None:
    plant_tag(store, "app", "hostile", MANIFESTS[name])
    store_image(store, "app", IMAGE, "sound")
    found = rows(store)
    assert found["hostile"].flaw
    assert found["hostile"].digest is None
    assert found["sound"].flaw == ""


@pytest.mark.parametrize("name", CONFIGS)
def test_a_hostile_config_is_a_flawed_row_that_still_tells_its_digest(store: MemoryStore, name: str) -> None:
    raw = with_config(store, "app", CONFIGS[name])
    digest = plant_tag(store, "app", "hostile", raw)
    row = rows(store)["hostile"]
    assert row.digest == digest
    assert row.flaw
    assert row.platforms == ()


def test_duplicate_keys_and_unknown_fields_harm_nobody(store: MemoryStore) -> None:
    raw = IMAGE.raw.replace(b'"schemaVersion": 2', b'"schemaVersion": 1,"schemaVersion": 2,"x": [1e300, null]')
    for blob in IMAGE.blobs:
        plant(store, {paths.blob(Digest.of(blob)): blob})
    plant_tag(store, "app", "1", raw)
    assert rows(store)["1"].platforms == ("linux/amd64",)


def test_texts_in_a_row_are_short_and_steer_no_terminal(store: MemoryStore) -> None:
    config = json.dumps({"os": "\x1b]0;x\x07" + "o" * 10_000, "architecture": "[/x]", "created": "\x1b" * 5000})
    plant_tag(store, "app", "1", with_config(store, "app", config.encode()))
    row = rows(store)["1"]
    assert row.created.isprintable()
    assert len(row.created) <= 100
    assert all(text.isprintable() and len(text) <= 100 for text in row.platforms)


def test_an_index_that_names_thousands_is_looked_into_a_little(store: MemoryStore) -> None:
    children = [
        {"mediaType": media_types.OCI_MANIFEST, "digest": Digest.of(str(number).encode()), "size": 1}
        for number in range(20_000)
    ]
    plant_tag(store, "app", "1", json.dumps({"schemaVersion": 2, "manifests": children}).encode())
    store.counts.clear()
    assert "first 64 of its 20000" in rows(store)["1"].flaw
    assert sum(store.counts.values()) < 200


def test_a_child_s_link_that_leads_back_to_the_index_is_not_followed(store: MemoryStore) -> None:
    digest = store_image(store, "app", MULTI, "1")
    store.put(paths.revision_link("app", MULTI.children[0].digest), digest.encode())
    assert rows(store)["1"].platforms == ("linux/amd64", "linux/arm64")


def test_configs_of_a_list_are_bounded_in_memory(store: MemoryStore) -> None:
    """Small in JSON, large once parsed: three bytes a history entry."""
    for number in range(8):
        config = b'{"os":"linux","x":%d,"history":[' % number + b"{}," * 1_000_000 + b"{}]}"
        plant_tag(store, "app", f"t{number}", with_config(store, "app", config))
    tracemalloc.start()
    try:
        found = rows(store)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all("too large" in row.flaw for row in found.values())
    assert peak < 50 * 1024 * 1024


# -- over a real server --


@pytest.fixture
def bucket(rclone: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """A bucket of a server in another process, whose memory is its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.S3_KEYS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.S3_KEYS[1])
    client = boto3.client("s3", endpoint_url=rclone, region_name="us-east-1")
    client.create_bucket(Bucket="listing")
    with S3Store(S3Options(bucket="listing", endpoint=rclone, region="us-east-1")) as store:
        yield store


def test_documents_over_the_limit_are_not_read_to_their_end(bucket: S3Store) -> None:
    plant_tag(bucket, "app", "manifest", MANIFESTS["30 MB"])
    plant_tag(bucket, "app", "config", with_config(bucket, "app", CONFIGS["over the limit"]))
    tracemalloc.start()
    try:
        found = rows(bucket)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "too large" in found["manifest"].flaw
    assert "too large" in found["config"].flaw
    assert Repository(bucket, "app").read_tag("manifest").digest == Digest.of(MANIFESTS["30 MB"])
    assert peak < 12 * 1024 * 1024
