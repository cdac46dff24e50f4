"""Every row of the table: what the server answers, and what a person is told."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
import requests
import urllib3
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from ocistore_tui.backends import gcs_client
from ocistore_tui.backends.gcs import GcsOptions, GcsStore
from ocistore_tui.backends.gcs_errors import BY_CLASS, BY_REASON, BY_STATUS, translate
from ocistore_tui.errors import (
    AccessDenied,
    IntegrityError,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    Refused,
    Throttled,
    Unavailable,
    Unsupported,
    UsageError,
)
from tests.fakes.gcs_server import GcsServer


@pytest.fixture(scope="module")
def server() -> Iterator[GcsServer]:
    with GcsServer() as server:
        yield server


@pytest.fixture
def store(server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsStore]:
    monkeypatch.setattr(gcs_client, "RETRY_FOR_S", 0.05)
    server.buckets["bucket"] = {}
    store = GcsStore(GcsOptions("bucket", endpoint=server.url, anonymous=True))
    store.put("k", b"0123456789")
    yield store
    server.clear_faults()
    store.close()


def body(status: int, reason: str, message: str = "what the server said") -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "errors": [{"reason": reason}]}}).encode()


def operations(store: GcsStore) -> dict[str, OciStoreError]:
    """What each operation raises."""
    found = {}
    for name, run in {
        "get": lambda: store.get("k", max_bytes=100),
        "head": lambda: store.head("k"),
        "put": lambda: store.put("k", b"other", if_absent=True),
        "list": lambda: list(store.list_entries("")),
        "range": lambda: store.open_range("k", start=1, length=2, token="7").read(2),
    }.items():
        with pytest.raises(OciStoreError) as caught:
            run()
        found[name] = caught.value
    ((_, found["delete"]),) = store.delete(["k"])
    return found


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "invalid", Unavailable),
        (400, "userProjectMissing", UsageError),
        (401, "required", AccessDenied),
        (401, "authError", AccessDenied),
        (403, "forbidden", AccessDenied),
        (403, "accountDisabled", AccessDenied),
        (403, "retentionPolicyNotMet", Refused),
        (403, "objectUnderActiveHold", Refused),
        (403, "rateLimitExceeded", Throttled),
        (403, "userRateLimitExceeded", Throttled),
        (405, "", Unsupported),
        (412, "conditionNotMet", PreconditionFailed),
        (429, "rateLimitExceeded", Throttled),
        (429, "", Throttled),
        (500, "backendError", Unavailable),
        (501, "", Unsupported),
        (503, "", Throttled),
        (418, "", Unavailable),
        (599, "", Unavailable),
    ],
)
def test_what_the_server_refuses(
    store: GcsStore, server: GcsServer, status: int, reason: str, kind: type[OciStoreError]
) -> None:
    server.fail(10**6, status=status, body=body(status, reason))
    for name, error in operations(store).items():
        assert type(error) is kind, (name, error.cause)
        assert error.where.startswith("gs://bucket")
        if status != 401:  # then the client tries to renew what anonymous callers do not have
            assert "what the server said" in error.cause, name
        assert error.fix
        assert error.__cause__ is not None


@pytest.mark.parametrize("row", [*BY_REASON.values(), *BY_STATUS.values(), *(row for _, row in BY_CLASS)])
def test_every_row_tells_what_to_do(row: object) -> None:
    assert isinstance(row, tuple)
    error, message, _, fix = row
    assert issubclass(error, OciStoreError)
    assert message
    assert not message.endswith(".")
    assert fix


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (requests.exceptions.SSLError("bad certificate"), Unavailable, "--ca-bundle"),
        (requests.exceptions.ProxyError("no"), Unavailable, "proxy"),
        (requests.exceptions.ReadTimeout("slow"), Unavailable, "--endpoint"),
        (requests.exceptions.ConnectionError("reset"), Unavailable, "network"),
        (requests.exceptions.MissingSchema("no scheme"), UsageError, "--endpoint"),
        (requests.exceptions.JSONDecodeError("no", "<html>", 0), Unsupported, "--endpoint"),
        (urllib3.exceptions.ProtocolError("cut"), Unavailable, "network"),
        (auth.MalformedError("bad key"), UsageError, "--keyfile"),
        (auth.DefaultCredentialsError("none"), AccessDenied, "gcloud auth application-default login"),
        (auth.InvalidOperation("anonymous"), AccessDenied, "gcloud auth application-default login"),
        (auth.RefreshError("invalid_grant"), AccessDenied, "gcloud auth application-default login"),
        (auth.TransportError(requests.exceptions.SSLError("x")), Unavailable, "--ca-bundle"),
        (auth.TransportError("no metadata server"), Unavailable, "network"),
        (api.RetryError("late", cause=api.TooManyRequests("slow")), Throttled, "--concurrency"),
        (api.RetryError("late", cause=None), Unavailable, "network"),
        (DataCorruption(None, "checksum"), IntegrityError, "again"),
        (ConnectionResetError("reset"), Unavailable, "network"),
    ],
)
def test_what_the_client_raises(error: BaseException, kind: type[OciStoreError], hint: str) -> None:
    told = translate(error, where="gs://bucket/k")
    assert type(told) is kind
    assert hint in told.fix


def test_an_unreadable_answer_names_its_status() -> None:
    answer = requests.Response()
    answer.status_code = 503
    assert type(translate(InvalidResponse(answer), where="x")) is Throttled


@pytest.mark.parametrize("answer", [b"<html>sign in here</html>", b"{}", b'{"kind": "other"}'])
def test_another_kind_of_server_is_not_an_empty_bucket(store: GcsStore, server: GcsServer, answer: bytes) -> None:
    server.fail(10**6, status=200, body=answer, content_type="text/html")
    with pytest.raises(Unsupported) as caught:
        list(store.list_entries(""))
    assert "--endpoint" in caught.value.fix
    with pytest.raises(Unsupported):
        list(store.list_dirs(""))
    assert not store.check().ok


def test_missing_object_and_missing_bucket_are_told_apart(server: GcsServer) -> None:
    server.buckets["bucket"] = {}
    store = GcsStore(GcsOptions("bucket", endpoint=server.url, anonymous=True))
    with pytest.raises(NotFound, match="no such object"):
        store.get("nothing", max_bytes=1)
    missing = GcsStore(GcsOptions("missing", endpoint=server.url, anonymous=True))
    for run in (
        lambda: missing.get("k", max_bytes=1),
        lambda: missing.head("k"),
        lambda: missing.put("k", b"1"),
        lambda: list(missing.list_entries("")),
        lambda: missing.open_range("k").read(1),
    ):
        with pytest.raises(NotFound, match="no such bucket"):
            run()


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    store = GcsStore(GcsOptions("bucket", endpoint=f"http://127.0.0.1:{port}", anonymous=True))
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        store.get("k", max_bytes=1)
    assert "refused" in caught.value.cause.lower()


def test_a_refused_connection_is_tried_again_for_a_moment_only() -> None:
    now = [100.0]
    refused = requests.ConnectionError(urllib3.exceptions.NewConnectionError(None, "refused"))
    worth = gcs_client.BoundedRetry(lambda: now[0])
    answers = []
    for now[0] in (100.0, 100.5, 101.0, 103.0):
        answers.append(worth(refused))
    assert answers == [True, True, True, False]
    now[0] = 200.0
    assert worth(refused), "a long upload may lose its connection more than once"
    assert worth(requests.ConnectionError("reset"))
    assert not worth(requests.exceptions.SSLError("bad certificate"))


def test_no_secret_is_told(server: GcsServer) -> None:
    options = GcsOptions("bucket", credentials_info={"private_key": "hush", "type": "service_account"})
    assert "hush" not in repr(options)
    with pytest.raises(OciStoreError) as caught:
        GcsStore(options).head("k")
    assert "hush" not in f"{caught.value!r}{caught.value.cause}"
    assert type(caught.value) is UsageError
