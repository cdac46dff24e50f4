"""Writing blobs to a container: small ones at once, large ones by blocks, copies by Azure itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

from azure.core.exceptions import HttpResponseError

from ocistore_tui.backends.azure_container import Container
from ocistore_tui.backends.azure_delete import delete_objects
from ocistore_tui.backends.azure_upload import (
    BlockUpload,
    delete_other_type,
    is_other_type,
    part_bytes_for,
    put_object,
    read_signature,
)
from ocistore_tui.backends.base import (
    SMALL_OBJECT_BYTES,
    CancelSignal,
    Entry,
    check_cancel,
    checked_chunks,
)
from ocistore_tui.backends.objects import check_size, written_already
from ocistore_tui.backends.parts import gather_parts, send_parts
from ocistore_tui.errors import PreconditionFailed, Unavailable
from ocistore_tui.model.digest import Digest

Progress = Callable[[int], None]


class Writer:
    """All ways to write into a container."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._workers = container.options.concurrency

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """See `ObjectStore.put`."""
        where, blob = self._container.where(key), self._container.blob(key)
        try:
            with self._container.translated(key):
                return put_object(blob, data, where=where, if_absent=if_absent, if_token=if_token)
        except PreconditionFailed:
            token = written_already(self._container.get, key, data)
            if token is None:
                raise
            return token

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        size_bytes: int,
        digest: Digest,
        if_absent: bool,
        progress: Progress | None,
        cancel: CancelSignal | None,
    ) -> str:
        """See `ObjectStore.put_stream`; one request when small, else blocks side by side."""
        where = self._container.where(key)
        check_cancel(cancel, where=where)
        there = self._container.head(key)
        if if_absent and there is not None and there.size_bytes == size_bytes and there.token:
            return there.token
        checked = checked_chunks(chunks, size_bytes=size_bytes, digest=digest, where=where, cancel=cancel)
        if size_bytes <= SMALL_OBJECT_BYTES:
            (token,) = send_parts(
                gather_parts(checked, SMALL_OBJECT_BYTES),
                lambda _, data: self.put(key, data),
                workers=1,
                where=where,
                progress=progress,
                cancel=cancel,
            )
            return token
        if there is not None and self._is_other_type(key):
            return self._replace_other_type(
                key, checked, there, size_bytes=size_bytes, progress=progress, cancel=cancel
            )
        return self._put_blocks(key, checked, there, size_bytes=size_bytes, progress=progress, cancel=cancel)

    def _put_blocks(
        self,
        key: str,
        checked: Iterable[bytes],
        there: Entry | None,
        *,
        size_bytes: int,
        progress: Progress | None,
        cancel: CancelSignal | None,
    ) -> str:
        upload = BlockUpload(self._container.blob(key), where=self._container.where(key), cancel=cancel)
        parts = gather_parts(checked, part_bytes_for(size_bytes))

        def run(if_absent: bool) -> str:
            return upload.run(parts, upload.stage, workers=self._workers, if_absent=if_absent, progress=progress)

        return self._publish(key, size_bytes, there, run)

    def _is_other_type(self, key: str) -> bool:
        with self._container.translated(key):
            return is_other_type(self._container.blob(key))

    def _replace_other_type(
        self,
        key: str,
        checked: Iterable[bytes],
        there: Entry,
        *,
        size_bytes: int,
        progress: Progress | None,
        cancel: CancelSignal | None,
    ) -> str:
        """Put the bytes beside it first: what is there takes no blocks, and may only go once they are known to fit."""
        beside = f"{key}.{uuid.uuid4().hex}"
        try:
            self._put_blocks(beside, checked, None, size_bytes=size_bytes, progress=progress, cancel=cancel)
            again = (
                self._container.fetch(beside, at, min(SMALL_OBJECT_BYTES, size_bytes - at), None)
                for at in range(0, size_bytes, SMALL_OBJECT_BYTES)
            )
            return self._put_blocks(key, again, there, size_bytes=size_bytes, progress=None, cancel=cancel)
        finally:
            delete_objects(self._container, [beside])

    def copy_inside(
        self,
        source: Container,
        source_key: str,
        key: str,
        *,
        size_bytes: int,
        progress: Progress | None,
        cancel: CancelSignal | None,
    ) -> str:
        """Let Azure fetch the blocks of a blob of the same account itself."""
        original = source.found(source_key)
        check_size(original, size_bytes, where=source.where(source_key))
        where = self._container.where(key)
        check_cancel(cancel, where=where)
        there = self._container.head(key)
        if there is not None and there.size_bytes == size_bytes and there.token:
            return there.token
        blob = source.blob(source_key)
        with source.translated(source_key):
            url, authorization = source.connection.signed_for_reading(
                blob.url, lambda account, secret: read_signature(blob, account, secret)
            )
        upload = BlockUpload(self._container.blob(key), where=where, cancel=cancel)
        stage = upload.stage_from(url, authorization)
        step = part_bytes_for(size_bytes) * 4
        parts = (range(at, min(at + step, size_bytes)) for at in range(0, size_bytes, step))

        def run(if_absent: bool) -> str:
            return upload.run(parts, stage, workers=self._workers, if_absent=if_absent, progress=progress)

        return self._publish(key, size_bytes, there, run)

    def _publish(self, key: str, size_bytes: int, there: Entry | None, run: Callable[[bool], str]) -> str:
        """Upload by blocks over whatever is there; when somebody else was faster with the same blob, that is fine."""
        if there is not None:
            with self._container.translated(key):
                delete_other_type(self._container.blob(key), where=self._container.where(key))
        try:
            return run(there is None)
        except (PreconditionFailed, Unavailable) as error:
            cause = error.__cause__
            if not isinstance(cause, HttpResponseError) or cause.status_code not in (400, 409, 412):
                raise
            stored = self._container.head(key)
            if stored is None or stored.size_bytes != size_bytes or not stored.token or stored == there:
                raise
            return stored.token
