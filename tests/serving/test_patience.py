"""Clients that only hold a connection, too many of them, and the end of the server."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import Cancelled
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.addresses import Address, listen
from ocistore_tui.serving.connection import Answered, Connection
from ocistore_tui.serving.limits import Limits
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.server import Server
from tests.layout.content import image, keys, store_image
from tests.serving.asking import (
    BLOB,
    EVERYTHING,
    IMAGE,
    MANIFEST,
    UPLOADS,
    connect,
    everything,
    served,
    status_of,
)


class TestPatience:
    """Clients that only hold a connection; the times are short here, and nothing waits for longer than they last."""

    def test_headers_that_never_end(self, stocked: LocalStore) -> None:
        with served(stocked, limits=Limits(head_s=0.3, linger_s=0.1)) as server, connect(server) as sock:
            sock.sendall(b"GET /v2/ HTTP/1.1\r\n")
            sender = threading.Thread(target=_trickle, args=(sock,))
            sender.start()
            assert status_of(everything(sock)) == 408
            sender.join()

    def test_nothing_at_all(self, stocked: LocalStore) -> None:
        with served(stocked, limits=Limits(idle_s=0.1)) as server:
            with connect(server) as sock:
                assert everything(sock) == b""
            with connect(server) as sock:
                sock.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
                assert status_of(everything(sock)) == 200, "closed once nothing more came"

    def test_a_body_that_does_not_come(self, stocked: LocalStore) -> None:
        before = keys(stocked)
        digest = Digest.of(b"hello")
        with served(stocked, limits=Limits(silence_s=0.2, linger_s=0.1)) as server:
            for framing in (b"Content-Length: 5\r\n\r\nhel", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
                            b"Transfer-Encoding: chunked\r\n\r\n5"):  # fmt: skip
                with connect(server) as sock:
                    sock.sendall(f"POST {UPLOADS}?digest={digest} HTTP/1.1\r\nHost: x\r\n".encode() + framing)
                    assert status_of(everything(sock)) == 408
        assert keys(stocked) == before
        assert list(stocked.list_unfinished("")) == []

    @pytest.mark.parametrize(
        ("head", "piece"),
        [
            (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            (b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
            (b"Content-Length: 100000\r\n\r\n", b"x"),
        ],
        ids=["chunked", "trailers", "whole"],
    )
    def test_a_body_that_comes_too_slowly(
        self, stocked: LocalStore, monkeypatch: pytest.MonkeyPatch, head: bytes, piece: bytes
    ) -> None:
        from ocistore_tui.serving import body

        monkeypatch.setattr(body, "_MEAN_FROM_S", 0.2)
        with served(stocked, limits=Limits(linger_s=0.1)) as server, connect(server) as sock:
            sock.sendall(f"POST {UPLOADS}?digest={Digest.of(b'x')} HTTP/1.1\r\nHost: x\r\n".encode())
            sock.sendall(head)
            sender = threading.Thread(target=_trickle, args=(sock, piece))
            sender.start()
            assert status_of(everything(sock)) == 408
            sender.join()

    def test_a_line_of_a_body_that_never_ends(self, stocked: LocalStore) -> None:
        with served(stocked, limits=Limits(silence_s=0.3, linger_s=0.1)) as server, connect(server) as sock:
            sock.sendall(f"POST {UPLOADS}?digest={Digest.of(b'x')} HTTP/1.1\r\nHost: x\r\n".encode())
            sock.sendall(b"Transfer-Encoding: chunked\r\n\r\n1")
            sender = threading.Thread(target=_trickle, args=(sock, b";"))
            sender.start()
            assert status_of(everything(sock)) == 408
            sender.join()

    def test_a_client_that_takes_nothing(self, stocked: LocalStore) -> None:
        huge = bytes(40 * MIB)
        content = image("huge", layers=(huge,))
        store_image(stocked, "huge", content)
        heard: list[Answered] = []
        told = threading.Event()

        def log(answered: Answered) -> None:
            heard.append(answered)
            told.set()

        with served(stocked, limits=Limits(silence_s=0.3), log=log) as server, connect(server) as sock:
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


def test_hundreds_of_idle_connections_do_not_keep_others_out(stocked: LocalStore) -> None:
    with served(stocked, limits=Limits(max_connections=50)) as server, ExitStack() as stack:
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


def test_no_more_requests_at_once_than_connections(stocked: LocalStore) -> None:
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


def test_stopping_between_two_requests_waits_for_neither(stocked: LocalStore) -> None:
    """It comes while the connection asks whether to go on: who is not told so yet has to be among those kicked."""
    registry = Registry(stocked)
    theirs, ours = socket.socketpair()
    heard: list[Answered] = []
    stopped = threading.Event()

    def stopping() -> bool:
        was_stopped = stopped.is_set()
        if heard and not was_stopped:
            stopped.set()
            if connection.idle_since is not None:
                connection.kick()
        return was_stopped

    connection = Connection(
        ours, "peer", limits=Limits(), tls=None, answer=lambda request: ("", registry.answer(request)),
        log=heard.append, stopping=stopping,
    )  # fmt: skip
    thread = threading.Thread(target=connection.run, daemon=True)
    thread.start()
    with theirs:
        theirs.settimeout(20)
        theirs.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(everything(theirs)) == 200
        thread.join(20)
        assert not thread.is_alive()
    registry.close()


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


@pytest.mark.parametrize("target", [f"{UPLOADS}?digest=", "session"])
def test_an_upload_that_is_cut_off_ends_in_the_store_too(target: str) -> None:
    """What is on its way to a bucket is not left there in parts."""
    reached = threading.Event()
    told: list[bool] = []

    class Slow(MemoryStore):
        def put_stream(self, key: str, chunks: Iterable[bytes], *, cancel: Any = None, **more: Any) -> str:
            reached.set()
            told.append(cancel.wait(20))
            raise Cancelled("stopped on request")

    server = Server(Registry(Slow(), rules=EVERYTHING), listen([Address("127.0.0.1", 0)]))
    server.start()
    client = http.client.HTTPConnection(*server.ports[0], timeout=20)
    if target == "session":
        client.request("POST", UPLOADS, headers={"Content-Length": "0"})
        answer = client.getresponse()
        answer.read()
        client.request("PATCH", answer.headers["Location"], body=b"hello")
        client.getresponse().read()
        client.request("PUT", f"{answer.headers['Location']}?digest={Digest.of(b'hello')}")
    else:
        client.request("POST", f"{target}{Digest.of(b'hello')}", body=b"hello")
    assert reached.wait(20)
    assert server.stop(grace_s=0) == 1
    assert told == [True]
    client.close()


def test_nothing_is_left_of_many_requests(stocked: LocalStore) -> None:
    """No thread, file or memory of an upload stays behind; what a client gave up, and what went wrong, included."""

    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    with served(stocked) as server:
        for number in range(30):
            client = http.client.HTTPConnection(*server.ports[0], timeout=20)
            client.request("GET", BLOB)
            if number % 2:
                client.getresponse().read()
            client.request("POST", f"{UPLOADS}?digest={Digest.of(b'x')}", body=b"wrong") if number % 2 else None
            client.close()
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before
    assert list(stocked.list_unfinished("")) == []
