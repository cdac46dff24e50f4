"""Deleting many blobs in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core.exceptions import HttpResponseError

from ocistore_tui.backends.azure_client import AzureConnection
from ocistore_tui.backends.azure_errors import CAUGHT, translate
from ocistore_tui.backends.azure_upload import match
from ocistore_tui.errors import NotFound, OciStoreError

BATCH_BLOBS = 256
"""https://learn.microsoft.com/rest/api/storageservices/blob-batch"""
_AGAIN = (408, 429, 500, 502, 503, 504)
Failed = list[tuple[str, OciStoreError]]


def delete_objects(
    connection: AzureConnection, names: Sequence[str], *, if_token: str | None, where: Callable[[str], str]
) -> Failed:
    """Delete the blobs ``names``; a missing one is fine, every other failure comes back with its name."""
    if len(names) < 3:
        return [pair for name in names for pair in _delete_one(connection, name, if_token, where)]
    batches = [names[at : at + BATCH_BLOBS] for at in range(0, len(names), BATCH_BLOBS)]
    if len(batches) == 1:
        return _delete_batch(connection, batches[0], where)
    with ThreadPoolExecutor(min(4, len(batches)), thread_name_prefix="azure-delete") as pool:
        return [pair for failed in pool.map(lambda b: _delete_batch(connection, b, where), batches) for pair in failed]


def _delete_batch(connection: AzureConnection, names: Sequence[str], where: Callable[[str], str]) -> Failed:
    try:
        answers: list[Any] = list(connection.container.delete_blobs(*names, raise_on_any_failure=False))
        statuses = [answer.status_code for answer in answers]
    except CAUGHT:  # a server or a SAS without batches, or one that is failing: singly says which
        statuses = []
    if len(statuses) != len(names):
        statuses = [500] * len(names)
    failed: Failed = []
    for name, status in zip(names, statuses, strict=True):
        # What a part of a batch says in its body is lost in the client; asked singly, the error tells its cause.
        if status not in (200, 202, 404):
            failed += _delete_one(connection, name, None, where)
    return failed


def _delete_one(connection: AzureConnection, name: str, if_token: str | None, where: Callable[[str], str]) -> Failed:
    try:
        connection.container.get_blob_client(name).delete_blob(**match(if_token))
    except CAUGHT as error:
        problem = translate(error, where=where(name))
        problem.__cause__ = error
        if isinstance(problem, NotFound) and problem.message == "no such object":
            return []
        # A condition on a blob that is gone is a failed condition for Azure; a missing one is fine here.
        if if_token is not None and isinstance(error, HttpResponseError) and error.status_code == 412:
            return [(name, problem)] if connection.container.get_blob_client(name).exists() else []
        return [(name, problem)]
    return []
