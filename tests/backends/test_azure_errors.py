"""Every row of the table: what the server answers, and what a person is told."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from azure.core import exceptions as azure

from ocistore_tui.backends import azure_retry, selftest
from ocistore_tui.backends.azure import AzureOptions, AzureStore
from ocistore_tui.backends.azure_errors import BY_CLASS, BY_CODE, BY_CREDENTIAL, BY_STATUS, Row, translate
from ocistore_tui.errors import (
    AccessDenied,
    IntegrityError,
    NoSpace,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    Refused,
    StoreMissing,
    Throttled,
    Unavailable,
    Unsupported,
    UsageError,
)
from ocistore_tui.model.digest import Digest
from tests.fakes.azure_relay import options_for, refused
from tests.faults.canned import Answer, CannedServer, Request

SAID = "what the server said"


class Server(CannedServer):
    """Answers the same to everything."""

    def __init__(self) -> None:
        self.answer = Answer(500)
        super().__init__(lambda request: self.answer)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def store(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureStore]:
    monkeypatch.setattr(azure_retry, "RETRY_FOR_S", 0.05)
    with AzureStore(options_for(f"{server.url}/devstoreaccount1", "container", "root")) as store:
        yield store


OPERATIONS: dict[str, Callable[[AzureStore], object]] = {
    "get": lambda store: store.get("k", max_bytes=100),
    "head": lambda store: store.head("k"),
    "put": lambda store: store.put("k", b"other"),
    "list": lambda store: list(store.list_entries("")),
    "dirs": lambda store: list(store.list_dirs("")),
    "range": lambda store: store.open_range("k", start=1, length=2, token="7").read(2),
    "stream": lambda store: store.put_stream("k", [b"1"], size_bytes=1, digest=Digest.of(b"1")),
    "unfinished": lambda store: list(store.list_unfinished("")),
}


def told(store: AzureStore, name: str) -> OciStoreError:
    """What an operation raises."""
    if name == "delete":
        ((key, error),) = store.delete(["k"])
        assert key == "k"
        return error
    with pytest.raises(OciStoreError) as caught:
        OPERATIONS[name](store)
    return caught.value


#: What the code means in terms of the exit codes of the program. Every code of the table is here.
KINDS: dict[str, type[OciStoreError]] = {
    "AccountIsDisabled": AccessDenied,
    "AuthenticationFailed": AccessDenied,
    "AuthorizationFailure": AccessDenied,
    "AuthorizationPermissionMismatch": AccessDenied,
    "AuthorizationProtocolMismatch": AccessDenied,
    "AuthorizationResourceTypeMismatch": AccessDenied,
    "AuthorizationServiceMismatch": AccessDenied,
    "AuthorizationSourceIPMismatch": AccessDenied,
    "BlobAlreadyExists": PreconditionFailed,
    "BlobArchived": Unavailable,
    "BlobBeingRehydrated": Unavailable,
    "BlobImmutableDueToPolicy": Refused,
    "BlobNotFound": NotFound,
    "BlobOverwritten": PreconditionFailed,
    "CannotVerifyCopySource": Unsupported,
    "ConditionNotMet": PreconditionFailed,
    "ContainerBeingDeleted": StoreMissing,
    "ContainerNotFound": StoreMissing,
    "ContentLengthMustBeZero": Unavailable,
    "Crc64Mismatch": IntegrityError,
    "FeatureVersionMismatch": Unsupported,
    "InsufficientAccountPermissions": AccessDenied,
    "InternalError": Unavailable,
    "InvalidAuthenticationInfo": AccessDenied,
    "InvalidBlobOrBlock": Unavailable,
    "InvalidBlobType": Refused,
    "InvalidBlockList": Unavailable,
    "InvalidHeaderValue": Unsupported,
    "InvalidRange": IntegrityError,
    "InvalidResourceName": UsageError,
    "LeaseIdMissing": Refused,
    "Md5Mismatch": IntegrityError,
    "NoAuthenticationInformation": AccessDenied,
    "OperationTimedOut": Throttled,
    "PublicAccessNotPermitted": AccessDenied,
    "RequestBodyTooLarge": NoSpace,
    "ResourceNotFound": StoreMissing,
    "ResourceTypeMismatch": Unsupported,
    "ServerBusy": Throttled,
    "SnapshotsPresent": Refused,
    "TargetConditionNotMet": PreconditionFailed,
    "UnauthorizedBlobOverwrite": AccessDenied,
}
STATUSES = {
    "AccountIsDisabled": 403, "BlobAlreadyExists": 409, "BlobArchived": 409, "BlobBeingRehydrated": 409,
    "BlobImmutableDueToPolicy": 409, "BlobNotFound": 404, "BlobOverwritten": 412, "CannotVerifyCopySource": 404,
    "ConditionNotMet": 412, "ContainerBeingDeleted": 409, "ContainerNotFound": 404, "InternalError": 500,
    "InvalidBlobType": 409, "InvalidRange": 416, "LeaseIdMissing": 412, "NoAuthenticationInformation": 401,
    "OperationTimedOut": 500, "PublicAccessNotPermitted": 409, "RequestBodyTooLarge": 413, "ResourceNotFound": 404,
    "ResourceTypeMismatch": 409, "ServerBusy": 503, "SnapshotsPresent": 409, "TargetConditionNotMet": 412,
}  # fmt: skip
EXITS = {
    UsageError: 2, NotFound: 3, StoreMissing: 3, AccessDenied: 4, Unavailable: 5, Throttled: 5, Unsupported: 5,
    NoSpace: 5, IntegrityError: 6, Refused: 8, PreconditionFailed: 8,
}  # fmt: skip


def test_every_code_of_the_table_is_tried() -> None:
    assert set(KINDS) == set(BY_CODE)


@pytest.mark.parametrize("code", BY_CODE)
def test_what_azure_refuses(store: AzureStore, server: Server, code: str) -> None:
    status = STATUSES.get(code, 403 if KINDS[code] is AccessDenied else 400)
    server.answer = refused(status, code, f"{SAID}\nRequestId:1\nTime:now")
    row = BY_CODE[code]
    cause, fix = BY_CREDENTIAL.get((code, "key"), (row.cause, row.fix))
    for name in (*OPERATIONS, "delete"):
        if code == "BlobNotFound" and name in ("head", "stream", "delete"):
            continue  # a missing blob is no error there
        if code == "InvalidBlobType" and name in ("put", "stream"):
            continue  # tried in test_azure_layout
        if code == "InvalidRange" and name in ("get", "range"):
            continue  # the client asks again without a range, for the blob may be empty
        error = told(store, name)
        assert type(error) is KINDS[code], (name, error.cause)
        assert error.exit_code == EXITS[KINDS[code]]
        assert (error.message, error.fix) == (row.message, fix)
        assert cause in error.cause
        assert code in error.cause
        assert "RequestId" not in error.cause
        assert error.where.startswith("az://devstoreaccount1/container/root")
        assert error.__cause__ is not None
        if name not in ("head", "stream"):  # an answer to HEAD has no body
            assert SAID in error.cause, name


def test_a_missing_blob_is_no_error_where_none_is_asked_for(store: AzureStore, server: Server) -> None:
    server.answer = refused(404, "BlobNotFound")
    assert store.head("k") is None
    assert store.delete(["k"]) == []
    assert store.delete(["k"], if_token="1") == []


def test_a_range_past_the_end(store: AzureStore, server: Server) -> None:
    server.answer = refused(416, "InvalidRange")
    assert type(told(store, "range")) is IntegrityError


@pytest.mark.parametrize("status", [*BY_STATUS, 418, 500, 502, 504, 599])
def test_an_answer_without_a_code(store: AzureStore, server: Server, status: int) -> None:
    """What gateways and clones say; and every answer to a HEAD that lost its header."""
    server.answer = Answer(status, f"<html>{SAID}</html>", {"Content-Type": "text/html"})
    expected = BY_STATUS[status].error if status in BY_STATUS else Unavailable
    for name in ("list", "put"):
        error = told(store, name)
        if name == "put" and issubclass(expected, PreconditionFailed):
            expected = PreconditionFailed
        assert type(error) is expected, (name, error.cause)
        assert error.exit_code == EXITS[expected]
        assert f"HTTP {status}" in error.cause
        assert error.fix
    if status not in (404, 416):
        assert type(told(store, "head")) is expected


def rows() -> Iterator[Row]:
    yield from itertools.chain(BY_CODE.values(), BY_STATUS.values(), (row for _, row in BY_CLASS))


@pytest.mark.parametrize("row", list(dict.fromkeys(rows())))
def test_every_row_tells_what_to_do(row: Row) -> None:
    assert issubclass(row.error, OciStoreError)
    assert row.error is not OciStoreError
    assert row.message
    assert not row.message.endswith(".")
    assert row.fix


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (azure.ClientAuthenticationError("none"), AccessDenied, "az login"),
        (azure.DecodeError("no XML"), Unsupported, "--endpoint"),
        (azure.DeserializationError("no XML"), Unsupported, "--endpoint"),
        (azure.IncompleteReadError("cut"), Unavailable, "network"),
        (azure.ServiceRequestError("refused"), Unavailable, "network"),
        (azure.ServiceRequestError("SSL: CERTIFICATE_VERIFY_FAILED"), Unavailable, "--ca-bundle"),
        (azure.ServiceRequestError("Failed to resolve 'x'"), Unavailable, "--endpoint"),
        (azure.ServiceRequestError("Failed to resolve 'x.blob.core.windows.net'"), Unavailable, "--account-name"),
        (azure.ServiceResponseError("reset"), Unavailable, "network"),
        (azure.HttpResponseError("no status"), Unavailable, "network"),
        (azure.AzureError("other"), Unavailable, "again"),
        (ConnectionResetError("reset"), Unavailable, "network"),
        (ValueError("Content-Range is missing"), Unsupported, "--endpoint"),
        (RuntimeError("whatever"), Unavailable, "again"),
    ],
)
def test_what_the_client_raises(error: BaseException, kind: type[OciStoreError], hint: str) -> None:
    found = translate(error, where="az://account/container/k", account="account")
    assert type(found) is kind
    assert hint in found.fix


def test_the_programs_own_errors_pass() -> None:
    error = NotFound("no such thing")
    assert translate(error, where="elsewhere") is error


@pytest.mark.parametrize("body", ["<html>sign in here</html>", "sign in here", "", "{}", "<Error/>", "<a>" * 100_000])
def test_another_kind_of_server_is_not_an_empty_container(store: AzureStore, server: Server, body: str) -> None:
    server.answer = Answer(200, body, {"Content-Type": "text/html"})
    for name in ("list", "dirs", "unfinished"):
        error = told(store, name)
        assert type(error) is Unsupported, name
        assert "--endpoint" in error.fix
    assert not store.check().ok


def test_another_kind_of_server_gives_no_blobs(store: AzureStore, server: Server) -> None:
    server.answer = Answer(200, "<html>sign in here</html>", {"Content-Type": "text/html"})
    for name in ("get", "range", "head", "put", "stream"):
        assert type(told(store, name)) is Unsupported, name


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/devstoreaccount1"
    store, started = AzureStore(options_for(url, "container")), time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        store.get("k", max_bytes=1)
    assert "refused" in caught.value.cause.lower()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("endpoint", "message", "fix"),
    [
        ("", "the storage account no.such.account.invalid has no address", "--account-name"),
        ("https://a.blob.core.nowhere.invalid", "the storage account no.such.account.invalid has", "--account-name"),
        ("https://nowhere.invalid", "the host of --endpoint has no address", "--endpoint"),
    ],
)
def test_a_host_without_an_address_is_no_proof_of_absence(endpoint: str, message: str, fix: str) -> None:
    """A name service may fail for a while; and only the name of an account's own host says something of the account."""
    options = AzureOptions("container", account_name="no.such.account.invalid", account_key="MTIz", endpoint=endpoint)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        AzureStore(options).head("k")
    assert message in caught.value.message
    assert fix in caught.value.fix
    assert ("no account of this name may exist" in caught.value.cause) == (fix == "--account-name")
    assert "resol" in caught.value.cause
    assert time.monotonic() - started < 5


