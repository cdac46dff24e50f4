"""How the tests ask a registry: without a server between them, or through one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.addresses import Address, listen
from ocistore_tui.serving.limits import Limits
from ocistore_tui.serving.message import BodyBroken, Request
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from ocistore_tui.serving.server import Server
from tests.layout.content import image

EVERYTHING = Rules(can_write=True, can_delete=True)
IMAGE = image("app", layers=(b"small", bytes(range(256)) * 20_000))
"""What the fixture ``stocked`` holds as app:1.0."""
LARGE = IMAGE.blobs[2]
MANIFEST = "/v2/app/manifests/1.0"
BLOB = f"/v2/app/blobs/{Digest.of(LARGE)}"
UPLOADS = "/v2/app/blobs/uploads/"


class Bytes:
    """A body whose bytes are at hand; with ``promised`` it breaks off before that many came."""

    def __init__(self, raw: bytes, *, promised: int | None = None, is_chunked: bool = False) -> None:
        self.length = None if is_chunked else promised if promised is not None else len(raw)
        self._rest, self._breaks = raw, promised is not None

    def read(self, size_bytes: int) -> bytes:
        taken, self._rest = self._rest[:size_bytes], self._rest[size_bytes:]
        if len(taken) < size_bytes and self._breaks:
            raise BodyBroken("the client went away")
        return taken


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The specification's code of a refusal."""
        (error,) = self.json["errors"]
        assert error["message"]
        return str(error["code"])

    @property
    def location(self) -> str:
        return self.headers["Location"]


def ask(
    registry: Registry, method: str, target: str, body: bytes | Bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """One request without a server."""
    path, _, query = target.partition("?")
    fields = {name: tuple(values) for name, values in parse_qs(query, keep_blank_values=True).items()}
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    given = Bytes(body) if isinstance(body, bytes) else body
    response = registry.answer(Request(method, unquote(path), fields, lower, given))
    if isinstance(response.body, bytes):
        return Answer(response.status, response.headers, b"" if method == "HEAD" else response.body)
    try:
        raw = b"".join(response.body.chunks())
    finally:
        response.body.close()
    return Answer(response.status, response.headers, raw)


@contextmanager
def served(
    store: ObjectStore, *, rules: Rules = EVERYTHING, limits: Limits | None = None, **more: Any
) -> Iterator[Server]:
    """The store behind a server on the loopback."""
    server = Server(Registry(store, rules=rules), listen([Address("127.0.0.1", 0)]), limits=limits, **more)
    server.start()
    try:
        yield server
    finally:
        server.stop(grace_s=5)


def connect(server: Server, timeout_s: float = 20) -> socket.socket:
    """A plain connection to it."""
    return socket.create_connection(server.ports[0][:2], timeout=timeout_s)


def everything(sock: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def say(server: Server, raw: bytes) -> bytes:
    """Send these bytes; all that comes back until the server closes."""
    with connect(server) as sock:
        sock.sendall(raw)
        return everything(sock)


def status_of(raw: bytes) -> int:
    """The status of the first answer."""
    assert raw.startswith(b"HTTP/1.1 "), raw[:100]
    return int(raw.split()[1])
