"""Manifests come last, and only when all they name is there (distribution-spec, "Pushing Manifests")."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import Unavailable
from ocistore_tui.layout import paths
from ocistore_tui.layout.check import check_repository
from ocistore_tui.layout.referrers import fallback_tag
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES
from ocistore_tui.serving.message import BodyBroken
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Event, Rules, What
from tests.layout.content import Content, artifact, image, index, keys, manifests_of, two_platforms
from tests.serving.asking import EVERYTHING, Answer, Bytes, ask

IMAGE = image("app")
OTHER = image("other")


def put(registry: Registry, content: Content, reference: str, *, repository: str = "app", **headers: str) -> Answer:
    said = {"Content-Type": content.media_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return ask(registry, "PUT", f"/v2/{repository}/manifests/{reference}", content.raw, said)


def push(registry: Registry, content: Content, *references: str, repository: str = "app") -> None:
    """As clients do it: blobs, manifests of platforms, then the whole."""
    *children, root = manifests_of(content)
    for found in (*children, root):
        for blob in found.blobs:
            target = f"/v2/{repository}/blobs/uploads/?digest={Digest.of(blob)}"
            assert ask(registry, "POST", target, blob).status == 201
    for child in children:
        assert put(registry, child, child.digest, repository=repository).status == 201
    for reference in references or (root.digest,):
        assert put(registry, root, reference, repository=repository).status == 201


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


def test_a_client_that_vanishes_leaves_the_tag_alone(registry: Registry, store: ObjectStore) -> None:
    push(registry, IMAGE, "1.0")
    before = keys(store)
    with pytest.raises(BodyBroken):
        ask(registry, "PUT", "/v2/app/manifests/1.0", Bytes(document(x=1)[:-1], promised=len(document(x=1))))
    assert keys(store) == before


WHOLE = [*(paths.blob(Digest.of(blob)) for blob in IMAGE.blobs),
         *(paths.layer_link("app", Digest.of(blob)) for blob in IMAGE.blobs),
         paths.blob(IMAGE.digest), paths.revision_link("app", IMAGE.digest), paths.tag_current("app", "1.0"),
         paths.tag_index("app", "1.0", IMAGE.digest)]  # fmt: skip


def test_the_order_of_writes() -> None:
    """Blobs, their links, the manifest, its link, the tag, its memory: layout.md §11."""
    written: list[str] = []

    def watch(operation: str, key: str) -> None:
        if operation.startswith("put"):
            written.append(key)

    registry = Registry(MemoryStore(hook=watch), rules=EVERYTHING)
    push(registry, IMAGE, "1.0")
    blobs = len(IMAGE.blobs)
    assert written[2 * blobs :] == WHOLE[2 * blobs :]
    for blob in IMAGE.blobs:
        digest = Digest.of(blob)
        assert written.index(paths.blob(digest)) < written.index(paths.layer_link("app", digest))
    registry.close()


@pytest.mark.parametrize("last", range(len(WHOLE)))
def test_killed_behind_any_write_the_tag_names_something_whole(last: int) -> None:
    class Killed(BaseException):
        pass

    store = MemoryStore()
    registry = Registry(store, rules=EVERYTHING)
    push(registry, OTHER, "1.0")

    def kill(operation: str, key: str) -> None:
        if operation.startswith("put") and key == WHOLE[last]:
            raise Killed

    store.hook = kill
    with pytest.raises(Killed):
        push(registry, IMAGE, "1.0")
    store.hook = None
    named = IMAGE if last == len(WHOLE) - 1 else OTHER
    assert ask(registry, "GET", "/v2/app/manifests/1.0").body == named.raw
    assert all(flaw.is_harmless for flaw in check_repository(store, "app"))
    push(registry, IMAGE, "1.0")
    assert list(check_repository(store, "app")) == []
    registry.close()


def test_a_blob_that_vanishes_meanwhile_keeps_the_tag_from_moving() -> None:
    """A registry's garbage collection takes no notice of a push."""
    store = MemoryStore()
    registry = Registry(store, rules=EVERYTHING)
    push(registry, OTHER, "1.0")
    push(registry, IMAGE)
    victim = paths.blob(Digest.of(IMAGE.blobs[1]))

    def collect(operation: str, key: str) -> None:
        if operation == "get" and key == paths.blob(IMAGE.digest):
            store.hook = None
            store.delete([victim])

    store.hook = collect
    assert put(registry, IMAGE, "1.0").code == "MANIFEST_BLOB_UNKNOWN"
    assert ask(registry, "GET", "/v2/app/manifests/1.0").body == OTHER.raw
    registry.close()


