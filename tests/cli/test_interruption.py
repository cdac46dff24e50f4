"""Ctrl-C and SIGTERM end the program within about a second, and it says what is kept."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocistore_tui.cli.interrupt import Interrupted, raise_on_signals, run_interruptible
from ocistore_tui.demo import images as demo_images
from tests.backends import s3_buckets
from tests.cli.running import LONGEST_S, OCI_STORE, Done, in_a_process

SOON_S = 5.0
"""About a second, and room for a busy machine."""
ENDINGS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


class SilentServer:
    """Takes connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.asked = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        try:
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                connection.recv(1)
                self.asked.set()
        except OSError:
            return

    def close(self) -> None:
        for connection in (self._listener, *self._open):
            connection.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


class StallingRelay:
    """Hands connections through to a server until one begins with ``stall_on``: that one waits for ever."""

    def __init__(self, url: str, *, stall_on: bytes) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._to = (host, int(port))
        self._stall_on = stall_on
        self.stalled = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        try:
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._to)
                self._open += [near, far]
                threading.Thread(target=self._there, args=(near, far), daemon=True).start()
                threading.Thread(target=self._back, args=(far, near), daemon=True).start()
        except OSError:
            return

    def _there(self, near: socket.socket, far: socket.socket) -> None:
        try:
            while chunk := near.recv(65536):
                if chunk.startswith(self._stall_on):
                    self.stalled.set()
                    return
                far.sendall(chunk)
        except OSError:
            return

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        try:
            while chunk := far.recv(65536):
                near.sendall(chunk)
        except OSError:
            return


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The program at work; ended, if the test has not."""
    Path("temporary").mkdir()
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1", "TMPDIR": "temporary"}
    with subprocess.Popen(
        [OCI_STORE, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **keys},
    ) as program:  # fmt: skip
        try:
            yield program
        finally:
            program.kill()


def end(program: subprocess.Popen[str], number: signal.Signals) -> Done:
    """Send a signal, and see the program end soon."""
    began = time.monotonic()
    program.send_signal(number)
    out, err = program.communicate(timeout=LONGEST_S)
    assert time.monotonic() - began < SOON_S
    assert list(Path("temporary").iterdir()) == [], "a spool file stayed"
    return Done(program.returncode, out, err)


@pytest.mark.parametrize(("number", "code", "word"), ENDINGS)
def test_while_a_store_does_not_answer(silent: SilentServer, number: signal.Signals, code: int, word: str) -> None:
    with started("s3", "ls", "bucket/app", "--endpoint", silent.url) as program:
        assert silent.asked.wait(LONGEST_S)
        done = end(program, number)
    assert (done.code, done.out) == (code, "")
    assert done.err == f"{word}: nothing was changed\n"


def test_as_a_document(silent: SilentServer) -> None:
    with started("s3", "ls", "bucket", "--json", "--endpoint", silent.url) as program:
        assert silent.asked.wait(LONGEST_S)
        done = end(program, signal.SIGINT)
    assert done.code == 130
    assert done.err == ""
    assert done.document["error"]["kind"] == "cancelled"


@pytest.fixture
def archive(here: Path) -> Path:
    """An archive of a few MB."""
    layer = demo_images.make_layer({"big": demo_images.filler("big", 8_000_000)}, created_by="COPY big /")
    whole = demo_images.docker_archive({"big:1": demo_images.make_image([layer])})
    (here / "big.tar").write_bytes(whole)
    return here / "big.tar"


@pytest.mark.parametrize(("number", "code", "word"), ENDINGS)
def test_in_the_middle_of_a_push(archive: Path, moto: str, number: signal.Signals, code: int, word: str) -> None:
    """A real server answers the plan's questions; then the upload hangs."""
    bucket = s3_buckets.new_bucket(moto).bucket
    relay = StallingRelay(moto, stall_on=b"PUT ")
    try:
        words = ("s3", "push", f"{bucket}/app:1", "--image", f"docker-archive:{archive}", "--endpoint", relay.url)
        with started(*words, "--progress", "json") as program:
            assert relay.stalled.wait(LONGEST_S)
            done = end(program, number)
    finally:
        relay.close()
    assert (done.code, done.out) == (code, "")
    events = [json.loads(line) for line in done.err.splitlines()]
    assert events[-1]["event"] == "error"
    assert word in events[-1]["message"]
    assert "no tag was changed" in events[-1]["message"]
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    again = in_a_process(["s3", "ls", bucket, "--endpoint", moto, "--region", "us-east-1"], env=keys)
    assert (again.code, again.out) == (0, "")


