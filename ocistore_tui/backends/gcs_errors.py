"""What Google Cloud Storage and its client say when something is wrong, in the program's words.

Codes: https://cloud.google.com/storage/docs/json_api/v1/status-codes
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from ocistore_tui.backends.rows import Row, root_cause
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

LOGIN = "gcloud auth application-default login"


_DENIED = Row(
    AccessDenied,
    "Google Cloud Storage refuses access",
    "the account lacks a right on the bucket; for somebody without the right to list, it may also not exist",
    "grant roles/storage.objectUser (to read only: roles/storage.objectViewer) on the bucket",
)
_UNKNOWN_CALLER = Row(
    AccessDenied,
    "Google Cloud Storage does not know the caller",
    "the credentials are missing, invalid or expired",
    f"run: {LOGIN} (gcloud auth login alone is not enough), or give --keyfile",
)
_THROTTLED = Row(
    Throttled,
    "Google Cloud Storage asks to slow down",
    "too many requests, also after several tries",
    "wait a minute and run the command again, with a smaller --concurrency",
)
_PROTECTED = Row(
    Refused,
    "the object may not be changed or deleted yet",
    "a retention policy or a hold protects it",
    "wait until the retention ends, or release the hold in the bucket's settings",
)
_NOT_GCS = Row(
    Unsupported,
    "this is not a Google Cloud Storage endpoint",
    "the answer is not that of its JSON API",
    "check --endpoint and STORAGE_EMULATOR_HOST, and whether a proxy or a login page is in between",
)
_FAILING = Row(
    Unavailable,
    "Google Cloud Storage fails",
    "the server reports an error of its own, also after several tries",
    "run the command again; see https://status.cloud.google.com",
)
_UNREACHABLE = Row(
    Unavailable,
    "Google Cloud Storage cannot be reached",
    "",
    "check the network, the proxy settings, --endpoint and STORAGE_EMULATOR_HOST",
)
_SILENT = Row(
    Unavailable,
    "Google Cloud Storage is silent",
    "the server takes the connection and does not answer in time",
    "check --endpoint and STORAGE_EMULATOR_HOST, then run the command again",
)
_NO_BUCKET = Row(StoreMissing, "no such bucket", "the bucket does not exist", "check the bucket's name, or create it")
_CHANGED = Row(
    PreconditionFailed,
    "somebody else changed the object",
    "it is another version than expected",
    "look at the new state and try again",
)
_BAD_REQUEST = Row(
    Unavailable, "Google Cloud Storage refuses the request", "", "check the bucket's name, --project-id and --endpoint"
)

BY_REASON = {
    "accountDisabled": _DENIED._replace(cause="billing of the project is off", fix="enable billing for the project"),
    "authError": _UNKNOWN_CALLER,
    "backendError": _FAILING,
    "conditionNotMet": _CHANGED,
    "forbidden": _DENIED,
    "invalidAltValue": _NOT_GCS,
    "objectUnderActiveHold": _PROTECTED,
    "quotaExceeded": Row(NoSpace, "a quota is used up", "the project's quota", "raise the quota, or wait"),
    "rateLimitExceeded": _THROTTLED,
    "required": _UNKNOWN_CALLER,
    "retentionPolicyNotMet": _PROTECTED,
    "userProjectMissing": Row(
        UsageError,
        "the bucket wants the requester to pay",
        "it has requester pays switched on",
        "name the project that pays with --project-id",
    ),
    "userRateLimitExceeded": _THROTTLED,
}
BY_STATUS = {
    400: _BAD_REQUEST,
    401: _UNKNOWN_CALLER,
    403: _DENIED,
    404: Row(NotFound, "no such object", "it is not in the bucket", "refresh the list, or verify the image"),
    405: _NOT_GCS,
    407: _UNREACHABLE._replace(cause="the proxy wants a password"),
    408: _UNREACHABLE._replace(cause="the server waited too long for the request"),
    409: _CHANGED,
    410: _FAILING._replace(cause="the upload session is gone"),
    412: _CHANGED,
    413: Row(NoSpace, "the object is too large", "the server's limit", "use smaller layers"),
    416: Row(IntegrityError, "the object is shorter than asked for", "the range is past its end", "verify the image"),
    429: _THROTTLED,
    501: Row(Unsupported, "the server does not offer the operation", "", "use Google Cloud Storage itself"),
    503: _THROTTLED,
    507: Row(NoSpace, "the server has no space left", "", "make room, then run the command again"),
}
_TLS = Row(
    Unavailable,
    "the server's certificate is not trusted",
    "",
    "give the issuing authority with --ca-bundle; check the host name in --endpoint",
)
_STALE_LOGIN = _UNKNOWN_CALLER._replace(message="the Google login cannot be renewed", cause="it expired or was revoked")
_NO_LOGIN = Row(
    AccessDenied,
    "no Google credentials found",
    "neither a key file nor Application Default Credentials are there",
    f"run: {LOGIN}; or give --keyfile, or --anonymous for a public bucket",
)
BY_CLASS: tuple[tuple[type[BaseException], Row], ...] = (
    (DataCorruption, Row(IntegrityError, "data was damaged on the way", "its checksum is wrong", "try again")),
    (requests.exceptions.SSLError, _TLS),
    (urllib3.exceptions.SSLError, _TLS),
    (requests.exceptions.ProxyError, _UNREACHABLE._replace(cause="the proxy does not answer")),
    (requests.exceptions.ReadTimeout, _SILENT),
    (requests.exceptions.Timeout, _UNREACHABLE._replace(cause="no answer in time")),
    (requests.exceptions.JSONDecodeError, _NOT_GCS),
    (requests.exceptions.InvalidURL, _NOT_GCS._replace(error=UsageError, cause="the endpoint is not a URL")),
    (requests.exceptions.MissingSchema, _NOT_GCS._replace(error=UsageError, cause="the endpoint lacks http(s)://")),
    (requests.exceptions.RequestException, _UNREACHABLE),
    (urllib3.exceptions.HTTPError, _UNREACHABLE),
    (auth.InvalidOperation, _UNKNOWN_CALLER._replace(cause="the bucket is not open to anonymous callers")),
    (auth.MalformedError, _NO_LOGIN._replace(error=UsageError, message="the Google key file is not usable")),
    (auth.MutualTLSChannelError, _TLS),
    (auth.DefaultCredentialsError, _NO_LOGIN),
    (auth.RefreshError, _STALE_LOGIN),
    (auth.TransportError, _UNREACHABLE._replace(message="Google's login service cannot be reached")),
    (auth.GoogleAuthError, _UNKNOWN_CALLER),
    (ConnectionError, _UNREACHABLE),
    (KeyError, _NOT_GCS),
    (ValueError, _NOT_GCS),
)
CAUGHT = (
    api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException, urllib3.exceptions.HTTPError,
    InvalidResponse, DataCorruption, ConnectionError, ValueError, KeyError,
)  # fmt: skip


def no_bucket(where: str, *, error: BaseException | None = None) -> OciStoreError:
    """The error for a bucket that is not there."""
    return _NO_BUCKET.made(where, _said(error) if error else "")


def no_object(where: str) -> OciStoreError:
    """What a look found that found nothing."""
    return BY_STATUS[404].made(where)


def not_gcs(where: str, *, cause: str = "") -> OciStoreError:
    """The error for an answer that cannot be Google's."""
    return _NOT_GCS.made(where, cause)


