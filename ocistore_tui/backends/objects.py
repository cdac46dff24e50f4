"""What is checked alike wherever an object lives."""

from __future__ import annotations

from collections.abc import Callable

from ocistore_tui.backends.base import Entry
from ocistore_tui.config import check_root_dir
from ocistore_tui.errors import IntegrityError, NotFound, PreconditionFailed


def root_of(root_dir: str) -> str:
    """The root directory of a connection as every adapter takes it, without slashes around; empty: the store's top.

    Raises:
        UsageError: it cannot be the beginning of a key, or leads somewhere else.
    """
    return check_root_dir(root_dir, root_dir).strip("/")


def written_already(get: Callable[..., tuple[bytes, str]], key: str, data: bytes) -> str | None:
    """The token when ``get`` gives exactly ``data``: the answer to our own write got lost, and it was tried again."""
    try:
        there, token = get(key, max_bytes=len(data))
    except (NotFound, IntegrityError):
        return None
    return token if there == data else None


def settled_range(
    found: Callable[[], Entry], *, start: int, length: int | None, token: str | None, where: str
) -> tuple[int, str | None]:
    """Length and token of a range; the object is asked for with ``found`` where the caller does not give both.

    Raises:
        NotFound: no such object.
        PreconditionFailed: it is another version.
        IntegrityError: the range goes past its end.
    """
    if token is not None and length:
        return length, token
    entry = found()
    if token not in (None, entry.token):
        raise PreconditionFailed("the object has changed", where=where, fix="look at the new state and try again")
    length = entry.size_bytes - start if length is None else length
    if length < 0 or start + length > entry.size_bytes:
        raise too_short(where)
    return length, entry.token


def too_short(where: str) -> IntegrityError:
    """The error for a range past the end."""
    return IntegrityError("the object is shorter than asked for", where=where, fix="verify the image")


def too_large(where: str, max_bytes: int) -> IntegrityError:
    """The error for a document that cannot be one."""
    return IntegrityError(
        "the object is too large", where=where, cause=f"more than {max_bytes} bytes", fix="verify the image"
    )


def check_size(entry: Entry, size_bytes: int, *, where: str) -> None:
    """Refuse an object of another size, which the provider would copy unseen."""
    if entry.size_bytes != size_bytes:
        raise IntegrityError(
            "the object has another size than promised",
            where=where,
            cause=f"expected {size_bytes} bytes, found {entry.size_bytes}",
            fix="verify the image",
        )
