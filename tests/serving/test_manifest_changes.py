"""Tags that move on conditions, lists of referrers, and deletions (distribution-spec, "Content Management")."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.layout import paths
from ocistore_tui.layout.check import check_repository
from ocistore_tui.layout.referrers import fallback_tag
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.registry import Registry
from tests.layout.content import artifact, image, manifest_of
from tests.serving.asking import EVERYTHING, ask
from tests.serving.pushing import IMAGE, OTHER, push, put


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

    def test_it_is_listed_by_the_digest_it_was_pushed_under(self, registry: Registry) -> None:
        """The repository knows it by no other, and whoever finds it there is to get it."""
        signature = artifact(IMAGE)
        for blob in signature.blobs:
            ask(registry, "POST", f"/v2/app/blobs/uploads/?digest={Digest.of(blob)}", blob)
        digest = f"sha512:{hashlib.sha512(signature.raw).hexdigest()}"
        assert put(registry, signature, digest).status == 201
        assert self.listed(registry) == [digest]
        assert ask(registry, "DELETE", f"/v2/app/manifests/{digest}").status == 202
        assert self.listed(registry) == []
        assert ask(registry, "GET", f"/v2/app/manifests/{fallback_tag(IMAGE.digest)}").status == 404

    def test_long_annotations_keep_no_other_out(self, registry: Registry) -> None:
        """All of them in one list would make it larger than a manifest may be."""
        subject = {"mediaType": IMAGE.media_type, "digest": IMAGE.digest, "size": len(IMAGE.raw)}
        annotations = {"long": "x" * 1_500_000}
        contents = [
            manifest_of(b"{}", media_types.OCI_EMPTY, (bytes([number]),), subject=subject, annotations=annotations)
            for number in range(3)
        ]
        for content in contents:
            push(registry, content)
            assert put(registry, content, content.digest).status == 201
        found = ask(registry, "GET", f"/v2/app/referrers/{IMAGE.digest}").json["manifests"]
        assert {one["digest"] for one in found} == {content.digest for content in contents}
        assert all(one["annotations"] == annotations for one in found), "as the manifests say"

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
