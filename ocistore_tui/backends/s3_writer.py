"""Small objects with conditions, on servers that keep them, refuse them or silently ignore them.

AWS keeps ``If-None-Match: *`` and ``If-Match`` on PUT since 2024; others were found to do any of the three. So a server
that is not AWS is asked, once: the bytes just written are written again, create-only. Refused: it keeps conditions.
Accepted: it ignores them, and nothing was lost, for they were the same bytes.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ocistore_tui.backends.base import SMALL_OBJECT_BYTES
from ocistore_tui.backends.s3_bucket import Bucket
from ocistore_tui.backends.s3_error_table import CHANGED
from ocistore_tui.backends.s3_errors import code_of, made
from ocistore_tui.errors import NotFound, OciStoreError, PreconditionFailed, Unavailable, Unsupported

NO_SUCH_ETAG = '"00000000000000000000000000000000"'
_CONFLICT_TRIES = 8
_TURN_S = 2.0


class Conditions:
    """What is known about a server's conditions; None: not yet."""

    def __init__(self) -> None:
        self.keeps_absent: bool | None = None
        self.keeps_token: bool | None = None

    @property
    def are_atomic(self) -> bool:
        """False once the server was seen not to keep them."""
        return self.keeps_absent is not False and self.keeps_token is not False


class Writer:
    """Writes small objects of one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._lock = threading.Lock()
        self.conditions = Conditions()

    def put(self, key: str, data: bytes, *, if_absent: bool, if_token: str | None) -> str:
        """See `ObjectStore.put`."""
        if not if_absent and if_token is None:
            return self._send(key, data)
        if self._bucket.connection.is_aws:
            return self._put_if(key, data, if_token=if_token)
        return self._put_asking(key, data, if_token=if_token)

    def _put_asking(self, key: str, data: bytes, *, if_token: str | None) -> str:
        known = self.conditions
        if (known.keeps_absent if if_token is None else known.keeps_token) is not True:
            with self._turn():
                if known.keeps_absent is False or known.keeps_token is False:
                    return self._put_compared(key, data, if_token=if_token)
                if if_token is None and known.keeps_absent is None:
                    return self._put_absent_asking(key, data)
                if if_token is not None and known.keeps_token is None:
                    return self._put_token_asking(key, data, if_token)
        return self._put_if(key, data, if_token=if_token)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One thread asks, the others wait for what it learns; without support they take turns.

        Not for ever: a request that hangs must not hold up the writer of another tag.
        """
        is_ours = self._lock.acquire(timeout=_TURN_S)
        try:
            yield
        finally:
            if is_ours:
                self._lock.release()

    def _put_absent_asking(self, key: str, data: bytes) -> str:
        if (there := self._read(key, data)) is not None:
            return self._same_or_changed(key, data, there)
        token = self._put_if(key, data, if_token=None)
        if self.conditions.keeps_absent is None:
            self.conditions.keeps_absent = (again := self._send_refusable(key, data, IfNoneMatch="*")) is None
            token = again or token
        return token

    def _put_token_asking(self, key: str, data: bytes, if_token: str) -> str:
        there = self._read(key, data)
        if there is None or there[1] != if_token:
            return self._same_or_changed(key, data, there)
        if there[0] is None:  # nothing of ours, and too large to be written again just to learn something
            return self._put_if(key, data, if_token=if_token)
        changed = self._send_refusable(key, there[0], IfMatch=NO_SUCH_ETAG)
        self.conditions.keeps_token = changed is None
        return self._put_if(key, data, if_token=if_token) if changed is None else self._send(key, data)

    def _put_if(self, key: str, data: bytes, *, if_token: str | None) -> str:
        """Write with a condition the server is believed to keep."""
        condition = {"IfNoneMatch": "*"} if if_token is None else {"IfMatch": if_token}
        for attempt in range(_CONFLICT_TRIES):
            try:
                return self._send(key, data, **condition)
            except PreconditionFailed as error:
                if code_of(error.__cause__) == "ConditionalRequestConflict" and attempt + 1 < _CONFLICT_TRIES:
                    time.sleep(random.random() * 0.05 * 2**attempt)  # noqa: S311 - jitter, no secret
                    continue
                # The failed condition may be our own write, whose reply was lost and which the SDK sent again.
                self._learn_kept(if_token)
                return self._same_or_changed(key, data, self._read(key, data), error)
            except NotFound as error:
                if if_token is None or code_of(error.__cause__) == "NoSuchBucket":
                    raise
                self._learn_kept(if_token)
                raise made(CHANGED, self._bucket.where(key), bucket=self._bucket.name) from error
            except Unsupported:
                self.conditions.keeps_absent = self.conditions.keeps_token = False
                return self._put_compared(key, data, if_token=if_token)
            except Unavailable as error:
                return self._read_back(key, data, error)
        raise AssertionError("unreachable")

    def _put_compared(self, key: str, data: bytes, *, if_token: str | None) -> str:
        """Read, compare, write: the best that is left; a writer elsewhere may come in between."""
        there = self._read(key, data)
        if there is not None if if_token is None else there is None or there[1] != if_token:
            return self._same_or_changed(key, data, there)
        return self._send(key, data)

    def _learn_kept(self, if_token: str | None) -> None:
        if if_token is None:
            self.conditions.keeps_absent = True
        else:
            self.conditions.keeps_token = True

    def _read(self, key: str, data: bytes) -> tuple[bytes | None, str] | None:
        """The object and its token, to be compared with ``data``; None for bytes that are far too many to be it."""
        try:
            reply = self._bucket.ask("get_object", key, ("ETag", "ContentLength"), is_small=True)
        except NotFound as error:
            if code_of(error.__cause__) == "NoSuchBucket":
                raise
            return None
        if int(reply["ContentLength"]) > max(SMALL_OBJECT_BYTES, len(data)):
            reply["Body"].close()
            return None, str(reply["ETag"])
        with self._bucket.translated(key), reply["Body"] as body:
            return body.read(), str(reply["ETag"])

    def _read_back(self, key: str, data: bytes, error: OciStoreError) -> str:
        try:
            there = self._read(key, data)
        except OciStoreError:
            raise error from error.__cause__
        if there is None or there[0] != data:
            raise error
        return there[1]

    def _same_or_changed(
        self, key: str, data: bytes, there: tuple[bytes | None, str] | None, error: PreconditionFailed | None = None
    ) -> str:
        if there is not None and there[0] == data:
            return there[1]
        raise made(CHANGED, self._bucket.where(key), bucket=self._bucket.name) from error

    def _send_refusable(self, key: str, data: bytes, **condition: Any) -> str | None:
        """Write with a condition that cannot hold; None when the server refused, as it should."""
        try:
            return self._send(key, data, **condition)
        except (PreconditionFailed, NotFound):
            return None
        except Unsupported:
            return self._send(key, data)

    def _send(self, key: str, data: bytes, **condition: Any) -> str:
        reply = self._bucket.call("put_object", key, Body=data, **condition, **self._bucket.storage())
        return self._bucket.token_of(key, reply)
