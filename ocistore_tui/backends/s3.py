"""Amazon S3 and the servers that speak its language, by botocore (the core of boto3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from ocistore_tui.backends.base import (
    SILENCE_S,
    CancelSignal,
    Capabilities,
    Entry,
    ObjectStore,
    RangeReader,
    Report,
    UnfinishedUpload,
    check_cancel,
    stream_copy,
)
from ocistore_tui.backends.order import child_exists, names_in_order
from ocistore_tui.backends.s3_bucket import Bucket
from ocistore_tui.backends.s3_check import check_bucket
from ocistore_tui.backends.s3_client import S3Options
from ocistore_tui.backends.s3_delete import delete_object, delete_objects
from ocistore_tui.backends.s3_error_table import NO_OBJECT
from ocistore_tui.backends.s3_errors import code_of, made
from ocistore_tui.backends.s3_listing import Lister, Page
from ocistore_tui.backends.s3_reader import S3Reader, S3Stream, Source
from ocistore_tui.backends.s3_upload import Uploader, wrong_size
from ocistore_tui.backends.s3_writer import Writer
from ocistore_tui.errors import (
    AccessDenied,
    IntegrityError,
    OciStoreError,
    PreconditionFailed,
    Unsupported,
    UsageError,
)
from ocistore_tui.model.digest import Digest

__all__ = ["S3Options", "S3Store"]

_READ_AGAIN = 3
_REAL_DATES_FROM = 1_300_000_000
"""Some servers give every upload the date of the documentation's example, in 2010."""


