"""The server between a registry and the network: what HTTP asks of it, and what it does not put up with."""

from __future__ import annotations

import errno
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import Unavailable, UsageError
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.access import Password, Token
from ocistore_tui.serving.addresses import Address, listen, parse_listen
from ocistore_tui.serving.connection import Answered
from ocistore_tui.serving.limits import Limits
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from ocistore_tui.serving.server import Server
from tests.layout.content import image, keys, store_image
from tests.serving.asking import EVERYTHING, connect, everything, served

IMAGE = image("app", layers=(b"small", bytes(range(256)) * 20_000))
LARGE = IMAGE.blobs[2]
MANIFEST = "/v2/app/manifests/1.0"
BLOB = f"/v2/app/blobs/{Digest.of(LARGE)}"
UPLOADS = "/v2/app/blobs/uploads/"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path / "store", create=True)
    store_image(made, "app", IMAGE, "1.0")
    return made


@pytest.fixture
def server(store: LocalStore) -> Iterator[Server]:
    with served(store) as made:
        yield made


@pytest.fixture
def client(server: Server) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(*server.ports[0], timeout=20)
    yield made
    made.close()


def say(server: Server, raw: bytes) -> bytes:
    """Send these bytes; all that comes back until the server closes."""
    with connect(server) as sock:
        sock.sendall(raw)
        return everything(sock)


def status_of(raw: bytes) -> int:
    assert raw.startswith(b"HTTP/1.1 "), raw[:100]
    return int(raw.split()[1])


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


def test_every_framing_of_a_body(client: http.client.HTTPConnection, store: LocalStore) -> None:
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
    assert store.head(paths.layer_link("other", Digest.of(raw)))


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
             b"1" + b";" * 9000, b"0\r\n" + b"a: b\r\n" * 9000],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_chunks_that_are_none(server: Server, store: LocalStore, body: bytes) -> None:
    before = keys(store)
    digest = Digest.of(b"hello")
    head = f"POST {UPLOADS}?digest={digest} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with connect(server) as sock:
        sock.sendall(head + body)
        sock.shutdown(socket.SHUT_WR)
        raw = everything(sock)
    assert status_of(raw) == 400
    assert raw.count(b"HTTP/1.1") == 1
    assert keys(store) == before


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_ends_too_early(server: Server, store: LocalStore, method: str) -> None:
    before, raw = keys(store), LARGE[1:]
    target = f"{UPLOADS}?digest={Digest.of(raw)}" if method == "POST" else MANIFEST
    length = len(raw) if method == "POST" else 5000
    with connect(server) as sock:
        sock.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode() + raw[:4000])
        sock.shutdown(socket.SHUT_WR)
        assert status_of(everything(sock)) == 400
    assert keys(store) == before
    assert list(store.list_unfinished("")) == []


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
        (b"BREW /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (b"GET http://elsewhere/v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
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


def test_through_tls(store: LocalStore, certificate: tuple[Path, Path]) -> None:
    import ssl

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with served(store, tls=tls) as server:
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


class TestPatience:
    """Clients that only hold a connection; the times are short here, and nothing waits for longer than they last."""

    def test_headers_that_never_end(self, store: LocalStore) -> None:
        with served(store, limits=Limits(head_s=0.3, linger_s=0.1)) as server, connect(server) as sock:
            sock.sendall(b"GET /v2/ HTTP/1.1\r\n")
            sender = threading.Thread(target=_trickle, args=(sock,))
            sender.start()
            assert status_of(everything(sock)) == 408
            sender.join()

    def test_nothing_at_all(self, store: LocalStore) -> None:
        with served(store, limits=Limits(idle_s=0.1)) as server:
            with connect(server) as sock:
                assert everything(sock) == b""
            with connect(server) as sock:
                sock.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
                assert status_of(everything(sock)) == 200, "closed once nothing more came"

    def test_a_body_that_does_not_come(self, store: LocalStore) -> None:
        before = keys(store)
        digest = Digest.of(b"hello")
        with served(store, limits=Limits(silence_s=0.2, linger_s=0.1)) as server:
            for framing in (b"Content-Length: 5\r\n\r\nhel", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
                            b"Transfer-Encoding: chunked\r\n\r\n5"):  # fmt: skip
                with connect(server) as sock:
                    sock.sendall(f"POST {UPLOADS}?digest={digest} HTTP/1.1\r\nHost: x\r\n".encode() + framing)
                    assert status_of(everything(sock)) == 408
        assert keys(store) == before
        assert list(store.list_unfinished("")) == []

    @pytest.mark.parametrize(
        ("head", "piece"),
        [(b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), (b"Content-Length: 100000\r\n\r\n", b"x")],
        ids=["chunked", "whole"],
    )
    def test_a_body_that_comes_too_slowly(
        self, store: LocalStore, monkeypatch: pytest.MonkeyPatch, head: bytes, piece: bytes
    ) -> None:
        from ocistore_tui.serving import body

        monkeypatch.setattr(body, "_MEAN_FROM_S", 0.2)
        with served(store, limits=Limits(linger_s=0.1)) as server, connect(server) as sock:
            sock.sendall(f"POST {UPLOADS}?digest={Digest.of(b'x')} HTTP/1.1\r\nHost: x\r\n".encode())
            sock.sendall(head)
            sender = threading.Thread(target=_trickle, args=(sock, piece))
            sender.start()
            assert status_of(everything(sock)) == 408
            sender.join()

    def test_a_client_that_takes_nothing(self, store: LocalStore) -> None:
        huge = bytes(40 * MIB)
        content = image("huge", layers=(huge,))
        store_image(store, "huge", content)
        heard: list[Answered] = []
        told = threading.Event()

        def log(answered: Answered) -> None:
            heard.append(answered)
            told.set()

        with served(store, limits=Limits(silence_s=0.3), log=log) as server, connect(server) as sock:
            for _ in range(2):  # through our hands, and from the file
                target = f"/v2/huge/blobs/{Digest.of(huge)}"
                with connect(server) as deaf:
                    deaf.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                    assert told.wait(20)
                    told.clear()
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert len(everything(sock)) > len(huge)
        assert [bool(answered.trouble) for answered in heard] == [True, True, False]


def _trickle(sock: socket.socket, piece: bytes = b"A: b\r\n") -> None:
    beat = threading.Event()
    try:
        while not beat.wait(0.02):
            sock.sendall(piece)
    except OSError:
        return


def test_hundreds_of_idle_connections_do_not_keep_others_out(store: LocalStore) -> None:
    with served(store, limits=Limits(max_connections=50)) as server, ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(700)]
        client = http.client.HTTPConnection(*server.ports[0], timeout=20)
        client.request("GET", MANIFEST)
        assert client.getresponse().read() == IMAGE.raw
        assert idle[0].recv(1) == b"", "the oldest one made room"
        client.request("GET", "/metrics")
        numbers = client.getresponse().read().decode()
        client.close()
        assert "ocistore_evicted_connections_total" in numbers
        assert int(numbers.partition("\nocistore_open_connections ")[2].split()[0]) <= 60


