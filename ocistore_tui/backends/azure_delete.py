"""Deleting many blobs in batches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core.exceptions import HttpResponseError

from ocistore_tui.backends.azure_container import Container
from ocistore_tui.backends.azure_errors import CAUGHT, nothing_there, translate
from ocistore_tui.backends.azure_retry import AGAIN
from ocistore_tui.backends.azure_upload import match
from ocistore_tui.errors import OciStoreError

BATCH_BLOBS = 256
"""https://learn.microsoft.com/rest/api/storageservices/blob-batch"""
Failed = list[tuple[str, OciStoreError]]


def delete_objects(container: Container, keys: Sequence[str], *, if_token: str | None = None) -> Failed:
    """Delete the blobs ``keys``; a missing one is fine, every other failure comes back with its key."""
    return _Deletion(container).run(keys, if_token)


class _Deletion:
    def __init__(self, container: Container) -> None:
        self._container = container
        self._hopeless: BaseException | None = None
        """What half a minute of tries ended with; it is not spent again on each of a thousand."""

    def run(self, keys: Sequence[str], if_token: str | None) -> Failed:
        try:
            _ = self._container.prefix
        except OciStoreError as error:
            return [(key, error) for key in keys]
        if len(keys) < 3:
            return [pair for key in keys for pair in self._one(key, if_token)]
        batches = [keys[at : at + BATCH_BLOBS] for at in range(0, len(keys), BATCH_BLOBS)]
        if len(batches) == 1:
            return self._batch(batches[0])
        with ThreadPoolExecutor(min(4, len(batches)), thread_name_prefix="azure-delete") as pool:
            return [pair for failed in pool.map(self._batch, batches) for pair in failed]

    def _batch(self, keys: Sequence[str]) -> Failed:
        statuses: list[int] = []
        if self._hopeless is None:
            names = [self._container.prefix + key for key in keys]
            try:
                answers: list[Any] = list(
                    self._container.connection.container.delete_blobs(*names, raise_on_any_failure=False)
                )
                statuses = [answer.status_code for answer in answers]
            except CAUGHT as error:  # else a server or a SAS without batches: singly says which
                self._give_up_on(error)
        if len(statuses) != len(keys):
            statuses = [500] * len(keys)
        # What a part of a batch says in its body is lost in the client; asked singly, the error tells its cause.
        refused = [key for key, status in zip(keys, statuses, strict=True) if status not in (200, 202, 404)]
        return [pair for key in refused for pair in self._one(key, None)]

    def _one(self, key: str, if_token: str | None) -> Failed:
        if self._hopeless is not None:
            return self._failed(key, self._hopeless)
        try:
            self._container.blob(key).delete_blob(**match(if_token))
        except CAUGHT as error:
            self._give_up_on(error)
            # A condition on a blob that is gone is a failed condition for Azure; a missing one is fine here.
            if if_token is not None and isinstance(error, HttpResponseError) and error.status_code == 412:
                try:
                    return self._failed(key, error) if self._container.head(key) else []
                except OciStoreError as problem:
                    return [(key, problem)]
            return self._failed(key, error)
        return []

    def _give_up_on(self, error: BaseException) -> None:
        status = getattr(error, "status_code", None)
        if not status or status in AGAIN:
            self._hopeless = error

    def _failed(self, key: str, error: BaseException) -> Failed:
        container = self._container
        kind = container.options.credential_kind
        problem = translate(error, where=container.where(key), account=container.account, credential=kind)
        problem.__cause__ = error
        return [] if nothing_there(problem) else [(key, problem)]
