"""Every row of the table: what the server answers or botocore raises, and what a person is told."""

from __future__ import annotations

import socket
import time
from typing import Any

import botocore.parsers
import pytest
import urllib3
from botocore import exceptions as sdk

from ocistore_tui.backends import s3_errors
from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.rows import Row
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.backends.s3_error_table import BY_CLASS_NAME, BY_CODE, BY_STATUS, NO_BUCKET
from ocistore_tui.backends.s3_errors import made
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
from tests.backends.s3_buckets import new_bucket, options, store_at, without_waiting
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import always, page, refusal, well

AGAIN = "run the same command again"


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return without_waiting(monkeypatch)


def operations(store: S3Store) -> dict[str, OciStoreError]:
    """What each operation raises."""
    found = {}
    for name, run in {
        "get": lambda: store.get("k", max_bytes=100),
        "put": lambda: store.put("k", b"other"),
        "list": lambda: list(store.list_entries("")),
        "dirs": lambda: list(store.list_dirs("")),
        "range": lambda: store.open_range("k", start=1, length=2, token='"7"').read(2),
    }.items():
        with pytest.raises(OciStoreError) as caught:
            run()
        found[name] = caught.value
    return found


CODES = {
    "AccessDenied": (403, AccessDenied, "grant s3:"),
    "AccountProblem": (403, AccessDenied, "grant s3:"),
    "AllAccessDisabled": (403, AccessDenied, "grant s3:"),
    "AuthorizationHeaderMalformed": (400, UsageError, "--region eu-west-1"),
    "BadDigest": (400, IntegrityError, "run again"),
    "BandwidthLimitExceeded": (503, Throttled, "--concurrency"),
    "ConditionalRequestConflict": (409, PreconditionFailed, "try again"),
    "EntityTooLarge": (400, NoSpace, "smaller layers"),
    "ExpiredToken": (400, AccessDenied, "aws sso login"),
    "ExpiredTokenException": (400, AccessDenied, "aws sso login"),
    "IllegalLocationConstraintException": (400, UsageError, "--region eu-west-1"),
    "InternalError": (500, Unavailable, AGAIN),
    "InvalidAccessKeyId": (403, AccessDenied, "AWS_ACCESS_KEY_ID"),
    "InvalidBucketName": (400, UsageError, "bucket's name"),
    "InvalidDigest": (400, IntegrityError, "run again"),
    "InvalidEncryptionAlgorithmError": (400, UsageError, "--sse"),
    "InvalidObjectState": (403, Refused, "restore-object"),
    "InvalidRange": (416, IntegrityError, "verify"),
    "InvalidSecurity": (403, AccessDenied, "--secret-key"),
    "InvalidStorageClass": (400, UsageError, "--storage-class"),
    "InvalidToken": (400, AccessDenied, "session token"),
    "KMS.DisabledException": (400, AccessDenied, "kms:GenerateDataKey"),
    "KMS.KMSInvalidStateException": (400, AccessDenied, "kms:Decrypt"),
    "KMS.NotFoundException": (400, AccessDenied, "--sse-kms-key-id"),
    "KMS.SomethingNewException": (400, AccessDenied, "--sse-kms-key-id"),
    "KeyTooLongError": (400, UsageError, "--root-dir"),
    "MethodNotAllowed": (405, Unsupported, "another server"),
    "MissingContentLength": (411, Unsupported, "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"),
    "NoSuchBucket": (404, StoreMissing, "aws s3 mb s3://bucket"),
    "NoSuchKey": (404, NotFound, "refresh"),
    "NoSuchUpload": (404, Unavailable, AGAIN),
    "NoSuchVersion": (404, NotFound, "refresh"),
    "NotImplemented": (501, Unsupported, "another server"),
    "NotSignedUp": (403, AccessDenied, "grant s3:"),
    "OperationAborted": (409, Throttled, "wait"),
    "PermanentRedirect": (301, UsageError, "--region eu-west-1"),
    "PreconditionFailed": (412, PreconditionFailed, "try again"),
    "QuotaExceeded": (403, NoSpace, "quota"),
    "RequestLimitExceeded": (503, Throttled, "--concurrency"),
    "RequestTimeTooSkewed": (403, AccessDenied, "timedatectl"),
    "RequestTimeout": (400, Unavailable, AGAIN),
    "ServiceUnavailable": (503, Throttled, "--concurrency"),
    "SignatureDoesNotMatch": (403, AccessDenied, "--secret-key"),
    "SlowDown": (503, Throttled, "--concurrency"),
    "Throttling": (400, Throttled, "--concurrency"),
    "ThrottlingException": (400, Throttled, "--concurrency"),
    "TokenRefreshRequired": (400, AccessDenied, "session token"),
    "TooManyRequests": (429, Throttled, "--concurrency"),
    "UnauthorizedAccess": (403, AccessDenied, "grant s3:"),
    "UnsupportedAlgorithm": (400, AccessDenied, "leave out --anonymous"),
    "XAmzContentChecksumMismatch": (400, IntegrityError, "run again"),
    "XAmzContentSHA256Mismatch": (400, IntegrityError, "run again"),
    "XMinioAdminBucketQuotaExceeded": (400, NoSpace, "quota"),
    "XMinioStorageFull": (507, NoSpace, "room"),
    "UnheardOf": (400, Unavailable, "--endpoint"),
    "UnheardOfEither": (500, Unavailable, AGAIN),
}
"""Code: the status it comes with, the error it becomes, what the fix names."""
EXIT_CODES = {
    UsageError: 2, NotFound: 3, StoreMissing: 3, AccessDenied: 4, IntegrityError: 6, Refused: 8, PreconditionFailed: 8
}  # fmt: skip


