"""What Azure Blob Storage and its client say when something is wrong, in the program's words.

Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

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

_NO_OBJECT = Row(NotFound, "no such object", "it is not in the container", "refresh the list, or verify the image")
_NO_CONTAINER = Row(
    StoreMissing, "no such container", "the container does not exist", "check the container's name, or create it"
)
_NO_ADDRESS = Row(
    Unavailable, "the host of --endpoint has no address", "", "check --endpoint, and the network's name service"
)
_NO_ACCOUNT = Row(
    Unavailable,
    "the storage account has no address",
    "no account of this name may exist, or the name service fails for now",
    "check --account-name, and the network's name service",
)
_ROLE = Row(
    AccessDenied,
    "Azure refuses access",
    "the caller lacks a data role on the container; being the account's owner is not enough",
    "assign Storage Blob Data Contributor (to read only: Storage Blob Data Reader)",
)
_FIREWALL = Row(
    AccessDenied,
    "Azure refuses access",
    "the account's firewall does not let this network in, or the SAS does not cover the operation",
    "allow the network in the account's networking settings, or make a SAS with read, write, list and delete",
)
_BAD_LOGIN = Row(
    AccessDenied,
    "Azure does not know the caller",
    "the key, SAS or token is wrong or expired, or this machine's clock is",
    "check --account-key or --sas-token, or run: az login",
)
_PUBLIC = Row(
    AccessDenied,
    "the container is not public",
    "anonymous access is off",
    "give --account-key, --sas-token or --connection-string, or run: az login",
)
_THROTTLED = Row(
    Throttled,
    "Azure asks to slow down",
    "too many requests, also after several tries",
    "wait a minute and run the command again, with a smaller --concurrency",
)
_CHANGED = Row(
    PreconditionFailed,
    "somebody else changed the object",
    "it is another version than expected",
    "look at the new state and try again",
)
_EXISTS = _CHANGED._replace(cause="it is there already")
_PROTECTED = Row(
    Refused,
    "the object may not be changed or deleted",
    "an immutability policy or legal hold protects it",
    "wait until the policy ends, or lift it in the container's settings",
)
_LEASED = _PROTECTED._replace(
    cause="somebody holds a lease on it", fix="let the lease end, or: az storage blob lease break"
)
_ARCHIVED = Row(
    Unavailable,
    "the object is in the archive tier",
    "it cannot be read before it is brought back",
    "run: az storage blob set-tier --tier Hot, and wait for hours",
)
_BAD_RANGE = Row(
    IntegrityError, "the object is shorter than asked for", "the range is past its end", "verify the image"
)
_DAMAGED = Row(IntegrityError, "data was damaged on the way", "its checksum is wrong", "try again")
_FULL = Row(NoSpace, "the account's limit is reached", "", "make room, or use another account")
_UNSUPPORTED = Row(Unsupported, "the server does not offer the operation", "", "use a newer server, or Azure itself")
_NOT_AZURE = Row(
    Unsupported,
    "this is not an Azure Blob Storage endpoint",
    "the answer is not one of its",
    "check --endpoint, and whether a proxy or a login page is in between",
)
_VERSION = Row(
    Unsupported,
    "the server does not know this version of the API",
    "it is older than the client",
    "start an emulator with --skipApiVersionCheck, or name the server's version in the connection's api_version",
)
_FAILING = Row(
    Unavailable,
    "Azure Blob Storage fails",
    "the server reports an error of its own, also after several tries",
    "run the command again; see https://azure.status.microsoft",
)
_UNREACHABLE = Row(
    Unavailable, "Azure Blob Storage cannot be reached", "", "check the network, the proxy settings and --endpoint"
)
_SILENT = Row(
    Unavailable,
    "Azure Blob Storage is silent",
    "the server takes the connection and does not answer in time",
    "check --endpoint, then run the command again",
)
_TLS = Row(
    Unavailable,
    "the server's certificate is not trusted",
    "",
    "give the issuing authority with --ca-bundle; check the host name in --endpoint",
)
_BAD_REQUEST = Row(
    Unavailable, "Azure refuses the request", "", "check the container's name, --account-name and --endpoint"
)
_OTHER_TYPE = Row(
    Refused, "the object is of another blob type", "a registry wrote it as an append blob", "delete it, then try again"
)
_BLOCKS_GONE = Row(
    Unavailable, "parts of the upload are gone", "somebody else uploaded the same object", "run the command again"
)
_NO_LOGIN = Row(
    AccessDenied,
    "no Azure credentials found",
    "",
    "run: az login; or give --account-key, --sas-token or --connection-string",
)

BY_CODE = {
    "AccountIsDisabled": _ROLE._replace(cause="the storage account is disabled", fix="enable it, or pay the bill"),
    "AuthenticationFailed": _BAD_LOGIN,
    "AuthorizationFailure": _FIREWALL,
    "AuthorizationPermissionMismatch": _ROLE,
    "AuthorizationProtocolMismatch": _FIREWALL._replace(cause="the SAS is only for https", fix="use an https endpoint"),
    "AuthorizationResourceTypeMismatch": _FIREWALL._replace(cause="the SAS is for another kind of resource"),
    "AuthorizationServiceMismatch": _FIREWALL._replace(cause="the SAS is not for the blob service"),
    "AuthorizationSourceIPMismatch": _FIREWALL._replace(cause="the SAS is not for this network address"),
    "BlobAlreadyExists": _EXISTS,
    "BlobArchived": _ARCHIVED,
    "BlobBeingRehydrated": _ARCHIVED._replace(cause="it is being brought back", fix="wait for hours"),
    "BlobImmutableDueToPolicy": _PROTECTED,
    "BlobNotFound": _NO_OBJECT,
    "BlobOverwritten": _CHANGED,
    "CannotVerifyCopySource": _UNSUPPORTED._replace(cause="the copy's source cannot be read from there"),
    "ConditionNotMet": _CHANGED,
    "ContainerBeingDeleted": _NO_CONTAINER._replace(cause="it is being deleted", fix="wait a minute"),
    "ContainerNotFound": _NO_CONTAINER,
    "ContentLengthMustBeZero": _BAD_REQUEST,
    "FeatureVersionMismatch": _VERSION,
    "InsufficientAccountPermissions": _ROLE,
    "InternalError": _FAILING,
    "InvalidAuthenticationInfo": _BAD_LOGIN,
    "InvalidBlobOrBlock": _BLOCKS_GONE,
    "InvalidBlobType": _OTHER_TYPE,
    "InvalidBlockList": _BLOCKS_GONE,
    "InvalidHeaderValue": _VERSION,
    "InvalidRange": _BAD_RANGE,
    "InvalidResourceName": Row(
        UsageError, "the container's name is not valid", "3 to 63 of a-z, 0-9 and -", "check the container's name"
    ),
    "LeaseIdMissing": _LEASED,
    "Md5Mismatch": _DAMAGED,
    "Crc64Mismatch": _DAMAGED,
    "NoAuthenticationInformation": _PUBLIC,
    "OperationTimedOut": _THROTTLED,
    "PublicAccessNotPermitted": _PUBLIC,
    "RequestBodyTooLarge": _FULL._replace(message="the object is too large", cause="the server's limit"),
    "ResourceNotFound": _NO_CONTAINER,
    "ResourceTypeMismatch": _NOT_AZURE,
    "ServerBusy": _THROTTLED,
    "SnapshotsPresent": _PROTECTED._replace(
        cause="it has snapshots", fix="delete them: az storage blob delete --delete-snapshots only"
    ),
    "TargetConditionNotMet": _CHANGED,
    "UnauthorizedBlobOverwrite": _ROLE._replace(cause="the SAS may create blobs but not replace them"),
}
BY_CREDENTIAL = {
    ("AuthenticationFailed", "key"): (
        "the account key is wrong, or this machine's clock is",
        "check the key given by --account-key or --connection-string, and the clock",
    ),
    ("AuthenticationFailed", "sas"): (
        "the SAS is wrong or expired, or this machine's clock is",
        "make a new SAS and give it with --sas-token",
    ),
    ("AuthenticationFailed", "token"): (
        "the login is expired or of another tenant, or this machine's clock is wrong",
        "run: az login",
    ),
    ("AuthorizationFailure", "key"): (  # Azurite says so of a wrong key, Azure of its firewall
        "the account key is wrong, or the account's firewall does not let this network in",
        "check the key given by --account-key or --connection-string, then the account's networking settings",
    ),
    ("AuthorizationFailure", "sas"): (
        "the SAS does not cover the operation, or the account's firewall does not let this network in",
        "make a SAS with read, write, list and delete, or allow the network in the account's networking settings",
    ),
    ("AuthorizationFailure", "token"): (
        "the account's firewall does not let this network in",
        "allow the network in the account's networking settings",
    ),
}
"""Cause and fix where it depends on what signed the request: a ``key``, a ``sas`` or a ``token``."""
BY_STATUS = {
    400: _BAD_REQUEST,
    401: _BAD_LOGIN,
    403: _ROLE,
    404: _NO_OBJECT,
    405: _NOT_AZURE,
    407: _UNREACHABLE._replace(cause="the proxy wants a password"),
    408: _UNREACHABLE._replace(cause="the server waited too long for the request"),
    409: _CHANGED,
    412: _CHANGED,
    413: _FULL._replace(message="the object is too large", cause="the server's limit"),
    416: _BAD_RANGE,
    429: _THROTTLED,
    501: _UNSUPPORTED,
    503: _THROTTLED,
    507: _FULL,
}
BY_CLASS: tuple[tuple[type[BaseException], Row], ...] = (
    (ClientAuthenticationError, _NO_LOGIN),
    (IncompleteReadError, _UNREACHABLE._replace(cause="the connection was cut")),  # before its parent, DecodeError
    (DecodeError, _NOT_AZURE),
    (DeserializationError, _NOT_AZURE),
    (ServiceResponseTimeoutError, _SILENT),
    (ServiceRequestError, _UNREACHABLE),
    (ServiceResponseError, _UNREACHABLE),
    (HttpResponseError, _UNREACHABLE),  # without a status: a body that could not be read to its end
    (AzureError, _FAILING),
    (ConnectionError, _UNREACHABLE),
    (ValueError, _NOT_AZURE),
)
CAUGHT = (AzureError, ConnectionError, ValueError)
_NAME_SERVICE = ("getaddrinfo failed", "Name or service not known", "NameResolutionError", "nodename nor servname",
                 "Temporary failure in name resolution", "No address associated", "Failed to resolve")  # fmt: skip
_ACCOUNT_HOST = re.compile(r"\.blob\.(core|storage)\.[\w.]+")
"""Microsoft's own hosts, in every cloud, which have an account's name in front."""


def no_object(where: str) -> NotFound:
    """What a look found that found nothing."""
    return NotFound(_NO_OBJECT.message, where=where, cause=_NO_OBJECT.cause, fix=_NO_OBJECT.fix)


def nothing_there(error: BaseException) -> bool:
    """Whether the blob, not its container, is what is missing."""
    return isinstance(error, NotFound) and not isinstance(error, StoreMissing)


def translate(error: BaseException, *, where: str, account: str = "", credential: str = "") -> OciStoreError:
    """The program's error for whatever the client raised: by code first, by status second, by class last.

    ``credential`` is what signed the request: ``key``, ``sas``, ``token``, or nothing that is known.
    """
    if isinstance(error, OciStoreError):
        return error
    said = _said(error)
    code = code_of(error)
    status = getattr(error, "status_code", None)
    if code in BY_CODE:
        cause, fix = BY_CREDENTIAL.get((code, credential), BY_CODE[code][2:])
        return BY_CODE[code]._replace(cause=cause, fix=fix).made(where, f"{code}: {said}")
    if isinstance(error, HttpResponseError) and status:
        row = BY_STATUS.get(status) or (_FAILING if status >= 500 else _BAD_REQUEST if status >= 400 else _NOT_AZURE)
        return row.made(where, f"HTTP {status}: {said}")
    text = str(error)
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        if any(sign in text for sign in _NAME_SERVICE):
            if not _ACCOUNT_HOST.search(text):
                return _NO_ADDRESS.made(where, said)
            named = f"the storage account {account} has no address" if account else _NO_ACCOUNT.message
            return _NO_ACCOUNT._replace(message=named).made(where, said)
        if "SSL" in text or "certificate" in text.lower():
            return _TLS.made(where, said)
    for kind, row in BY_CLASS:
        if isinstance(error, kind):
            return row.made(where, said)
    return _FAILING.made(where, said)


def code_of(error: BaseException | None) -> str:
    """Azure's code, which the client gives now as text and now as a member of an enumeration."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


@contextmanager
def translated(where: str, *, account: str = "", credential: str = "") -> Iterator[None]:
    """Let only `OciStoreError` out."""
    try:
        yield
    except CAUGHT as error:
        raise translate(error, where=where, account=account, credential=credential) from error


def _said(error: BaseException) -> str:
    """The first useful line of what the server, the client or the system said; no request ids, no signatures."""
    detail = (getattr(error, "additional_info", None) or {}).get("authenticationerrordetail")
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        text = root_cause(error)
    else:
        text = detail or str(getattr(error, "message", None) or error)
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    if isinstance(error, ClientAuthenticationError) and len(lines) > 1 and "failed to retrieve" in lines[0]:
        # DefaultAzureCredential lists all it tried; the developer's own login is the one that can be mended.
        lines = [line for line in lines if "AzureCliCredential" in line] or lines[1:]
    return re.sub(r"(?i)\b(sig|signature|accountkey|token)=[^&\s;]+", r"\1=…", lines[0])[:200]
