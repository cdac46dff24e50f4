"""A store's listing as it was last seen, kept on this machine: the next start shows it at once, with its age.

One file a store, readable by its user alone. Tags are kept in columns, because the names of 100,000 of them have to be
back within a moment. It is only ever shown, never acted upon; any damage means that nothing is remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ocistore_tui.engine.cache import replace_file
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow

_MAGIC = b"ocistore listing 1\n"
_MAX_BYTES = 64 * 1024 * 1024
_SUM_BYTES = 16


class _Tags(msgspec.Struct, array_like=True):
    repository: str
    names: list[str]
    pushed: list[float | None]
    known: dict[int, TagRow]
    """By position: rows that tell more than name and time."""


class _Listing(msgspec.Struct, array_like=True):
    identity: str
    moment: float
    names: list[str]
    invalid: list[int]
    """Positions of repositories no registry can serve."""
    is_whole: bool
    tags: list[_Tags]


def _digest(kind: type, value: object) -> Any:
    if kind is Digest and isinstance(value, str):
        return Digest.parse(value)
    raise ValueError(f"not a digest: {value!r}")


def _text(value: object) -> str:
    if isinstance(value, Digest):
        return str(value)
    raise TypeError(f"cannot be remembered: {type(value).__name__}")


_decoder = msgspec.msgpack.Decoder(_Listing, dec_hook=_digest)
_encoder = msgspec.msgpack.Encoder(enc_hook=_text)


def recall(cache_dir: Path | None, identity: str) -> Remembered | None:
    """What was last seen of a store; None where nothing usable is remembered.

    Args:
        cache_dir: Where this machine remembers things; None: nowhere.
        identity: Tells this store from all others.
    """
    if cache_dir is None:
        return None
    try:
        path = _path(cache_dir, identity)
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        head = len(_MAGIC) + _SUM_BYTES
        body = memoryview(raw)[head:]
        if len(raw) > _MAX_BYTES or raw[:head] != _MAGIC + _checksum(body):
            return None
        listing = _decoder.decode(body)
        if listing.identity != identity:
            return None
        return _restored(listing)
    except (OSError, ValueError, TypeError, IndexError, msgspec.MsgspecError, RecursionError):
        return None


def keep(cache_dir: Path | None, identity: str, seen: Remembered) -> None:
    """Remember it; what is too large is left out, details of tags first. A file that cannot be written is no error."""
    if cache_dir is None:
        return
    for tags in ([_packed(name, rows) for name, rows in seen.tags.items()], _names_only(seen), []):
        invalid = [position for position, row in enumerate(seen.repositories) if not row.is_valid]
        names = [row.name for row in seen.repositories]
        try:
            body = _encoder.encode(_Listing(identity, seen.moment, names, invalid, seen.is_whole, tags))
        except UnicodeEncodeError:  # a file system may hold names that are no text
            return
        if len(_MAGIC) + _SUM_BYTES + len(body) <= _MAX_BYTES:
            replace_file(_path(cache_dir, identity), _MAGIC + _checksum(body) + body, mode=0o700)
            return


def _names_only(seen: Remembered) -> list[_Tags]:
    return [
        _Tags(name, [row.name for row in rows], [row.pushed for row in rows], {}) for name, rows in seen.tags.items()
    ]


def _packed(name: str, rows: tuple[TagRow, ...]) -> _Tags:
    known = {
        position: row for position, row in enumerate(rows) if row.is_described or row.kind or row.subject is not None
    }
    return _Tags(name, [row.name for row in rows], [row.pushed for row in rows], known)


def _restored(listing: _Listing) -> Remembered:
    invalid = frozenset(listing.invalid)
    return Remembered(
        moment=listing.moment,
        repositories=tuple(RepositoryRow(name, position not in invalid) for position, name in enumerate(listing.names)),
        is_whole=listing.is_whole,
        tags=_RowsOnDemand(listing.tags),
    )


class _RowsOnDemand(Mapping[str, tuple[TagRow, ...]]):
    """Tags by repository, made into rows when they are asked for: a screen shows few of them.

    Raises:
        ValueError: what was kept does not fit together.
    """

    def __init__(self, kept: list[_Tags]) -> None:
        for tags in kept:
            if len(tags.names) != len(tags.pushed) or any(not 0 <= at < len(tags.names) for at in tags.known):
                raise ValueError("columns of unlike length")
        self._kept = {tags.repository: tags for tags in kept}

    def __getitem__(self, repository: str) -> tuple[TagRow, ...]:
        return _rows(self._kept[repository])

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def _rows(tags: _Tags) -> tuple[TagRow, ...]:
    rows = _stubs(tags.names, tags.pushed)
    for position, row in tags.known.items():
        rows[position] = row
    return tuple(rows)


def _stubs(names: list[str], pushed: list[float | None]) -> list[TagRow]:
    return [TagRow(name, pushed=moment) for name, moment in zip(names, pushed, strict=True)]


def _path(cache_dir: Path, identity: str) -> Path:
    return cache_dir / "listings" / hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()


def _checksum(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=_SUM_BYTES).digest()