def test_a_push_that_hangs_leaves_no_parts(here: Path, moto: str) -> None:
    """They could be seen by nobody, and would be paid for."""
    layer = demo_images.make_layer({"big": demo_images.filler("big", 20_000_000)}, created_by="COPY big /")
    (here / "big.tar").write_bytes(demo_images.docker_archive({"big:1": demo_images.make_image([layer])}))
    bucket = s3_buckets.new_bucket(moto).bucket
    relay = StallingRelay(moto, stall_on=b"PUT ")
    try:
        words = ("s3", "push", f"{bucket}/app:1", "--image", "docker-archive:big.tar", "--endpoint", relay.url)
        with started(*words) as program:
            assert relay.stalled.wait(LONGEST_S)
            assert "Uploads" in s3_buckets.client(moto).list_multipart_uploads(Bucket=bucket)
            assert end(program, signal.SIGINT).code == 130
    finally:
        relay.close()
    assert "Uploads" not in s3_buckets.client(moto).list_multipart_uploads(Bucket=bucket)


@pytest.fixture
def signals() -> Iterator[None]:
    """They raise, as in the program."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    raise_on_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("times", [1, 2])
def test_a_transfer_has_time_to_tidy_up_unless_it_is_interrupted_twice(times: int) -> None:
    begun, left = threading.Event(), threading.Event()
    tidied: list[bool] = []

    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def work(cancel: threading.Event) -> None:
        assert begun.wait(LONGEST_S)
        interrupt()
        assert cancel.wait(LONGEST_S)
        if times == 1:
            tidied.append(not left.wait(0.3))
        else:
            interrupt()
            assert left.wait(LONGEST_S)

    with pytest.raises(Interrupted) as caught:
        run_interruptible(work, tick=begun.set, done=lambda: None, kept="what was sent")
    left.set()
    assert tidied == [True] * (times == 1)
    assert caught.value.kept == ("the transfer had just finished" if times == 1 else "what was sent")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_the_last_word(number: signal.Signals) -> None:
    """Python is still busy with its own end then, which takes longer the more was loaded."""
    program = (
        "import atexit, os, sys; from ocistore_tui.cli.main import main_headless; sys.argv[1:] = ['--version'];"
        f"atexit.register(os.kill, os.getpid(), {int(number)}); main_headless()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LONGEST_S)
    assert (done.returncode, done.stderr) == (-number, "")


def test_a_pull_leaves_no_archive_behind(here: Path, moto: str, images: dict[str, demo_images.Image]) -> None:
    bucket = s3_buckets.new_bucket(moto).bucket
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    pushed = in_a_process(
        ["s3", "push", f"{bucket}/app:1", "--image", "oci-archive:tools.tar", "--endpoint", moto], env=keys
    )
    assert pushed.code == 0, pushed.err
    layer = images["tools:2.0"].layers[0].digest
    relay = StallingRelay(moto, stall_on=f"GET /{bucket}/docker/registry/v2/blobs/sha256/{layer[7:9]}".encode())
    try:
        words = ("s3", "pull", f"{bucket}/app:1", "--image", "oci-archive:back.tar", "--endpoint", relay.url)
        with started(*words, "--progress", "none") as program:
            assert relay.stalled.wait(LONGEST_S)
            before = sorted(os.listdir(here))
            done = end(program, signal.SIGINT)
    finally:
        relay.close()
    assert done.code == 130
    assert "back.tar" in done.err
    assert "means what it meant before" in done.err
    assert "back.tar" not in before
    assert not (here / "back.tar").exists()
