"""A bucket behind a bad network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.s3 import S3Store
from ocistore_tui.model.digest import Digest
from tests.backends.s3_buckets import client, new_bucket
from tests.contracts.object_store import chunked, pattern
from tests.faults.proxy import FaultProxy

BIG = pattern(20 * MIB)
BIG_DIGEST = Digest.of(BIG)


class Bed:
    """A store behind a bad network, and a look at its bucket from behind."""

    def __init__(self, moto: str, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self._place = new_bucket(moto)
        self._sdk = client(moto)
        self.store = S3Store(replace(self._place, endpoint=proxy.url, connect_timeout_s=1, read_timeout_s=1))
        self.store.put("unrelated", b"1", if_absent=True)  # from here on the server is known to keep conditions
        self.store.put("unrelated", b"2", if_token=self.store.put("unrelated", b"1"))
        proxy.requests.clear()

    def content(self, key: str) -> bytes | None:
        """What a reader elsewhere sees."""
        try:
            return bytes(self._sdk.get_object(Bucket=self._place.bucket, Key=key)["Body"].read())
        except self._sdk.exceptions.NoSuchKey:
            return None

    def write(self, key: str, data: bytes) -> None:
        self._sdk.put_object(Bucket=self._place.bucket, Key=key, Body=data)

    def unfinished(self) -> list[Any]:
        return list(self._sdk.list_multipart_uploads(Bucket=self._place.bucket).get("Uploads", []))

    def upload(self, data: bytes = BIG, **more: Any) -> str:
        return self.store.put_stream("b", chunked(data), size_bytes=len(data), digest=Digest.of(data), **more)