@pytest.mark.parametrize("operation", ["get", "head", "put"])
def test_a_store_that_fails_in_the_middle(operation: str) -> None:
    for after in range(9):
        store = MemoryStore()
        registry = Registry(store, rules=EVERYTHING)
        push(registry, OTHER, "1.0")
        for blob in IMAGE.blobs:
            ask(registry, "POST", f"/v2/app/blobs/uploads/?digest={Digest.of(blob)}", blob)
        left = itertools.count(after, -1)

        def fail(asked: str, key: str, left: Iterator[int] = left) -> None:
            if asked == operation and next(left) == 0:
                raise Unavailable("the network is down")

        store.hook = fail
        answer = put(registry, IMAGE, "1.0")
        store.hook = None
        assert answer.status in (201, 503)
        tag = Repository(store, "app").read_tag("1.0").digest
        assert tag in (IMAGE.digest, OTHER.digest)
        assert (tag == IMAGE.digest) >= (answer.status == 201)
        assert all(flaw.is_harmless for flaw in check_repository(store, "app"))
        registry.close()


class TestConditions:
    def test_a_tag_that_has_to_be_new(self, registry: Registry) -> None:
        push(registry, IMAGE)
        push(registry, OTHER)
        assert put(registry, IMAGE, "1.0", If_None_Match="*").status == 201
        answer = put(registry, OTHER, "1.0", If_None_Match="*")
        assert (answer.status, answer.code) == (412, "DENIED")
        assert ask(registry, "GET", "/v2/app/manifests/1.0").body == IMAGE.raw

    def test_a_tag_that_has_to_be_what_it_was(self, registry: Registry) -> None:
        push(registry, IMAGE, "1.0")
        push(registry, OTHER)
        etag = ask(registry, "GET", "/v2/app/manifests/1.0").headers["ETag"]
        assert put(registry, OTHER, "1.0", If_Match='"sha256:other"').status == 412
        assert put(registry, OTHER, "2.0", If_Match=etag).status == 412
        assert put(registry, OTHER, "2.0", If_Match="*").status == 412
        assert put(registry, OTHER, "1.0", If_Match=etag).status == 201
        assert put(registry, IMAGE, "1.0", If_Match=etag).status == 412
        assert put(registry, IMAGE, "1.0", If_None_Match=f'"{OTHER.digest}"').status == 412
        assert put(registry, IMAGE, "1.0", If_Match="*").status == 201

    @pytest.mark.parametrize("headers", [{"If-None-Match": "*"}, {"If-Match": f'"{OTHER.digest}"'}])
    def test_of_two_at_once_one_wins(self, headers: dict[str, str]) -> None:
        """The other one comes between our look at the tag and our write."""
        store = MemoryStore()
        registry = Registry(store, rules=EVERYTHING)
        push(registry, IMAGE)
        push(registry, OTHER, *(["1.0"] if "If-Match" in headers else []))
        third = image("third")
        push(registry, third)

        def interfere(operation: str, key: str) -> None:
            if operation == "put" and key == paths.tag_current("app", "1.0"):
                store.hook = None
                assert put(registry, third, "1.0").status == 201

        store.hook = interfere
        assert put(registry, IMAGE, "1.0", **headers).status == 412
        assert ask(registry, "GET", "/v2/app/manifests/1.0").body == third.raw
        registry.close()

    def test_two_pushes_of_one_tag_without_conditions(self, registry: Registry, store: ObjectStore) -> None:
        contents = [image(f"version {number}") for number in range(8)]
        for content in contents:
            push(registry, content)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda content: put(registry, content, "1.0"), contents))
        assert {answer.status for answer in answers} == {201}
        assert ask(registry, "GET", "/v2/app/manifests/1.0").body in [content.raw for content in contents]
        assert list(check_repository(store, "app")) == []


