"""Uploads that take several requests, and what may happen between and during them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocistore_tui.backends.base import MIB, ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import NoSpace, Unavailable
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.message import BodyBroken
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Event, Rules, What
from ocistore_tui.serving.sessions import Sessions
from tests.layout.content import keys
from tests.serving.asking import EVERYTHING, Answer, Bytes, ask
from tests.serving.uploading import BLOB, DIGEST, UPLOADS, begin, check_nothing, check_stored


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


def test_an_upload_whose_file_cannot_be_removed_holds_nobody_up(tmp_path: Path) -> None:
    """Who tidies up is the thread that lets new clients in: a disk that fails must not end it."""
    store = LocalStore(tmp_path, create=True)
    registry = Registry(store, rules=Rules(can_write=True, upload_idle_s=0))
    ask(registry, "PATCH", begin(registry), BLOB * 100)
    assert store.spool_dir is not None
    store.spool_dir.rename(tmp_path / "moved")
    (tmp_path / ".ocistore" / "tmp").touch()
    assert registry.tidy() == 0
    registry.close()


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


def test_a_slow_client_holds_up_nobody() -> None:
    """Few large blobs go straight to a bucket at once; the others wait on disk, and go there past a slow one."""
    registry = Registry(MemoryStore(), rules=EVERYTHING)
    blobs = [bytes([number]) * size for number, size in enumerate([9 * MIB, 9 * MIB, 9 * MIB, 2 * MIB, 2 * MIB])]
    answers: list[Answer] = []

    class Slow(Bytes):
        """Its client sends the last bytes when all others are done."""

        def read(self, size_bytes: int) -> bytes:
            if not answers:
                answers.extend(ask(registry, "POST", f"{UPLOADS}?digest={Digest.of(blob)}", blob) for blob in blobs[1:])
                place = ask(registry, "PATCH", begin(registry), blobs[1]).location
                answers.append(ask(registry, "PUT", f"{place}?digest={Digest.of(blobs[1])}"))
            return super().read(size_bytes)

    assert ask(registry, "POST", f"{UPLOADS}?digest={Digest.of(blobs[0])}", Slow(blobs[0])).status == 201
    assert [answer.status for answer in answers] == [201] * 5
    for blob in blobs:
        assert ask(registry, "GET", f"/v2/app/blobs/{Digest.of(blob)}").body == blob
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