def test_no_row_is_left_out() -> None:
    assert set(BY_CODE) <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_what_the_server_refuses(code: str, waited: list[float]) -> None:
    status, kind, hint = CODES[code]
    with CannedServer(always(refusal(status, code, region="eu-west-1"))) as server:
        told = operations(store_at(server))
    for name, error in told.items():
        assert type(error) is kind, (name, error.cause)
        assert error.exit_code == EXIT_CODES.get(kind, 5)
        assert hint in error.fix, name
        assert error.where.startswith("s3://bucket")
        assert error.cause.endswith(f"{code}: what the server said"), name
        assert s3_errors.code_of(error.__cause__) == code


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (301, UsageError, "--region"),
        (400, Unavailable, "--endpoint"),
        (401, AccessDenied, "--secret-key"),
        (403, AccessDenied, "grant s3:"),
        (405, Unsupported, "another server"),
        (407, Unavailable, "proxy"),
        (408, Unavailable, AGAIN),
        (409, PreconditionFailed, "try again"),
        (411, Unsupported, "another server"),
        (412, PreconditionFailed, "try again"),
        (413, NoSpace, "smaller layers"),
        (416, IntegrityError, "verify"),
        (418, Unavailable, "--endpoint"),
        (429, Throttled, "--concurrency"),
        (500, Unavailable, AGAIN),
        (501, Unsupported, "another server"),
        (502, Unavailable, AGAIN),
        (503, Throttled, "--concurrency"),
        (504, Unavailable, AGAIN),
        (507, NoSpace, "quota"),
    ],
)
@pytest.mark.parametrize("body", ["", "<html><body>Sorry</body></html>"])
def test_what_comes_without_a_code(
    status: int, kind: type[OciStoreError], hint: str, body: str, waited: list[float]
) -> None:
    with CannedServer(always(Answer(status, body))) as server:
        told = operations(store_at(server))
    for name, error in told.items():
        assert type(error) is kind, (name, error.cause)
        assert hint in error.fix, name
        assert f"HTTP {status}" in error.cause, name


@pytest.mark.parametrize(("body", "kind"), [("<html></html>", Unsupported), ("", NotFound)])
def test_a_404_of_a_web_server_is_no_missing_object(body: str, kind: type[OciStoreError]) -> None:
    with CannedServer(always(Answer(404, body))) as server:
        assert {type(error) for error in operations(store_at(server)).values()} == {kind}


@pytest.mark.parametrize("row", [*BY_CODE.values(), *BY_STATUS.values(), *(row for _, row in BY_CLASS_NAME)])
def test_every_row_tells_what_to_do(row: Row) -> None:
    assert issubclass(row.error, OciStoreError)
    assert row.message
    assert not row.message.endswith(".")
    assert row.fix


