"""Azurite behind a server that refuses, loses, cuts, holds and damages, and keeps a rule that Azurite forgets."""

from __future__ import annotations

import base64
import http.client
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from azure.storage.blob import BlobType, ContainerClient

from ocistore_tui.backends.azure import AzureOptions
from tests.faults.canned import Answer, CannedServer, Request
from tests.testbed.servers import AZURE_ACCOUNT, AZURE_KEY

Forward = Callable[[Request], Answer]
Act = Callable[[Request, Forward], Answer]


@contextmanager
def new_container(azurite: str) -> Iterator[ContainerClient]:
    """An empty container, as the client itself sees it."""
    with ContainerClient(azurite, f"test-{uuid.uuid4().hex}", credential=AZURE_KEY) as container:
        container.create_container()
        yield container
        container.delete_container()


def options_for(url: str, container: str, root_dir: str = "", *, concurrency: int = 4) -> AzureOptions:
    """The options for a container of Azurite, or of a relay before it."""
    return AzureOptions(
        container,
        root_dir=root_dir,
        account_name=AZURE_ACCOUNT,
        account_key=AZURE_KEY,
        endpoint=url,
        concurrency=concurrency,
    )


def refused(status: int, code: str, message: str = "what the server said") -> Answer:
    """An error as Azure words it."""
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, body, {"Content-Type": "application/xml", "x-ms-error-code": code})


# -- what can happen on the way: each is an `Act`


def lose_reply(request: Request, forward: Forward) -> Answer:
    """The server does it, and the connection ends before it can say so."""
    forward(request)
    raise ConnectionAbortedError


def drop(request: Request, forward: Forward) -> Answer:
    """The connection ends before the server sees anything."""
    raise ConnectionAbortedError


def cut_after(size_bytes: int) -> Act:
    """The connection ends in the middle of the answer's body."""

    def act(request: Request, forward: Forward) -> Answer:
        whole = forward(request)
        length = whole.headers.get("Content-Length", str(len(whole.body)))
        return replace(
            whole,
            body=whole.body[:size_bytes],
            headers={**whole.headers, "Content-Length": length, "Connection": "close"},
        )

    return act


def flip_sent(at: int) -> Act:
    """One bit of what the client sends is another at the server."""

    def act(request: Request, forward: Forward) -> Answer:
        return forward(replace(request, body=_flipped(request.body, at)))

    return act


def flip_received(at: int) -> Act:
    """One bit of the answer is another at the client."""

    def act(request: Request, forward: Forward) -> Answer:
        whole = forward(request)
        assert isinstance(whole.body, bytes)
        return replace(whole, body=_flipped(whole.body, at))

    return act


def hold_until(release: threading.Event) -> Act:
    """Nothing comes back until ``release`` is set; then the connection ends."""

    def act(request: Request, forward: Forward) -> Answer:
        release.wait(60)
        raise ConnectionAbortedError

    return act


def answer_with(answer: Answer) -> Act:
    """The server is not asked."""
    return lambda request, forward: answer


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@dataclass
class Fault:
    """Something that happens to the next ``times`` requests whose ``METHOD path?query`` matches ``pattern``."""

    pattern: str
    act: Act
    times: int


class AzureRelay:
    """Passes requests on while the ``with`` lasts; keeps them in ``requests``."""

    def __init__(self, azurite: str, *, keep_types: bool = False) -> None:
        self._target = urlsplit(azurite)
        self._keep_types = keep_types
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._server = CannedServer(self._answer)
        self.requests = self._server.requests
        self.url = f"{self._server.url}{self._target.path}"

    def fault(self, pattern: str, act: Act, *, times: int = 1) -> Fault:
        """Let ``act`` happen to the next requests like ``pattern``; the result counts down."""
        fault = Fault(pattern, act, times)
        with self._lock:
            self._faults.append(fault)
        return fault

    def asked(self, pattern: str) -> list[Request]:
        """The requests so far whose ``METHOD path?query`` matches."""
        return [each for each in list(self.requests) if re.search(pattern, f"{each.method} {each.path}")]

    def _answer(self, request: Request) -> Answer:
        line = f"{request.method} {request.path}"
        with self._lock:
            fault = next((each for each in self._faults if each.times and re.search(each.pattern, line)), None)
            if fault is not None:
                fault.times -= 1
        return fault.act(request, self._forward) if fault else self._forward(request)

    def _forward(self, request: Request) -> Answer:
        if self._keep_types and self._is_forbidden(request):
            return refused(409, "InvalidBlobType", "The blob type is invalid for this operation.")
        if "x-ms-copy-source" in request.headers and "comp=block&" in request.path:
            return self._stage_from(request)
        return self._send(request.method, request.path, request.headers, request.body)

    def _stage_from(self, request: Request) -> Answer:
        """Put Block From URL, which not every Azurite has; who may read the source, it decides itself."""
        source = urlsplit(request.headers["x-ms-copy-source"])
        asked = {"x-ms-range": request.headers["x-ms-source-range"], "x-ms-version": request.headers["x-ms-version"]}
        if "x-ms-copy-source-authorization" in request.headers:
            asked["Authorization"] = request.headers["x-ms-copy-source-authorization"]
        read = self._send("GET", f"{source.path}?{source.query}", {**asked, "Host": self._target.netloc}, b"")
        if read.status != 206:
            return refused(403, "CannotVerifyCopySource")
        assert isinstance(read.body, bytes)
        path, _, query = request.path.partition("?")
        (block,) = parse_qs(query)["blockid"]
        account, container, name = unquote(path).lstrip("/").split("/", 2)
        blobs = ContainerClient(f"{self._target.scheme}://{self._target.netloc}/{account}", container, AZURE_KEY)
        with blobs:
            blobs.get_blob_client(name).stage_block(base64.b64decode(block).decode(), read.body)
        return Answer(201)

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._target.netloc, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            unwanted = ("transfer-encoding", "connection", "keep-alive", "date", "server")
            named = {name.lower(): value for name, value in answer.getheaders() if name.lower() not in unwanted}
            kept = {{"content-length": "Content-Length"}.get(name, name): value for name, value in named.items()}
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()

    def _is_forbidden(self, request: Request) -> bool:
        """Whether real Azure refuses: a block blob in place of a blob of another type, in whole or by blocks."""
        path, _, query = request.path.partition("?")
        whole = request.headers.get("x-ms-blob-type") == "BlockBlob"
        if request.method != "PUT" or not (whole or "comp=block" in query):
            return False
        # A condition comes first: it fails on whatever is there.
        if request.headers.get("if-none-match") == "*":
            return False
        account, container, name = unquote(path).lstrip("/").split("/", 2)
        blobs = ContainerClient(f"{self._target.scheme}://{self._target.netloc}/{account}", container, AZURE_KEY)
        with blobs:
            there = next((each for each in blobs.list_blobs(name_starts_with=name) if each.name == name), None)
        if there is None or request.headers.get("if-match", there.etag).strip('"') != there.etag:
            return False
        return there.blob_type != BlobType.BLOCKBLOB

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)
