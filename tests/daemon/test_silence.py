"""Engines that are silent for hours, for ever, or no engines at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import Cancelled, NotFound, OciStoreError, Unavailable
from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.reference import Reference
from tests.fakes.engine import FakeEngine, fake_engine
from tests.fakes.held import KINDS, NAME, hold
from tests.fakes.patience import Patience, hours_pass
from tests.testbed.opened import directory_service, push


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path) as running:
        yield running


@pytest.fixture
def service(engine: FakeEngine, tmp_path: Path) -> Iterator[Service]:
    with directory_service(tmp_path / "store", docker_host=engine.host) as opened:
        yield opened


def test_an_engine_may_be_silent_for_hours_before_the_first_byte(
    engine: FakeEngine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classic ones first write everything to their own disk (docker-api.md §6)."""
    hold(engine, "docker 20")
    archive, gate = KINDS["docker 20"]().tar(), threading.Event()
    engine.export = lambda: [archive] if gate.wait(60) else []
    plan = service.plan_push(PushRequest(Reference.parse(NAME)))
    hours_pass(monkeypatch, engine.get_asked, gate)
    assert service.push(plan, cancel=Patience(engine.get_asked, gate)).digest


def test_an_engine_may_not_be_silent_about_small_questions(
    engine: FakeEngine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, gate = threading.Event(), threading.Event()

    class Silent(dict[str, object]):
        def get(self, *_: object) -> None:
            asked.set()
            gate.wait(60)

    engine.images = Silent()
    hours_pass(monkeypatch, asked, gate)
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            push(service, NAME)
    finally:
        gate.set()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [0.0, 0.6])
def test_a_cancel_ends_a_silent_export_at_once(after: float, kind: str, engine: FakeEngine, service: Service) -> None:
    hold(engine, kind)
    archive, gate, silent = KINDS[kind]().tar(), threading.Event(), threading.Event()

    def falls_silent() -> Iterator[bytes]:
        if after:
            yield archive[: int(len(archive) * after)]
        silent.set()
        gate.wait(60)

    engine.export = falls_silent if after else lambda: list(falls_silent())
    cancel, ended = threading.Event(), []

    def cancels() -> None:
        assert silent.wait(60)
        ended.append(time.monotonic())
        cancel.set()

    threading.Thread(target=cancels, daemon=True).start()
    with pytest.raises(Cancelled):
        service.push(service.plan_push(PushRequest(Reference.parse(NAME))), cancel=cancel)
    assert time.monotonic() - ended[0] < 2, "the issue promises a second"
    assert engine.hung_up.wait(10), "the engine is told to stop"
    gate.set()
    with pytest.raises(NotFound):
        service.inspect(Reference.parse(NAME))
    engine.export = lambda: [archive]
    assert push(service, NAME).digest


# What is no engine.


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", Unavailable),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\n\r\n", Unavailable),
        (b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nApi-Version: \xb2.\xb3\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Unavailable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 3_000_000, Unavailable),
        (b"X" * 3_000_000, Unavailable),
    ],
)
def test_something_else_that_listens_there(answer: bytes, kind: type[OciStoreError], tmp_path: Path) -> None:
    import socketserver

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(answer)

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "other.sock"), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with directory_service(tmp_path / "store", docker_host=f"unix://{tmp_path}/other.sock") as service:
                with pytest.raises(kind) as caught:
                    push(service, NAME)
                assert caught.value.fix
                assert "\x1b" not in caught.value.cause
        finally:
            server.shutdown()