TOLD = ImportError("inner words")


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (sdk.NoCredentialsError(), AccessDenied, "AWS_ACCESS_KEY_ID"),
        (sdk.PartialCredentialsError(provider="env", cred_var="secret"), UsageError, "AWS_ACCESS_KEY_ID"),
        (sdk.CredentialRetrievalError(provider="process", error_msg="no"), AccessDenied, "--profile"),
        (sdk.MetadataRetrievalError(error_msg="no"), AccessDenied, "--profile"),
        (sdk.UnauthorizedSSOTokenError(), AccessDenied, "aws sso login"),
        (sdk.SSOTokenLoadError(error_msg="none"), AccessDenied, "aws sso login"),
        (sdk.TokenRetrievalError(provider="sso", error_msg="late"), AccessDenied, "aws sso login"),
        (sdk.LoginRefreshRequired(), AccessDenied, "aws login"),
        (sdk.ProfileNotFound(profile="prod"), UsageError, "list-profiles"),
        (sdk.ConfigParseError(path="config", error="odd"), UsageError, "list-profiles"),
        (sdk.InvalidConfigError(error_msg="odd"), UsageError, "list-profiles"),
        (sdk.FlexibleChecksumError(error_msg="differs"), IntegrityError, "run again"),
        (sdk.SSLError(endpoint_url="x", error=TOLD), Unavailable, "--ca-bundle"),
        (sdk.ProxyConnectionError(proxy_url="x", error=TOLD), Unavailable, "proxy"),
        (sdk.EndpointConnectionError(endpoint_url="x", error=TOLD), Unavailable, "--endpoint"),
        (sdk.ConnectTimeoutError(endpoint_url="x", error=TOLD), Unavailable, "network"),
        (sdk.ReadTimeoutError(endpoint_url="x", error=TOLD), Unavailable, AGAIN),
        (sdk.ConnectionClosedError(endpoint_url="x", error=TOLD), Unavailable, AGAIN),
        (sdk.ResponseStreamingError(error=TOLD), Unavailable, AGAIN),
        (sdk.IncompleteReadError(actual_bytes=1, expected_bytes=2), Unavailable, AGAIN),
        (sdk.HTTPClientError(error=TOLD), Unavailable, AGAIN),
        (sdk.InvalidRegionError(region_name="no where"), UsageError, "--region"),
        (sdk.ParamValidationError(report="bucket"), UsageError, "bucket's name"),
        (sdk.UnsupportedS3ConfigurationError(msg="no"), UsageError, "bucket's name"),
        (botocore.parsers.ResponseParserError("not XML"), Unsupported, "--endpoint"),
        (urllib3.exceptions.SSLError("bad"), Unavailable, "--ca-bundle"),
        (urllib3.exceptions.ProtocolError("cut"), Unavailable, AGAIN),
        (ConnectionResetError("reset"), Unavailable, AGAIN),
        (ValueError("Invalid bucket"), UsageError, "bucket's name"),
        (sdk.BotoCoreError(), Unavailable, AGAIN),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_client_raises(error: Exception, kind: type[OciStoreError], hint: str) -> None:
    assert isinstance(error, s3_errors.CAUGHT)
    told = s3_errors.translate(error, where="s3://bucket/k", bucket="bucket")
    assert type(told) is kind
    assert hint in told.fix
    assert " object at 0x" not in told.cause


@pytest.mark.parametrize(
    ("code", "message"), [("ExpiredToken", "expired"), ("RequestTimeTooSkewed", "clock"), ("NoSuchBucket", "bucket")]
)
@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_head_refused_without_a_word_is_explained(status: int, code: str, message: str) -> None:
    """The reply to a HEAD has no body; one look at the list brings the reason."""
    with CannedServer(always(refusal(status, code))) as server, pytest.raises(OciStoreError, match=message) as caught:
        store_at(server).head("k")
    assert [request.method for request in server.requests if request.method != "HEAD"] == ["GET"]
    assert s3_errors.code_of(caught.value.__cause__) == code


def test_a_head_refused_for_the_object_alone_is_an_error_not_an_absence() -> None:
    def answer(request: Request) -> Answer:
        return Answer(403) if request.method == "HEAD" else page("k")

    with CannedServer(answer) as server, pytest.raises(AccessDenied) as caught:
        store_at(server).head("k")
    assert "s3:GetObject" in caught.value.fix
    assert "may also mean that the object does not exist" in caught.value.cause


def test_without_the_right_to_list_a_missing_object_is_missing_all_the_same() -> None:
    def answer(request: Request) -> Answer:
        return Answer(404) if request.method == "HEAD" else refusal(403, "AccessDenied")

    with CannedServer(answer) as server:
        assert store_at(server).head("k") is None


def test_a_redirect_to_the_right_region_is_followed_once() -> None:
    def answer(request: Request) -> Answer:
        if "/eu-west-1/s3/" in request.headers["authorization"]:
            return well(request)
        return refusal(400, "AuthorizationHeaderMalformed", region="eu-west-1")

    with CannedServer(answer) as server:
        assert store_at(server).get("k", max_bytes=1)[0] == b"x"


