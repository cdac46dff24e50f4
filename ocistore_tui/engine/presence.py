"""What the store holds, asked once per blob while a plan is made."""

from __future__ import annotations

from collections.abc import Iterable

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.engine.workers import Workers
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor


class Presence:
    """Remembers the answers for one plan; the move looks again before it tags.

    Args:
        blobs: What is asked.
        workers: Ask several at once.
        cancel: Looked at before each request; `Cancelled` once it is set.
    """

    def __init__(self, blobs: Blobs, workers: Workers, cancel: CancelSignal | None = None) -> None:
        self._blobs, self._workers, self._cancel = blobs, workers, cancel
        self._answers: dict[tuple[Digest, int], bool] = {}

    def has(self, blob: Descriptor) -> bool:
        """Whether the blob is there with its size."""
        key = (blob.digest, blob.size)
        if key not in self._answers:
            check_cancel(self._cancel)
            self._answers[key] = self._blobs.has(blob)
        return self._answers[key]

    def missing(self, blobs: Iterable[Descriptor]) -> list[Descriptor]:
        """Those that are not, asked at once."""
        listed = list(blobs)
        present = self._workers.each(self.has, listed)
        return [blob for blob, is_there in zip(listed, present, strict=True) if not is_there]
