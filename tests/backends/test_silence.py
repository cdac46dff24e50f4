"""A server that takes connections and never answers is given up soon and alike, whatever each SDK would still try."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ocistore_tui.backends import azure_client, azure_container, azure_retry, base, gcs_client, s3, s3_client
from ocistore_tui.backends.azure import AzureOptions, AzureStore
from ocistore_tui.backends.base import MIB, ObjectStore
from ocistore_tui.backends.gcs import GcsOptions, GcsStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.errors import Unavailable

SILENCE_S = 0.6
STORES: dict[str, Callable[[str], ObjectStore]] = {
    "s3": lambda url: S3Store(S3Options("bucket", endpoint=url, access_key="a", secret_key="b")),
    "gcs": lambda url: GcsStore(GcsOptions("bucket", endpoint=url, anonymous=True)),
    "azure": lambda url: AzureStore(
        AzureOptions("box", "root", account_name="account", account_key="bm90LWEtc2VjcmV0", endpoint=f"{url}/account")
    ),
}
SMALL: dict[str, Callable[[ObjectStore], object]] = {
    "list": lambda store: list(store.list_entries("")),
    "list names": lambda store: list(store.list_dirs("")),
    "head": lambda store: store.head("k"),
    "get": lambda store: store.get("k", max_bytes=4 * MIB),
    "put": lambda store: store.put("k", b"1"),
    "delete": lambda store: _raise(store.delete(["k"])),
}


def _raise(failed: list[tuple[str, Exception]]) -> None:
    for _, error in failed:
        raise error


class Silent:
    """Takes connections and says nothing."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections.append(connection)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (self._listening, *self.connections):
            each.close()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    """A silent server, in a world where everything goes a hundred times faster."""
    for module in (s3, s3_client, azure_client, azure_container):
        monkeypatch.setattr(module, "SILENCE_S", SILENCE_S)
    monkeypatch.setattr(gcs_client, "TIMEOUT_S", (0.1, SILENCE_S))
    for module in (gcs_client, azure_retry):
        monkeypatch.setattr(module, "RETRY_FOR_S", SILENCE_S / 2)
    server = Silent()
    yield server
    server.close()


@pytest.mark.parametrize("request_", SMALL)
@pytest.mark.parametrize("kind", STORES)
def test_a_small_request_is_given_up_after_two_connections(kind: str, request_: str, silent: Silent) -> None:
    with STORES[kind](silent.url) as store, pytest.raises(Unavailable) as caught:
        SMALL[request_](store)
    assert "silent" in caught.value.message
    assert "does not answer" in caught.value.cause
    assert "host=" not in caught.value.cause
    assert "--endpoint" in caught.value.fix
    assert 1 <= len(silent.connections) <= 2


def test_two_connections_stay_within_the_limit() -> None:
    """With the times as they are: the second try still begins within the half that retries have, and then it ends."""
    one_s = base.QUICK_SHARE * base.SILENCE_S
    assert one_s < azure_retry.RETRY_FOR_S == gcs_client.RETRY_FOR_S == base.SILENCE_S / 2
    assert gcs_client.quick_timeout_s()[1] == one_s
    assert 2 * one_s + 5 < base.SILENCE_S


def test_large_bodies_keep_the_whole_time_for_each_packet() -> None:
    options = S3Options("bucket", endpoint="http://127.0.0.1:1", access_key="a", secret_key="b")
    connection = s3_client.connect(options)
    patient = connection.make_patient()
    assert connection.client.meta.config.read_timeout == base.QUICK_SHARE * base.SILENCE_S
    assert patient.meta.config.read_timeout == base.SILENCE_S
    assert gcs_client.TIMEOUT_S[1] == base.SILENCE_S
