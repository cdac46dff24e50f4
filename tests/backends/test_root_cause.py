"""Why a connection failed is told in the system's words, not in those of the libraries in between."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ocistore_tui.backends import azure_retry, gcs_client
from ocistore_tui.backends.azure import AzureOptions, AzureStore
from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.gcs import GcsOptions, GcsStore
from ocistore_tui.backends.rows import root_cause
from ocistore_tui.errors import OciStoreError

Treat = Callable[[socket.socket], object]
STORES: dict[str, Callable[[str], ObjectStore]] = {
    "gcs": lambda url: GcsStore(GcsOptions("bucket", endpoint=url, anonymous=True)),
    "azure": lambda url: AzureStore(
        AzureOptions("box", account_name="account", account_key="bm90LWEtc2VjcmV0", endpoint=f"{url}/account")
    ),
}


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_retry, "RETRY_FOR_S", 0.05)
    monkeypatch.setattr(gcs_client, "RETRY_FOR_S", 0.05)


@contextmanager
def server(treat: Treat) -> Iterator[int]:
    """A port where every connection is treated like this; only then does it end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    treat(connection)

        threading.Thread(target=run, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.recv(10)


def hang_up(connection: socket.socket) -> None:
    connection.recv(100_000)


def cause(kind: str, url: str) -> str:
    with STORES[kind](url) as store, pytest.raises(OciStoreError) as caught:
        store.get("k", max_bytes=1)
    return caught.value.cause


@pytest.mark.parametrize("kind", STORES)
def test_a_connection_that_is_refused_reset_or_closed(kind: str) -> None:
    with server(reset) as port:
        assert cause(kind, f"http://127.0.0.1:{port}") == "Connection reset by peer"
    assert cause(kind, f"http://127.0.0.1:{port}") == "Connection refused"
    with server(hang_up) as port:
        assert cause(kind, f"http://127.0.0.1:{port}") == "Remote end closed connection without response"


@pytest.mark.parametrize("kind", STORES)
def test_tls_that_is_none(kind: str) -> None:
    with server(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        told = cause(kind, f"https://127.0.0.1:{port}")
    assert told.startswith("[SSL: ")
    assert "(_ssl.c" not in told
    assert "host=" not in told


@pytest.mark.parametrize("kind", STORES)
def test_a_host_that_is_not_known_is_named(kind: str) -> None:
    told = cause(kind, "http://no.such.host.invalid")
    assert "Failed to resolve 'no.such.host.invalid'" in told
    assert "host=" not in told


def test_the_innermost_reason_counts_and_circles_end() -> None:
    outer, inner = ValueError("outer"), ssl.SSLError(1, "[SSL: X] bad (_ssl.c:99)")
    outer.__cause__ = OSError("middle", inner)
    assert root_cause(outer) == "[SSL: X] bad"
    inner.__cause__ = outer
    assert root_cause(outer)
    assert root_cause(ConnectionError("<HTTPConnection(host='h', port=1) at 0x7f>: gone")) == "gone"
    assert root_cause(ConnectionError("HTTPSConnection(host='h', port=1): gone: (away)")) == "gone: (away)"
    assert root_cause(ConnectionError("plain words")) == "plain words"