class TestReferrers:
    @staticmethod
    def listed(registry: Registry) -> list[str]:
        found = ask(registry, "GET", f"/v2/app/referrers/{IMAGE.digest}").json["manifests"]
        return sorted(one["digest"] for one in found)

    @pytest.mark.parametrize("order", ["subject first", "subject last", "no subject"])
    def test_a_manifest_with_a_subject_is_listed(self, registry: Registry, order: str) -> None:
        push(registry, *([IMAGE] if order == "subject first" else [OTHER]))
        signature = artifact(IMAGE)
        push(registry, signature)
        answer = put(registry, signature, signature.digest)
        assert (answer.status, answer.headers["OCI-Subject"]) == (201, IMAGE.digest)
        if order == "subject last":
            push(registry, IMAGE)
        assert self.listed(registry) == [signature.digest]

    def test_other_clients_find_it_under_the_fallback_tag(self, registry: Registry, store: ObjectStore) -> None:
        push(registry, IMAGE, "1.0")
        for text in ("one", "two"):
            push(registry, artifact(IMAGE, text))
        fallback = ask(registry, "GET", f"/v2/app/manifests/{fallback_tag(IMAGE.digest)}")
        assert sorted(one["digest"] for one in fallback.json["manifests"]) == self.listed(registry)
        assert list(check_repository(store, "app")) == []

    def test_many_at_once_are_all_listed(self, registry: Registry) -> None:
        contents = [artifact(IMAGE, str(number)) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda content: push(registry, content), contents))
        assert self.listed(registry) == sorted(content.digest for content in contents)

    def test_deleted_it_is_listed_nowhere(self, registry: Registry) -> None:
        first, second = artifact(IMAGE, "one"), artifact(IMAGE, "two")
        push(registry, first)
        push(registry, second)
        fallback = f"/v2/app/manifests/{fallback_tag(IMAGE.digest)}"
        assert ask(registry, "DELETE", f"/v2/app/manifests/{first.digest}").status == 202
        assert self.listed(registry) == [second.digest]
        assert [one["digest"] for one in ask(registry, "GET", fallback).json["manifests"]] == [second.digest]
        assert ask(registry, "DELETE", f"/v2/app/manifests/{second.digest}").status == 202
        assert self.listed(registry) == []
        assert ask(registry, "GET", fallback).status == 404

    def test_an_image_under_the_fallback_tag_is_not_overwritten(self, registry: Registry) -> None:
        push(registry, OTHER, fallback_tag(IMAGE.digest))
        signature = artifact(IMAGE)
        push(registry, OTHER)
        for blob in signature.blobs:
            ask(registry, "POST", f"/v2/app/blobs/uploads/?digest={Digest.of(blob)}", blob)
        assert put(registry, signature, "signed").status == 409
        assert ask(registry, "GET", f"/v2/app/manifests/{fallback_tag(IMAGE.digest)}").body == OTHER.raw
        assert ask(registry, "GET", "/v2/app/manifests/signed").status == 404