def test_no_credentials_at_all() -> None:
    with CannedServer(well) as server:
        store = S3Store(S3Options("bucket", endpoint=server.url))
        for error in operations(store).values():
            assert type(error) is AccessDenied
            assert error.message == "no credentials found"
            for way in ("AWS_ACCESS_KEY_ID", "--profile", "--anonymous"):
                assert way in error.fix
    assert server.requests == []


@pytest.mark.parametrize(
    "body",
    [
        "<html><body>Sign in here</body>",
        '<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body>Sign in</body></html>',
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></ListBucketResult>',
        "{}",
        "",
    ],
)
def test_another_kind_of_server_is_not_an_empty_bucket(body: str, waited: list[float]) -> None:
    """A captive portal, a web console, a proxy: whatever one asks, the answer is 200 and a page."""
    with CannedServer(always(Answer(200, body, {"Content-Type": "text/html"}))) as server:
        store = store_at(server)
        told = operations(store)
        with pytest.raises(Unsupported) as caught:
            store.head("k")
        told["head"] = caught.value
        for size_bytes in (5, 9 * MIB):
            data = b"x" * size_bytes
            with pytest.raises(Unavailable):
                store.put_stream("k", [data], size_bytes=size_bytes, digest=Digest.of(data), if_absent=False)
        report = store.check()
    assert isinstance(told.pop("put"), Unavailable)  # to the SDK, a page in reply to a PUT is a failing server
    for name, error in told.items():
        assert type(error) is Unsupported, (name, error)
        assert error.message == "this is not an S3 endpoint"
        assert "--endpoint" in error.fix
    assert not report.ok


@pytest.mark.parametrize("code", ["SlowDown", ""])
def test_a_permanent_503_is_given_up_within_a_minute(code: str, waited: list[float]) -> None:
    with CannedServer(always(refusal(503, code))) as server:
        store = store_at(server)
        data = b"x" * 9 * MIB
        for run in (
            lambda: store.get("k", max_bytes=1),
            lambda: store.head("k"),
            lambda: store.put("k", b"x"),
            lambda: store.put("k", b"x", if_absent=True),
            lambda: store.put_stream("k", [data], size_bytes=len(data), digest=Digest.of(data)),
            lambda: list(store.list_entries("")),
        ):
            waited.clear()
            server.requests.clear()
            with pytest.raises(Throttled, match="slow down"):
                run()
            assert sum(waited) < 60
            assert 5 <= len(server.requests) <= 10
        ((key, error),) = store.delete(["k"])
    assert (key, type(error)) == ("k", Throttled)
    assert error.kind == "throttled"


def test_a_refused_connection_fails_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        S3Store(options(f"http://127.0.0.1:{port}", "bucket")).head("k")
    assert time.monotonic() - started < 5
    assert "refused" in caught.value.cause
    assert "--endpoint" in caught.value.fix


def test_a_wrong_host_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        S3Store(options("http://nowhere.invalid", "bucket")).head("k")
    assert time.monotonic() - started < 5
    assert "not known" in caught.value.cause


def test_no_secret_is_told() -> None:
    place = options("http://127.0.0.1:1", "bucket", session_token="hush-token")
    for secret in (place.secret_key, place.access_key, place.session_token):
        assert secret is not None
        assert secret not in repr(place)
        assert secret not in S3Store(place).url


def test_a_server_that_takes_nobody_unsigned(rclone: str) -> None:
    bucket = new_bucket(rclone)
    store = S3Store(S3Options(bucket.bucket, endpoint=rclone, anonymous=True))
    for ask in (lambda: list(store.list_entries("")), lambda: store.head("k"), lambda: store.get("k", max_bytes=1)):
        with pytest.raises(AccessDenied, match="unsigned") as caught:
            ask()
        assert "--access-key" in caught.value.fix


def test_a_missing_bucket_is_made_where_it_is_missing(moto: str) -> None:
    """The command is to be copied: on AWS it needs no more, elsewhere it would make a bucket on AWS."""
    with pytest.raises(StoreMissing) as caught:
        list(S3Store(options(moto)).list_entries(""))
    assert caught.value.fix.endswith(f" --endpoint-url {moto}")
    assert made(NO_BUCKET, "s3://b", bucket="b").fix.endswith("aws s3 mb s3://b")
    assert made(NO_BUCKET, "s3://b/docker/registry/v2/some/key", bucket="b").where == "s3://b"
