"""Every way to bring a blob, and every way to get it wrong (distribution-spec, "Pushing blobs")."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ocistore_tui.backends.base import MIB, ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import NoSpace, Unavailable
from ocistore_tui.layout import paths
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.message import BodyBroken
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Event, Rules, What
from ocistore_tui.serving.sessions import Sessions
from tests.layout.content import keys
from tests.serving.asking import EVERYTHING, Answer, Bytes, ask

BLOB = bytes(range(256)) * 20
DIGEST = Digest.of(BLOB)
UPLOADS = "/v2/app/blobs/uploads/"
STORED = sorted([paths.blob(DIGEST), paths.layer_link("app", DIGEST)])
"""All that a pushed blob leaves in the store."""


def begin(registry: Registry, query: str = "") -> str:
    answer = ask(registry, "POST", UPLOADS + query)
    assert (answer.status, answer.headers["Range"]) == (202, "0-0")
    assert answer.location.endswith(answer.headers["Docker-Upload-UUID"])
    return answer.location


def check_stored(registry: Registry, store: ObjectStore, answer: Answer) -> None:
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, DIGEST)
    assert ask(registry, "GET", answer.location).body == BLOB
    assert keys(store) == STORED


def check_nothing(store: ObjectStore) -> None:
    """Nothing is visible, and no file is left behind."""
    assert keys(store) == []
    if isinstance(store, LocalStore):
        assert list(store.list_unfinished("")) == []


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


def test_chunks_out_of_order(registry: Registry, store: ObjectStore) -> None:
    place = begin(registry)
    early = ask(registry, "PATCH", place, BLOB[100:200], {"Content-Range": "100-199"})
    assert (early.status, early.code, early.headers["Range"]) == (416, "BLOB_UPLOAD_INVALID", "0-0")
    first = ask(registry, "PATCH", place, BLOB[:100], {"Content-Range": "0-99"})
    again = ask(registry, "PATCH", first.location, BLOB[:100], {"Content-Range": "0-99"})
    assert (again.status, again.headers["Range"], again.location) == (416, "0-99", first.location)
    late = ask(registry, "PUT", f"{place}?digest={DIGEST}", BLOB[200:], {"Content-Range": f"200-{len(BLOB) - 1}"})
    assert late.status == 416
    rest = {"Content-Range": f"100-{len(BLOB) - 1}"}
    check_stored(registry, store, ask(registry, "PUT", f"{place}?digest={DIGEST}", BLOB[100:], rest))


@pytest.mark.parametrize(
    ("said", "code"),
    [("0-98", "SIZE_INVALID"), ("0-100", "SIZE_INVALID"), ("5-0", "BLOB_UPLOAD_INVALID"), ("x", "BLOB_UPLOAD_INVALID"),
     ("-5", "BLOB_UPLOAD_INVALID")],
)  # fmt: skip
def test_a_range_that_says_something_else(registry: Registry, said: str, code: str) -> None:
    answer = ask(registry, "PATCH", begin(registry), BLOB[:100], {"Content-Range": said})
    assert (answer.status, answer.code) == (400, code)


def test_a_session_belongs_to_its_repository_and_ends(registry: Registry, store: ObjectStore) -> None:
    place = begin(registry)
    assert ask(registry, "PATCH", place.replace("/app/", "/other/"), BLOB).code == "BLOB_UPLOAD_UNKNOWN"
    assert ask(registry, "DELETE", place).status == 204
    for method, query in (("PATCH", ""), ("PUT", f"?digest={DIGEST}"), ("GET", ""), ("DELETE", "")):
        assert ask(registry, method, place + query, BLOB).code == "BLOB_UPLOAD_UNKNOWN"
    assert ask(registry, "PATCH", f"{UPLOADS}..%2F..%2Fetc", BLOB).status in (400, 404)
    check_nothing(store)


def test_a_client_that_vanishes(registry: Registry, store: ObjectStore) -> None:
    with pytest.raises(BodyBroken):
        ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", Bytes(BLOB[:-1], promised=len(BLOB)))
    endless = Bytes(BLOB, promised=len(BLOB))
    endless.length = None
    with pytest.raises(BodyBroken):
        ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", endless)
    assert registry.tidy() == 0
    place = begin(registry)
    with pytest.raises(BodyBroken):
        ask(registry, "PUT", f"{place}?digest={DIGEST}", Bytes(BLOB[:-1], promised=len(BLOB)))
    check_nothing(store)


def test_what_came_before_a_stream_broke_off_can_be_gone_on_with(registry: Registry, store: ObjectStore) -> None:
    raw = BLOB * 1000
    place = begin(registry)
    with pytest.raises(BodyBroken):
        ask(registry, "PATCH", place, Bytes(raw[: 2 * MIB], promised=len(raw)))
    reached = int(ask(registry, "GET", place).headers["Range"].partition("-")[2]) + 1
    assert reached == 2 * MIB
    place = ask(registry, "PATCH", place, raw[reached:], {"Content-Range": f"{reached}-{len(raw) - 1}"}).location
    answer = ask(registry, "PUT", f"{place}?digest={Digest.of(raw)}")
    assert ask(registry, "GET", answer.location).body == raw


def test_two_requests_at_one_session(registry: Registry) -> None:
    place = begin(registry)

    class Nested(Bytes):
        def read(self, size_bytes: int) -> bytes:
            if not answers:
                answers.append(ask(registry, "PATCH", place, BLOB))
            return super().read(size_bytes)

    answers: list[Answer] = []
    assert ask(registry, "PATCH", place, Nested(BLOB)).status == 202
    assert (answers[0].status, answers[0].code) == (409, "BLOB_UPLOAD_INVALID")


def test_uploads_are_bounded_and_forgotten(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, create=True)
    registry = Registry(store, rules=Rules(can_write=True, max_uploads=3, upload_idle_s=0))
    places = [begin(registry)]
    ask(registry, "PATCH", places[0], BLOB * 100)
    assert len(list(store.list_unfinished(""))) == 1
    assert registry.tidy() == 0
    assert ask(registry, "GET", places[0]).status == 404
    check_nothing(store)
    registry.close()
    registry = Registry(store, rules=Rules(can_write=True, max_uploads=3))
    places = [begin(registry) for _ in range(3)]
    full = ask(registry, "POST", UPLOADS)
    assert (full.status, full.code) == (429, "TOOMANYREQUESTS")
    ask(registry, "DELETE", places[0])
    begin(registry)
    for place in places[1:]:
        ask(registry, "PATCH", place, BLOB * 100)
    registry.close()
    check_nothing(store)


def test_an_upload_that_rests_gives_way_to_a_new_one() -> None:
    now = 0.0
    sessions = Sessions(most=2, idle_s=3600, clock=lambda: now)
    first = sessions.begin("app", None, "sha256")
    now = 50.0
    second = sessions.begin("app", None, "sha256")
    with pytest.raises(Problem) as caught:
        sessions.begin("app", None, "sha256")
    assert caught.value.status == 429
    now = 100.0
    with sessions.taken("app", first.id):
        with pytest.raises(Problem):
            sessions.begin("app", None, "sha256")
        now = 100.1
    now = 111.0
    sessions.begin("app", None, "sha256")
    with sessions.taken("app", first.id):
        pass
    with pytest.raises(Problem), sessions.taken("app", second.id):
        pass


def test_another_client_brings_the_same_blob_meanwhile() -> None:
    """What we were about to store is there by now: what comes is read and checked all the same."""
    store = MemoryStore()
    registry = Registry(store, rules=EVERYTHING)

    def interfere(operation: str, key: str) -> None:
        if operation == "put_stream":
            store.hook = None
            store.put(key, BLOB)

    for sent, status in ((BLOB, 201), (BLOB[::-1], 400)):
        store.hook = interfere
        assert ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", sent).status == status
        assert Repository(store, "app").has_layer_link(DIGEST) == (status == 201)
        store.delete(keys(store))
    registry.close()


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
    place = ask(registry, "PATCH", begin(registry), BLOB).location
    assert ask(registry, "PUT", f"{place}?digest={DIGEST}").status == 201
    assert ask(registry, "GET", path).body == BLOB


@pytest.mark.parametrize("way", ["straight", "spooled"])
def test_a_store_that_fails_in_the_middle(way: str) -> None:
    store = MemoryStore()
    registry = Registry(store, rules=EVERYTHING)
    for operation, error, status in (
        ("put_stream", Unavailable("gone"), 503), ("put", NoSpace("full"), 507), ("head", Unavailable("gone"), 503),
    ):  # fmt: skip
        place = UPLOADS if way == "straight" else ask(registry, "PATCH", begin(registry), BLOB).location
        method, body = ("POST", BLOB) if way == "straight" else ("PUT", b"")
        store.fail_next(operation, error)
        answer = ask(registry, method, f"{place}?digest={DIGEST}", body)
        assert (answer.status, answer.code) == (status, "UNAVAILABLE")
        assert not Repository(store, "app").has_layer_link(DIGEST)
        assert registry.tidy() == 0
        store.delete(keys(store))
    registry.close()


def test_a_disk_that_is_full_while_spooling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    store = LocalStore(tmp_path, create=True)
    registry = Registry(store, rules=EVERYTHING)
    place = begin(registry)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        answer = ask(registry, "PATCH", place, BLOB * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (answer.status, answer.code) == (507, "UNAVAILABLE")
    assert ask(registry, "GET", place).status == 404
    check_nothing(store)
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


def test_the_owner_hears_of_everything(store: ObjectStore) -> None:
    heard: list[Event] = []
    registry = Registry(store, rules=Rules(can_write=True, adopts=True), listener=heard.append)

    def told() -> list[tuple[What, str, Digest | None, int]]:
        found = [(event.what, event.repository, event.digest, event.size_bytes) for event in heard]
        heard.clear()
        return found

    place = begin(registry)
    ask(registry, "PATCH", place, BLOB)
    ask(registry, "PUT", f"{place}?digest={DIGEST}")
    assert len({event.upload for event in heard}) == 1
    size = len(BLOB)
    assert told() == [
        (What.BEGUN, "app", None, 0), (What.BYTES, "app", None, size), (What.STORED, "app", DIGEST, size),
    ]  # fmt: skip
    ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", BLOB)
    assert [event[0] for event in told()] == [What.BEGUN, What.BYTES, What.EXISTS]
    assert ask(registry, "HEAD", f"/v2/other/blobs/{DIGEST}").status == 200, "found anywhere, and linked"
    assert told() == [(What.LINKED, "other", DIGEST, size)]
    ask(registry, "HEAD", f"/v2/other/blobs/{DIGEST}")
    ask(registry, "GET", f"/v2/other/blobs/{DIGEST}")
    assert told() == [(What.EXISTS, "other", DIGEST, size), (What.READ, "other", DIGEST, size)]
    ask(registry, "POST", f"{UPLOADS}?digest={DIGEST}", b"wrong")
    assert told()[-1][:3] == (What.FAILED, "app", DIGEST)
    registry.close()


def test_a_slow_client_holds_up_nobody() -> None:
    """Few large blobs go straight to a bucket at once; the others wait on disk, and go there past a slow one."""
    registry = Registry(MemoryStore(), rules=EVERYTHING)
    blobs = [bytes([number]) * size for number, size in enumerate([9 * MIB, 9 * MIB, 9 * MIB, 2 * MIB, 2 * MIB])]
    answers: list[Answer] = []

    class Slow(Bytes):
        """Its client sends the last bytes when all others are done."""

        def read(self, size_bytes: int) -> bytes:
            if not answers:
                answers.extend(
                    ask(registry, "POST", f"{UPLOADS}?digest={Digest.of(blob)}", blob) for blob in blobs[1:]
                )
                place = ask(registry, "PATCH", begin(registry), blobs[1]).location
                answers.append(ask(registry, "PUT", f"{place}?digest={Digest.of(blobs[1])}"))
            return super().read(size_bytes)

    assert ask(registry, "POST", f"{UPLOADS}?digest={Digest.of(blobs[0])}", Slow(blobs[0])).status == 201
    assert [answer.status for answer in answers] == [201] * 5
    for blob in blobs:
        assert ask(registry, "GET", f"/v2/app/blobs/{Digest.of(blob)}").body == blob
    registry.close()
