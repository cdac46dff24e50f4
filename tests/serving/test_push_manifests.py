"""Manifests come last, and only when all they name is there (distribution-spec, "Pushing Manifests")."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.layout import paths
from ocistore_tui.layout.check import check_repository
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from tests.layout.content import Content, index, keys, two_platforms
from tests.serving.asking import EVERYTHING, Bytes, ask
from tests.serving.pushing import IMAGE, OTHER, push, put


@pytest.mark.parametrize("content", [IMAGE, two_platforms(), index(IMAGE, index(OTHER))], ids=["one", "two", "nested"])
def test_a_push_leaves_what_registries_understand(registry: Registry, store: ObjectStore, content: Content) -> None:
    push(registry, content, "1.0", content.digest)
    assert list(check_repository(store, "app")) == []
    for reference in ("1.0", content.digest):
        answer = ask(registry, "GET", f"/v2/app/manifests/{reference}")
        assert (answer.body, answer.headers["Content-Type"]) == (content.raw, content.media_type)
    assert Repository(store, "app").timeline("1.0")[0][0] == content.digest


def test_the_answer_says_what_it_is_called_and_where(registry: Registry) -> None:
    push(registry, IMAGE)
    answer = put(registry, IMAGE, "1.0")
    assert (answer.location, answer.headers["Docker-Content-Digest"]) == ("/v2/app/manifests/1.0", IMAGE.digest)
    assert "OCI-Subject" not in answer.headers


def test_the_same_again_writes_nothing() -> None:
    store = MemoryStore()
    registry = Registry(store, rules=EVERYTHING)
    push(registry, IMAGE, "1.0")
    before = {entry.key: entry.token for entry in store.list_entries("")}
    push(registry, IMAGE, IMAGE.digest)
    assert {entry.key: entry.token for entry in store.list_entries("")} == before
    registry.close()


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_a_manifest_by_another_algorithm(registry: Registry, store: ObjectStore, algorithm: str) -> None:
    import hashlib

    push(registry, IMAGE)
    digest = Digest.parse(f"{algorithm}:{hashlib.new(algorithm, IMAGE.raw).hexdigest()}")
    answer = put(registry, IMAGE, digest)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, digest)
    assert ask(registry, "GET", f"/v2/app/manifests/{digest}").body == IMAGE.raw


@pytest.mark.parametrize("damaged", ["tag", "revision", "layer", "manifest"])
def test_what_is_damaged_is_repaired_by_who_asks_what_to_send(
    registry: Registry, store: ObjectStore, damaged: str
) -> None:
    """Most clients ask by HEAD first, and give up on anything but yes and no; links without bytes are what is left of
    files where the power was cut."""
    push(registry, IMAGE, "1.0")
    layer = Digest.of(IMAGE.blobs[1])
    key, raw = {
        "tag": (paths.tag_current("app", "1.0"), b""),
        "revision": (paths.revision_link("app", IMAGE.digest), b""),
        "layer": (paths.layer_link("app", layer), b""),
        "manifest": (paths.blob(IMAGE.digest), IMAGE.raw[:-1] + b" "),
    }[damaged]
    store.put(key, raw)
    if ask(registry, "HEAD", f"/v2/app/blobs/{layer}").status == 404:
        ask(registry, "POST", f"/v2/app/blobs/uploads/?digest={layer}", IMAGE.blobs[1])
    if ask(registry, "HEAD", "/v2/app/manifests/1.0").status == 404:
        put(registry, IMAGE, "1.0")
    assert list(check_repository(store, "app")) == []
    assert ask(registry, "GET", "/v2/app/manifests/1.0").body == IMAGE.raw


def test_several_tags_at_once(registry: Registry) -> None:
    push(registry, IMAGE)
    tags = [f"1.{number}" for number in range(12)]
    query = "&".join(f"tag={tag}" for tag in (*tags, tags[0]))
    answer = put(registry, IMAGE, f"{IMAGE.digest}?{query}")
    assert (answer.status, answer.headers["OCI-Tag"].split(", ")) == (201, tags)
    assert sorted(ask(registry, "GET", "/v2/app/tags/list").json["tags"]) == sorted(tags)
    assert put(registry, IMAGE, f"{IMAGE.digest}?tag=ok&tag=-no").code == "MANIFEST_INVALID"
    assert put(registry, IMAGE, f"{IMAGE.digest}?" + "&".join(f"tag=t{n}" for n in range(60))).status == 414
    assert ask(registry, "GET", "/v2/app/manifests/ok").status == 404


def document(**changes: Any) -> bytes:
    return json.dumps({**json.loads(IMAGE.raw), **changes}).encode()


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "MANIFEST_INVALID"),
        (b"{", 400, "MANIFEST_INVALID"),
        (b"[]", 400, "MANIFEST_INVALID"),
        (b"\xff\xfe", 400, "MANIFEST_INVALID"),
        (b"{}", 400, "MANIFEST_INVALID"),
        (b"[" * 200_000, 400, "MANIFEST_INVALID"),
        (document(schemaVersion=1), 400, "MANIFEST_INVALID"),
        (document(config=None), 400, "MANIFEST_INVALID"),
        (document(layers=[{"digest": "sha256:short", "size": 1}]), 400, "MANIFEST_INVALID"),
        (document(layers=[{"digest": str(IMAGE.digest), "size": -1}]), 400, "MANIFEST_INVALID"),
        (document(mediaType=media_types.OCI_ARTIFACT), 400, "MANIFEST_INVALID"),
        (document(manifests=[]), 400, "MANIFEST_INVALID"),
        (document(mediaType=media_types.OCI_INDEX), 400, "MANIFEST_INVALID"),
        (document(annotations={"x": "y" * MAX_MANIFEST_BYTES}), 413, "SIZE_INVALID"),
        (document(layers=[{"digest": str(Digest.of(b"?")), "size": 1}]), 400, "MANIFEST_BLOB_UNKNOWN"),
        (document(layers=[{"digest": str(Digest.of(IMAGE.blobs[1])), "size": 1}]), 400, "MANIFEST_BLOB_UNKNOWN"),
        (index(partial=[OTHER]).raw, 400, "MANIFEST_BLOB_UNKNOWN"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_what_is_no_manifest_leaves_nothing(
    registry: Registry, store: ObjectStore, raw: bytes, status: int, code: str, is_chunked: bool
) -> None:
    push(registry, IMAGE, "1.0")
    before = keys(store)
    for reference in ("1.0", "2.0", Digest.of(raw)):
        answer = ask(registry, "PUT", f"/v2/app/manifests/{reference}", Bytes(raw, is_chunked=is_chunked))
        assert (answer.status, answer.code) == (status, code)
    assert keys(store) == before
    assert ask(registry, "GET", "/v2/app/manifests/1.0").body == IMAGE.raw


def test_the_largest_manifest_there_may_be(registry: Registry) -> None:
    push(registry, IMAGE)
    raw = document(annotations={"x": ""})
    raw = document(annotations={"x": "y" * (MAX_MANIFEST_BYTES - len(raw))})
    assert len(raw) == MAX_MANIFEST_BYTES
    assert ask(registry, "PUT", "/v2/app/manifests/large", raw).status == 201
    assert ask(registry, "GET", "/v2/app/manifests/large").body == raw


@pytest.mark.parametrize("reference", ["-x", "a" * 129, "..", "%2e%2e", "a b", "ä"])
def test_what_is_no_tag(registry: Registry, store: ObjectStore, reference: str) -> None:
    push(registry, IMAGE)
    before = keys(store)
    answer = put(registry, IMAGE, reference)
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert keys(store) == before


def test_a_manifest_under_the_digest_of_another(registry: Registry, store: ObjectStore) -> None:
    push(registry, IMAGE)
    before = keys(store)
    assert put(registry, IMAGE, OTHER.digest).code == "DIGEST_INVALID"
    assert put(registry, IMAGE, "sha256:short").code == "DIGEST_INVALID"
    assert keys(store) == before


@pytest.mark.parametrize(("said", "status"), [
    (media_types.OCI_INDEX, 400), (media_types.DOCKER_MANIFEST, 400), ("application/json", 201), ("", 201),
    (f"{media_types.OCI_MANIFEST}; charset=utf-8", 201),
])  # fmt: skip
def test_two_words_about_its_type(registry: Registry, said: str, status: int) -> None:
    push(registry, IMAGE)
    assert put(registry, IMAGE, "1.0", Content_Type=said).status == status


def test_a_blob_of_another_repository_does_not_count(registry: Registry) -> None:
    push(registry, IMAGE, repository="elsewhere")
    assert put(registry, IMAGE, "1.0").code == "MANIFEST_BLOB_UNKNOWN"


def test_foreign_layers_need_not_be_there(registry: Registry) -> None:
    push(registry, IMAGE)
    foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 5,
               "digest": str(Digest.of(b"?")), "urls": ["https://example.com/layer"]}  # fmt: skip
    assert ask(registry, "PUT", "/v2/app/manifests/1.0", document(layers=[foreign])).status == 201


def test_an_index_of_manifests_elsewhere_where_that_is_allowed(store: ObjectStore) -> None:
    registry = Registry(store, rules=Rules(can_write=True, takes_partial=True))
    partial = index(IMAGE, partial=[OTHER])
    push(registry, partial, "1.0")
    assert ask(registry, "GET", "/v2/app/manifests/1.0").body == partial.raw
    registry.close()


def test_a_repository_of_an_empty_index_alone_can_be_seen(registry: Registry, store: ObjectStore) -> None:
    """Registries look for a repository's layer links, and collect what belongs to none."""
    empty = index()
    assert put(registry, empty, "1.0").status == 201
    assert len(list(Repository(store, "app").layers())) == 1
    assert list(check_repository(store, "app")) == []
