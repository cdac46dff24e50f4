"""Every way to bring a blob, and what is none (distribution-spec, "Pushing blobs")."""

from __future__ import annotations

import hashlib

import pytest

from ocistore_tui.backends.base import MIB, ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.engine.cache import Cache
from ocistore_tui.engine.damage import WatchedBlobs
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from tests.layout.content import keys
from tests.serving.asking import EVERYTHING, Bytes, ask
from tests.serving.uploading import BLOB, DIGEST, UPLOADS, begin, check_nothing, check_stored


@pytest.mark.parametrize("size_bytes", [0, 1, 5120, MIB, 9 * MIB + 1])
@pytest.mark.parametrize("way", ["post", "post chunked", "post put", "patch put", "stream put", "chunks", "chunk last"])
def test_every_way_leads_into_the_store(registry: Registry, store: ObjectStore, way: str, size_bytes: int) -> None:
    raw = (BLOB * (size_bytes // len(BLOB) + 1))[:size_bytes]
    digest = Digest.of(raw)
    half = size_bytes // 2
    if way.startswith("post") and way != "post put":
        answer = ask(registry, "POST", f"{UPLOADS}?digest={digest}", Bytes(raw, is_chunked="chunked" in way))
    else:
        place = begin(registry)
        last = b""
        if way == "post put":
            last = raw
        elif way == "patch put":
            place = ask(registry, "PATCH", place, raw).location
        elif way == "stream put":
            place = ask(registry, "PATCH", place, Bytes(raw, is_chunked=True)).location
        else:
            answer = ask(registry, "PATCH", place, raw[:half], {"Content-Range": f"0-{half - 1}"} if half else {})
            assert (answer.status, answer.headers["Range"]) == (202, f"0-{max(0, half - 1)}")
            status = ask(registry, "GET", answer.location)
            assert (status.status, status.headers["Range"]) == (204, answer.headers["Range"])
            place, last = answer.location, raw[half:]
            if way == "chunks":
                headers = {"Content-Range": f"{half}-{size_bytes - 1}"} if last else {}
                place, last = ask(registry, "PATCH", place, last, headers).location, b""
        answer = ask(registry, "PUT", f"{place}?digest={digest}", last)
    assert answer.status == 201
    assert ask(registry, "GET", answer.location).body == raw
    assert keys(store) == sorted([paths.blob(digest), paths.layer_link("app", digest)])


@pytest.mark.parametrize("query", ["", "?digest-algorithm=sha512"])
def test_other_algorithms(registry: Registry, store: ObjectStore, query: str) -> None:
    """The algorithm need not be told before the end, though it saves reading the bytes again."""
    digest = Digest.parse("sha512:" + hashlib.sha512(BLOB).hexdigest())
    place = ask(registry, "PATCH", begin(registry, query), BLOB).location
    answer = ask(registry, "PUT", f"{place}?digest={digest}")
    assert (answer.status, ask(registry, "GET", answer.location).body) == (201, BLOB)
    whole = ask(registry, "PUT", f"{begin(registry)}?digest={digest}", BLOB)
    assert whole.status == 201
    assert keys(store) == [paths.blob(digest), paths.layer_link("app", digest)]
    assert ask(registry, "POST", f"{UPLOADS}?digest-algorithm=md5").code == "DIGEST_INVALID"


@pytest.mark.parametrize("way", ["post", "post chunked", "put", "patch"])
@pytest.mark.parametrize("wrong", [Digest.of(b"other"), "sha512:" + "a" * 128])
def test_a_wrong_digest_stores_nothing(registry: Registry, store: ObjectStore, way: str, wrong: str) -> None:
    if way.startswith("post"):
        answer = ask(registry, "POST", f"{UPLOADS}?digest={wrong}", Bytes(BLOB, is_chunked="chunked" in way))
    else:
        place = begin(registry)
        if way == "patch":
            place = ask(registry, "PATCH", place, BLOB).location
        answer = ask(registry, "PUT", f"{place}?digest={wrong}", b"" if way == "patch" else BLOB)
        assert ask(registry, "GET", place).code == "BLOB_UPLOAD_UNKNOWN", "it cannot become right any more"
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    check_nothing(store)


def test_knowing_a_digest_is_not_having_the_blob(registry: Registry, store: ObjectStore) -> None:
    """The blob is in the store; whoever sends other bytes under its name does not get it into another repository."""
    ask(registry, "POST", f"/v2/secret/blobs/uploads/?digest={DIGEST}", BLOB)
    for way in ("post", "patch"):
        place = UPLOADS if way == "post" else ask(registry, "PATCH", begin(registry), BLOB[::-1]).location
        answer = ask(registry, "POST" if way == "post" else "PUT", f"{place}?digest={DIGEST}", BLOB[::-1]
                     if way == "post" else b"")  # fmt: skip
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert ask(registry, "HEAD", f"/v2/app/blobs/{DIGEST}").status == 404


@pytest.mark.parametrize("digest", ["", "sha256:short", f"md5:{'a' * 32}", "../../etc/passwd", "sha256:" + "A" * 64])
def test_what_is_no_digest(registry: Registry, store: ObjectStore, digest: str) -> None:
    assert ask(registry, "POST", f"{UPLOADS}?digest={digest}", BLOB).code == "DIGEST_INVALID"
    place = begin(registry)
    assert ask(registry, "PUT", f"{place}?digest={digest}", BLOB).code == "DIGEST_INVALID"
    assert ask(registry, "PUT", place, BLOB).code == "DIGEST_INVALID"
    assert ask(registry, "POST", f"{UPLOADS}?mount={digest}&from=other").code == "DIGEST_INVALID"
    assert ask(registry, "PUT", f"{place}?digest={DIGEST}", BLOB).status == 201, "the session is still there"


def test_a_blob_of_another_repository_costs_one_link() -> None:
    store = MemoryStore()
    registry = Registry(store, rules=EVERYTHING)
    ask(registry, "POST", f"/v2/base/blobs/uploads/?digest={DIGEST}", BLOB)
    before = keys(store)
    for query in (f"mount={DIGEST}&from=base", f"mount={DIGEST}"):
        answer = ask(registry, "POST", f"{UPLOADS}?{query}")
        assert (answer.status, answer.location) == (201, f"/v2/app/blobs/{DIGEST}")
        assert ask(registry, "GET", answer.location).body == BLOB
        assert set(keys(store)) - set(before) == {paths.layer_link("app", DIGEST)}
        store.delete([paths.layer_link("app", DIGEST)])
    assert store.counts["put_stream"] == 1


@pytest.mark.parametrize("query", [f"mount={DIGEST}&from=base", f"mount={DIGEST}&from=", f"mount={DIGEST}"])
def test_what_cannot_be_mounted_has_to_be_sent(registry: Registry, store: ObjectStore, query: str) -> None:
    answer = ask(registry, "POST", f"{UPLOADS}?{query}")
    if query.endswith("from="):
        assert answer.code == "NAME_INVALID"
        return
    assert answer.status == 202
    check_stored(registry, store, ask(registry, "PUT", f"{answer.location}?digest={DIGEST}", BLOB))


def test_a_repository_may_not_be_mounted_from_that_does_not_have_it(registry: Registry) -> None:
    ask(registry, "POST", f"/v2/base/blobs/uploads/?digest={DIGEST}", BLOB)
    assert ask(registry, "POST", f"{UPLOADS}?mount={DIGEST}&from=empty").status == 202
    assert ask(registry, "POST", f"{UPLOADS}?mount={DIGEST}&from=..%2Fbase").code == "NAME_INVALID"


def test_a_blob_that_is_there_is_not_stored_again() -> None:
    store = MemoryStore()
    registry = Registry(store, rules=EVERYTHING)
    for _ in range(2):
        ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", BLOB)
        place = ask(registry, "PATCH", begin(registry), BLOB).location
        assert ask(registry, "PUT", f"{place}?digest={DIGEST}").status == 201
    assert store.counts["put_stream"] == 1
    assert store.counts["put"] == 1
    registry.close()


@pytest.mark.parametrize("damage", [b"short", BLOB[:-1] + b"?"])
def test_a_damaged_blob_is_repaired_by_the_next_push(registry: Registry, store: ObjectStore, damage: bytes) -> None:
    """One of the wrong size at once, one of the right size after somebody saw that it is damaged."""
    path = f"/v2/app/blobs/{DIGEST}"
    ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", BLOB)
    store.put(paths.blob(DIGEST), damage)
    assert ask(registry, "GET", path).status == 500
    assert ask(registry, "HEAD", path).status == 404, "who asks before a push has to send it"
    place = ask(registry, "PATCH", begin(registry), BLOB).location
    assert ask(registry, "PUT", f"{place}?digest={DIGEST}").status == 201
    assert ask(registry, "GET", path).body == BLOB


def test_a_blob_of_another_size_than_the_owner_knows_is_pushed_again(store: ObjectStore) -> None:
    blobs = WatchedBlobs(store, Cache(None), {DIGEST: len(BLOB)})
    registry = Registry(store, rules=Rules(can_write=True, adopts=True), blobs=blobs)
    ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", BLOB)
    store.put(paths.blob(DIGEST), BLOB[:-1])
    for repository in ("app", "other"):
        assert ask(registry, "HEAD", f"/v2/{repository}/blobs/{DIGEST}").status == 404
    assert ask(registry, "POST", f"/v2/other/blobs/uploads/?mount={DIGEST}&from=app").status == 202
    assert ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", BLOB).status == 201
    for repository in ("app", "other"):
        assert ask(registry, "GET", f"/v2/{repository}/blobs/{DIGEST}").body == BLOB
    registry.close()


def test_deleting_takes_the_link_only(registry: Registry, store: ObjectStore) -> None:
    ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", BLOB)
    assert ask(registry, "DELETE", f"/v2/app/blobs/{DIGEST}").status == 202
    assert keys(store) == [paths.blob(DIGEST)]
    assert ask(registry, "DELETE", f"/v2/app/blobs/{DIGEST}").code == "BLOB_UNKNOWN"
    store.put(paths.layer_link("app", DIGEST), b"garbage")
    assert ask(registry, "DELETE", f"/v2/app/blobs/{DIGEST}").status == 202, "a damaged link can be removed"


def test_deleting_has_to_be_allowed(store: ObjectStore) -> None:
    registry = Registry(store, rules=Rules(can_write=True))
    ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", BLOB)
    for path in (f"blobs/{DIGEST}", "manifests/1", f"manifests/{DIGEST}"):
        answer = ask(registry, "DELETE", f"/v2/app/{path}")
        assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert ask(registry, "DELETE", begin(registry)).status == 204, "giving an upload up is no deletion"
    registry.close()