class S3Store(ObjectStore):
    """A bucket, or what is below ``root_dir`` in it. Nothing is sent before the first operation.

    `capabilities` tells what is known so far: conditions count as atomic until the server was seen not to keep them.
    """

    def __init__(self, options: S3Options) -> None:
        self._bucket = Bucket(options)
        self.options = options
        self._writer = Writer(self._bucket)
        self._uploader = Uploader(self._bucket)
        self._lister = Lister(self._fetch_page)
        self.url = self._bucket.url

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]
        """See `Capabilities`; changes when the server is found out."""
        return Capabilities(atomic_conditions=self._writer.conditions.are_atomic, cheap_pages=self._lister.is_ordered)

    # -- listing --

    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """See `ObjectStore.list_entries`."""
        after = None if start_after is None else self._bucket.full(start_after)
        for entry in self._lister.entries(self._bucket.full(prefix), start_after=after):
            if self._bucket.root:
                yield Entry(self._bucket.relative(entry.key), entry.size_bytes, entry.modified, entry.token)
            else:
                yield entry

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """See `ObjectStore.list_dirs`; a directory marker alone, as consoles make them, counts as an object."""
        full = self._bucket.full(prefix)
        after = None if start_after is None else full + start_after
        names = (found[len(full) : -1] for found in self._lister.dirs(full, start_after=after))
        for name in names_in_order((name for name in names if name), child_exists(self, prefix, start_after)):
            if start_after is None or name > start_after:
                yield name

    def _fetch_page(self, prefix: str, *, start_after: str | None, delimiter: str, token: str | None) -> Page:
        return self._bucket.page(prefix, start_after=start_after, delimiter=delimiter, token=token)

    # -- reading --

    def head(self, key: str) -> Entry | None:
        """See `ObjectStore.head`."""
        return self._bucket.head(key)

    def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
        """See `ObjectStore.get`."""
        for _ in range(_READ_AGAIN):
            try:
                return self._get(key, max_bytes)
            except PreconditionFailed:  # cut off, and replaced before the rest was read
                continue
        return self._get(key, max_bytes)

    def _get(self, key: str, max_bytes: int) -> tuple[bytes, str]:
        source = self._source(key, None, is_small=True)
        stream = S3Stream(source, start=0, length=None, limit_s=SILENCE_S)
        try:
            size_bytes = stream.open()
            if size_bytes > max_bytes:
                raise IntegrityError(
                    "the object is too large",
                    where=self._bucket.where(key),
                    cause=f"{size_bytes} bytes, at most {max_bytes} are allowed",
                    fix="verify the image",
                )
            return b"".join(iter(lambda: stream.read(size_bytes), b"")), source.token or ""
        finally:
            stream.close()

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, token: str | None = None
    ) -> RangeReader:
        """See `ObjectStore.open_range`; the first request goes out with the first read."""
        return S3Reader(
            self._source(key, token),
            start=start,
            length=length,
            ahead=self.options.concurrency,
            head_size=lambda: found_in(self._bucket, key).size_bytes,
        )

    def _source(self, key: str, token: str | None, *, is_small: bool = False) -> Source:
        request = partial(self._bucket.ask, "get_object", key, ("ETag", "ContentLength"), is_small=is_small)
        where = self._bucket.where(key)
        return Source(lambda more: request(**more), token=token, where=where, bucket=self._bucket.name)

    # -- writing --

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """See `ObjectStore.put`."""
        return self._writer.put(key, data, if_absent=if_absent, if_token=if_token)

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
        """See `ObjectStore.put_stream`."""
        if if_absent and (there := self._there(key, size_bytes, cancel)):
            return there
        return self._uploader.upload(
            key, chunks, size_bytes=size_bytes, digest=digest, progress=progress, cancel=cancel
        )

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
        """See `ObjectStore.copy_from`; what the server will not copy itself is streamed."""
        if there := self._there(key, size_bytes, cancel):
            return there
        bucket = self._same_account(source)
        if bucket is not None and bucket.where(source_key) != self._where(key):
            found = found_in(bucket, source_key)
            if found.size_bytes != size_bytes:
                raise wrong_size(bucket.where(source_key), size_bytes, found.size_bytes)
            try:
                return self._uploader.copy(bucket, found, key, progress=progress, cancel=cancel)
            except (AccessDenied, Unsupported):
                pass  # a copy takes more rights (tags, among others) and more of the API than reading and writing do
        return stream_copy(
            source, source_key, self, key, size_bytes=size_bytes, digest=digest, progress=progress, cancel=cancel
        )

    def _there(self, key: str, size_bytes: int, cancel: CancelSignal | None) -> str | None:
        check_cancel(cancel, where=self._where(key))
        found = self._bucket.head(key)
        return found.token if found is not None and found.size_bytes == size_bytes else None

    def _where(self, key: str) -> str:
        return self._bucket.where(key)

    def _same_account(self, other: ObjectStore) -> Bucket | None:
        """The other store's bucket, when one server holds both and these credentials are also the other's."""
        if not isinstance(other, S3Store):
            return None
        bucket = other._bucket  # noqa: SLF001 - of the same class
        mine, its = self.options, bucket.options
        same = ("endpoint", "access_key", "secret_key", "session_token", "profile", "anonymous")
        return bucket if all(getattr(mine, name) == getattr(its, name) for name in same) else None

    def delete(self, keys: Sequence[str], *, if_token: str | None = None) -> list[tuple[str, OciStoreError]]:
        """See `ObjectStore.delete`."""
        if if_token is None:
            return delete_objects(self._bucket, keys)
        if len(keys) != 1:
            raise UsageError("a token goes with exactly one key", where=self.url)
        return delete_object(self._bucket, keys[0], if_token)

    # -- unfinished uploads, self-test --

    def list_unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """See `ObjectStore.list_unfinished`."""
        full = self._bucket.full(prefix)
        marker: dict[str, str] = {}
        while True:
            try:
                reply = self._bucket.call("list_multipart_uploads", None, Prefix=full, **marker)
            except OciStoreError as error:
                if code_of(error.__cause__) == "NoSuchUpload":  # rclone: there are none
                    return
                raise
            for found in reply.get("Uploads", ()):
                if found["Key"].startswith(full):
                    started = found["Initiated"].timestamp() if found.get("Initiated") else 0
                    yield UnfinishedUpload(
                        found["UploadId"],
                        self._bucket.relative(found["Key"]),
                        started if started > _REAL_DATES_FROM else None,
                    )
            following = {
                "KeyMarker": reply.get("NextKeyMarker") or "", "UploadIdMarker": reply.get("NextUploadIdMarker") or ""
            }  # fmt: skip
            if not reply.get("IsTruncated") or not following["KeyMarker"] or following == marker:
                return
            marker = following

    def abort(self, upload: UnfinishedUpload) -> None:
        """See `ObjectStore.abort`."""
        try:
            self._bucket.call("abort_multipart_upload", upload.key, UploadId=upload.id)
        except OciStoreError as error:
            if code_of(error.__cause__) != "NoSuchUpload":
                raise

    def check(self, *, write: bool = False) -> Report:
        """See `ObjectStore.check`."""
        return check_bucket(self, self._bucket, self._writer.conditions, write=write)

    def close(self) -> None:
        """See `ObjectStore.close`; a store used again afterwards connects anew."""
        self._bucket.close()


def found_in(bucket: Bucket, key: str) -> Entry:
    """The object, which must be there.

    Raises:
        NotFound: it is not.
    """
    found = bucket.head(key)
    if found is None:
        raise made(NO_OBJECT, bucket.where(key), bucket=bucket.name)
    return found
