"""A compressed layer on its way lies in memory or in a file, whole, and leaves nothing behind."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.backends.spool import MEMORY_BYTES, Spool
from ocistore_tui.errors import NoSpace


@pytest.mark.parametrize("pieces", [[], [b"small"], [b"x" * MEMORY_BYTES, b""], [b"x" * MEMORY_BYTES, b"y"]])
def test_what_was_written_is_there_until_it_is_forgotten(pieces: list[bytes], tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for piece in pieces:
        spool.write(piece)
    spool.finish()
    whole = b"".join(pieces)
    assert (spool.path is None) == (len(whole) <= MEMORY_BYTES)
    assert (spool.path.read_bytes() if spool.path else spool.data) == whole
    spool.close()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def room_for() -> Iterator[int]:
    """Files can have so many bytes and no more: what does not fit is taken in part, as by a disk that gets full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size_bytes = MEMORY_BYTES + 1000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    yield size_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("first_bytes", [10, MEMORY_BYTES, MEMORY_BYTES + 900])
def test_the_last_bytes_that_only_fit_in_part_are_noticed(first_bytes: int, room_for: int, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(bytes(first_bytes))
    with pytest.raises(NoSpace):
        spool.write(bytes(room_for + 1 - first_bytes))
    spool.close()
    assert list(tmp_path.iterdir()) == []
