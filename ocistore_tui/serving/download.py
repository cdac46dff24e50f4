"""Bytes of a blob on their way to a client: hashed the first time, straight from the file afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from ocistore_tui.backends.base import MIB, SMALL_OBJECT_BYTES, Entry, RangeReader, checked_chunks
from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.rules import Event, What

_AHEAD_FROM_BYTES = 2 * SMALL_OBJECT_BYTES
"""Stores fetch longer ranges in parallel pieces, which takes memory."""


class Download:
    """A blob, or a range of it, as the body of an answer.

    A whole blob that was not seen to be right in this version is hashed as it goes, and its last piece is kept back
    until the digest fits: a client never gets a damaged blob to its end. A range cannot be checked.

    Raises:
        NotFound: it is not there any more.
        PreconditionFailed: it is another version by now.
    """

    def __init__(
        self, context: Context, repository: str, digest: Digest, entry: Entry, *, start: int = 0, length: int
    ) -> None:
        self._context, self._repository, self._digest, self._entry = context, repository, digest, entry
        self.length = length
        is_whole = length == entry.size_bytes
        self._is_checked = is_whole and not context.seen.is_sound(digest, entry.token)
        self._slot = length > _AHEAD_FROM_BYTES and context.ahead.acquire(blocking=False)
        try:
            step = length if self._slot else min(length, _AHEAD_FROM_BYTES)
            self._reader = self._open(start, step)
        except BaseException:
            self._free()
            raise
        self._next, self._end = start + step, start + length

    def file(self) -> tuple[int, int, int] | None:
        """See `Payload.file`."""
        found = None if self._is_checked else self._reader.file_range()
        if found is None or self._end == self._next:
            return found
        return (*found[:2], found[2] + self._end - self._next)  # a file holds all of it

    def chunks(self) -> Iterator[bytes]:
        """See `Payload.chunks`.

        Raises:
            IntegrityError: the blob is damaged; its last bytes were not given out.
        """
        if not self._is_checked:
            yield from self._pieces()
            return
        size_bytes, where = self._entry.size_bytes, str(self._digest)
        checked = checked_chunks(self._pieces(), size_bytes=size_bytes, digest=self._digest, where=where)
        held = b""
        try:
            for chunk in checked:
                if held:
                    yield held
                held = chunk
        except IntegrityError:
            self._context.seen.damaged(self._digest)
            self._context.tell(Event(What.DAMAGED, self._repository, self._digest))
            raise
        self._context.seen.sound(self._digest, self._entry.token)
        yield held

    def close(self) -> None:
        """See `Payload.close`."""
        self._reader.close()
        self._free()

    def sent(self, size_bytes: int) -> None:
        """Tell that so many bytes went out."""
        self._context.tell(Event(What.READ, self._repository, self._digest, size_bytes))

    def _open(self, start: int, length: int) -> RangeReader:
        return self._context.store.open_range(self._entry.key, start=start, length=length, token=self._entry.token)

    def _pieces(self) -> Iterator[bytes]:
        while True:
            while piece := self._reader.read(MIB):
                yield piece
            if self._next == self._end:
                return
            self._reader.close()
            step = min(self._end - self._next, _AHEAD_FROM_BYTES)
            self._reader = self._open(self._next, step)
            self._next += step

    def _free(self) -> None:
        if self._slot:
            self._slot = False
            self._context.ahead.release()
