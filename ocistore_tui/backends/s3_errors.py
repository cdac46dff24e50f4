"""From what botocore raised to the program's errors, by the table.

By code first, by HTTP status second, by exception class last, for nearly everything a server says comes as a bare
`ClientError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3.exceptions
from botocore import exceptions as sdk

from ocistore_tui.backends.rows import Row, root_cause
from ocistore_tui.backends.s3_error_table import (
    BAD_NAME,
    BAD_REQUEST,
    BY_CLASS_NAME,
    BY_CODE,
    BY_STATUS,
    CUT,
    FAILING,
    KMS,
    NOT_S3,
    PERMISSIONS,
    TLS,
    WRONG_REGION,
)
from ocistore_tui.errors import OciStoreError, StoreMissing


def _classes() -> tuple[tuple[type[Exception], Row], ...]:
    import botocore.parsers

    found: list[tuple[type[Exception], Row]] = []
    for name, row in BY_CLASS_NAME:
        kind = getattr(botocore.parsers if name == "ResponseParserError" else sdk, name, None)
        if kind is not None:
            found.append((kind, row))
    return (*found, (urllib3.exceptions.SSLError, TLS), (urllib3.exceptions.HTTPError, CUT), (OSError, CUT))


BY_CLASS = _classes()
CAUGHT: tuple[type[Exception], ...] = (sdk.ClientError, *(kind for kind, _ in BY_CLASS), ValueError)


def code_of(error: BaseException | None) -> str:
    """The S3 error code; ``""`` where the server sent none."""
    if isinstance(error, sdk.ClientError):
        return str(error.response.get("Error", {}).get("Code") or "")
    return ""


def status_of(error: BaseException | None) -> int | None:
    """The HTTP status of an error reply; of a HEAD that is all there is."""
    if isinstance(error, sdk.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = code_of(error)
        return int(status) if status else int(code) if code.isdigit() else None
    return None


def row_of(code: str, status: int | None) -> Row:
    """The line of the table for an error code and an HTTP status, either of which may be missing."""
    row = BY_CODE.get(code)
    if row is None and code.startswith("KMS."):
        row = KMS
    if row is None and status is not None:
        if not code and status == 404:
            return NOT_S3  # a server without S3's error documents; HEAD has its status as code
        row = BY_STATUS.get(status)
    if row is None:
        row = BAD_REQUEST if status is not None and 400 <= status < 500 else FAILING
    return row


def translate(error: BaseException, *, where: str, bucket: str, endpoint: str = "") -> OciStoreError:
    """The program's error for whatever the client raised; ``endpoint`` is the server's address, unless it is AWS."""
    if isinstance(error, OciStoreError):
        return error
    if isinstance(error, sdk.ClientError):
        code, status = code_of(error), status_of(error)
        details: Any = error.response.get("Error", {})
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region = details.get("Region") or headers.get("x-amz-bucket-region") or ""
        row = row_of(code, status)
        if row is WRONG_REGION and not region:
            row = row._replace(cause="the server does not say which", fix="give the bucket's region with --region")
        said = _first_line(details.get("Message"))
        if code and not code.isdigit():
            said = f"{code}: {said}" if said else code
        elif status:
            said = f"HTTP {status}"
        operation = error.operation_name
        return made(row, where, said=said, bucket=bucket, operation=operation, region=region, endpoint=endpoint)
    for kind, row in BY_CLASS:
        if isinstance(error, kind):
            return made(row, where, said=_reason(error, endpoint), bucket=bucket)
    return made(BAD_NAME, where, said=_first_line(error), bucket=bucket)


def made(
    row: Row, where: str, *, said: str = "", bucket: str, operation: str = "", region: str = "", endpoint: str = ""
) -> OciStoreError:
    """The error of a row, with its ``{bucket}``, ``{permission}``, ``{region}`` and ``{endpoint}`` filled in.

    The last is what AWS's own program needs behind its arguments: ``--endpoint-url URL`` after a space, or nothing.
    """
    values = {
        "bucket": bucket,
        "permission": PERMISSIONS.get(operation, "the permission"),
        "region": region,
        "endpoint": f" --endpoint-url {endpoint}" if endpoint else "",
    }
    filled = Row(row.error, *(text.format(**values) for text in (row.message, row.cause, row.fix)))
    # Which key was asked for tells nothing where the whole bucket is missing.
    return filled.made(f"s3://{bucket}" if row.error is StoreMissing else where, said)


@contextmanager
def translated(where: str, *, bucket: str) -> Iterator[None]:
    """Let only `OciStoreError` out."""
    try:
        yield
    except CAUGHT as error:
        raise translate(error, where=where, bucket=bucket) from error


def _first_line(said: object) -> str:
    lines = str(said or "").strip().splitlines()
    return lines[0][:200] if lines else ""


def _reason(error: BaseException, endpoint: str) -> str:
    """What the system said, without the request: its URL and object addresses help nobody."""
    inner = getattr(error, "kwargs", {}).get("error")
    said = _first_line(root_cause(inner if isinstance(inner, BaseException) else error))
    return f"{said} ({endpoint})" if endpoint and endpoint not in said else said
