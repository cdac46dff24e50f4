"""What HTTP asks of a server, and what it does not put up with."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import Unavailable
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.body import WireBody
from ocistore_tui.serving.connection import Answered
from ocistore_tui.serving.server import Server
from ocistore_tui.serving.wire import Wire
from tests.layout.content import keys, store_image
from tests.serving.asking import (
    BLOB,
    IMAGE,
    LARGE,
    MANIFEST,
    UPLOADS,
    connect,
    everything,
    say,
    served,
    status_of,
)


def test_one_connection_for_many_requests(client: http.client.HTTPConnection) -> None:
    sock = None
    for _ in range(3):
        for method, path, body in (
            ("GET", MANIFEST, IMAGE.raw), ("HEAD", MANIFEST, b""), ("GET", BLOB, LARGE), ("HEAD", BLOB, b""),
            ("GET", "/v2/app/manifests/2.0", None), ("PUT", MANIFEST, None),
        ):  # fmt: skip
            client.request(method, path, body=b"no manifest" if method == "PUT" else None)
            answer = client.getresponse()
            raw = answer.read()
            assert body is None or (answer.status, raw) == (200, body)
            assert int(answer.headers["Content-Length"]) == {MANIFEST: len(IMAGE.raw), BLOB: len(LARGE)}.get(
                path if answer.status == 200 else "", len(raw)
            )
            assert client.sock is not None
            assert sock in (None, client.sock), "it was closed in between"
            sock = client.sock


def test_a_blob_comes_whole_however_often(client: http.client.HTTPConnection) -> None:
    """The first time it is hashed on its way, later the kernel sends it; a part is a part both times."""
    for _ in range(3):
        client.request("GET", BLOB)
        assert client.getresponse().read() == LARGE
        client.request("GET", BLOB, headers={"Range": "bytes=100-3000000"})
        assert client.getresponse().read() == LARGE[100:3_000_001]


def test_every_framing_of_a_body(client: http.client.HTTPConnection, stocked: LocalStore) -> None:
    raw = LARGE[::-1]
    client.request("POST", f"{UPLOADS}?digest={Digest.of(raw)}", body=raw)
    assert client.getresponse().read() == b""
    pieces = [raw[at : at + 99_999] for at in range(0, len(raw), 99_999)]
    client.request("POST", "/v2/other/blobs/uploads/", headers={"Content-Length": "0"})
    answer = client.getresponse()
    answer.read()
    client.request("PATCH", answer.headers["Location"], body=iter(pieces), encode_chunked=True,
                   headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    assert client.getresponse().read() == b""
    client.request("PUT", f"{answer.headers['Location']}?digest={Digest.of(raw)}")
    assert client.getresponse().status == 201
    assert stocked.head(paths.layer_link("other", Digest.of(raw)))


def test_chunks_with_all_that_may_be_in_them(server: Server) -> None:
    body = b"5;name=value\r\nhello\r\n1 \r\n!\r\n000\r\nTrailer: x\r\n\r\n"
    digest = Digest.of(b"hello!")
    head = f"POST {UPLOADS}?digest={digest} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n".encode()
    after = b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    raw = say(server, head + body + after)
    assert status_of(raw) == 201
    assert raw.count(b"HTTP/1.1 200 OK") == 1, "what follows is another request"


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"-1\r\n", b"5\r\nhello!\r\n0\r\n\r\n", b"fffffffffffffffffff\r\n", b"5\r\nhel", b"5", b"",
             b"1" + b";" * 9000, b"0\r\n" + b"a: b\r\n" * 9000, b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n",
             b"5;a\rb\r\nhello\r\n0\r\n\r\n"],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_chunks_that_are_none(server: Server, stocked: LocalStore, body: bytes) -> None:
    before = keys(stocked)
    digest = Digest.of(b"hello")
    head = f"POST {UPLOADS}?digest={digest} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with connect(server) as sock:
        sock.sendall(head + body)
        sock.shutdown(socket.SHUT_WR)
        raw = everything(sock)
    assert status_of(raw) == 400
    assert raw.count(b"HTTP/1.1") == 1
    assert keys(stocked) == before


def test_a_body_in_tiny_chunks_takes_no_more_room_than_its_bytes() -> None:
    theirs, ours = socket.socketpair()
    raw = b"2\r\nxx\r\n" * 100_000 + b"0\r\n\r\n"
    with theirs, ours, ThreadPoolExecutor(1) as pool:
        pool.submit(theirs.sendall, raw)
        body = WireBody(Wire(ours, silence_s=20), None, lambda: None)
        tracemalloc.start()
        try:
            assert body.read(MIB) == b"x" * 200_000
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < MIB


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_ends_too_early(server: Server, stocked: LocalStore, method: str) -> None:
    before, raw = keys(stocked), LARGE[1:]
    target = f"{UPLOADS}?digest={Digest.of(raw)}" if method == "POST" else MANIFEST
    length = len(raw) if method == "POST" else 5000
    with connect(server) as sock:
        sock.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode() + raw[:4000])
        sock.shutdown(socket.SHUT_WR)
        assert status_of(everything(sock)) == 400
    assert keys(stocked) == before
    assert list(stocked.list_unfinished("")) == []


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v2/ HTTP/3.0\r\n\r\n", 505),
        (b"GET /v2/ HTTP/x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /v2/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /v2/%ff/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v2/?" + b"&".join(b"a=%d" % n for n in range(200)) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 150 + b"\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nno header at all\r\n\r\n", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nA: b\rContent-Length: 5\r\n\r\nhello", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\n\r\r\nContent-Length: 5\r\n\r\nhello", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nA: b\r\n Content-Length: 5\r\n\r\nhello", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\xa0\r\n\r\nhello", 400),
        (b"POST /v2/ HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: TE, Close\r\n\r\n", 200),
        (b"BREW /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (b"GET http://elsewhere/v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (b"GET /v2/app/://x/v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"\r\nGET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (b"GET /v2/ HTTP/1.0\r\n\r\n", 200),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else str(value),
)
def test_requests_that_are_strange_or_none(server: Server, raw: bytes, status: int) -> None:
    answer = say(server, raw)
    assert status_of(answer) == status
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer


def test_a_body_nobody_wants(server: Server) -> None:
    """A short one is read, to keep the connection; of a long one nothing is, and the answer comes all the same."""
    short = b"PUT /v2/app/manifests/-x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    raw = say(server, short * 2 + b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert raw.count(b"HTTP/1.1 400") == 2
    assert b"HTTP/1.1 200" in raw
    with connect(server) as sock:
        sock.sendall(b"PUT /v2/app/manifests/1.0 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
        sock.sendall(bytes(5_000_000))
        assert status_of(everything(sock)) == 413


def test_a_client_that_waits_to_be_told_to_send(server: Server) -> None:
    digest = Digest.of(b"hello")
    head = "Host: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with connect(server) as sock:
        sock.sendall(f"POST {UPLOADS}?digest={digest} HTTP/1.1\r\n{head}".encode())
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert status_of(sock.recv(1000)) == 201
        sock.sendall(f"PUT /v2/app/manifests/-x HTTP/1.1\r\n{head}".encode())
        assert status_of(everything(sock)) == 400, "it is told at once, and need not send"


def test_who_tries_tls_on_a_plain_port_is_told_in_http(server: Server) -> None:
    """containerd does so on a local registry, and goes on in plain HTTP only after such an answer."""
    raw = say(server, bytes.fromhex("16030100c8010000c40303") + bytes(200))
    assert status_of(raw) == 400
    assert b"does not speak TLS" in raw


def test_through_tls(stocked: LocalStore, certificate: tuple[Path, Path]) -> None:

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with served(stocked, tls=tls) as server:
        client = http.client.HTTPSConnection("localhost", server.ports[0][1], context=trusting, timeout=20)
        for _ in range(2):
            client.request("GET", BLOB)
            assert client.getresponse().read() == LARGE
        raw = LARGE[::-1]
        client.request("POST", f"{UPLOADS}?digest={Digest.of(raw)}", body=raw)
        assert client.getresponse().status == 201
        client.close()
        raw = say(server, b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(raw) == 400
        assert b"speaks TLS" in raw
        with connect(server) as sock, suppress(ConnectionResetError):
            sock.sendall(bytes.fromhex("16030100c8010000c40303") + bytes(200))
            everything(sock)
        client.request("GET", MANIFEST)
        assert client.getresponse().read() == IMAGE.raw, "what is no handshake harms nobody else"
        client.close()


def test_a_file_the_kernel_cannot_send(client: http.client.HTTPConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems cannot; and a file may become shorter while it is sent."""
    client.request("GET", BLOB)
    assert client.getresponse().read() == LARGE

    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, "not with this file")

    monkeypatch.setattr("ocistore_tui.serving.wire.os.sendfile", refuse)
    client.request("GET", BLOB)
    assert client.getresponse().read() == LARGE
    monkeypatch.setattr("ocistore_tui.serving.wire.os.sendfile", lambda *_: 0)
    client.request("GET", BLOB)
    with pytest.raises(http.client.IncompleteRead):
        client.getresponse().read()


def test_a_damaged_blob_never_arrives_whole(server: Server, stocked: LocalStore) -> None:
    stocked.put(paths.blob(Digest.of(LARGE)), LARGE[:-1] + b"?")
    client = http.client.HTTPConnection(*server.ports[0], timeout=20)
    client.request("GET", BLOB)
    with pytest.raises(http.client.IncompleteRead):
        client.getresponse().read()
    client.close()


def test_a_store_that_fails_in_the_middle_of_an_answer() -> None:
    class Failing(MemoryStore):
        def open_range(self, *words: object, **more: object) -> object:
            reader = super().open_range(*words, **more)
            real, count = reader.read, iter(range(100))

            def read(size_bytes: int) -> bytes:
                if next(count) == 2:
                    raise Unavailable("the network is down")
                return real(size_bytes)

            reader.read = read
            return reader

    store = Failing()
    store_image(store, "app", IMAGE, "1.0")
    heard: list[Answered] = []
    with served(store, log=heard.append) as server:
        client = http.client.HTTPConnection(*server.ports[0], timeout=20)
        client.request("GET", BLOB)
        with pytest.raises(http.client.IncompleteRead):
            client.getresponse().read()
        client.close()
    assert "the network is down" in heard[0].trouble