class TestDeleting:
    def test_a_tag(self, registry: Registry, store: ObjectStore) -> None:
        push(registry, IMAGE, "1.0", "1.0.1", "1.0-x")
        assert ask(registry, "DELETE", "/v2/app/manifests/1.0").status == 202
        assert ask(registry, "GET", "/v2/app/tags/list").json["tags"] == ["1.0-x", "1.0.1"]
        assert ask(registry, "DELETE", "/v2/app/manifests/1.0").code == "MANIFEST_UNKNOWN"
        assert ask(registry, "GET", f"/v2/app/manifests/{IMAGE.digest}").status == 200
        assert list(check_repository(store, "app")) == []

    def test_a_manifest_with_its_tags(self, registry: Registry, store: ObjectStore) -> None:
        push(registry, IMAGE, "1.0", "latest")
        push(registry, OTHER, "2.0")
        assert ask(registry, "DELETE", f"/v2/app/manifests/{IMAGE.digest}").status == 202
        assert ask(registry, "GET", "/v2/app/tags/list").json["tags"] == ["2.0"]
        for reference in (IMAGE.digest, "1.0", "latest"):
            assert ask(registry, "GET", f"/v2/app/manifests/{reference}").status == 404
        assert ask(registry, "DELETE", f"/v2/app/manifests/{IMAGE.digest}").code == "MANIFEST_UNKNOWN"
        assert list(check_repository(store, "app")) == []

    def test_the_tags_go_first(self) -> None:
        """Killed in between, no tag names a manifest that is no longer linked."""
        store = MemoryStore()
        registry = Registry(store, rules=EVERYTHING)
        push(registry, IMAGE, "1.0")
        deleted: list[str] = []
        store.hook = lambda operation, key: deleted.append(key) if operation == "delete" else None
        ask(registry, "DELETE", f"/v2/app/manifests/{IMAGE.digest}")
        assert deleted[-2:] == [paths.tag_current("app", "1.0"), paths.revision_link("app", IMAGE.digest)]
        registry.close()

    def test_a_tag_that_moves_meanwhile_stays(self) -> None:
        store = MemoryStore()
        registry = Registry(store, rules=EVERYTHING)
        push(registry, IMAGE, "1.0")
        push(registry, OTHER)

        def move(operation: str, key: str) -> None:
            if operation == "delete" and key == paths.tag_index("app", "1.0", IMAGE.digest):
                store.hook = None
                put(registry, OTHER, "1.0")

        store.hook = move
        assert ask(registry, "DELETE", f"/v2/app/manifests/{IMAGE.digest}").status == 409
        assert ask(registry, "GET", "/v2/app/manifests/1.0").body == OTHER.raw
        registry.close()

    @pytest.mark.parametrize("broken", ["no such", "-invalid", "sha256:short", Digest.of(b"?")])
    def test_what_is_not_there(self, registry: Registry, broken: str) -> None:
        push(registry, IMAGE, "1.0")
        assert ask(registry, "DELETE", f"/v2/app/manifests/{broken}").status in (400, 404)
        assert ask(registry, "DELETE", f"/v2/nothing/manifests/{broken}").status in (400, 404)

    @pytest.mark.parametrize("damage", ["tag", "manifest", "gone"])
    def test_what_is_damaged_can_be_removed(self, registry: Registry, store: ObjectStore, damage: str) -> None:
        push(registry, IMAGE, "1.0")
        breaking: dict[str, Callable[[], object]] = {
            "tag": lambda: store.put(paths.tag_current("app", "1.0"), b"garbage"),
            "manifest": lambda: store.put(paths.blob(IMAGE.digest), b"{"),
            "gone": lambda: store.delete([paths.blob(IMAGE.digest)]),
        }
        breaking[damage]()
        reference = "1.0" if damage == "tag" else IMAGE.digest
        assert ask(registry, "DELETE", f"/v2/app/manifests/{reference}").status == 202
        assert ask(registry, "GET", f"/v2/app/manifests/{reference}").status == 404


def test_the_owner_hears_of_the_tag_last(store: ObjectStore) -> None:
    heard: list[Event] = []
    registry = Registry(store, rules=EVERYTHING, listener=heard.append)
    push(registry, IMAGE, "1.0")
    assert heard[-1] == Event(What.TAGGED, "app", IMAGE.digest, tag="1.0")
    registry.close()
