"""Blobs that were found damaged are remembered on this machine, so that the next push really repairs them.

"It is there with its size" is all a push can ask of every blob without reading the whole store. A blob whose bytes were
once seen to be wrong is read before it is taken as there again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ocistore_tui.backends.base import CancelSignal, Entry, ObjectStore
from ocistore_tui.engine.cache import Cache
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor


class WatchedBlobs(Blobs):
    """The blobs of a store, with what this machine has seen of damage among them.

    Args:
        store: Where they are.
        cache: Remembers which were found damaged.
        known_sizes: What blobs have to have; one of another size is damaged.
    """

    def __init__(self, store: ObjectStore, cache: Cache, known_sizes: Mapping[Digest, int] | None = None) -> None:
        super().__init__(store)
        self._cache, self._known_sizes = cache, known_sizes or {}

    def trusted(self, digest: Digest) -> Entry | None:
        """See `Blobs.trusted`; a suspect is read."""
        entry = super().trusted(digest)
        if entry is None or self._known_sizes.get(digest, entry.size_bytes) != entry.size_bytes:
            return None
        if not self._cache.is_suspect(digest) or self._is_sound(Descriptor(digest=digest, size=entry.size_bytes)):
            return entry
        return None

    def read(self, digest: Digest, *, max_bytes: int) -> bytes:
        """See `Blobs.read`."""
        try:
            return super().read(digest, max_bytes=max_bytes)
        except IntegrityError:
            self._cache.suspect(digest)
            raise

    def open(self, blob: Descriptor, *, cancel: CancelSignal | None = None) -> Iterator[bytes]:
        """See `Blobs.open`."""
        try:
            yield from super().open(blob, cancel=cancel)
        except IntegrityError:
            self._cache.suspect(blob.digest)
            raise

    def upload(
        self,
        blob: Descriptor,
        chunks: Iterable[bytes],
        *,
        replace: bool = False,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `Blobs.upload`; a suspect is replaced."""
        replace = replace or self._cache.is_suspect(blob.digest)
        token = super().upload(blob, chunks, replace=replace, progress=progress, cancel=cancel)
        self._cache.clear(blob.digest)
        return token

    def upload_file(
        self,
        blob: Descriptor,
        path: Path,
        *,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `Blobs.upload_file`."""
        token = super().upload_file(blob, path, progress=progress, cancel=cancel)
        self._cache.clear(blob.digest)
        return token

    def _is_sound(self, blob: Descriptor) -> bool:
        try:
            for _ in super().open(blob):
                pass
        except (IntegrityError, NotFound):
            return False
        self._cache.clear(blob.digest)
        return True
