"""A store in memory: for tests and demonstrations, with faults on request."""

from __future__ import annotations

import itertools
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from ocistore_tui.backends.base import (
    MIB,
    CancelSignal,
    Capabilities,
    Entry,
    Finding,
    ObjectStore,
    RangeReader,
    Report,
    UnfinishedUpload,
    checked_chunks,
)
from ocistore_tui.backends.objects import too_large, too_short
from ocistore_tui.errors import NotFound, OciStoreError, PreconditionFailed, UsageError
from ocistore_tui.model.digest import Digest

Hook = Callable[[str, str], None]


class _Object(Struct, frozen=True):
    data: bytes
    token: str
    modified: float


class MemoryStore(ObjectStore):
    """Objects in a dictionary, with the same promises as every other store.

    ``counts`` tells how often each operation was called. A ``hook`` is called with (operation, key or prefix) before
    each of them and may raise, block or kill; `fail_next` is the short way to a single failure. Operations are named
    like the methods.
    """

    capabilities = Capabilities()

    def __init__(self, *, url: str = "memory://store", hook: Hook | None = None) -> None:
        self.url = url
        self.hook = hook
        self.counts: Counter[str] = Counter()
        self._objects: dict[str, _Object] = {}
        self._unfinished: dict[str, UnfinishedUpload] = {}
        self._faults: list[tuple[str, OciStoreError, int]] = []
        self._versions = itertools.count(1)
        self._lock = threading.Lock()

    def fail_next(self, operation: str, error: OciStoreError, *, after: int = 0) -> None:
        """Raise ``error`` once from ``operation``, after ``after`` more calls of it that go well."""
        with self._lock:
            self._faults.append((operation, error, self.counts[operation] + after + 1))

    def leave_unfinished(self, key: str) -> UnfinishedUpload:
        """An upload to ``key`` as a killed process leaves it."""
        with self._lock:
            upload = UnfinishedUpload(str(next(self._versions)), key, time.time())
            self._unfinished[upload.id] = upload
            return upload

    def _enter(self, operation: str, key: str) -> None:
        with self._lock:
            self.counts[operation] += 1
            due = [fault for fault in self._faults if fault[0] == operation and fault[2] <= self.counts[operation]]
            if due:
                self._faults.remove(due[0])
                raise due[0][1]
        if self.hook:
            self.hook(operation, key)

    def _where(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _found(self, key: str) -> _Object:
        found = self._objects.get(key)
        if found is None:
            raise NotFound("no such object", where=self._where(key))
        return found

    def _write(self, key: str, data: bytes) -> str:
        stored = _Object(data, f"v{next(self._versions)}", time.time())
        self._objects[key] = stored
        return stored.token

    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """See `ObjectStore.list_entries`; shows the objects there at the first step."""
        self._enter("list_entries", prefix)
        with self._lock:
            found = [
                Entry(key, len(stored.data), stored.modified, stored.token)
                for key, stored in self._objects.items()
                if key.startswith(prefix) and (start_after is None or key > start_after)
            ]
        yield from sorted(found, key=lambda entry: entry.key)

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """See `ObjectStore.list_dirs`."""
        self._enter("list_dirs", prefix)
        with self._lock:
            rests = [key[len(prefix) :] for key in self._objects if key.startswith(prefix)]
        names = sorted({rest.partition("/")[0] for rest in rests if "/" in rest})
        start = 0 if start_after is None else bisect_left(names, start_after + "\0")
        yield from names[start:]

    def head(self, key: str) -> Entry | None:
        """See `ObjectStore.head`."""
        self._enter("head", key)
        stored = self._objects.get(key)
        return None if stored is None else Entry(key, len(stored.data), stored.modified, stored.token)

    def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
        """See `ObjectStore.get`."""
        self._enter("get", key)
        stored = self._found(key)
        if len(stored.data) > max_bytes:
            raise too_large(self._where(key), max_bytes)
        return stored.data, stored.token

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, token: str | None = None
    ) -> RangeReader:
        """See `ObjectStore.open_range`."""
        self._enter("open_range", key)
        stored = self._found(key)
        if token is not None and stored.token != token:
            raise PreconditionFailed("the object has changed", where=self._where(key))
        end = len(stored.data) if length is None else start + length
        if start > len(stored.data) or end > len(stored.data):
            raise too_short(self._where(key))
        return _MemoryReader(stored.data[start:end])

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """See `ObjectStore.put`."""
        self._enter("put", key)
        with self._lock:
            there = self._objects.get(key)
            met = not (if_absent and there) and (if_token is None or (there is not None and there.token == if_token))
            if met:
                return self._write(key, bytes(data))
            if there is not None and there.data == data:
                return there.token
        raise PreconditionFailed(
            "somebody else changed the object", where=self._where(key), fix="look at the new state and try again"
        )

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
        """See `ObjectStore.put_stream`; the data stays in memory."""
        self._enter("put_stream", key)
        there = self._objects.get(key)
        if if_absent and there is not None and len(there.data) == size_bytes:
            return there.token
        return self._receive(key, chunks, size_bytes, digest, progress, cancel)

    def _receive(
        self,
        key: str,
        chunks: Iterable[bytes],
        size_bytes: int,
        digest: Digest,
        progress: Callable[[int], None] | None,
        cancel: CancelSignal | None,
    ) -> str:
        received = bytearray()
        for chunk in checked_chunks(
            chunks, size_bytes=size_bytes, digest=digest, where=self._where(key), cancel=cancel
        ):
            received += chunk
            if progress:
                progress(len(chunk))
        with self._lock:
            return self._write(key, bytes(received))

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
        """See `ObjectStore.copy_from`; always streamed and verified."""
        self._enter("copy_from", key)
        with source.open_range(source_key) as reader:
            chunks = iter(lambda: reader.read(MIB), b"")
            return self._receive(key, chunks, size_bytes, digest, progress, cancel)

    def delete(self, keys: Sequence[str], *, if_token: str | None = None) -> list[tuple[str, OciStoreError]]:
        """See `ObjectStore.delete`; a fault or hook strikes per key and is raised, as if the process stopped there."""
        if if_token is not None and len(keys) != 1:
            raise UsageError("a token goes with exactly one key", where=self.url)
        for key in keys:
            self._enter("delete", key)
            with self._lock:
                there = self._objects.get(key)
                if there is not None and if_token not in (None, there.token):
                    return [(key, PreconditionFailed("somebody else changed the object", where=self._where(key)))]
                self._objects.pop(key, None)
        return []

    def list_unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """See `ObjectStore.list_unfinished`; only what `leave_unfinished` left."""
        self._enter("list_unfinished", prefix)
        yield from [upload for upload in self._unfinished.values() if upload.key.startswith(prefix)]

    def abort(self, upload: UnfinishedUpload) -> None:
        """See `ObjectStore.abort`."""
        self._enter("abort", upload.key)
        self._unfinished.pop(upload.id, None)

    def check(self, *, write: bool = False) -> Report:
        """See `ObjectStore.check`; there is nothing that could be wrong but a planted fault."""
        try:
            self._enter("check", "")
        except OciStoreError as error:
            return Report((Finding("reach", False, error.message, error),))
        steps = ("reach", "list", "read", *(("write", "conditions") if write else ()))
        return Report(tuple(Finding(step, True) for step in steps))


class _MemoryReader(RangeReader):
    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def read(self, size_bytes: int) -> bytes:
        piece, self._data = self._data[:size_bytes], self._data[size_bytes:]
        return bytes(piece)

    def close(self) -> None:
        self._data = memoryview(b"")