def test_no_more_requests_at_once_than_connections(store: LocalStore) -> None:
    """All of them are busy: a new client is turned away at once, and is told so."""
    busy = threading.Barrier(3)
    go_on = threading.Event()
    gate = MemoryStore()
    store_image(gate, "app", IMAGE, "1.0")

    def wait(operation: str, key: str) -> None:
        if key == paths.tag_current("app", "1.0"):
            busy.wait(20)
            go_on.wait(20)

    gate.hook = wait
    with served(gate, limits=Limits(max_connections=2)) as server:
        clients = [http.client.HTTPConnection(*server.ports[0], timeout=20) for _ in range(2)]
        for client in clients:
            client.request("GET", MANIFEST)
        busy.wait(20)
        with connect(server) as sock:
            assert status_of(everything(sock)) == 503
        go_on.set()
        assert [client.getresponse().read() for client in clients] == [IMAGE.raw, IMAGE.raw]
        for client in clients:
            client.close()


def _knock(address: tuple[str, int]) -> None:
    """Connect until nobody opens any more: that may take a moment."""
    for _ in range(100_000):
        with suppress(ConnectionResetError):
            socket.create_connection(address, timeout=5).close()


def test_stopping_lets_a_running_request_finish() -> None:
    store = MemoryStore()
    store_image(store, "app", IMAGE, "1.0")
    reached, go_on = threading.Event(), threading.Event()

    def wait(operation: str, key: str) -> None:
        if key == paths.tag_current("app", "1.0"):
            reached.set()
            go_on.wait(20)

    server = Server(Registry(store), listen([Address("127.0.0.1", 0)]))
    server.start()
    address = server.ports[0]
    store.hook = wait
    client = http.client.HTTPConnection(*address, timeout=20)
    client.request("GET", MANIFEST)
    assert reached.wait(20)
    with connect(server) as idle:
        idle.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(idle.recv(1000)) == 200
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert idle.recv(1) == b"", "nobody waits for what was not asked"
    with pytest.raises(OSError, match="refused"):
        _knock(address)
    assert stopping.is_alive()
    go_on.set()
    answer = client.getresponse()
    assert (answer.read(), answer.headers["Connection"]) == (IMAGE.raw, "close")
    stopping.join(20)
    assert not stopping.is_alive()


