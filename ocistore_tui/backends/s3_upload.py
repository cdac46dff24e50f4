"""Blobs going in: one request up to 8 MiB, equal parts in parallel above, and copies made by the server itself.

Parts: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (10,000 parts of 5 MiB to 5 GiB). All but the
last are of one size, fixed at the start, as Cloudflare R2 demands.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from isal import isal_zlib

from ocistore_tui.backends.base import MIB, SMALL_OBJECT_BYTES, CancelSignal, Entry, check_cancel, checked_chunks
from ocistore_tui.backends.parts import PartBuffers, gather_parts, send_parts
from ocistore_tui.backends.s3_bucket import Bucket
from ocistore_tui.backends.s3_error_table import NOT_OFFERED
from ocistore_tui.backends.s3_errors import code_of, made
from ocistore_tui.errors import IntegrityError, NotFound, OciStoreError, Unavailable, Unsupported
from ocistore_tui.model.digest import Digest

T = TypeVar("T")
Progress = Callable[[int], None]

COPY_WHOLE_BYTES = 512 * MIB
"""Larger objects are copied by the server in parts, side by side (S3 itself would go to 5 GiB, in one long request)."""
_COPY_PART_BYTES = 128 * MIB
_MOST_PARTS = 9000
_ABORT_WAIT_S = 1.0
_CRC32 = {"ChecksumAlgorithm": "CRC32"}


class Uploader:
    """Writes blobs of one bucket; each upload is published at once or not at all."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def upload(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        size_bytes: int,
        digest: Digest,
        progress: Progress | None,
        cancel: CancelSignal | None,
    ) -> str:
        """Write, and return the token."""
        where = self._bucket.where(key)
        checked = checked_chunks(chunks, size_bytes=size_bytes, digest=digest, where=where, cancel=cancel)
        if size_bytes <= SMALL_OBJECT_BYTES:
            return self._send_whole(key, b"".join(checked), digest, progress, cancel)
        buffers = PartBuffers(part_bytes(size_bytes))
        parts = gather_parts(checked, buffers.part_bytes, buffers)
        with _Upload(self._bucket, key, cancel) as upload:
            upload.begin(may_check=self._bucket.may_check_parts)
            sent = send_parts(
                parts,
                upload.send_part,
                workers=self._bucket.options.concurrency,
                where=where,
                progress=progress,
                cancel=cancel,
                sent=buffers.give,
            )
            return upload.complete(sent, size_bytes)

    def copy(
        self,
        source: Bucket,
        found: Entry,
        key: str,
        *,
        progress: Progress | None,
        cancel: CancelSignal | None,
    ) -> str:
        """Let the server copy an object of ``source`` and return the token of the copy."""
        origin: dict[str, Any] = {"CopySource": {"Bucket": source.name, "Key": source.full(found.key)}}
        if found.token:
            origin["CopySourceIfMatch"] = found.token
        where = self._bucket.where(key)
        if found.size_bytes <= COPY_WHOLE_BYTES:
            copy = partial(self._bucket.call, "copy_object", key, **origin, **self._bucket.storage())
            reply = watched(self._bucket, copy, where=where, cancel=cancel)
            if progress:
                progress(found.size_bytes)
            return self._bucket.token_of(key, reply)
        step = max(_COPY_PART_BYTES, part_bytes(found.size_bytes))
        starts = range(0, found.size_bytes, step)
        with _Upload(self._bucket, key, cancel) as upload:
            upload.begin()

            def copy_part(number: int, _: bytes) -> dict[str, Any]:
                end = min(starts[number] + step, found.size_bytes)
                part = upload.copy_part(number, origin, f"bytes={starts[number]}-{end - 1}")
                if progress:
                    progress(end - starts[number])
                return part

            workers = self._bucket.options.concurrency
            sent = send_parts((b"" for _ in starts), copy_part, workers=workers, where=where, cancel=cancel)
            return upload.complete(sent, found.size_bytes)

    def _send_whole(
        self, key: str, data: bytes, digest: Digest, progress: Progress | None, cancel: CancelSignal | None
    ) -> str:
        checksum: dict[str, str] = {}
        if self._bucket.connection.sends_checksums and digest.algorithm == "sha256":
            checksum["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(digest.encoded)).decode()
        send = partial(self._bucket.call, "put_object", key, Body=data, **checksum, **self._bucket.storage())
        reply = watched(self._bucket, send, where=self._bucket.where(key), cancel=cancel)
        if progress:
            progress(len(data))
        return self._bucket.token_of(key, reply)


def crc32_of(data: bytes) -> str:
    """The checksum as S3 writes it."""
    return base64.b64encode(isal_zlib.crc32(data).to_bytes(4, "big")).decode()


def part_bytes(size_bytes: int) -> int:
    """The size of every part of an object of this size but the last: whole MiB, at least 8."""
    needed = -(-size_bytes // _MOST_PARTS)
    return max(SMALL_OBJECT_BYTES, -(-needed // MIB) * MIB)


def watched(bucket: Bucket, call: Callable[[], T], *, where: str, cancel: CancelSignal | None) -> T:
    """Make one call in another thread, so that a cancel is heard even while it hangs."""
    if cancel is None:
        return call()
    abandoned = threading.Event()

    def run(_number: int, _part: bytes) -> T:
        with bucket.stop.watching(abandoned):
            return call()

    try:
        return send_parts([b""], run, workers=1, where=where, cancel=cancel)[0]
    except BaseException:
        abandoned.set()
        raise


class _Upload:
    """A multipart upload that is aborted unless it was completed."""

    def __init__(self, bucket: Bucket, key: str, cancel: CancelSignal | None) -> None:
        self._bucket = bucket
        self._key = key
        self._cancel = cancel
        self._where = bucket.where(key)
        self._abandoned = threading.Event()
        self._id: str | None = None
        self._before: Entry | None = None
        self._is_complete = False
        self._checksum = _CRC32 if bucket.connection.sends_checksums else {}
        self._is_checked = False
        """Whether the server promised to check each part by a checksum of ours."""

    def __enter__(self) -> _Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()
        if self._id is None or self._is_complete:
            return
        # In a thread, for the network that failed the upload may hold up the abort, too.
        abort = threading.Thread(target=self._abort, name="abort-upload", daemon=True)
        abort.start()
        abort.join(_ABORT_WAIT_S)

    def begin(self, *, may_check: bool = False) -> None:
        """Get an upload id.

        Args:
            may_check: Ask the server to check each part by a checksum of ours. Never for copies: a server that promised
                it wants one with every part, and of those we have none.
        """
        check_cancel(self._cancel, where=self._where)
        watched(self._bucket, partial(self._create, may_check), where=self._where, cancel=self._cancel)

    def _create(self, may_check: bool) -> None:
        self._before = self._bucket.head(self._key)
        create = partial(
            self._bucket.ask, "create_multipart_upload", self._key, ("UploadId",), **self._bucket.storage()
        )
        try:
            reply = create(**(_CRC32 if may_check else self._checksum))
        except Unsupported:
            if not may_check:
                raise
            self._bucket.checks_no_parts = True
            reply = create()
        self._is_checked = may_check and reply.get("ChecksumAlgorithm") == "CRC32"
        self._id = str(reply["UploadId"])
        if self._abandoned.is_set():
            self._abort()

    def send_part(self, number: int, data: bytes) -> dict[str, Any]:
        """Store one part; what completing needs to know of it."""
        with self._bucket.stop.watching(self._abandoned, self._cancel):
            content = {**self._place(number), "Body": data, **self._checksum}
            checksum = {"ChecksumCRC32": crc32_of(data)} if self._is_checked else {}
            reply = self._bucket.ask("upload_part", self._key, ("ETag",), **content, **checksum)
            if checksum and reply.get("ChecksumCRC32") != checksum["ChecksumCRC32"]:
                # It broke its promise: nobody has looked at these bytes.
                self._is_checked, self._bucket.checks_no_parts = False, True
                reply = self._bucket.ask("upload_part", self._key, ("ETag",), **content)
        part = {"PartNumber": number + 1, "ETag": reply["ETag"]}
        if (self._checksum or checksum) and reply.get("ChecksumCRC32"):
            part["ChecksumCRC32"] = reply["ChecksumCRC32"]
        return part

    def copy_part(self, number: int, origin: dict[str, Any], span: str) -> dict[str, Any]:
        """Let the server copy one part."""
        with self._bucket.stop.watching(self._abandoned, self._cancel):
            content = {**self._place(number), **origin, "CopySourceRange": span}
            reply = self._bucket.ask("upload_part_copy", self._key, ("CopyPartResult",), **content)
        result = reply["CopyPartResult"]
        if not result.get("ETag"):  # rclone; without it the upload cannot be completed
            said = "it does not tell the ETag of a copied part"
            raise made(NOT_OFFERED, self._where, said=said, bucket=self._bucket.name)
        part = {"PartNumber": number + 1, "ETag": result["ETag"]}
        if self._checksum and result.get("ChecksumCRC32"):
            part["ChecksumCRC32"] = result["ChecksumCRC32"]
        return part

    def complete(self, parts: list[dict[str, Any]], size_bytes: int) -> str:
        """Publish."""
        upload = {"UploadId": self._id, "MultipartUpload": {"Parts": parts}}
        call = partial(self._bucket.call, "complete_multipart_upload", self._key, **upload)
        try:
            reply = watched(self._bucket, call, where=self._where, cancel=self._cancel)
        except (NotFound, Unavailable) as error:
            token = self._token_if_published(size_bytes, error)
        else:
            token = self._published(reply, size_bytes)
        self._is_complete = True
        return token

    def _published(self, reply: Any, size_bytes: int) -> str:
        if self._bucket.connection.is_aws:
            return self._bucket.token_of(self._key, reply)
        found = self._bucket.head(self._key)  # not every server promises here the ETag it gives later
        if found is None or found.size_bytes != size_bytes:
            raise wrong_size(self._where, size_bytes, found.size_bytes if found else 0)
        return str(found.token or "")

    def _token_if_published(self, size_bytes: int, error: OciStoreError) -> str:
        """A lost reply: the SDK asked again, and the upload, long since completed, was gone."""
        if code_of(error.__cause__) == "NoSuchBucket":
            raise error
        try:
            found = self._bucket.head(self._key)
        except OciStoreError:
            raise error from error.__cause__
        if found is None or found.size_bytes != size_bytes or found == self._before:
            raise error
        return str(found.token or "")

    def _place(self, number: int) -> dict[str, Any]:
        return {"UploadId": self._id, "PartNumber": number + 1}

    def _abort(self) -> None:
        try:
            self._bucket.call("abort_multipart_upload", self._key, UploadId=self._id)
        except OciStoreError:
            return  # the error that led here is the one to tell; list_unfinished shows what is left


def wrong_size(where: str, wanted_bytes: int, found_bytes: int) -> IntegrityError:
    """The error for a source that is not what its descriptor says."""
    return IntegrityError(
        "the data has another size than promised",
        where=where,
        cause=f"expected {wanted_bytes} bytes, got {found_bytes}",
        fix="verify the source; push the image again to repair a damaged store",
    )
