"""The self-test of an S3 bucket."""

from __future__ import annotations

import time
import uuid
from email.utils import parsedate_to_datetime
from typing import Any

from ocistore_tui.backends.base import Finding, ObjectStore, Report
from ocistore_tui.backends.s3_bucket import Bucket
from ocistore_tui.backends.s3_error_table import CLOCK
from ocistore_tui.backends.s3_errors import code_of, made
from ocistore_tui.backends.s3_listing import Page
from ocistore_tui.backends.s3_writer import NO_SUCH_ETAG, Conditions
from ocistore_tui.errors import AccessDenied, NotFound, OciStoreError, PreconditionFailed, UsageError

_CLOCK_LIMIT_S = 600
"""S3 refuses requests more than 15 minutes off; say so before it does."""


def check_bucket(store: ObjectStore, bucket: Bucket, conditions: Conditions, *, write: bool) -> Report:
    """Look step by step; with ``write``, write one small object, conditionally too, and delete it again."""
    try:
        page = bucket.probe()
    except OciStoreError as error:
        return Report(_refused(error))
    findings = [
        Finding("reach", True, bucket.connection.client.meta.endpoint_url),
        Finding("sign in", True, "anonymous" if bucket.options.anonymous else ""),
        _region(bucket, page.headers),
        Finding("list", True),
        _read(bucket, page),
        _clock(bucket, page.headers.get("date")),
    ]
    if write:
        findings += _write(store, conditions)
    else:
        findings.append(Finding("write", None, "not tried"))
    return Report(tuple(findings))


def _refused(error: OciStoreError) -> tuple[Finding, ...]:
    """A first request that failed, and what it shows to work all the same."""
    reach, sign_in = Finding("reach", True), Finding("sign in", True)
    if isinstance(error, NotFound):
        return (reach, sign_in, Finding("list", False, error.message, error))
    if isinstance(error, AccessDenied):
        if code_of(error.__cause__) == "RequestTimeTooSkewed":
            return (reach, Finding("clock", False, error.message, error))
        if code_of(error.__cause__) == "AccessDenied":
            return (reach, sign_in, Finding("list", False, error.message, error))
        if code_of(error.__cause__):
            return (reach, Finding("sign in", False, error.message, error))
        return (Finding("reach", None, "not tried"), Finding("sign in", False, error.message, error))
    if isinstance(error, UsageError) and code_of(error.__cause__):
        return (reach, Finding("region", False, error.message, error))
    return (Finding("reach", False, error.message, error),)


def _region(bucket: Bucket, headers: dict[str, Any]) -> Finding:
    mine, its = bucket.connection.region, headers.get("x-amz-bucket-region")
    if its and its != mine:
        # Requests are redirected, so this costs time, not success.
        return Finding("region", True, f"the bucket is in {its}: --region {its} saves a round trip")
    return Finding("region", True, str(its or mine))


def _read(bucket: Bucket, page: Page) -> Finding:
    if not page.entries:
        return Finding("read", None, "no objects yet")
    try:
        bucket.head(bucket.relative(page.entries[0].key))
    except OciStoreError as error:
        return Finding("read", False, error.message, error)
    return Finding("read", True)


def _clock(bucket: Bucket, date: str | None) -> Finding:
    try:
        offset_s = time.time() - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("clock", None, "the server does not tell its time")
    said = f"{abs(offset_s):.0f} s {'ahead of' if offset_s > 0 else 'behind'} the store"
    if abs(offset_s) > _CLOCK_LIMIT_S:
        return Finding("clock", False, said, made(CLOCK, bucket.url, said=said, bucket=bucket.name))
    return Finding("clock", True, said)


def _write(store: ObjectStore, conditions: Conditions) -> list[Finding]:
    key = f".ocistore-check/{uuid.uuid4().hex}"
    findings: list[Finding] = []
    step = "write"
    try:
        token = store.put(key, b"ocistore-tui writes this to test the bucket, and deletes it again", if_absent=True)
        findings.append(Finding(step, True))
        step = "conditions"
        findings.append(_conditions(store, key, token, conditions))
        step = "case"
        folded = store.head(key.upper()) is not None
        findings.append(Finding(step, True, "folds case" if folded else "tells upper from lower case"))
    except OciStoreError as error:
        findings.append(Finding(step, False, error.message, error))
    finally:
        failed = store.delete([key])
    findings += [Finding("delete", False, error.message, error) for _, error in failed] or [Finding("delete", True)]
    return findings


def _conditions(store: ObjectStore, key: str, token: str, conditions: Conditions) -> Finding:
    store.put(key, b"changed", if_token=token)
    for wrong in ({"if_absent": True}, {"if_token": NO_SUCH_ETAG}):
        try:
            store.put(key, b"must not be written", **wrong)
        except PreconditionFailed:
            continue
        return Finding("conditions", None, "a condition that could not hold was accepted: last writer wins")
    if conditions.are_atomic:
        return Finding("conditions", True, "kept by the server")
    return Finding("conditions", True, "checked by this program only: between two machines the last writer wins")
