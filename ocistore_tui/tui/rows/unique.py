"""Bytes that only one digest holds: what deleting its tags would free. Right only when every tag is known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow


class Sharing:
    """Who holds which blob.

    Args:
        rows: Every described tag of the store, also those that are attachments.
    """

    def __init__(self, rows: Iterable[TagRow]) -> None:
        self._holders: defaultdict[Digest, set[Digest]] = defaultdict(set)
        self._blobs: dict[Digest, dict[Digest, int]] = {}
        self._sizes: dict[Digest, int] = {}
        self._tags: Counter[Digest] = Counter()
        for row in rows:
            if row.digest is None:
                continue
            self._tags[row.digest] += 1
            if row.digest in self._blobs:
                continue
            self._blobs[row.digest] = dict(row.blobs)
            for blob, size_bytes in row.blobs.items():
                self._holders[blob].add(row.digest)
                self._sizes[blob] = size_bytes

    def unique_bytes(self, digest: Digest) -> int:
        """Bytes no other digest of the store holds."""
        return self.freed_bytes([digest])

    def freed_bytes(self, digests: Iterable[Digest]) -> int:
        """Bytes nothing but these digests holds, taken together."""
        gone = set(digests)
        blobs = {blob for digest in gone for blob in self._blobs.get(digest, ())}
        return sum(self._sizes[blob] for blob in blobs if self._holders[blob] <= gone)

    def users(self, blob: Digest) -> int:
        """How many digests hold a blob."""
        return len(self._holders.get(blob, ()))

    @property
    def total_bytes(self) -> int:
        """All stored bytes below tags, each blob once."""
        return sum(self._sizes.values())
