"""The storage port: bytes by key, with the same promises on every store.

Keys are ``/``-joined text relative to the connection's root prefix and never begin with ``/``.
Everything blocks and is safe to call from several threads. Only `OciStoreError` leaves an adapter.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self

from msgspec import Struct, field

from ocistore_tui.errors import Cancelled, IntegrityError, OciStoreError
from ocistore_tui.model.digest import Digest

MIB = 1024 * 1024
SMALL_OBJECT_BYTES = 8 * MIB
"""Objects up to this size go in one request; larger ones in parallel parts."""
SILENCE_S = 60.0
"""How long a server may take connections and answer nothing, on every store alike.

A small request (a listing, a HEAD, getting or putting a document, a single delete) is given up as `Unavailable` within
about this time in all, whatever the SDK would still try: one connection and one more, for the first may only have died
unseen. A request that moves a large body, or makes the server move or delete much, may take this long between any two
packets, and is tried again as the adapter does it.
"""
QUICK_SHARE = 0.45
"""The part of `SILENCE_S` that each of those two connections gets."""


class CancelSignal(Protocol):
    """What the work asks at every chunk; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether to stop now."""


class Entry(Struct, frozen=True):
    """An object as a listing or a HEAD tells it."""

    key: str
    size_bytes: int
    modified: float | None = None
    """Seconds since 1970, UTC."""
    token: str | None = None
    """Opaque version token for conditions: ETag, generation, or a file's stamp."""


class UnfinishedUpload(Struct, frozen=True):
    """A started and never completed upload that still takes space."""

    id: str
    key: str
    started: float | None = None
    """Seconds since 1970, UTC; None where the store does not tell."""
    size_bytes: int | None = None


class Capabilities(Struct, frozen=True):
    """What a store can do; where something is False, the operation does the best that is left."""

    atomic_conditions: bool = True
    """Whether conditional writes are atomic; False: still checked, but two writers may race and the last one wins."""
    list_unfinished: bool = True
    drops_unfinished: bool = True
    """Whether a failed upload is dropped at once; False: what it sent stays unseen until `ObjectStore.abort`, the next
    upload of the same blob, or the store's own tidying."""
    list_is_ordered: bool = True
    cheap_pages: bool = True
    """Whether listing a thousand keys takes about as long as listing a few names: true of buckets."""


class Finding(Struct, frozen=True):
    """One step of a store's self-test."""

    step: str
    """``reach``, ``sign in``, ``list``, ``read``, ``write``, ``conditions``, ``clock``, ``case`` …"""
    ok: bool | None
    """None: not tested."""
    detail: str = ""
    error: OciStoreError | None = None


class Report(Struct, frozen=True):
    """A store's self-test, step by step; the first failed step names cause and fix."""

    findings: tuple[Finding, ...] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return all(finding.ok is not False for finding in self.findings)


