"""Deleting from a bucket: by the thousand, with errors inside a 200, on servers that take one at a time."""

from __future__ import annotations

import pytest

from ocistore_tui.errors import AccessDenied, PreconditionFailed, Throttled, UsageError
from tests.backends.s3_buckets import store_at, without_waiting
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import ETAG, refusal, well


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = without_waiting(monkeypatch)
    monkeypatch.setattr("ocistore_tui.backends.s3_delete.time.sleep", seconds.append)
    return seconds


def test_deletes_go_by_the_thousand() -> None:
    with CannedServer(well) as server:
        assert store_at(server).delete([f"k{number}" for number in range(2500)]) == []
    assert [request.body.count(b"<Key>") for request in server.requests] == [1000, 1000, 500]


def test_deletes_that_failed_inside_a_200_are_told_each(waited: list[float]) -> None:
    body = (
        "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
        "<Error><Key>b</Key><Code>SlowDown</Code></Error><Error><Key>c</Key><Code>NoSuchKey</Code></Error>"
        "</DeleteResult>"
    )
    answers = iter([body, "<DeleteResult></DeleteResult>"])
    with CannedServer(
        lambda request: Answer(200, next(answers)) if request.method == "POST" else well(request)
    ) as server:
        failed = store_at(server).delete(["a", "b", "c", "d"])
    ((key, error),) = failed
    assert (key, type(error)) == ("a", AccessDenied)
    assert "s3:DeleteObject" in error.fix
    first, second = server.requests
    assert [first.body.count(f"<Key>{key}".encode()) for key in "abcd"] == [1, 1, 1, 1]
    assert [second.body.count(f"<Key>{key}".encode()) for key in "abcd"] == [0, 1, 0, 0], "b is tried again"


@pytest.mark.parametrize("code", ["MissingContentMD5", "NotImplemented", "MalformedXML"])
def test_a_server_without_batches_is_served_singly(code: str) -> None:
    def answer(request: Request) -> Answer:
        return refusal(501 if code == "NotImplemented" else 400, code) if request.method == "POST" else well(request)

    with CannedServer(answer) as server:
        assert store_at(server).delete(["a", "b", "c"]) == []
    deleted = {request.path for request in server.requests if request.method == "DELETE"}
    assert deleted == {"/bucket/a", "/bucket/b", "/bucket/c"}


def test_a_key_that_stays_throttled_is_given_up(waited: list[float]) -> None:
    body = "<DeleteResult><Error><Key>b</Key><Code>SlowDown</Code></Error></DeleteResult>"
    with CannedServer(lambda _: Answer(200, body)) as server:
        ((key, error),) = store_at(server).delete(["a", "b"])
    assert (key, type(error)) == ("b", Throttled)
    assert len(server.requests) == 3
    assert sum(waited) < 60


def test_a_condition_goes_with_one_key() -> None:
    with CannedServer(well) as server:
        store = store_at(server)
        with pytest.raises(UsageError):
            store.delete(["a", "b"], if_token=ETAG)
        assert store.delete(["k"], if_token=ETAG) == []
        ((key, error),) = store.delete(["k"], if_token='"of another version"')
    assert (key, type(error)) == ("k", PreconditionFailed)
    (sent,) = (request for request in server.requests if request.method == "DELETE")
    assert sent.headers["if-match"] == ETAG
