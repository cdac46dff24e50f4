"""``serve``, as a person starts it, asks it and stops it; and what it refuses before anything listens."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.layout.check import check_repository
from ocistore_tui.model.digest import Digest
from tests.backends import s3_buckets
from tests.cli.running import OCI_STORE, Invoke, check_error
from tests.layout.content import image, keys, store_image
from tests.testbed.certificates import make_certificate
from tests.testbed.servers import S3_KEYS, make_bucket

IMAGE = image("app")
MANIFEST = "/v2/app/manifests/1.0"
FREE = ("--listen", "127.0.0.1:0")


class Running:
    """A server that was started as a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.first_line = process.stdout.readline().strip()
        self.url = json.loads(self.first_line)["url"] if self.first_line.startswith("{") else self.first_line

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request(method, path, body=body, headers=headers)
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit code, the rest of stdout, and stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@contextmanager
def serving(*words: str, **env: str) -> Iterator[Running]:
    process = subprocess.Popen(
        [OCI_STORE, *words], env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        running = Running(process)
        assert running.url, process.communicate(timeout=30)
        yield running
    finally:
        process.kill()
        process.communicate(timeout=30)


@pytest.fixture
def directory(tmp_path: Path) -> str:
    store_image(LocalStore(tmp_path / "store", create=True), "app", IMAGE, "1.0")
    return str(tmp_path / "store")


@pytest.mark.parametrize(("number", "code", "word"), [
    (signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted"),
])  # fmt: skip
def test_from_start_to_stop(directory: str, number: int, code: int, word: str) -> None:
    with serving("fs", "serve", "--dir", directory, *FREE) as server:
        assert server.ask("GET", MANIFEST) == (200, IMAGE.raw)
        assert server.ask("PUT", MANIFEST, IMAGE.raw)[0] == 405
        status, numbers = server.ask("GET", "/metrics")
        assert (status, b"ocistore_requests_total" in numbers) == (200, True)
        ended, out, err = server.stop(number)
    assert (ended, out) == (code, "")
    lines = err.splitlines()
    assert lines[0] == f"serving file://{directory}, read-only; Ctrl-C stops"
    assert lines[1] == f"docker pull 127.0.0.1:{server.port}/REPOSITORY:TAG"
    for said in (f'"GET {MANIFEST}" 200', f'"PUT {MANIFEST}" 405', '"GET /metrics" 200'):
        assert sum(said in line for line in lines) == 1
    assert lines[-1] == f"{word}: all requests were finished"


def test_pushing_where_that_is_allowed(directory: str) -> None:
    with serving("fs", "serve", "--dir", directory, "--read-write", *FREE) as server:
        for blob in IMAGE.blobs:
            target = f"/v2/new/blobs/uploads/?digest={Digest.of(blob)}"
            assert server.ask("POST", target, blob)[0] == 201
        assert server.ask("PUT", "/v2/new/manifests/2.0", IMAGE.raw)[0] == 201
        assert server.ask("DELETE", "/v2/new/manifests/2.0")[0] == 405
        server.stop()
    assert list(check_repository(LocalStore(Path(directory)), "new")) == []
    with serving("fs", "serve", "--dir", directory, "--read-write", "--allow-delete", *FREE) as server:
        assert server.ask("DELETE", "/v2/new/manifests/2.0")[0] == 202


def test_a_bucket(moto: str) -> None:
    bucket = make_bucket(moto)
    keys = {"AWS_ACCESS_KEY_ID": S3_KEYS[0], "AWS_SECRET_ACCESS_KEY": S3_KEYS[1]}
    blob = bytes(range(256)) * 40_000  # in parallel parts
    with serving("s3", "serve", bucket, "--endpoint", moto, "--region", "us-east-1", "--read-write", *FREE,
                 **keys) as server:  # fmt: skip
        target = f"/v2/app/blobs/uploads/?digest={Digest.of(blob)}"
        assert server.ask("POST", target, blob)[0] == 201
        assert server.ask("GET", f"/v2/app/blobs/{Digest.of(blob)}") == (200, blob)
        assert server.stop()[0] == 143


def test_a_running_request_finishes_first(directory: str) -> None:
    blob = b"slowly"
    with serving("fs", "serve", "--dir", directory, "--read-write", *FREE) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
            sock.sendall(
                f"POST /v2/app/blobs/uploads/?digest={Digest.of(blob)} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                f"Content-Length: {len(blob)}\r\n\r\n".encode()
            )
            assert sock.recv(100).startswith(b"HTTP/1.1 100")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.stderr is not None
            assert any(line.startswith("stopping") for line in server.process.stderr)
            sock.sendall(blob)
            assert sock.recv(1000).startswith(b"HTTP/1.1 201")
        server.process.wait(30)
        code, _, err = server.stop()
    assert (code, err.splitlines()[-1]) == (143, "terminated: all requests were finished")


def test_the_second_signal_waits_for_nobody(directory: str) -> None:
    with serving("fs", "serve", "--dir", directory, "--read-write", *FREE) as server:
        address = ("127.0.0.1", server.port)
        with socket.create_connection(address, timeout=30) as sock:
            begin_a_request(sock)
            server.process.send_signal(signal.SIGINT)
            assert server.process.stderr is not None
            assert any(line.startswith("stopping") for line in server.process.stderr)
            code, _, err = server.stop(signal.SIGINT)
    assert (code, err.splitlines()[-1]) == (130, "interrupted: 1 running requests were cut off")


def test_the_second_signal_leaves_nothing_of_an_upload(moto: str) -> None:
    bucket = make_bucket(moto)
    keys = {"AWS_ACCESS_KEY_ID": S3_KEYS[0], "AWS_SECRET_ACCESS_KEY": S3_KEYS[1]}
    words = ("s3", "serve", bucket, "--endpoint", moto, "--region", "us-east-1", "--read-write", *FREE)
    with serving(*words, **keys) as server, socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(
            f"POST /v2/app/blobs/uploads/?digest={Digest.of(b'?')} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            f"Content-Length: {40 * MIB}\r\n\r\n".encode()
        )
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        sock.sendall(bytes(30 * MIB))
        server.process.send_signal(signal.SIGINT)
        assert server.process.stderr is not None
        assert any(line.startswith("stopping") for line in server.process.stderr)
        code, _, err = server.stop(signal.SIGINT)
    assert (code, err.splitlines()[-1]) == (130, "interrupted: 1 running requests were cut off")
    assert "Uploads" not in s3_buckets.client(moto).list_multipart_uploads(Bucket=bucket)


@pytest.mark.skipif(sys.platform != "linux", reason="threads of another process can be signalled on Linux only")
def test_a_signal_is_heard_whichever_thread_it_comes_to(directory: str) -> None:
    """Then, or just before the main thread begins to wait, it ends no wait."""
    with (
        serving("fs", "serve", "--dir", directory, "--read-write", *FREE) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock,
    ):
        begin_a_request(sock)
        assert server.process.stderr is not None
        signal_another_thread(server.process.pid, signal.SIGINT)
        assert any(line.startswith("stopping") for line in server.process.stderr)
        signal_another_thread(server.process.pid, signal.SIGINT)
        _, err = server.process.communicate(timeout=20)  # less than running requests get
    assert (server.process.returncode, err.splitlines()[-1]) == (130, "interrupted: 1 running requests were cut off")


def begin_a_request(sock: socket.socket) -> None:
    sock.sendall(b"PUT /v2/app/manifests/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert sock.recv(100).startswith(b"HTTP/1.1 100")


def signal_another_thread(pid: int, number: int) -> None:
    thread = max(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
    assert thread != pid
    assert ctypes.CDLL(None).tgkill(pid, thread, number) == 0


def test_for_programs(directory: str) -> None:
    with serving("--json", "--progress", "json", "fs", "serve", "--dir", directory, *FREE) as server:
        assert json.loads(server.first_line) == {
            "schema": 1, "kind": "serve", "url": server.url, "urls": [server.url], "store": f"file://{directory}",
            "mode": "read-only", "deletes": False,
        }  # fmt: skip
        server.ask("GET", MANIFEST, **{"User-Agent": "test\x1b[31m"})
        _, out, err = server.stop()
    assert out == "", "stdout is one document"
    events: list[dict[str, Any]] = [json.loads(line) for line in err.splitlines()]
    (request,) = [event for event in events if event["event"] == "request"]
    assert (request["method"], request["target"], request["status"]) == ("GET", MANIFEST, 200)
    assert "\x1b" not in request["agent"]
    assert (events[-1]["event"], events[-1]["exit"]) == ("error", 143)


def test_for_programs_that_hear_no_events(directory: str) -> None:
    with serving("--json", "fs", "serve", "--dir", directory, *FREE) as server:
        _, out, err = server.stop()
    assert (out, err.splitlines()[-1]) == ("", "terminated: all requests were finished")


def test_quietly(directory: str) -> None:
    with serving("--quiet", "fs", "serve", "--dir", directory, *FREE) as server:
        server.ask("GET", MANIFEST)
        _, out, err = server.stop()
    assert (out, err) == ("", "terminated: all requests were finished\n")


@pytest.mark.parametrize("how", ["password", "token"])
def test_only_for_those_who_know(directory: str, tmp_path: Path, how: str) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\nsecond line\n")
    file.chmod(0o644)
    words = ("--user", "me", "--password-file", str(file)) if how == "password" else ("--token-file", str(file))
    good = "Basic bWU6czNjcmV0" if how == "password" else "Bearer s3cret"
    with serving("fs", "serve", "--dir", directory, *words, *FREE) as server:
        assert server.ask("GET", MANIFEST)[0] == 401
        assert server.ask("GET", "/metrics")[0] == 401
        assert server.ask("GET", MANIFEST, Authorization=good) == (200, IMAGE.raw)
        _, _, err = server.stop()
    assert "s3cret" not in err
    assert "can be read by other users" in err


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    cert, key = make_certificate(tmp_path_factory.mktemp("certificate"))
    return str(cert), str(key)


def test_beyond_this_computer_with_all_that_takes(directory: str, tmp_path: Path, certificate: tuple[str, str]) -> None:
    (tmp_path / "token").write_text("s3cret")
    cert, key = certificate
    with serving("fs", "serve", "--dir", directory, "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key,
                 "--token-file", str(tmp_path / "token")) as server:  # fmt: skip
        assert server.url.startswith("https://0.0.0.0:")
        context = ssl.create_default_context(cafile=cert)
        client = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=30)
        client.request("GET", MANIFEST, headers={"Authorization": "Bearer s3cret"})
        assert client.getresponse().read() == IMAGE.raw
        client.close()


def test_beyond_this_computer_against_all_advice(directory: str) -> None:
    with serving("fs", "serve", "--dir", directory, "--listen", "0.0.0.0:0", "--insecure") as server:
        assert server.ask("GET", MANIFEST) == (200, IMAGE.raw)
        err = server.stop()[2]
        assert "warning: --insecure" in err
        assert f"docker pull localhost:{server.port}/" in err


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:5000"])
@pytest.mark.parametrize("given", ["nothing", "token", "tls"])
def test_beyond_this_computer_without(
    oci_store: Invoke, directory: str, here: Path, certificate: tuple[str, str], listen: str, given: str
) -> None:
    (here / "token").write_text("s3cret")
    cert, key = certificate
    words = {"nothing": (), "token": ("--token-file", "token"), "tls": ("--tls-cert", cert, "--tls-key", key)}[given]
    done = oci_store("fs", "serve", "--dir", directory, "--listen", listen, *words)
    lacks = {"nothing": ["authentication", "TLS"], "token": ["TLS"], "tls": ["authentication"]}[given]
    warnings = [line for line in done.err.splitlines() if line.startswith("warning:")]
    assert done.code == 2
    assert "would open the store to the network" in done.err
    assert "--insecure" in done.err
    assert f"cause: there is no {lacks[0]} (--" in done.err
    assert all(f" no {word} (--" in done.err for word in lacks)
    assert len(warnings) == (given != "nothing" and (given == "token"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "5000"), "HOST:PORT"),
        (("--user", "me"), "--password-file"),
        (("--password-file", "secret"), "--user"),
        (("--user", "me", "--password-file", "none"), "none"),
        (("--user", "m:e", "--password-file", "secret"), "--user"),
        (("--user", "me", "--password-file", "empty"), "first line is empty"),
        (("--token-file", "binary"), "no text"),
        (("--token-file", "long"), "4096"),
        (("--token-file", "secret", "--user", "me"), "exclude"),
        (("--tls-cert", "secret"), "--tls-key"),
        (("--tls-key", "secret"), "--tls-cert"),
        (("--tls-cert", "secret", "--tls-key", "secret"), "PEM"),
        (("--allow-delete",), "--read-write"),
        (("app",), "repository"),
    ],
)
def test_what_is_of_no_use(oci_store: Invoke, here: Path, directory: str, words: tuple[str, ...], said: str) -> None:
    for name, raw in (("secret", b"s3cret"), ("empty", b"\n"), ("binary", b"\xff\xfe"), ("long", b"x" * 5000)):
        (here / name).write_bytes(raw)
        (here / name).chmod(0o600)
    done = oci_store("fs", "serve", "--dir", directory, *words)
    check_error(done, 2)
    assert said in done.err
    assert "s3cret" not in done.err


def test_a_store_that_is_not_there(oci_store: Invoke, here: Path, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_error(oci_store("fs", "serve", "--dir", "none", *FREE), 3, "none")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3_KEYS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_KEYS[1])
    check_error(oci_store("s3", "serve", "no-such-bucket", "--endpoint", moto, "--region", "us-east-1", *FREE), 3)


def test_a_directory_that_goes_away(directory: str) -> None:
    """A disk that is no longer mounted, say: clients try again later, and do not take it for an empty store."""
    paths = (MANIFEST, "/v2/app/tags/list", "/v2/_catalog", f"/v2/app/blobs/{Digest.of(IMAGE.blobs[0])}")
    with serving("fs", "serve", "--dir", directory, *FREE) as server:
        assert {server.ask("GET", path)[0] for path in paths} == {200}
        Path(directory).rename(f"{directory}.gone")
        answers = [server.ask("GET", path) for path in paths]
        assert [status for status, _ in answers] == [503] * 4
        assert all(b"directory does not exist" in said for _, said in answers)
        Path(f"{directory}.gone").rename(directory)
        assert {server.ask("GET", path)[0] for path in paths} == {200}


def test_before_the_first_push(tmp_path: Path) -> None:
    """The store on this computer is there once something is pushed; and so is a directory that may be written."""
    with serving("fs", "serve", *FREE) as server:
        assert server.ask("GET", "/v2/_catalog") == (200, b'{"repositories":[]}')
        assert server.ask("GET", MANIFEST)[0] == 404
    with serving("fs", "serve", "--dir", str(tmp_path / "new"), "--read-write", *FREE) as server:
        assert server.ask("POST", f"/v2/app/blobs/uploads/?digest={Digest.of(b'x')}", b"x")[0] == 201


def test_a_port_that_is_taken(oci_store: Invoke, directory: str) -> None:
    with serving("fs", "serve", "--dir", directory, *FREE) as server:
        done = oci_store("fs", "serve", "--dir", directory, "--listen", f"127.0.0.1:{server.port}")
    check_error(done, 5, f"127.0.0.1:{server.port}", "--listen")


def test_a_saved_connection(oci_store: Invoke, directory: str, here: Path) -> None:
    config = here / "connections.toml"
    config.write_text(f'[connections.prod]\nbackend = "fs"\ndir = "{directory}"\nmode = "read-only"\n')
    with serving("@prod", "serve", *FREE, OCISTORE_CONFIG=str(config)) as server:
        assert server.ask("GET", MANIFEST) == (200, IMAGE.raw)
    os.environ["OCISTORE_CONFIG"] = str(config)
    try:
        check_error(oci_store("@prod", "serve", "--read-write", *FREE), 8, "read only")
    finally:
        del os.environ["OCISTORE_CONFIG"]


def test_killed_in_the_middle_of_a_push(directory: str) -> None:
    """Nothing half-written is visible, and the same push to a new server goes through."""
    store = LocalStore(Path(directory))
    before = keys(store)
    blob = os.urandom(3_000_000)
    target = f"/v2/app/blobs/uploads/?digest={Digest.of(blob)}"
    with serving("fs", "serve", "--dir", directory, "--read-write", *FREE) as server:
        address = ("127.0.0.1", server.port)
        with socket.create_connection(address, timeout=30) as sock:
            sock.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(blob)}\r\n\r\n".encode())
            sock.sendall(blob[:2_500_000])
            while not list(store.list_unfinished("")):  # until some of it is on the disk
                assert server.process.poll() is None
            server.process.kill()
            server.process.wait(30)
    assert keys(store) == before
    with serving("fs", "serve", "--dir", directory, "--read-write", *FREE) as server:
        assert server.ask("POST", target, blob)[0] == 201
        assert server.ask("GET", f"/v2/app/blobs/{Digest.of(blob)}") == (200, blob)
