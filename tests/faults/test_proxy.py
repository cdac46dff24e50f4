"""The proxy does what it says, before others rely on it."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.faults.canned import Answer, CannedServer
from tests.faults.proxy import FaultProxy, http_answer

BODY = bytes(range(256)) * 1000


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(lambda request: Answer(200, BODY if request.method == "GET" else b"stored")) as server:
        yield server


@pytest.fixture
def proxy(server: CannedServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as proxy:
        yield proxy


def ask(proxy: FaultProxy, method: str = "GET", path: str = "/x", body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=0.5)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_without_a_fault_everything_passes(proxy: FaultProxy, server: CannedServer) -> None:
    assert ask(proxy) == (200, BODY)
    assert ask(proxy, "PUT", "/y", BODY) == (200, b"stored")
    assert server.requests[1].body == BODY
    assert proxy.requests == ["GET /x", "PUT /y"]


def test_requests_on_one_connection_are_told_apart(proxy: FaultProxy) -> None:
    proxy.fail("GET /second", "flip", after_bytes=2000)
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=5)
    bodies = []
    for path in ("/first", "/second", "/third"):
        connection.request("GET", path)
        bodies.append(connection.getresponse().read())
    connection.close()
    assert [body == BODY for body in bodies] == [True, False, True]
    assert sum(one != other for one, other in zip(bodies[1], BODY, strict=True)) == 1


@pytest.mark.parametrize(
    ("what", "error"),
    [("reset", ConnectionResetError), ("close", http.client.IncompleteRead), ("stall", socket.timeout)],
)
def test_a_reply_breaks_off(proxy: FaultProxy, what: str, error: type[Exception]) -> None:
    fault = proxy.fail("GET /x", what, after_bytes=100_000)
    with pytest.raises(error):
        ask(proxy)
    assert fault.happened.is_set()
    assert ask(proxy) == (200, BODY), "once is once"


def test_a_reply_is_lost_after_the_server_did_its_work(proxy: FaultProxy, server: CannedServer) -> None:
    proxy.fail("PUT", "reset")
    with pytest.raises(ConnectionError):
        ask(proxy, "PUT", "/y", b"1")
    assert [request.method for request in server.requests] == ["PUT"]


def test_a_request_breaks_off(proxy: FaultProxy, server: CannedServer) -> None:
    proxy.fail("PUT", "reset", on="request", after_bytes=100_000)
    with pytest.raises(ConnectionError):
        ask(proxy, "PUT", "/y", BODY)
    assert [request for request in server.requests if request.body == BODY] == []


def test_faults_are_spared_first_and_used_up(proxy: FaultProxy, server: CannedServer) -> None:
    proxy.fail("GET", "answer", on="request", skip=1, times=2, answer=http_answer(503, b"busy"))
    assert [ask(proxy)[0] for _ in range(4)] == [200, 503, 503, 200]
    assert len(server.requests) == 2
