"""Deleting objects from a bucket: a thousand a request, singly where the server wants it so."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

from ocistore_tui.backends.s3_bucket import Bucket
from ocistore_tui.backends.s3_error_table import CHANGED
from ocistore_tui.backends.s3_errors import code_of, made, row_of
from ocistore_tui.errors import NotFound, OciStoreError, Unavailable, Unsupported

BATCH_KEYS = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
_NO_BATCHES = ("MissingContentMD5", "MalformedXML")
"""A server older than the SDK's checksums; a key that XML cannot write."""
_TRIES = 3
Failed = list[tuple[str, OciStoreError]]


def delete_objects(bucket: Bucket, keys: Sequence[str]) -> Failed:
    """Delete ``keys``; a missing one is fine, every other failure comes back with its key."""
    if len(keys) == 1:
        return delete_object(bucket, keys[0])
    failed: Failed = []
    for at in range(0, len(keys), BATCH_KEYS):
        failed += _delete_batch(bucket, keys[at : at + BATCH_KEYS])
    return failed


def delete_object(bucket: Bucket, key: str, if_token: str | None = None) -> Failed:
    """Delete one object; with ``if_token``, only that version of it."""
    try:
        if if_token is None:
            bucket.call("delete_object", key)
        else:
            _delete_if(bucket, key, if_token)
    except NotFound as error:
        if code_of(error.__cause__) == "NoSuchBucket":
            return [(key, error)]
    except OciStoreError as error:
        return [(key, error)]
    return []


def _delete_batch(bucket: Bucket, keys: Sequence[str], tries: int = _TRIES) -> Failed:
    by_full = {bucket.full(key): key for key in keys}
    request = {"Objects": [{"Key": full} for full in by_full], "Quiet": True}
    try:
        reply = bucket.call("delete_objects", None, Delete=request)
    except OciStoreError as error:
        if isinstance(error, Unsupported) or code_of(error.__cause__) in _NO_BATCHES:
            return _delete_singly(bucket, by_full.values())
        return [(key, error) for key in keys]
    failed: Failed = []
    again: Failed = []
    for said in reply.get("Errors", ()):
        full = str(said.get("Key") or "")
        key = by_full.get(full, full)
        problem = _error_of(bucket, key, said)
        if isinstance(problem, Unavailable) and not isinstance(problem, Unsupported):
            again.append((key, problem))  # the SDK tries requests again, but does not look for errors inside a 200
        elif problem is not None:
            failed.append((key, problem))
    if again and tries > 1:
        time.sleep(random.random() * 2 ** (_TRIES - tries))  # noqa: S311 - jitter, no secret
        again = _delete_batch(bucket, [key for key, _ in again], tries - 1)
    return failed + again


def _delete_singly(bucket: Bucket, keys: Iterable[str]) -> Failed:
    with ThreadPoolExecutor(max(8, bucket.options.concurrency), "delete") as pool:
        return list(chain.from_iterable(pool.map(lambda key: delete_object(bucket, key), keys)))


def _error_of(bucket: Bucket, key: str, said: Any) -> OciStoreError | None:
    code = str(said.get("Code") or "")
    if code == "NoSuchKey":
        return None
    cause = f"{code}: {said.get('Message') or ''}".strip(": ")
    where = bucket.where(key)
    return made(row_of(code, None), where, said=cause, bucket=bucket.name, operation="DeleteObjects")


def _delete_if(bucket: Bucket, key: str, if_token: str) -> None:
    if not bucket.connection.is_aws:  # others may ignore the condition: look first
        found = bucket.head(key)
        if found is None:
            return
        if found.token != if_token:
            raise made(CHANGED, bucket.where(key), bucket=bucket.name)
    try:
        bucket.call("delete_object", key, IfMatch=if_token)
    except Unsupported:
        bucket.call("delete_object", key)
