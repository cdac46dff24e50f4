"""Google Cloud Storage, with generations as version tokens.

Upload sessions that a registry keeps as objects of their own content type are not objects to anybody else
(distribution, ``registry/storage/driver/gcs``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

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
    stream_copy,
)
from ocistore_tui.backends.gcs_client import TIMEOUT_S, GcsConnection, GcsOptions, bounded_retry, quick_timeout_s
from ocistore_tui.backends.gcs_delete import delete_objects
from ocistore_tui.backends.gcs_errors import no_bucket, no_object, not_gcs, translated
from ocistore_tui.backends.gcs_upload import put_object, upload_stream
from ocistore_tui.backends.objects import check_size, root_of, settled_range, too_large, too_short, written_already
from ocistore_tui.backends.order import child_exists, names_in_order
from ocistore_tui.backends.parts import gather_parts, send_parts
from ocistore_tui.backends.ranges import PieceReader
from ocistore_tui.backends.selftest import check_store
from ocistore_tui.errors import IntegrityError, NotFound, OciStoreError, PreconditionFailed, StoreMissing, UsageError
from ocistore_tui.model.digest import Digest

__all__ = ["GcsOptions", "GcsStore"]

UPLOAD_SESSION_TYPE = "application/x-docker-upload-session"
PAGE_KEYS = 1000
_account = attrgetter("endpoint", "keyfile", "credentials_info", "anonymous", "user_project")
_FIELDS = "kind,nextPageToken,prefixes,items(name,size,updated,generation,contentType)"


class GcsStore(ObjectStore):
    """A bucket, or a part of one, in Google Cloud Storage. Nothing is sent before the first operation."""

    capabilities = Capabilities(list_unfinished=False)

    def __init__(self, options: GcsOptions) -> None:
        self.options = options
        root = root_of(options.root_dir)
        self._root = f"{root}/" if root else ""
        self.url = f"gs://{options.bucket}/{root}".rstrip("/")
        self._lock = threading.Lock()
        self._connection: GcsConnection | None = None
        self._bucket_seen = False

    def _where(self, key: str) -> str:
        return f"{self.url}/{key}" if key else self.url

    def _connect(self) -> GcsConnection:
        with self._lock:
            if self._connection is None:
                with translated(self.url):
                    self._connection = GcsConnection(self.options)
            return self._connection

    def _blob(self, key: str) -> Any:
        return self._connect().bucket.blob(self._root + key)

    # -- listing

    def _pages(self, prefix: str, start: str | None, delimiter: str | None) -> Iterator[dict[str, Any]]:
        where = self._where(prefix)
        connection = self._connect()
        try:
            with translated(where):
                found = connection.client.list_blobs(
                    connection.bucket,
                    prefix=self._root + prefix or None,
                    delimiter=delimiter,
                    start_offset=None if start is None else self._root + start,
                    page_size=PAGE_KEYS,
                    fields=_FIELDS,
                    timeout=quick_timeout_s(),
                    retry=bounded_retry(),
                )
                pages = found.pages
            while True:
                with translated(where):
                    page = next(pages, None)
                if page is None:
                    return
                raw = page.raw_page
                # Any server that answers 200 {} would otherwise look like an empty bucket.
                if not isinstance(raw, dict) or raw.get("kind") != "storage#objects":
                    raise not_gcs(where, cause="a listing came back that is none")
                self._bucket_seen = True
                yield raw
        except NotFound as error:
            raise no_bucket(self.url) from error

    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """See `ObjectStore.list_entries`."""
        root_length = len(self._root)
        for page in self._pages(prefix, start_after, None):
            for item in page.get("items", ()):
                key = item["name"][root_length:]
                if key[-1:] in ("", "/") or item.get("contentType") == UPLOAD_SESSION_TYPE:
                    continue
                if start_after is None or key > start_after:
                    modified = datetime.fromisoformat(item["updated"]).timestamp() if "updated" in item else None
                    yield Entry(key, int(item["size"]), modified, item.get("generation"))

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """See `ObjectStore.list_dirs`."""
        cut = len(self._root + prefix)
        start = None if start_after is None else prefix + start_after
        names = (name[cut:-1] for page in self._pages(prefix, start, "/") for name in page.get("prefixes", ()))
        later = (name for name in names if start_after is None or name > start_after)
        return names_in_order(later, child_exists(self, prefix, start_after))

    # -- reading

    def head(self, key: str) -> Entry | None:
        """See `ObjectStore.head`."""
        blob = self._blob(key)
        try:
            with translated(self._where(key)):
                blob.reload(projection="noAcl", timeout=quick_timeout_s(), retry=bounded_retry())
        except NotFound as error:
            self._need_bucket(error)
            return None
        if blob.content_type == UPLOAD_SESSION_TYPE:
            return None
        modified = blob.updated.timestamp() if blob.updated else None
        return Entry(key, int(blob.size), modified, str(blob.generation))

    def _need_bucket(self, error: OciStoreError) -> None:
        """Raise when what is missing is not the object but the bucket, which the status alone does not tell."""
        if isinstance(error, StoreMissing):
            raise error
        if not self._bucket_seen and "No such object" not in error.cause:
            next(self._pages("", None, None), None)

    def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
        """See `ObjectStore.get`."""
        blob = self._blob(key)
        try:
            with translated(self._where(key)):
                data = blob.download_as_bytes(
                    start=0,
                    end=max_bytes,
                    raw_download=True,
                    checksum=None,
                    timeout=quick_timeout_s(),
                    retry=bounded_retry(),
                )
        except NotFound as error:
            self._need_bucket(error)
            raise
        except IntegrityError:  # no range fits an empty object
            entry = self.head(key)
            if entry is None or entry.size_bytes or not entry.token:
                raise
            return b"", entry.token
        if blob.content_type == UPLOAD_SESSION_TYPE:
            raise NotFound("no such object", where=self._where(key), cause="an unfinished upload of a registry")
        if len(data) > max_bytes:
            raise too_large(self._where(key), max_bytes)
        return data, str(blob.generation or self._found(key).token)

    def _found(self, key: str) -> Entry:
        entry = self.head(key)
        if entry is None:
            raise no_object(self._where(key))
        return entry

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, token: str | None = None
    ) -> RangeReader:
        """See `ObjectStore.open_range`; ranges over 16 MiB are read several pieces ahead."""
        where = self._where(key)
        length, token = settled_range(lambda: self._found(key), start=start, length=length, token=token, where=where)
        generation = _generation(token, where)

        def fetch(at: int, size: int) -> bytes:
            with translated(where):
                data: bytes = self._blob(key).download_as_bytes(
                    start=at,
                    end=at + size - 1,
                    raw_download=True,
                    checksum=None,
                    if_generation_match=generation,
                    timeout=TIMEOUT_S,
                    retry=bounded_retry(),
                )
            if len(data) != size:
                raise too_short(where)
            return data

        return PieceReader(fetch, start=start, length=length, ahead=self.options.concurrency)

    # -- writing

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """See `ObjectStore.put`."""
        where = self._where(key)
        generation = 0 if if_absent else None if if_token is None else _generation(if_token, where)
        try:
            return put_object(self._blob(key), data, where=where, generation=generation)
        except PreconditionFailed:
            token = written_already(self.get, key, data)
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
        if_absent: bool = True,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.put_stream`; one request when small, else one resumable upload."""
        where = self._where(key)
        there = self.head(key) if if_absent else None
        if there is not None and there.size_bytes == size_bytes and there.token:
            return there.token
        checked = checked_chunks(chunks, size_bytes=size_bytes, digest=digest, where=where, cancel=cancel)
        blob = self._blob(key)
        if size_bytes > SMALL_OBJECT_BYTES:
            http = self._connect().http
            return upload_stream(
                blob, http, checked, size_bytes=size_bytes, where=where, progress=progress, cancel=cancel
            )
        (token,) = send_parts(
            gather_parts(checked, SMALL_OBJECT_BYTES),
            lambda _, data: put_object(blob, data, where=where, generation=None),
            workers=1,
            where=where,
            progress=progress,
            cancel=cancel,
        )
        return token

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
        """See `ObjectStore.copy_from`; between buckets of one account Google moves the bytes."""
        if not (isinstance(source, GcsStore) and _account(source.options) == _account(self.options)):
            return stream_copy(
                source, source_key, self, key, size_bytes=size_bytes, digest=digest, progress=progress, cancel=cancel
            )
        original = source._found(source_key)  # noqa: SLF001 - another of our own kind
        check_size(original, size_bytes, where=source._where(source_key))  # noqa: SLF001
        blob, token, done = self._blob(key), None, 0
        while True:
            check_cancel(cancel, where=self._where(key))
            with translated(self._where(key)):
                token, written, _ = blob.rewrite(
                    source._blob(source_key),  # noqa: SLF001
                    token=token,
                    if_source_generation_match=int(original.token or 0),
                    timeout=TIMEOUT_S,
                    retry=bounded_retry(),
                )
            if progress:
                progress(written - done)
            done = written
            if token is None:
                return str(blob.generation or self._found(key).token)

    def delete(self, keys: Sequence[str], *, if_token: str | None = None) -> list[tuple[str, OciStoreError]]:
        """See `ObjectStore.delete`; a hundred in one request."""
        if if_token is not None and len(keys) != 1:
            raise UsageError("a token goes with exactly one key", where=self.url)
        generation = None if if_token is None else _generation(if_token, self._where(keys[0]))
        failed = delete_objects(
            self._connect(),
            [self._root + key for key in keys],
            generation=generation,
            where=f"gs://{self.options.bucket}",
        )
        return [(name[len(self._root) :], error) for name, error in failed]

    # -- the rest

    def list_unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:  # noqa: ARG002
        """Nothing: Google does not tell; it drops unfinished uploads itself after a week."""
        return iter(())

    def abort(self, upload: UnfinishedUpload) -> None:
        """Nothing to do: see `list_unfinished`."""

    def check(self, *, write: bool = False) -> Report:
        """See `ObjectStore.check`."""
        return Report(tuple(check_store(self, self._connect, lambda: self._connect().clock_offset_s, write=write)))

    def close(self) -> None:
        """See `ObjectStore.close`."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _generation(token: str | None, where: str) -> int:
    try:
        return int(token or "")
    except ValueError as error:
        raise PreconditionFailed(
            "the object has changed", where=where, cause="the token is of another store"
        ) from error
