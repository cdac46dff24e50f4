"""The blob space of a store: bytes named by their digest, shared by all repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ocistore_tui.backends.base import MIB, CancelSignal, Entry, ObjectStore, checked_chunks
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor


class Blobs:
    """All blobs of one store. "Exists" is never taken for "correct": sizes are compared, and reads are verified."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def stat(self, digest: Digest) -> Entry | None:
        """Size and token of a blob; None when it is not there."""
        return self._store.head(paths.blob(digest))

    def trusted(self, digest: Digest) -> Entry | None:
        """The same; None also when it is known to be damaged, of which the store itself says nothing."""
        return self.stat(digest)

    def has(self, blob: Descriptor) -> bool:
        """Whether the blob is there with the size its descriptor says, and not known to be damaged."""
        entry = self.trusted(blob.digest)
        return entry is not None and entry.size_bytes == blob.size

    def read(self, digest: Digest, *, max_bytes: int) -> bytes:
        """A small blob, verified.

        Raises:
            NotFound: it is not there.
            IntegrityError: it is damaged, or larger than ``max_bytes``.
        """
        try:
            raw, _ = self._store.get(paths.blob(digest), max_bytes=max_bytes)
        except NotFound as error:
            raise NotFound(
                "a blob is missing from the store",
                where=digest,
                cause=error.cause,
                fix="push the image again to repair it",
            ) from error
        except IntegrityError as error:
            raise IntegrityError(
                "a document in the store is too large to be one",
                where=digest,
                cause=error.cause or f"it has more than {max_bytes} bytes",
                fix="push the image again to repair it; if it comes from outside, do not trust it",
            ) from error
        for _ in checked_chunks([raw], size_bytes=len(raw), digest=digest, where=digest):
            pass
        return raw

    def open(self, blob: Descriptor, *, cancel: CancelSignal | None = None) -> Iterator[bytes]:
        """A blob's bytes in pieces of about a MiB; the end is only reached when size and digest fit.

        Raises:
            NotFound: it is not there.
            IntegrityError: it is damaged.
            Cancelled: ``cancel`` was set.
        """
        entry = self.stat(blob.digest)
        if entry is None:
            raise NotFound(
                "a blob is missing from the store", where=blob.digest, fix="push the image again to repair it"
            )
        if entry.size_bytes != blob.size:
            raise IntegrityError(
                "a blob in the store is damaged",
                where=blob.digest,
                cause=f"it has {entry.size_bytes} bytes instead of {blob.size}",
                fix="push the image again: that repairs it",
            )
        with self._store.open_range(paths.blob(blob.digest), start=0, length=blob.size, token=entry.token) as reader:
            pieces = iter(lambda: reader.read(MIB), b"")
            yield from checked_chunks(
                pieces, size_bytes=blob.size, digest=blob.digest, where=blob.digest, cancel=cancel
            )

    def put(self, raw: bytes, digest: Digest | None = None) -> Digest:
        """Store a small blob; one that is there with exactly these bytes is left alone, a damaged one is replaced.

        Args:
            raw: Its bytes.
            digest: Its name, which the caller has checked; None: its SHA-256.
        """
        digest = digest or Digest.of(raw)
        key = paths.blob(digest)
        try:
            is_there = self._store.get(key, max_bytes=len(raw))[0] == raw
        except (NotFound, IntegrityError):
            is_there = False
        if not is_there:
            self._store.put(key, raw)
        return digest

    def upload(
        self,
        blob: Descriptor,
        chunks: Iterable[bytes],
        *,
        replace: bool = False,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """Store a blob of known digest and return its token; nothing becomes visible unless its bytes fit.

        One that is there with its size is left alone, unless it is to be replaced; one of another size is replaced.
        """
        return self._store.put_stream(
            paths.blob(blob.digest),
            chunks,
            size_bytes=blob.size,
            digest=blob.digest,
            if_absent=not replace,
            progress=progress,
            cancel=cancel,
        )

    def upload_file(
        self,
        blob: Descriptor,
        path: Path,
        *,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """Store a blob from a file whose digest the caller has just computed, which may be moved away; its token."""
        return self._store.put_file(
            paths.blob(blob.digest), path, size_bytes=blob.size, digest=blob.digest, progress=progress, cancel=cancel
        )