def test_stopping_does_not_wait_for_ever() -> None:
    store = MemoryStore()
    store_image(store, "app", IMAGE, "1.0")
    reached, go_on = threading.Event(), threading.Event()

    def wait(operation: str, key: str) -> None:
        reached.set()
        go_on.wait(20)

    store.hook = wait
    server = Server(Registry(store), listen([Address("127.0.0.1", 0)]), limits=Limits(linger_s=0.1))
    server.start()
    client = http.client.HTTPConnection(*server.ports[0], timeout=20)
    client.request("GET", MANIFEST)
    assert reached.wait(20)
    assert server.stop(grace_s=0.1) == 1
    go_on.set()
    with pytest.raises((http.client.HTTPException, OSError)):
        client.getresponse()
    client.close()


def test_a_fault_of_ours_is_told_and_the_next_request_goes_well() -> None:
    store = MemoryStore()
    store_image(store, "app", IMAGE, "1.0")
    faults: list[str] = []

    def break_once(operation: str, key: str) -> None:
        store.hook = None
        raise ZeroDivisionError("secret detail")

    with served(store, fault=faults.append) as server:
        client = http.client.HTTPConnection(*server.ports[0], timeout=20)
        store.hook = break_once
        client.request("GET", MANIFEST)
        answer = client.getresponse()
        assert (answer.status, b"secret detail" in answer.read()) == (500, False)
        client.request("GET", MANIFEST)
        assert client.getresponse().status == 200
        client.close()
    assert "ZeroDivisionError: secret detail" in faults[0]


def test_a_damaged_blob_never_arrives_whole(server: Server, store: LocalStore) -> None:
    store.put(paths.blob(Digest.of(LARGE)), LARGE[:-1] + b"?")
    client = http.client.HTTPConnection(*server.ports[0], timeout=20)
    client.request("GET", BLOB)
    with pytest.raises(http.client.IncompleteRead):
        client.getresponse().read()
    client.close()


def test_a_store_that_fails_in_the_middle_of_an_answer() -> None:
    class Failing(MemoryStore):
        def open_range(self, *words: object, **more: object) -> object:  # type: ignore[override]
            reader = super().open_range(*words, **more)  # type: ignore[arg-type]
            real, count = reader.read, iter(range(100))

            def read(size_bytes: int) -> bytes:
                if next(count) == 2:
                    raise Unavailable("the network is down")
                return real(size_bytes)

            reader.read = read  # type: ignore[method-assign]
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


class TestAccess:
    @pytest.mark.parametrize(
        ("access", "good", "bad"),
        [
            (Password("me", "pä:ss"), ["Basic bWU6cMOkOnNz", "basic bWU6cMOkOnNz"],
             ["", "Basic bWU6d3Jvbmc=", "Basic eW91OnDDpDpzcw==", "Basic !", "Basic", "Bearer pä:ss", "Basic bWU="]),
            (Token("t0ken"), ["Bearer t0ken", "bearer t0ken", "Basic YW55Ym9keTp0MGtlbg=="],
             ["", "Bearer other", "Bearer", "Basic YW55Ym9keTpvdGhlcg==", "t0ken"]),
        ],
        ids=["password", "token"],
    )  # fmt: skip
    def test_only_who_knows_it(
        self, store: LocalStore, access: Password | Token, good: list[str], bad: list[str]
    ) -> None:
        assert not any(secret in repr(access) for secret in ("pä:ss", "t0ken"))
        server = Server(Registry(store, rules=EVERYTHING, access=access), listen([Address("127.0.0.1", 0)]))
        server.start()
        client = http.client.HTTPConnection(*server.ports[0], timeout=20)
        for path in ("/v2/", MANIFEST, BLOB, "/metrics", "/v2/_catalog"):
            for header, status in (*((one, 200) for one in good), *((one, 401) for one in bad)):
                client.putrequest("GET", path)
                if header:
                    client.putheader("Authorization", header.encode())
                client.endheaders()
                answer = client.getresponse()
                answer.read()
                assert answer.status == status, (path, header)
                assert (answer.headers["WWW-Authenticate"] or "").startswith("Basic realm=") == (status == 401)
        client.close()
        server.stop(grace_s=5)


