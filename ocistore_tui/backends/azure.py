"""Azure Blob Storage, with ETags as version tokens.

Registries 2.x named their blobs with a leading slash, registries 3.x and this program without: see
`AzureStore.leading_slash`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient

from ocistore_tui.backends.azure_client import AzureConnection, AzureOptions
from ocistore_tui.backends.azure_delete import delete_objects
from ocistore_tui.backends.azure_errors import translated
from ocistore_tui.backends.azure_listing import in_byte_order, read_blob, read_name
from ocistore_tui.backends.azure_upload import (
    BlockUpload,
    delete_other_type,
    drop_blocks,
    match,
    nothing_there,
    part_bytes_for,
    put_object,
    read_signature,
    token_of,
)
from ocistore_tui.backends.base import (
    SMALL_OBJECT_BYTES,
    CancelSignal,
    Capabilities,
    Entry,
    ObjectStore,
    RangeReader,
    Report,
    UnfinishedUpload,
    check_cancel,
    checked_chunks,
    names_in_order,
    stream_copy,
)
from ocistore_tui.backends.parts import gather_parts, send_parts
from ocistore_tui.backends.ranges import PieceReader
from ocistore_tui.backends.selftest import check_store
from ocistore_tui.errors import (
    AccessDenied,
    IntegrityError,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    Unavailable,
    Unsupported,
    UsageError,
)
from ocistore_tui.model.digest import Digest

__all__ = ["AzureOptions", "AzureStore"]

PAGE_BLOBS = 5000


class AzureStore(ObjectStore):
    """A container, or a part of one, in Azure Blob Storage. Nothing is sent before the first operation."""

    capabilities = Capabilities()

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        root = options.root_dir.strip("/")
        self._root: str | None = f"{root}/" if root else None
        self.url = "/".join(filter(None, ("az:/", options.account_name, options.container, root)))
        self._lock = threading.RLock()
        self._connection: AzureConnection | None = None
        self._account = options.account_name

    def _where(self, key: str) -> str:
        return f"{self.url}/{key}" if key else self.url

    def _connect(self) -> AzureConnection:
        with self._lock:
            if self._connection is None:
                with translated(self.url, account=self._account):
                    self._connection = AzureConnection(self.options)
                self._account = self._account or str(self._connection.container.account_name or "")
            return self._connection

    # -- names

    @property
    def leading_slash(self) -> bool:
        """Whether the container holds a registry under ``/docker/`` only, as registries 2.x wrote it.

        Found out by one or two requests, once. With both forms in the container, the one of registries 3.x counts. A
        root directory decides by itself: registries 2.x have none.

        Raises:
            OciStoreError: the container cannot be listed.
        """
        return self._prefix() == "/"

    def _prefix(self) -> str:
        with self._lock:
            if self._root is None:
                here = next(self._rows("docker/", 1), None)
                self._root = "/" if here is None and next(self._rows("/docker/", 1), None) is not None else ""
            return self._root

    def _blob(self, key: str) -> BlobClient:
        return self._connect().container.get_blob_client(self._prefix() + key)

    # -- listing

    def _rows(
        self, name_prefix: str, page_size: int, *, start: str | None = None, dirs: bool = False, staged: bool = False
    ) -> Iterator[Element]:
        connection = self._connect()
        more: dict[str, Any] = {"results_per_page": page_size, "name_starts_with": name_prefix or None}
        # Older servers cannot start in the middle, and others may sort what is not ASCII differently.
        if start is not None and start.isascii() and not self.options.api_version:
            more["start_from"] = start
        include = ["metadata", *(["uncommittedblobs"] if staged else [])]
        with translated(self.url, account=self._account):
            if dirs:
                pages = connection.container.walk_blobs(delimiter="/", **more).by_page()
            else:
                pages = connection.container.list_blobs(include=include, **more).by_page()
        while True:
            with translated(self.url, account=self._account):
                page = next(pages, None)
            if page is None:
                return
            yield from connection.transport.take_rows()

    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """See `ObjectStore.list_entries`."""
        return self._entries(prefix, start_after, staged=False)

    def _entries(self, prefix: str, start_after: str | None, *, staged: bool) -> Iterator[Entry]:
        root = self._prefix()
        cut, start = len(root), None if start_after is None else root + max(prefix, start_after)

        def found() -> Iterator[Entry]:
            for element in self._rows(root + prefix, PAGE_BLOBS, start=start, staged=staged):
                row = read_blob(element)
                if row is None:
                    continue
                key = row.name[cut:]
                if key[-1:] not in ("", "/") and (start_after is None or key > start_after):
                    yield Entry(key, row.size_bytes, row.modified, row.etag)

        return in_byte_order(found(), lambda entry: entry.key)

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """See `ObjectStore.list_dirs`."""
        root = self._prefix()
        cut = len(root + prefix)
        start = None if start_after is None else root + prefix + start_after
        rows = self._rows(root + prefix, PAGE_BLOBS, start=start, dirs=True)
        names = (read_name(row)[cut:] for row in rows if row.tag == "BlobPrefix")
        in_order = in_byte_order(names, lambda name: name)
        return names_in_order(
            name[:-1] for name in in_order if len(name) > 1 and (start_after is None or name[:-1] > start_after)
        )

    # -- reading

    def head(self, key: str) -> Entry | None:
        """See `ObjectStore.head`."""
        try:
            with translated(self._where(key), account=self._account):
                found = self._blob(key).get_blob_properties()
        except NotFound as error:
            if not nothing_there(error):
                raise
            return None
        if (found.metadata or {}).get("hdi_isfolder") == "true":
            return None
        modified = found.last_modified.timestamp()
        return Entry(key, int(found.size), modified, token_of(found.etag))

    def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
        """See `ObjectStore.get`."""
        with translated(self._where(key), account=self._account):
            answer = self._blob(key).download_blob(offset=0, length=max_bytes + 1)
            data, properties = answer.readall(), answer.properties
        if len(data) > max_bytes:
            raise IntegrityError(
                "the object is too large",
                where=self._where(key),
                cause=f"more than {max_bytes} bytes",
                fix="verify the image",
            )
        return data, token_of(properties.etag)

    def _found(self, key: str) -> Entry:
        entry = self.head(key)
        if entry is None:
            raise NotFound(
                "no such object", where=self._where(key), cause="it is not in the container", fix="refresh the list"
            )
        return entry

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, token: str | None = None
    ) -> RangeReader:
        """See `ObjectStore.open_range`; ranges over 16 MiB are read several pieces ahead."""
        if token is None or not length:
            entry = self._found(key)
            if token not in (None, entry.token):
                raise PreconditionFailed(
                    "the object has changed", where=self._where(key), fix="look at the new state and try again"
                )
            token = entry.token
            length = entry.size_bytes - start if length is None else length
            if length < 0 or start + length > entry.size_bytes:
                raise self._too_short(key)

        def fetch(at: int, size: int) -> bytes:
            with translated(self._where(key), account=self._account):
                data: bytes = self._blob(key).download_blob(offset=at, length=size, **match(token)).readall()
            if len(data) != size:
                raise self._too_short(key)
            return data

        return PieceReader(fetch, start=start, length=length, ahead=self.options.concurrency)

    def _too_short(self, key: str) -> IntegrityError:
        return IntegrityError("the object is shorter than asked for", where=self._where(key), fix="verify the image")

    # -- writing

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """See `ObjectStore.put`."""
        where = self._where(key)
        try:
            with translated(where, account=self._account):
                return put_object(self._blob(key), data, where=where, if_absent=if_absent, if_token=if_token)
        except PreconditionFailed:
            # The first answer may have got lost, and this be the client's own second try.
            try:
                there, token = self.get(key, max_bytes=len(data))
            except (NotFound, IntegrityError):
                there, token = None, ""
            if there != data:
                raise
            return token

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        size_bytes: int,
        digest: Digest,
        if_absent: bool = True,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.put_stream`; one request when small, else blocks side by side."""
        where = self._where(key)
        there = self.head(key)
        if if_absent and there is not None and there.size_bytes == size_bytes and there.token:
            return there.token
        checked = checked_chunks(chunks, size_bytes=size_bytes, digest=digest, where=where, cancel=cancel)
        blob = self._blob(key)
        if size_bytes > SMALL_OBJECT_BYTES:
            upload = BlockUpload(blob, where=where)
            parts = gather_parts(checked, part_bytes_for(size_bytes))
            return self._publish(
                key,
                size_bytes,
                there,
                lambda absent: upload.run(
                    parts,
                    upload.stage,
                    workers=self.options.concurrency,
                    if_absent=absent,
                    progress=progress,
                    cancel=cancel,
                ),
            )
        (token,) = send_parts(
            gather_parts(checked, SMALL_OBJECT_BYTES),
            lambda _, data: self.put(key, data),
            workers=1,
            where=where,
            progress=progress,
            cancel=cancel,
        )
        return token

    def _publish(self, key: str, size_bytes: int, there: Entry | None, run: Callable[[bool], str]) -> str:
        """Upload by blocks over whatever is there; when somebody else was faster with the same blob, that is fine."""
        if there is not None:
            with translated(self._where(key), account=self._account):
                delete_other_type(self._blob(key), where=self._where(key))
        try:
            return run(there is None)
        except (PreconditionFailed, Unavailable) as error:
            cause = error.__cause__
            if not isinstance(cause, HttpResponseError) or cause.status_code not in (400, 409, 412):
                raise
            stored = self.head(key)
            if stored is None or stored.size_bytes != size_bytes or not stored.token or stored == there:
                raise
            return stored.token

    def copy_from(
        self,
        source: ObjectStore,
        source_key: str,
        key: str,
        *,
        size_bytes: int,
        digest: Digest,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.copy_from`; within an account Azure fetches the blocks itself."""
        if isinstance(source, AzureStore) and _same_account(source.options, self.options) and size_bytes:
            try:
                return self._copy_inside(source, source_key, key, size_bytes, progress, cancel)
            except (AccessDenied, Unsupported):
                pass  # not every credential can read the source for the server: then through us
        return stream_copy(
            source, source_key, self, key, size_bytes=size_bytes, digest=digest, progress=progress, cancel=cancel
        )

    def _copy_inside(
        self,
        source: AzureStore,
        source_key: str,
        key: str,
        size_bytes: int,
        progress: Callable[[int], None] | None,
        cancel: CancelSignal | None,
    ) -> str:
        original = source._found(source_key)
        if original.size_bytes != size_bytes:
            raise IntegrityError(
                "the object has another size than promised",
                where=source._where(source_key),
                cause=f"expected {size_bytes} bytes, found {original.size_bytes}",
                fix="verify the image",
            )
        there = self.head(key)
        if there is not None and there.size_bytes == size_bytes and there.token:
            return there.token
        check_cancel(cancel, where=self._where(key))
        blob = source._blob(source_key)
        with translated(source._where(source_key), account=self._account):
            url, authorization = source._connect().signed_for_reading(
                blob.url, lambda account, secret: read_signature(blob, account, secret)
            )
        upload = BlockUpload(self._blob(key), where=self._where(key))
        step = part_bytes_for(size_bytes) * 4
        parts = (range(at, min(at + step, size_bytes)) for at in range(0, size_bytes, step))
        stage = upload.stage_from(url, authorization)
        return self._publish(
            key,
            size_bytes,
            there,
            lambda absent: upload.run(
                parts, stage, workers=self.options.concurrency, if_absent=absent, progress=progress, cancel=cancel
            ),
        )

    def delete(self, keys: Sequence[str], *, if_token: str | None = None) -> list[tuple[str, OciStoreError]]:
        """See `ObjectStore.delete`; 256 in one request."""
        if if_token is not None and len(keys) != 1:
            raise UsageError("a token goes with exactly one key", where=self.url)
        if not keys:
            return []
        root = self._prefix()
        failed = delete_objects(self._connect(), [root + key for key in keys], if_token=if_token, where=self._where)
        return [(name[len(root) :], error) for name, error in failed]

    # -- unfinished uploads and the rest

    def list_unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """See `ObjectStore.list_unfinished`: blobs that have blocks but were never committed."""
        for entry in self._entries(prefix, None, staged=True):
            # A committed blob may be empty too; one without any commit does not exist for a HEAD.
            if entry.size_bytes == 0 and self.head(entry.key) is None:
                yield UnfinishedUpload(entry.key, entry.key, entry.modified)

    def abort(self, upload: UnfinishedUpload) -> None:
        """See `ObjectStore.abort`; an empty blob shows for a moment, there is no other way."""
        drop_blocks(self._blob(upload.key))

    def check(self, *, write: bool = False) -> Report:
        """See `ObjectStore.check`."""
        return Report(
            tuple(check_store(self, self._connect, lambda: self._connect().transport.clock_offset_s, write=write))
        )

    def close(self) -> None:
        """See `ObjectStore.close`."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _same_account(one: AzureOptions, other: AzureOptions) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("account_name", "account_key", "sas_token", "connection_string", "endpoint", "anonymous")
    )
