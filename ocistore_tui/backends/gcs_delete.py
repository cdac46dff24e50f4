"""Deleting many objects from Google Cloud Storage in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from google.api_core import exceptions as api

from ocistore_tui.backends.gcs_client import TIMEOUT_S, GcsConnection, bounded_retry, quick_timeout_s
from ocistore_tui.backends.gcs_errors import CAUGHT, translate
from ocistore_tui.errors import NotFound, OciStoreError, StoreMissing, Unavailable

BATCH_KEYS = 100
"""https://cloud.google.com/storage/docs/batch"""
_AGAIN = (408, 429, 500, 502, 503, 504)
Failed = list[tuple[str, OciStoreError]]


def delete_objects(connection: GcsConnection, names: Sequence[str], *, generation: int | None, where: str) -> Failed:
    """Delete ``names``; a missing one is fine, every other failure comes back with its name."""
    if len(names) < 3:
        return [pair for name in names for pair in _delete_one(connection, name, generation, where)]
    batches = [names[at : at + BATCH_KEYS] for at in range(0, len(names), BATCH_KEYS)]
    if len(batches) == 1:
        return _delete_batch(connection, batches[0], where)
    with ThreadPoolExecutor(min(8, len(batches)), thread_name_prefix="gcs-delete") as pool:
        done = pool.map(lambda batch: _delete_batch(connection, batch, where), batches)
        return [pair for failed in done for pair in failed]


def _delete_batch(connection: GcsConnection, names: Sequence[str], where: str) -> Failed:
    try:
        answers = bounded_retry()(_send_batch)(connection, names)
    except (api.GoogleAPICallError, ValueError):  # a server without batches, or one that is failing: singly says which
        answers = [(name, None) for name in names]
    except CAUGHT as error:
        return [(name, translate(error, where=f"{where}/{name}")) for name in names]
    failed: Failed = []
    hopeless: OciStoreError | None = None
    for name, problem in answers:
        if problem is None or problem.code in _AGAIN:
            if hopeless is None:
                again = list(_delete_one(connection, name, None, where))
                failed += again
                # Half a minute of tries did not help; do not spend it on each of a hundred.
                hopeless = next((error for _, error in again if isinstance(error, Unavailable)), None)
            else:
                failed.append((name, hopeless))
        elif problem.code not in (200, 204):
            failed += _unless_absent(name, translate(problem, where=f"{where}/{name}"))
    return failed


def _send_batch(connection: GcsConnection, names: Sequence[str]) -> list[tuple[str, api.GoogleAPICallError | None]]:
    with connection.client.batch(raise_exception=False) as batch:
        for name in names:
            connection.bucket.delete_blob(name, timeout=TIMEOUT_S, retry=None)
    answers = batch._responses  # noqa: SLF001 - where Google's own examples read the answers
    return [(name, api.from_http_response(answer)) for name, answer in zip(names, answers, strict=True)]


def _delete_one(
    connection: GcsConnection, name: str, generation: int | None, where: str
) -> Iterator[tuple[str, OciStoreError]]:
    try:
        connection.bucket.delete_blob(
            name, if_generation_match=generation, timeout=quick_timeout_s(), retry=bounded_retry()
        )
    except CAUGHT as error:
        problem = translate(error, where=f"{where}/{name}")
        problem.__cause__ = error
        yield from _unless_absent(name, problem)


def _unless_absent(name: str, problem: OciStoreError) -> Failed:
    """What is not there need not be deleted; a bucket that is not there is a mistake."""
    is_absent = isinstance(problem, NotFound) and not isinstance(problem, StoreMissing)
    return [] if is_absent else [(name, problem)]
