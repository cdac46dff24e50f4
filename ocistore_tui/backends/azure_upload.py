"""Uploads to Azure: staged blocks that nobody sees until they are committed, conditions, and foreign blob types."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sized
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobProperties,
    BlobSasPermissions,
    BlobType,
    ContentSettings,
    generate_blob_sas,
)

from ocistore_tui.backends.azure_errors import CAUGHT, code_of, translated
from ocistore_tui.backends.base import MIB, CancelSignal
from ocistore_tui.backends.parts import send_parts
from ocistore_tui.errors import PreconditionFailed

CONTENT_TYPE = "application/octet-stream"
MAX_BLOCKS = 50_000
_MARK = "ocistore_dropped"

P = TypeVar("P", bound=Sized)


def match(token: str | None, *, absent: bool = False) -> dict[str, Any]:
    """The client's arguments for "only this version" or "only if it is not there"."""
    if absent:
        return {"match_condition": MatchConditions.IfMissing}
    if token is None:
        return {}
    return {"etag": f'"{token}"', "match_condition": MatchConditions.IfNotModified}


def token_of(etag: Any) -> str:
    """An ETag without its quotes, which listings leave out and headers have."""
    return str(etag or "").strip('"')


def part_bytes_for(size_bytes: int) -> int:
    """8 MiB, or what it takes to stay below the limit of blocks."""
    return max(8 * MIB, -(-size_bytes // (MAX_BLOCKS - 1000) // MIB) * MIB)


def put_object(blob: BlobClient, data: bytes, *, where: str, if_absent: bool, if_token: str | None) -> str:
    """Write a whole blob in one request and return its token.

    An append blob, as registries 3.0 to 3.1.1 write all their files, cannot be replaced by a block blob in place: it is
    deleted in the version seen, and with ``if_token`` the new one created only if nobody else was faster. In between it
    is missing.
    """
    try:
        return _put(blob, data, match(if_token, absent=if_absent))
    except HttpResponseError as error:
        if code_of(error) != "InvalidBlobType":
            raise
        if if_absent:
            raise PreconditionFailed("the object is there already", where=where, cause="as an append blob") from error
    delete_other_type(blob, where=where, if_token=if_token)
    return _put(blob, data, match(None, absent=if_token is not None))


def _put(blob: BlobClient, data: bytes, condition: dict[str, Any]) -> str:
    settings = ContentSettings(content_type=CONTENT_TYPE)
    answer = blob.upload_blob(
        data, overwrite=True, length=len(data), content_settings=settings, validate_content=True, **condition
    )
    return token_of(answer["etag"])


def delete_other_type(blob: BlobClient, *, where: str, if_token: str | None = None) -> None:
    """Delete a blob that is no block blob, in the version seen, so that a block blob can take its place."""
    there = _there(blob)
    if there is None:
        return
    token = token_of(there.etag)
    if if_token not in (None, token):
        raise PreconditionFailed(
            "somebody else changed the object", where=where, fix="look at the new state and try again"
        )
    if there.blob_type != BlobType.BLOCKBLOB:
        delete_version(blob, token)


def is_other_type(blob: BlobClient) -> bool:
    """Whether a blob is there that blocks cannot replace."""
    there = _there(blob)
    return there is not None and there.blob_type != BlobType.BLOCKBLOB


def _there(blob: BlobClient) -> BlobProperties | None:
    try:
        return blob.get_blob_properties()
    except ResourceNotFoundError:
        return None


def delete_version(blob: BlobClient, token: str) -> None:
    """Delete a blob in the version seen; when the answer gets lost, the client's own second try finds none."""
    try:
        blob.delete_blob(**match(token))
    except HttpResponseError as error:
        if error.status_code not in (404, 412) or blob.exists():
            raise


class BlockUpload:
    """Blocks under ids of this upload alone, so that another upload of the same blob cannot slip others in."""

    def __init__(self, blob: BlobClient, *, where: str, cancel: CancelSignal | None) -> None:
        self._blob = blob
        self._where = where
        self._cancel = cancel
        self._prefix = uuid.uuid4().hex[:16]
        self._abandoned = threading.Event()

    def _id(self, number: int) -> str:
        return f"{self._prefix}{number:08d}"

    def stage(self, number: int, part: bytes) -> str:
        """Send one block."""
        with translated(self._where):
            self._blob.stage_block(
                self._id(number), part, length=len(part), validate_content=True, abandoned=self._abandoned
            )
        return self._id(number)

    def stage_from(self, url: str, authorization: str | None) -> Callable[[int, range], str]:
        """What makes Azure fetch one block itself."""

        def stage(number: int, part: range) -> str:
            with translated(self._where):
                self._blob.stage_block_from_url(
                    self._id(number),
                    url,
                    source_offset=part.start,
                    source_length=len(part),
                    source_authorization=authorization,
                    abandoned=self._abandoned,
                )
            return self._id(number)

        return stage

    def run(
        self,
        parts: Iterable[P],
        stage: Callable[[int, P], str],
        *,
        workers: int,
        if_absent: bool,
        progress: Callable[[int], None] | None,
    ) -> str:
        """Stage every part, commit, and return the token; nothing is seen of it unless all went well.

        After a failure the blocks stay, unseen: dropping them would show an empty blob (see `drop_blocks`). The next
        upload of the same blob discards them when it commits.
        """
        try:
            ids = send_parts(parts, stage, workers=workers, where=self._where, progress=progress, cancel=self._cancel)
            # In a thread as well: a commit that hangs must not hold up a cancel.
            commit = send_parts(
                [b""], lambda *_: self._commit(ids, if_absent), workers=1, where=self._where, cancel=self._cancel
            )
        except BaseException:
            self._abandoned.set()
            raise
        return commit[0]

    def _commit(self, ids: list[str], if_absent: bool) -> str:
        with translated(self._where):
            answer = self._blob.commit_block_list(
                [BlobBlock(block_id=each) for each in ids],
                content_settings=ContentSettings(content_type=CONTENT_TYPE),
                abandoned=self._abandoned,
                **match(None, absent=if_absent),
            )
        return token_of(answer["etag"])


def drop_blocks(blob: BlobClient) -> None:
    """Drop the blocks of uploads that were never committed, where no blob is; Azure itself does it after a week.

    There is no other way than to commit an empty blob and to delete it at once. For two requests it can be seen, and
    for ever when this process is killed in between: a thing to do on request, when no push is under way, and never
    while tidying up after a failure.
    """
    try:
        _, waiting = blob.get_block_list("uncommitted")
    except ResourceNotFoundError as error:
        if code_of(error) == "ContainerNotFound":
            raise
        return
    if not waiting:
        return
    mark = uuid.uuid4().hex
    try:
        token = token_of(blob.commit_block_list([], metadata={_MARK: mark}, **match(None, absent=True))["etag"])
    except CAUGHT:
        there = _there(blob)
        if there is None:
            raise
        if (there.metadata or {}).get(_MARK) != mark:
            return  # somebody's blob; else it is our own, whose answer got lost
        token = token_of(there.etag)
    delete_version(blob, token)


def read_signature(blob: BlobClient, account: str, key: str) -> str:
    """A SAS to read one blob for a few hours, for a server-side copy."""
    return generate_blob_sas(
        account_name=account,
        container_name=blob.container_name,
        blob_name=blob.blob_name,
        account_key=key,
        permission=BlobSasPermissions(read=True),
        start=datetime.now(UTC) - timedelta(minutes=15),
        expiry=datetime.now(UTC) + timedelta(hours=6),
    )