class Clock:
    """Time that passes only by waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.waits = 1000.0, list[float]()
        monkeypatch.setattr(azure_retry.time, "monotonic", lambda: self.now)
        clock = self

        class Never:
            def is_set(self) -> bool:
                return False

            def wait(self, seconds: float) -> bool:
                clock.now += seconds
                clock.waits.append(seconds)
                return False

        monkeypatch.setattr(azure_retry, "Event", Never)


@pytest.mark.parametrize("name", [*OPERATIONS, "delete"])
def test_a_server_that_stays_busy_is_given_up_within_a_minute(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store = AzureStore(options_for(f"{server.url}/devstoreaccount1", "container"))
    server.answer = refused(503, "ServerBusy")
    clock = Clock(monkeypatch)
    error = told(store, name)
    assert type(error) is Throttled
    assert error.kind == "throttled"
    assert "--concurrency" in error.fix
    assert 20 < sum(clock.waits) < 60
    assert len(clock.waits) > 3, "it was tried several times before"


def test_a_thousand_deletes_from_a_busy_server_are_given_up_within_a_minute(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = AzureStore(options_for(f"{server.url}/devstoreaccount1", "container", "root"))
    server.answer = refused(503, "ServerBusy")
    clock = Clock(monkeypatch)
    keys = [f"k{number}" for number in range(200)]
    failed = store.delete(keys)
    assert [key for key, _ in failed] == keys
    assert {type(error) for _, error in failed} == {Throttled}
    assert failed[7][1].where == "az://devstoreaccount1/container/root/k7"
    assert sum(clock.waits) < 60


def test_the_server_says_how_long_to_wait(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = AzureStore(options_for(f"{server.url}/devstoreaccount1", "container", "root"))
    busy = refused(503, "ServerBusy")
    server.answer = Answer(503, busy.body, {**busy.headers, "Retry-After": "9"})
    clock = Clock(monkeypatch)
    assert type(told(store, "get")) is Throttled
    assert set(clock.waits) == {9.0}


# -- check()


def on(pattern: dict[str, Answer]) -> Callable[[Request], Answer]:
    """The answer by the method, and ``LIST`` for listings."""

    def answer(request: Request) -> Answer:
        kind = "LIST" if "comp=list" in request.path else request.method
        return pattern.get(kind, Answer(202 if kind == "DELETE" else 201, b"", {"ETag": '"1"'}))

    return answer


XML = {"Content-Type": "application/xml"}


def listing(*names: str) -> Answer:
    blobs = "".join(f"<Blob><Name>{name}</Name><Properties><Etag>1</Etag></Properties></Blob>" for name in names)
    return Answer(200, f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>", XML)


DENIED = refused(403, "AuthorizationPermissionMismatch")


@pytest.mark.parametrize(
    ("answers", "step", "fix"),
    [
        ({"LIST": DENIED}, "list", "Storage Blob Data"),
        ({"LIST": refused(404, "ContainerNotFound")}, "reach", "create it"),
        ({"LIST": refused(403, "AuthenticationFailed")}, "list", "--account-key"),
        ({"LIST": Answer(200, "<html/>")}, "reach", "--endpoint"),
        ({"LIST": listing("root/k"), "HEAD": DENIED}, "read", "Storage Blob Data Reader"),
        ({"LIST": listing(), "PUT": DENIED}, "write", "Storage Blob Data Contributor"),
        ({"LIST": listing(), "PUT": refused(403, "AuthorizationFailure")}, "write", "networking settings"),
        ({"LIST": listing(), "DELETE": DENIED}, "delete", "Storage Blob Data Contributor"),
    ],
)
def test_each_failing_step_of_the_self_test_tells_what_to_do(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer], step: str, fix: str
) -> None:
    monkeypatch.setattr(azure_retry, "RETRY_FOR_S", 0.05)
    with CannedServer(on(answers)) as server:
        report = AzureStore(options_for(f"{server.url}/devstoreaccount1", "container", "root")).check(write=True)
    failed = [finding for finding in report.findings if finding.ok is False]
    assert [finding.step for finding in failed] == [step]
    assert failed[0].error is not None
    assert fix in failed[0].error.fix
    assert failed[0].detail == failed[0].error.message


def test_a_clock_that_is_wrong_is_told(store: AzureStore, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = listing()
    monkeypatch.setattr(selftest, "time", SimpleNamespace(time=lambda: time.time() + 900, monotonic=time.monotonic))
    report = store.check()
    assert not report.ok
    (clock,) = [finding for finding in report.findings if finding.step == "clock"]
    assert clock.ok is False
    assert clock.error is not None
    assert "NTP" in clock.error.fix
