"""Conditional writes on servers that keep them, refuse them, or ignore them without a word."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.errors import AccessDenied, NotFound, OciStoreError, PreconditionFailed
from tests.backends.s3_buckets import store_at, without_waiting
from tests.backends.s3_sent import KEYS, resolved_here
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import page, refusal


class SmallServer:
    """Objects by path, with conditions kept (``keep``), refused (``refuse``) or ignored (``ignore``)."""

    def __init__(self, conditions: str) -> None:
        self.conditions = conditions
        self.objects: dict[str, bytes] = {}
        self.conflicts = 0
        """How many conditional writes still meet another one."""
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            return self._answer(request)

    def _answer(self, request: Request) -> Answer:
        key = request.path.partition("?")[0]
        there = self.objects.get(key)
        if request.method == "GET" and "list-type" in request.path:
            return page()
        if request.method != "PUT":
            return Answer(404) if there is None else Answer(200, there, {"ETag": etag(there)})
        absent, token = request.headers.get("if-none-match"), request.headers.get("if-match")
        if absent or token:
            if self.conditions == "refuse":
                return refusal(501, "NotImplemented", "A header you provided implies functionality not implemented")
            if self.conflicts:
                self.conflicts -= 1
                return refusal(409, "ConditionalRequestConflict")
            if self.conditions == "keep":
                if token and there is None:
                    return refusal(404, "NoSuchKey")
                if (absent and there is not None) or (token and token != etag(there or b"")):
                    return refusal(412, "PreconditionFailed")
        self.objects[key] = request.body
        return Answer(200, headers={"ETag": etag(request.body)})


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


def writes(server: CannedServer) -> list[Request]:
    return [request for request in server.requests if request.method == "PUT"]


@pytest.fixture(params=["keep", "refuse", "ignore"])
def bucket(request: pytest.FixtureRequest) -> SmallServer:
    return SmallServer(request.param)


@pytest.fixture
def served(bucket: SmallServer) -> Iterator[CannedServer]:
    with CannedServer(bucket) as server:
        yield server


def test_whatever_the_server_does_the_answers_are_the_same(bucket: SmallServer, served: CannedServer) -> None:
    store = store_at(served)
    first = store.put("k", b"one", if_absent=True)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"two", if_absent=True)
    second = store.put("k", b"two", if_token=first)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"three", if_token=first)
    assert store.put("k", b"two", if_token=first) == second, "what is there already need not be written"
    with pytest.raises(PreconditionFailed):
        store.put("nothing", b"1", if_token=first)
    assert bucket.objects == {"/bucket/k": b"two"}


def test_what_the_server_does_is_found_out_once(bucket: SmallServer, served: CannedServer) -> None:
    store = store_at(served)
    store.put("0", b"0", if_absent=True)
    assert store.capabilities.atomic_conditions is (bucket.conditions == "keep")
    served.requests.clear()
    for number in range(1, 4):
        store.put(str(number), b"x", if_absent=True)
    assert len(writes(served)) == 3
    assert len(served.requests) == (3 if bucket.conditions == "keep" else 6), "without conditions: look, then write"


def test_threads_ask_once_and_take_turns_where_nothing_else_helps(bucket: SmallServer, served: CannedServer) -> None:
    store = store_at(served)
    start = threading.Barrier(8)

    def write(number: int) -> bool:
        start.wait()
        try:
            store.put("race", str(number).encode(), if_absent=True)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1


def test_a_conflict_with_another_writer_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocistore_tui.backends.s3_writer.time.sleep", lambda _: None)
    bucket = SmallServer("keep")
    with CannedServer(bucket) as server:
        store = store_at(server)
        bucket.conflicts = 3
        store.put("k", b"1", if_absent=True)
        assert bucket.objects == {"/bucket/k": b"1"}
        bucket.conflicts = 10**6
        with pytest.raises(PreconditionFailed, match="somebody else"):
            store.put("k", b"2", if_token=etag(b"1"))
    assert bucket.objects == {"/bucket/k": b"1"}
    assert len(writes(server)) < 20


@pytest.mark.parametrize(
    ("code", "status", "kind"), [("NoSuchBucket", 404, NotFound), ("AccessDenied", 403, AccessDenied)]
)
@pytest.mark.parametrize("condition", [{"if_absent": True}, {"if_token": etag(b"1")}])
def test_a_refusal_for_another_reason_is_told_as_such(
    code: str, status: int, kind: type[OciStoreError], condition: dict[str, Any]
) -> None:
    def answer(request: Request) -> Answer:
        if request.method == "PUT":
            return refusal(status, code)
        return Answer(404) if "if_absent" in condition else Answer(200, b"1", {"ETag": etag(b"1")})

    with CannedServer(answer) as server, pytest.raises(kind):
        store_at(server).put("k", b"2", **condition)


def test_aws_is_known_to_keep_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved_here(monkeypatch)
    bucket = SmallServer("keep")
    with CannedServer(bucket) as server:
        endpoint = server.url.replace("127.0.0.1", "s3.us-east-1.amazonaws.com")
        with S3Store(S3Options("bucket", endpoint=endpoint, **KEYS)) as store:
            token = store.put("k", b"1", if_absent=True)
            store.put("k", b"2", if_token=token)
            assert store.capabilities.atomic_conditions
    assert [request.method for request in server.requests] == ["PUT", "PUT"], "nothing is asked first"


@pytest.mark.parametrize("there", [None, b"theirs", b"ours"])
def test_a_server_that_fails_after_all_tries_is_asked_whether_it_wrote(
    monkeypatch: pytest.MonkeyPatch, there: bytes | None
) -> None:
    without_waiting(monkeypatch)
    bucket = SmallServer("keep")

    def answer(request: Request) -> Answer:
        if request.method == "PUT" and request.path == "/bucket/k":
            if there is not None:
                bucket.objects["/bucket/k"] = there
            return refusal(500, "InternalError")
        return bucket(request)

    with CannedServer(answer) as server:
        store = store_at(server)
        store.put("other", b"x", if_absent=True)
        if there == b"ours":
            assert store.put("k", b"ours", if_absent=True) == etag(b"ours")
        else:
            with pytest.raises(OciStoreError, match="the store fails"):
                store.put("k", b"ours", if_absent=True)


@pytest.mark.parametrize("condition", [{"if_absent": True}, {"if_token": etag(b"1")}])
def test_a_huge_object_in_the_way_is_not_read(condition: dict[str, Any]) -> None:
    def answer(request: Request) -> Answer:
        return refusal(412, "PreconditionFailed") if request.method == "PUT" else huge

    huge = Answer(200, b"x" * 1000, {"ETag": etag(b"1"), "Content-Length": str(10**12)})
    with CannedServer(answer) as server, pytest.raises(PreconditionFailed):
        store_at(server).put("k", b"2", **condition)
