"""The server itself: who may come, where it listens, what it tells."""

from __future__ import annotations

import http.client

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import AccessDenied, Unavailable, UsageError
from ocistore_tui.serving.access import Password, Token
from ocistore_tui.serving.addresses import Address, listen, parse_listen
from ocistore_tui.serving.connection import Answered
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from ocistore_tui.serving.server import Server
from tests.layout.content import store_image
from tests.serving.asking import (
    BLOB,
    EVERYTHING,
    IMAGE,
    LARGE,
    MANIFEST,
    UPLOADS,
    say,
    served,
)


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


def test_the_log_says_why_the_store_could_not_be_asked() -> None:
    store = MemoryStore()
    store_image(store, "app", IMAGE, "1.0")
    heard: list[Answered] = []

    def refuse(operation: str, key: str) -> None:
        raise AccessDenied("no right to read", where="s3://bucket/key", cause="the token has expired")

    store.hook = refuse
    with served(store, log=heard.append) as server:
        client = http.client.HTTPConnection(*server.ports[0], timeout=20)
        client.request("GET", MANIFEST)
        answer = client.getresponse()
        assert (answer.status, b"s3://bucket" in answer.read()) == (503, False)
        client.close()
    assert heard[0].trouble == "no right to read (s3://bucket/key): the token has expired"


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
        self, stocked: LocalStore, access: Password | Token, good: list[str], bad: list[str]
    ) -> None:
        assert not any(secret in repr(access) for secret in ("pä:ss", "t0ken"))
        server = Server(Registry(stocked, rules=EVERYTHING, access=access), listen([Address("127.0.0.1", 0)]))
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


def test_the_log_hears_of_every_answer(stocked: LocalStore) -> None:
    heard: list[Answered] = []
    with served(stocked, log=heard.append) as server:
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


def test_both_kinds_of_loopback(stocked: LocalStore) -> None:
    server = Server(Registry(stocked, rules=Rules()), listen(parse_listen("localhost:0")))
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
    assert "Errno" not in caught.value.cause


def test_a_port_that_is_taken(server: Server) -> None:
    with pytest.raises(Unavailable) as caught:
        listen([Address(*server.ports[0])])
    assert "--listen" in caught.value.fix
    with pytest.raises(Unavailable) as caught:
        listen([Address("192.0.2.1", 0)])
    assert "Errno" not in caught.value.cause
