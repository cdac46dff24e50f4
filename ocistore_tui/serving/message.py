"""A request and its answer, whatever server carries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Body(Protocol):
    """What comes behind the headers of a request."""

    length: int | None
    """Bytes of the whole body; None: as many as come (chunked)."""

    def read(self, size_bytes: int) -> bytes:
        """Up to ``size_bytes`` bytes, as many as that unless it ends; ``b""`` only at its true end.

        Raises:
            BodyBroken: the client went away, fell silent or broke the rules of HTTP before the end.
        """


class BodyBroken(Exception):
    """The body of a request did not come to its end; most often there is nobody left to answer.

    Args:
        message: How it broke off.
        status: What to answer to whoever is still there.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class NoBody:
    """The body of a request that has none."""

    length: int | None = 0

    def read(self, size_bytes: int) -> bytes:
        """See `Body.read`."""
        del size_bytes
        return b""


@dataclass(slots=True)
class Request:
    """One request."""

    method: str
    path: str
    """Decoded, from the first slash, without the query."""
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: Body = field(default_factory=NoBody)

    def first(self, name: str) -> str | None:
        """The first value of a query parameter; None when it is not there."""
        values = self.query.get(name)
        return values[0] if values else None

    def header(self, name: str) -> str:
        """A header by its lower-case name; empty when it is not there."""
        return self.headers.get(name, "")


class Payload(Protocol):
    """Bytes of an answer that are made while they are sent."""

    length: int
    """Bytes of all."""

    def file(self) -> tuple[int, int, int] | None:
        """An open file that holds exactly these bytes, with offset and length; None: take `chunks`."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes; an error instead of the end means that the answer must not look whole.

        Raises:
            OciStoreError: the store failed, or the bytes are not what they should be.
        """

    def sent(self, size_bytes: int) -> None:
        """So many bytes of it went out; called once, before `close`."""

    def close(self) -> None:
        """Let everything go; called once, however it ended."""


@dataclass(slots=True)
class Response:
    """One answer; to HEAD its body is left out, and the headers stay."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Payload = b""
    length: int | None = None
    """What ``Content-Length`` says where the body is left out on purpose; None: the length of the body."""
    trouble: str = ""
    """What went wrong behind it, for the log of whoever runs this; it is not sent."""