def test_numbers_for_prometheus(client: http.client.HTTPConnection) -> None:
    for path in (MANIFEST, MANIFEST, "/v2/app/manifests/none"):
        client.request("GET", path)
        client.getresponse().read()
    client.request("POST", UPLOADS, headers={"Content-Length": "0"})
    client.getresponse().read()
    client.request("GET", "/metrics")
    answer = client.getresponse()
    lines = answer.read().decode().splitlines()
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    numbers = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert numbers['ocistore_requests_total{method="GET",status="200"}'] == "2"
    assert numbers['ocistore_requests_total{method="GET",status="404"}'] == "1"
    assert numbers["ocistore_request_seconds_count"] == numbers['ocistore_request_seconds_bucket{le="+Inf"}'] == "4"
    assert (numbers["ocistore_uploads_in_progress"], numbers["ocistore_requests_in_flight"]) == ("1", "1")
    assert int(numbers["ocistore_sent_bytes_total"]) > 2 * len(IMAGE.raw)
    client.request("POST", "/metrics")
    assert client.getresponse().status == 405


def test_the_log_hears_of_every_answer(store: LocalStore) -> None:
    heard: list[Answered] = []
    with served(store, log=heard.append) as server:
        raw = b"GET /v2/\x1b[31m/x HTTP/1.1\r\nHost: x\r\nUser-Agent: evil\x1b]0;title\x07\r\nConnection: close\r\n\r\n"
        say(server, raw)
        say(server, b"nonsense\r\n\r\n")
        client = http.client.HTTPConnection(*server.ports[0], timeout=20)
        client.request("GET", BLOB, headers={"User-Agent": "docker/1"})
        client.getresponse().read()
        client.close()
    assert [(one.method, one.status) for one in heard] == [("GET", 404), ("-", 400), ("GET", 200)]
    assert heard[2].target == BLOB
    assert (heard[2].agent, heard[2].peer, heard[2].trouble) == ("docker/1", "127.0.0.1", "")
    assert len(LARGE) < heard[2].sent_bytes < len(LARGE) + 1000
    assert "\x1b" not in repr(heard).replace("\\x1b", "\x1b")


def test_both_kinds_of_loopback(store: LocalStore) -> None:
    server = Server(Registry(store, rules=Rules()), listen(parse_listen("localhost:0")))
    server.start()
    assert len({port for _, port in server.ports}) == 1
    for host, port in server.ports:
        client = http.client.HTTPConnection(host, port, timeout=20)
        client.request("GET", MANIFEST)
        assert client.getresponse().read() == IMAGE.raw
        client.close()
    server.stop(grace_s=5)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [("127.0.0.1:5000", True), ("[::1]:5000", True), ("127.1.2.3:0", True), ("localhost:1", True),
     ("0.0.0.0:5000", False), ("[::]:5000", False), (":5000", False), ("192.0.2.1:80", False)],
)  # fmt: skip
def test_which_addresses_only_this_computer_reaches(text: str, loopback: bool) -> None:
    assert all(address.is_loopback for address in parse_listen(text)) is loopback


@pytest.mark.parametrize("text", ["", "5000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:5000", "[::1]",
                                  "http://127.0.0.1:5000", "no such host:1", "a..b:1"])  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_listen(text)
    assert "HOST:PORT" in caught.value.fix


def test_a_port_that_is_taken(server: Server) -> None:
    with pytest.raises(Unavailable) as caught:
        listen([Address(*server.ports[0])])
    assert "--listen" in caught.value.fix
    with pytest.raises(Unavailable):
        listen([Address("192.0.2.1", 0)])


def test_nothing_is_left_of_many_requests(store: LocalStore) -> None:
    """No thread, file or memory of an upload stays behind; what a client gave up, and what went wrong, included."""
    import os

    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    with served(store) as server:
        for number in range(30):
            client = http.client.HTTPConnection(*server.ports[0], timeout=20)
            client.request("GET", BLOB)
            if number % 2:
                client.getresponse().read()
            client.request("POST", f"{UPLOADS}?digest={Digest.of(b'x')}", body=b"wrong") if number % 2 else None
            client.close()
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before
    assert list(store.list_unfinished("")) == []


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
