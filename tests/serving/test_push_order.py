"""What is written when; and a push that is killed, fails or vanishes leaves nothing broken (layout.md §11)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import Unavailable
from ocistore_tui.layout import paths
from ocistore_tui.layout.check import check_repository
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.message import BodyBroken
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Event, What
from tests.layout.content import keys
from tests.serving.asking import EVERYTHING, Bytes, ask
from tests.serving.pushing import IMAGE, OTHER, push, put

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


def test_a_client_that_vanishes_leaves_the_tag_alone(registry: Registry, store: ObjectStore) -> None:
    push(registry, IMAGE, "1.0")
    before = keys(store)
    with pytest.raises(BodyBroken):
        ask(registry, "PUT", "/v2/app/manifests/1.0", Bytes(OTHER.raw[:-1], promised=len(OTHER.raw)))
    assert keys(store) == before


def test_the_owner_hears_of_the_tag_last(store: ObjectStore) -> None:
    heard: list[Event] = []
    registry = Registry(store, rules=EVERYTHING, listener=heard.append)
    push(registry, IMAGE, "1.0")
    assert heard[-1] == Event(What.TAGGED, "app", IMAGE.digest, tag="1.0")
    registry.close()