def translate(error: BaseException, *, where: str) -> OciStoreError:
    """The program's error for whatever the client raised: by code first, by status second, by class last."""
    if isinstance(error, OciStoreError):
        return error
    if isinstance(error, api.RetryError):  # the truth is in the cause
        return translate(error.cause or requests.ConnectionError("no answer in time"), where=where)
    if isinstance(error, auth.TransportError) and error.args and isinstance(error.args[0], requests.RequestException):
        return translate(error.args[0], where=where)
    status = status_of(error)
    said = _said(error)
    if status == 404 and "bucket" in said.lower() and "does not exist" in said:
        return _NO_BUCKET.made(where, said)
    if status:
        row = BY_REASON.get(_reason(error)) or BY_STATUS.get(status)
        if row is _CHANGED and status == 409 and "bucket" in said.lower():
            row = _BAD_REQUEST
        if row is None:
            row = _FAILING if status >= 500 else _BAD_REQUEST if status >= 400 else _NOT_GCS
        return row.made(where, f"HTTP {status}: {said}" if said else f"HTTP {status}")
    for kind, row in BY_CLASS:
        if isinstance(error, kind):
            return row.made(where, said)
    return _FAILING.made(where, said)


def status_of(error: BaseException) -> int | None:
    """The HTTP status the server answered with, if it did."""
    if isinstance(error, api.GoogleAPICallError):
        return int(error.code) if error.code else None
    if isinstance(error, InvalidResponse):
        status = getattr(error.response, "status_code", None)
        return int(status) if status else None
    return None


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Let only `OciStoreError` out."""
    try:
        yield
    except CAUGHT as error:
        raise translate(error, where=where) from error


def _body(error: Any) -> dict[str, Any]:
    """The ``error`` object of a JSON answer; the client itself reads it only from some of the answers."""
    try:
        found = error.response.json()["error"]
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError):
        return {}
    return found if isinstance(found, dict) else {}


def _reason(error: Any) -> str:
    for detail in getattr(error, "errors", None) or _body(error).get("errors") or ():
        if isinstance(detail, dict) and detail.get("reason"):
            return str(detail["reason"])
    return ""


def _said(error: BaseException) -> str:
    """The first line of what the server or the socket said; never the request with its headers."""
    if isinstance(error, api.GoogleAPICallError):
        text = str(_body(error).get("message") or error.message or "")
        # The client puts the request in front: "GET https://…: what the server said".
        if text.startswith(("GET ", "POST ", "PUT ", "DELETE ", "PATCH ", "HEAD ")) and ": " in text:
            text = text.split(": ", 1)[1]
    elif isinstance(error, InvalidResponse):
        text = str(_body(error).get("message") or getattr(error.response, "reason", "") or "")
    elif isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | ConnectionError):
        text = root_cause(error)
    else:
        text = str(error)
    lines = text.strip().splitlines()
    return lines[0][:200] if lines else ""