class RangeReader(ABC):
    """The bytes of a range of one object, resuming by itself after a cut connection."""

    @abstractmethod
    def read(self, size_bytes: int) -> bytes:
        """Up to ``size_bytes`` bytes; ``b""`` only at the true end of the range.

        Raises:
            OciStoreError: the range cannot be completed, or the object changed under the given token.
        """

    def file_range(self) -> tuple[int, int, int] | None:
        """The reader's open file, and offset and length in bytes of the rest in it; None: the bytes are in no file."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Let the connection go without reading the rest."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ObjectStore(ABC):
    """Bytes by key."""

    url: str
    """For display, such as ``s3://bucket/root``; holds no secret."""

    capabilities: Capabilities

    @property
    def spool_dir(self) -> Path | None:
        """Where `put_file` takes files without copying them (an existing directory of its own); None: nowhere."""
        return None

    @abstractmethod
    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """Every object whose key starts with ``prefix`` exactly once, in UTF-8 byte order, lazily, page by page.

        ``prefix`` is empty or ends with ``/``. Directory markers (keys ending in ``/``), unfinished files and Google
        upload sessions are left out. A missing prefix is empty; a missing bucket is an error. ``start_after`` is
        exclusive.
        """

    @abstractmethod
    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """Names of the children of ``prefix`` (empty or ending in ``/``) that hold at least one object, in byte order.

        On a directory store an empty directory counts. Lazy; ``start_after`` is a child name, exclusive.
        """

    @abstractmethod
    def head(self, key: str) -> Entry | None:
        """Size and token of one object; None only when it is surely absent, a refusal is an error."""

    @abstractmethod
    def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
        """A whole small object and its token, one consistent version.

        Raises:
            NotFound: no such object.
            IntegrityError: larger than ``max_bytes``.
        """

    @abstractmethod
    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, token: str | None = None
    ) -> RangeReader:
        """Exactly ``length`` bytes from ``start`` (None: to the end); a range at the very end is empty.

        With ``token``, reading fails with `PreconditionFailed` when the object is another version.

        Raises:
            NotFound: no such object (at once or at the first read).
        """

    @abstractmethod
    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """Write a small object atomically and return its token: readers see the old bytes or the new, never part.

        A condition is honoured (see `Capabilities.atomic_conditions`); a lost reply is resolved by reading back: when
        the object already holds exactly ``data``, a failed condition is success.

        Raises:
            PreconditionFailed: the condition does not hold.
        """

    @abstractmethod
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
        """Write a blob of known size and digest, in parallel parts where it pays, and return its token.

        Nothing becomes visible at ``key`` unless size and digest fit. With ``if_absent``, an object of the right size
        that is already there is success and ``chunks`` is not read; one of a wrong size is replaced. ``progress`` gets
        the number of bytes just stored, from any thread. Memory stays within part size times parts in flight.

        On an error or cancel the upload is aborted, so far as that shows nothing at ``key`` even for a moment, for a
        registry trusts what is there. Where a store has no such way (see `Capabilities.drops_unfinished`), what was
        sent is left to `list_unfinished` and `abort`.

        Raises:
            IntegrityError: the chunks are not what size and digest say.
            Cancelled: ``cancel`` was set.
        """

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        size_bytes: int,
        digest: Digest,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """Like `put_stream` with ``if_absent=False``, from a file whose digest the caller computed while writing it.

        The file may be moved away; the caller removes what is left of it.
        """
        with path.open("rb") as file:
            chunks = iter(lambda: file.read(MIB), b"")
            return self.put_stream(
                key, chunks, size_bytes=size_bytes, digest=digest, if_absent=False, progress=progress, cancel=cancel
            )

    @abstractmethod
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
        """Copy one blob: in the provider where both ends share endpoint and credentials, else streamed and verified."""

    @abstractmethod
    def delete(self, keys: Sequence[str], *, if_token: str | None = None) -> list[tuple[str, OciStoreError]]:
        """Delete any number of objects, batched; a missing one is fine. Errors come back per key.

        ``if_token`` goes with exactly one key. A directory store also removes the directories this empties.
        """

    @abstractmethod
    def list_unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """Uploads under ``prefix`` that were started and never completed. Google Cloud Storage cannot tell: empty."""

    @abstractmethod
    def abort(self, upload: UnfinishedUpload) -> None:
        """Drop one of them; already gone is fine. Azure shows an empty object at its key meanwhile."""

    @abstractmethod
    def check(self, *, write: bool = False) -> Report:
        """A cheap self-test: reachable, the right kind of server, rights, clock, case folding.

        With ``write``, also writes one small object under ``.ocistore-check/`` (conditional writes too) and deletes it
        again. Never raises for what it finds; the findings carry the errors.
        """

    def close(self) -> None:
        """Let connections and threads go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def checked_chunks(
    chunks: Iterable[bytes], *, size_bytes: int, digest: Digest, where: str, cancel: CancelSignal | None = None
) -> Iterator[bytes]:
    """Pass ``chunks`` on while counting and hashing: reaching the end means they were exactly what they had to be.

    The one reader that every upload and download goes through, so that counting, cancelling and verifying work alike
    on every store.

    Raises:
        IntegrityError: size or digest differ; raised instead of the end, or as soon as there is too much.
        Cancelled: ``cancel`` was set.
    """
    seen = 0
    running = hashlib.new(digest.algorithm)
    for chunk in chunks:
        check_cancel(cancel, where=where)
        seen += len(chunk)
        if seen > size_bytes:
            break
        running.update(chunk)
        yield chunk
    check_cancel(cancel, where=where)
    if seen != size_bytes:
        raise IntegrityError(
            "the data has another size than promised",
            where=where,
            cause=f"expected {size_bytes} bytes, got {'more' if seen > size_bytes else seen}",
            fix="verify the source; push the image again to repair a damaged store",
        )
    if running.hexdigest() != digest.encoded:
        raise IntegrityError(
            "the data does not match its digest",
            where=where,
            cause=f"expected {digest}, got {digest.algorithm}:{running.hexdigest()}",
            fix="verify the source; push the image again to repair a damaged store",
        )


def stream_copy(
    source: ObjectStore,
    source_key: str,
    target: ObjectStore,
    key: str,
    *,
    size_bytes: int,
    digest: Digest,
    progress: Callable[[int], None] | None = None,
    cancel: CancelSignal | None = None,
) -> str:
    """Copy one blob through this process, verified on the way: what `ObjectStore.copy_from` does between two providers.

    The whole source is read, so one that is longer than ``size_bytes`` is noticed too.
    """

    def chunks() -> Iterator[bytes]:
        with source.open_range(source_key) as reader:
            while chunk := reader.read(MIB):
                yield chunk

    return target.put_stream(key, chunks(), size_bytes=size_bytes, digest=digest, progress=progress, cancel=cancel)


def check_cancel(cancel: CancelSignal | None, *, where: str = "") -> None:
    """Raise `Cancelled` when the user asked to stop."""
    if cancel is not None and cancel.is_set():
        raise Cancelled("stopped on request", where=where, fix="run the same command again: finished blobs are kept")
