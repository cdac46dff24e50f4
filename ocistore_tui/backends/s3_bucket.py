"""One bucket: keys below the root, requests whose failures are the program's errors."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ocistore_tui.backends.base import MIB, Entry
from ocistore_tui.backends.objects import root_of
from ocistore_tui.backends.s3_client import Connection, S3Options, StopSwitch, connect
from ocistore_tui.backends.s3_error_table import NOT_S3
from ocistore_tui.backends.s3_errors import CAUGHT, code_of, made, status_of, translate, translated
from ocistore_tui.backends.s3_listing import Page, install_parser, page_of
from ocistore_tui.errors import AccessDenied, OciStoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ASK_TIMES = 3
_PATIENT = frozenset(
    {"complete_multipart_upload", "copy_object", "delete_objects", "get_object", "upload_part", "upload_part_copy"}
)
_SMALL_BODY_BYTES = MIB


class Bucket:
    """What every part of the adapter shares; the client is built at the first request."""

    def __init__(self, options: S3Options) -> None:
        options.check()
        self.options = options
        self.name = options.bucket
        self.root = root_of(options.root_dir)
        self.url = f"s3://{self.name}/{self.root}".rstrip("/")
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._patient: S3Client | None = None
        self.stop = StopSwitch()
        """What keeps abandoned uploads from being tried again."""
        self._is_there = False
        self.checks_no_parts = False
        """Whether the server refused to check parts, or did not check one it had promised to check."""

    @property
    def connection(self) -> Connection:
        """The client and what is known about the far end."""
        with self._lock:
            if self._connection is None:
                try:
                    self._connection = connect(self.options)
                except CAUGHT as error:
                    raise translate(error, where=self.url, bucket=self.name) from error
                install_parser(self._connection.client)
                self.stop.watch(self._connection.client)
            return self._connection

    def _client(self, *, is_small: bool) -> Any:
        connection = self.connection
        if is_small:
            return connection.client
        with self._lock:
            if self._patient is None:
                self._patient = connection.make_patient()
                self.stop.watch(self._patient)
            return self._patient

    @property
    def may_check_parts(self) -> bool:
        """See `Connection.may_check_parts`; unless it turned out that this server does not."""
        return self.connection.may_check_parts and not self.checks_no_parts

    def _custom_endpoint(self) -> str:
        connection = self._connection
        return "" if connection is None or connection.is_aws else str(connection.client.meta.endpoint_url)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            if self._patient is not None:
                self._patient.close()
            if self._connection is not None:
                self._connection.client.close()
            self._connection = self._patient = None

    def where(self, key: str) -> str:
        """The key for messages."""
        return f"{self.url}/{key}" if key else self.url

    def full(self, key: str) -> str:
        """The key as the bucket has it."""
        return f"{self.root}/{key}" if self.root else key

    def relative(self, full_key: str) -> str:
        """The key below the root."""
        return full_key[len(self.root) + 1 :] if self.root else full_key

    def translated(self, key: str) -> AbstractContextManager[None]:
        """Let only `OciStoreError` out."""
        return translated(self.where(key), bucket=self.name)

    def call(self, operation: str, key: str | None, *, is_small: Any = None, **parameters: Any) -> Any:
        """Send a request, named like the client's method; ``is_small`` as `base.SILENCE_S` means it, None: by its kind.

        Raises:
            OciStoreError: its ``__cause__`` is what the client raised.
        """
        if key is not None:
            parameters["Key"] = self.full(key)
        try:
            if is_small is None:
                is_small = operation not in _PATIENT and len(parameters.get("Body", b"")) <= _SMALL_BODY_BYTES
            reply = getattr(self._client(is_small=is_small), operation)(Bucket=self.name, **parameters)
        except CAUGHT as error:
            endpoint = self._custom_endpoint()
            raise translate(error, where=self.where(key or ""), bucket=self.name, endpoint=endpoint) from error
        self._is_there = True
        return reply

    def ask(self, operation: str, key: str, needed: tuple[str, ...], **parameters: Any) -> Any:
        """Like `call`, for a reply that is nothing without what ``needed`` names.

        A connection that ends within the head of a reply takes headers with it, and the SDK does not notice; so ask
        again. Where they are missing still, it is the page of a proxy or of a web server that says 200 to everything:
        taking it for an object, or for the proof that one was written, would lose data.

        Raises:
            Unsupported: the server does not speak S3.
        """
        for _ in range(_ASK_TIMES):
            reply = self.call(operation, key, **parameters)
            if all(_is_whole(reply.get(name)) for name in needed):
                return reply
            if "Body" in reply:
                reply["Body"].close()
        raise made(NOT_S3, self.where(key), bucket=self.name)

    def page(
        self, prefix: str, *, start_after: str | None, delimiter: str, token: str | None, limit: int | None = None
    ) -> Page:
        """One page of a listing, with full keys."""
        parameters: dict[str, Any] = {"Prefix": prefix, "EncodingType": "url"}
        if delimiter:
            parameters["Delimiter"] = delimiter
        if token is not None:
            parameters["ContinuationToken"] = token
        elif start_after:
            parameters["StartAfter"] = start_after
        if limit is not None:
            parameters["MaxKeys"] = limit
        for _ in range(_ASK_TIMES):
            page = page_of(self.call("list_objects_v2", None, **parameters))
            if page is not None:
                return page
        raise made(NOT_S3, self.url, bucket=self.name)

    def probe(self) -> Page:
        """The cheapest request that says what is wrong, if something is."""
        return self.page(self.full(""), start_after=None, delimiter="", token=None, limit=1)

    def head(self, key: str) -> Entry | None:
        """Size and token; None only when the object is surely absent."""
        try:
            reply = self.ask("head_object", key, ("ETag", "ContentLength"))
        except OciStoreError as error:
            self._check_absent(error)
            return None
        modified = reply.get("LastModified")
        return Entry(key, int(reply["ContentLength"]), modified.timestamp() if modified else None, str(reply["ETag"]))

    def _check_absent(self, error: OciStoreError) -> None:
        """Raise unless the object is surely absent; a HEAD says no reason, a listing of one key does."""
        status = status_of(error.__cause__)
        if status == 404 and self._is_there:
            return
        if status not in (301, 400, 403, 404):
            raise error
        try:
            self.probe()
        except AccessDenied as denied:
            # Without the right to list, a missing object is 403, so that 404 is still a true answer.
            if status == 404 and code_of(denied.__cause__) == "AccessDenied":
                self._is_there = True
                return
            raise  # its cause is the reply that says why
        if status != 404:
            raise error

    def storage(self) -> dict[str, str]:
        """What every new object is to have; copies and parts do not inherit it."""
        found: dict[str, str] = {}
        if self.options.sse or self.options.sse_kms_key_id:
            found["ServerSideEncryption"] = self.options.sse or "aws:kms"
        if self.options.sse_kms_key_id:
            found["SSEKMSKeyId"] = self.options.sse_kms_key_id
        if self.options.storage_class:
            found["StorageClass"] = self.options.storage_class
        return found

    def token_of(self, key: str, reply: Any) -> str:
        """The ETag a write brought; some servers keep it to themselves."""
        token = reply.get("ETag") or (reply.get("CopyObjectResult") or {}).get("ETag")
        if not _is_whole(token):
            found = self.head(key)
            if found is None:
                raise made(NOT_S3, self.where(key), bucket=self.name)
            token = found.token
        return str(token)


def _is_whole(value: object) -> bool:
    """Whether a header is there, and an ETag not cut off before its second quote."""
    text = "" if value is None else str(value)
    return bool(text) and text.count('"') != 1
