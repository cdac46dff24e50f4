"""A container engine that says what a test tells it to: for answers no real one gives when asked to.

It speaks ``_ping``, ``info``, image list, inspect, tag, untag, ``push``, ``get`` and ``load`` on a unix socket.
"""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ocistore_tui.model.digest import Digest

CONTAINERD_STATUS = [["driver-type", "io.containerd.snapshotter.v1"]]


class Dies(Exception):
    """Raised in a script: the engine hangs up without another word."""


@dataclass
class FakeEngine:
    """What the engine has and says; everything may be changed while it runs."""

    path: Path
    api: str = "1.45"
    least_api: str = "1.24"
    is_containerd: bool = False
    is_podman: bool = False
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What inspect says, by id."""
    names: dict[str, str] = field(default_factory=dict)
    """Ids by name."""
    kept: set[str] = field(default_factory=set)
    """Names it does not let go of."""
    export: Callable[[], Iterable[bytes]] = lambda: ()
    """The bytes of ``get``."""
    load: Callable[[], Iterable[bytes]] = lambda: ()
    """The bytes of the answer to ``load``."""
    push: Callable[[], Iterable[bytes]] = lambda: ()
    """The bytes of the answer to ``push``."""
    load_status: int = 200
    load_reads_bytes: int | None = None
    """Hang up after so much of an archive, with ``early_answer`` as the last words."""
    early_answer: bytes = b""
    listing: list[Any] | None = None
    """What the list of images says; None: what the engine holds."""
    asked: list[str] = field(default_factory=list)
    """Every request: method, path, query."""
    loaded: list[int] = field(default_factory=list)
    """Bytes of every archive that came whole."""
    last_archive: bytes = b""
    get_asked: threading.Event = field(default_factory=threading.Event)
    load_read: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)
    """A client closed its connection while we were silent."""

    @property
    def host(self) -> str:
        """Its address."""
        return f"unix://{self.path}"

    def hold(self, name: str, image: str, diff_ids: Iterable[str], **more: Any) -> None:
        """Have an image under a name."""
        self.images[image] = {"Id": image, "RootFS": {"Type": "layers", "Layers": list(diff_ids)}, **more}
        self.names[name] = image

    def silence(self, until: threading.Event) -> Callable[[], Iterator[bytes]]:
        """An answer that begins only once ``until`` is set, or never when the client hangs up before."""

        def wait() -> Iterator[bytes]:
            assert until.wait(60)
            return iter(())

        return wait

    def find(self, name: str) -> dict[str, Any] | None:
        """An image by name or id."""
        return self.images.get(self.names.get(name, name))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: FakeEngine

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_DELETE = do_GET  # noqa: N815  # the names http.server asks for

    def _answer(self) -> None:
        engine, self.close_connection = self.engine, True
        url = urlsplit(self.path)
        engine.asked.append(f"{self.command} {unquote(self.path)}")
        if url.path == "/_ping":
            self._say(200, b"OK", {"Libpod-API-Version": "5"} if engine.is_podman else {})
            return
        found = re.fullmatch(r"/v(\d+)\.(\d+)(/.*)", url.path)
        assert found, self.path
        version = (int(found[1]), int(found[2]))
        least, most = (tuple(map(int, text.split("."))) for text in (engine.least_api, engine.api))
        if not least <= version <= most:
            self._say(400, json.dumps({"message": f"client version {version} is not in range"}).encode())
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with contextlib.suppress(Dies, BrokenPipeError, ConnectionResetError):
            self._route(unquote(found[3]), query)

    def _route(self, path: str, query: dict[str, str]) -> None:
        engine = self.engine
        if path == "/info":
            status = CONTAINERD_STATUS if engine.is_containerd else [["Backing Filesystem", "extfs"]]
            self._say(200, {"DriverStatus": status, "ServerVersion": "0", "OSType": "linux", "Architecture": "x86_64"})
        elif path == "/images/json":
            names: dict[str, list[str]] = {image: [] for image in engine.images}
            for name, image in engine.names.items():
                names.setdefault(image, []).append(name)
            held = [{"Id": image, "RepoTags": tags} for image, tags in names.items()]
            self._say(200, held if engine.listing is None else engine.listing)
        elif path == "/images/load":
            self._load()
        elif found := re.fullmatch(r"/images/(.+)/(json|get|tag|push)", path):
            self._image(found[1], found[2], query)
        elif found := re.fullmatch(r"/images/(.+)", path):
            if found[1] in engine.kept:
                self._say(409, {"message": f"conflict: unable to remove {found[1]}"})
                return
            self._say(200 if engine.names.pop(found[1], None) else 404, [])

    def _image(self, name: str, what: str, query: dict[str, str]) -> None:
        engine = self.engine
        found = engine.find(f"{name}:{query['tag']}" if what == "push" else name)
        if found is None:
            self._say(404, {"message": f"No such image: {name}"})
        elif what == "json":
            self._say(200, found)
        elif what == "tag":
            engine.names[f"{query['repo']}:{query['tag']}"] = found["Id"]
            self._say(201, b"")
        elif what == "push":
            self._stream(200, engine.push)
        else:
            engine.get_asked.set()
            self._stream(200, engine.export)

    def _load(self) -> None:
        engine, parts, size = self.engine, [], 0
        while length := int(self.rfile.readline(), 16):
            if engine.load_reads_bytes is not None and size + length > engine.load_reads_bytes:
                self.wfile.write(engine.early_answer)
                raise Dies
            piece = self.rfile.read(length)
            size += len(piece)
            if size < 4_000_000:
                parts.append(piece)
            self.rfile.readline()
        self.rfile.readline()
        engine.last_archive = b"".join(parts)
        engine.loaded.append(size)
        engine.load_read.set()
        self._stream(engine.load_status, engine.load)

    def _stream(self, status: int, script: Callable[[], Iterable[bytes]]) -> None:
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        pieces = iter(script())
        self.send_response(status)
        self.send_header("Api-Version", self.engine.api)
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()

    def _watch(self) -> None:
        with contextlib.suppress(OSError):  # of a socket that we closed ourselves
            with contextlib.suppress(ConnectionResetError):
                self.connection.recv(1)
            self.engine.hung_up.set()

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Api-Version": self.engine.api, "Content-Length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32


@contextlib.contextmanager
def fake_engine(directory: Path, **attributes: Any) -> Iterator[FakeEngine]:
    """A listening engine."""
    engine = FakeEngine(directory / "engine.sock", **attributes)
    handler = type("Handler", (_Handler,), {"engine": engine})
    with _Server(str(engine.path), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()


def classic(engine: FakeEngine, name: str, config: bytes, layers: Iterable[bytes], archive: bytes) -> None:
    """Hold an image as a classic store does, with the archive it exports."""
    engine.hold(name, str(Digest.of(config)), [str(Digest.of(raw)) for raw in layers], Os="linux", Architecture="amd64")
    engine.export = lambda: [archive]
