"""Uploads to Google Cloud Storage: one request, or a resumable session that ends well or not at all."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

import google_crc32c
import requests
from google.api_core import exceptions as api

from ocistore_tui.backends.base import MIB, CancelSignal
from ocistore_tui.backends.gcs_client import TIMEOUT_S, bounded_retry, quick_timeout_s
from ocistore_tui.backends.gcs_errors import CAUGHT, no_bucket, translated
from ocistore_tui.backends.parts import gather_parts, send_parts, try_for
from ocistore_tui.errors import NotFound, Unavailable

CONTENT_TYPE = "application/octet-stream"
_FORGET_S = 0.8


def put_object(blob: Any, data: bytes, *, where: str, generation: int | None) -> str:
    """Write a whole object in one request, checksummed, and return its generation.

    Raises:
        PreconditionFailed: the object is not of this ``generation`` (0: is there at all).
    """
    try:
        with translated(where):
            blob.upload_from_string(
                data,
                content_type=CONTENT_TYPE,
                checksum="crc32c",
                if_generation_match=generation,
                timeout=quick_timeout_s() if len(data) <= MIB else TIMEOUT_S,
                retry=bounded_retry(),
            )
    except NotFound as error:
        if generation:  # the object that the condition is about
            raise
        raise no_bucket(where, error=error.__cause__) from error
    return str(blob.generation)


def upload_stream(
    blob: Any,
    http: requests.Session,
    checked: Iterable[bytes],
    *,
    size_bytes: int,
    where: str,
    progress: Callable[[int], None] | None,
    cancel: CancelSignal | None,
) -> str:
    """Write ``checked`` through one resumable session and return the generation; drop the session on any failure.

    The server publishes when it has the last byte: `gather_parts` gives the last part away only after the chunks proved
    to be what they had to be. (The client's own `BlobWriter` publishes what it has when it is garbage collected.)
    """
    try:
        with translated(where):
            url = blob.create_resumable_upload_session(
                content_type=CONTENT_TYPE, size=size_bytes, timeout=quick_timeout_s(), retry=bounded_retry()
            )
    except NotFound as error:
        raise no_bucket(where, error=error.__cause__) from error
    session = _Session(http, url, size_bytes, where)
    part_bytes = (16 if size_bytes > 64 * MIB else 8) * MIB
    try:
        send_parts(
            gather_parts(checked, part_bytes), session.send, workers=1, where=where, progress=progress, cancel=cancel
        )
    except BaseException:
        session.forget()
        raise
    return session.generation


class _Session:
    """A resumable upload: https://cloud.google.com/storage/docs/performing-resumable-uploads."""

    def __init__(self, http: requests.Session, url: str, size_bytes: int, where: str) -> None:
        self.generation = ""
        self._http = http
        self._url = url
        self._size_bytes = size_bytes
        self._where = where
        self._stored = 0
        self._unsure = False
        self._checksum: Any = google_crc32c.Checksum()

    def send(self, _number: int, part: bytes) -> None:
        """Send the next part, going on where the server is after a cut; the last one publishes."""
        start, end = self._stored, self._stored + len(part)
        self._checksum.update(part)
        retry = bounded_retry()
        with translated(self._where):
            while self._stored < end and not self.generation:
                before = self._stored
                retry(self._send_rest)(part, start)
                if self._stored == before and not self.generation:
                    break
        if self._stored < end and not self.generation:
            raise Unavailable("the server does not take the data", where=self._where, fix="run the command again")
        if end == self._size_bytes and not self.generation:
            raise Unavailable("the upload did not come to its end", where=self._where, fix="run the command again")

    def _send_rest(self, part: bytes, start: int) -> None:
        if self._unsure:
            self._exchange(b"", f"bytes */{self._size_bytes}")
            if self.generation or self._stored >= start + len(part):
                return
            if self._stored < start:
                raise Unavailable(
                    "the server lost a part of the upload", where=self._where, fix="run the command again"
                )
        rest = part[self._stored - start :]
        self._exchange(rest, f"bytes {self._stored}-{start + len(part) - 1}/{self._size_bytes}")

    def _exchange(self, data: bytes, content_range: str) -> None:
        headers = {"Content-Range": content_range, "Content-Type": CONTENT_TYPE}
        if self._stored + len(data) == self._size_bytes:
            # The last part: with wrong bytes the server refuses to publish.
            headers["X-Goog-Hash"] = f"crc32c={base64.b64encode(self._checksum.digest()).decode()}"
        self._unsure = True
        answer = self._http.put(self._url, data=data, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
        if answer.status_code in (200, 201):
            self.generation = str(answer.json()["generation"])
        elif answer.status_code != 308:
            raise api.from_http_response(answer)
        else:
            self._stored = int(answer.headers.get("Range", "bytes=0--1").split("-", 1)[1]) + 1
        self._unsure = False

    def forget(self) -> None:
        """Delete the session, best effort: in a thread, because on a dead network that could take long."""
        try_for(_FORGET_S, self._delete)

    def _delete(self) -> None:
        try:
            self._http.delete(self._url, timeout=TIMEOUT_S)
        except CAUGHT:  # Google forgets it in a week
            return
