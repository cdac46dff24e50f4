"""One HTTP server that takes bodies (hashed and written to a file) and gives a file: run as a process of its own.

    python -m benchmarks.serving_servers NAME PORT DIRECTORY

Every contestant does the same work with its own means; ``ours`` is the program's server in front of the same work.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PIECE = 1 << 20
NAMES = ("ours", "http.server", "cheroot", "waitress", "uvicorn", "hypercorn", "granian")
MODULES = {"ours": "ocistore_tui", "http.server": "http.server"}
"""What has to be importable, where it is called otherwise."""
_numbers = itertools.count()


class Sink:
    """Where a body goes: a hash and a new file, which is removed again."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{os.getpid()}-{next(_numbers)}"
        self._file = self._path.open("wb", buffering=0)
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    def close(self) -> str:
        self._file.close()
        self._path.unlink()
        return self._hash.hexdigest()


def take(read: Callable[[int], bytes], directory: Path) -> str:
    sink = Sink(directory)
    while piece := read(PIECE):
        sink.write(piece)
    return sink.close()


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            yield piece


def run_ours(port: int, directory: Path) -> None:
    from ocistore_tui.serving.access import Anyone
    from ocistore_tui.serving.addresses import Address, listen
    from ocistore_tui.serving.message import Request, Response
    from ocistore_tui.serving.server import Server

    class FileBody:
        def __init__(self) -> None:
            self._file = os.open(directory / "blob", os.O_RDONLY)
            self.length = os.fstat(self._file).st_size

        def file(self) -> tuple[int, int, int]:
            return self._file, 0, self.length

        def chunks(self) -> Iterator[bytes]:
            return pieces(directory / "blob")

        def sent(self, size_bytes: int) -> None: ...

        def close(self) -> None:
            os.close(self._file)

    class Stub:
        access = Anyone()

        def answer(self, request: Request) -> Response:
            if request.method == "PUT":
                return Response(201, {}, take(request.body.read, directory).encode())
            return Response(200, {}, FileBody() if request.path == "/blob" else b"x" * 1000)

        def tidy(self) -> int:
            return 0

        def close(self) -> None: ...

    server = Server(Stub(), listen([Address("127.0.0.1", port)]))
    server.start()
    threading.Event().wait()


def run_http_server(port: int, directory: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        rbufsize = 256 * 1024
        disable_nagle_algorithm = True

        def do_PUT(self) -> None:
            left = int(self.headers["Content-Length"])

            def read(size: int) -> bytes:
                nonlocal left
                piece = self.rfile.read(min(size, left))
                left -= len(piece)
                return piece

            self._say(201, take(read, directory).encode())

        def do_GET(self) -> None:
            if self.path != "/blob":
                self._say(200, b"x" * 1000)
                return
            with (directory / "blob").open("rb") as file:
                self.send_response(200)
                self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
                self.end_headers()
                self.connection.sendfile(file)

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        request_queue_size = 512
        daemon_threads = True

    Server(("127.0.0.1", port), Handler).serve_forever()


def wsgi(directory: Path) -> Callable[..., Any]:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "PUT":
            left = int(environ["CONTENT_LENGTH"])

            def read(size: int) -> bytes:
                nonlocal left
                piece: bytes = environ["wsgi.input"].read(min(size, left))
                left -= len(piece)
                return piece

            body = take(read, directory).encode()
            start("201 Created", [("Content-Length", str(len(body)))])
            return [body]
        if environ["PATH_INFO"] == "/blob":
            path = directory / "blob"
            start("200 OK", [("Content-Length", str(path.stat().st_size))])
            if "wsgi.file_wrapper" in environ:
                return environ["wsgi.file_wrapper"](path.open("rb"), PIECE)
            return pieces(path)
        start("200 OK", [("Content-Length", "1000")])
        return [b"x" * 1000]

    return app


def asgi(directory: Path) -> Callable[..., Awaitable[None]]:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        status, body = 200, b"x" * 1000
        if scope["method"] == "PUT":
            sink, gathered, more = Sink(directory), bytearray(), True
            while more:
                message = await receive()
                gathered += message.get("body", b"")
                more = message.get("more_body", False)
                if len(gathered) >= PIECE or not more:
                    await asyncio.to_thread(sink.write, bytes(gathered))
                    gathered.clear()
            status, body = 201, sink.close().encode()
        length = (directory / "blob").stat().st_size if scope["path"] == "/blob" else len(body)
        headers = [(b"content-length", str(length).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if scope["path"] == "/blob":
            for piece in pieces(directory / "blob"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            body = b""
        await send({"type": "http.response.body", "body": body})

    return app


def run_library(name: str, port: int, directory: Path) -> None:
    if name == "cheroot":
        from cheroot.wsgi import Server

        Server(("127.0.0.1", port), wsgi(directory), numthreads=60, request_queue_size=512).safe_start()
    elif name == "waitress":
        import waitress

        waitress.serve(wsgi(directory), host="127.0.0.1", port=port, threads=60, _quiet=True,
                       max_request_body_size=1 << 40)  # fmt: skip
    elif name == "uvicorn":
        import uvicorn

        uvicorn.run(asgi(directory), host="127.0.0.1", port=port, log_level="error", access_log=False)
    elif name == "hypercorn":
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"127.0.0.1:{port}"]
        asyncio.run(serve(asgi(directory), config))
    else:
        from granian.constants import Interfaces
        from granian.server.embed import Server as Granian

        server = Granian(asgi(directory), address="127.0.0.1", port=port, interface=Interfaces.ASGI)
        asyncio.run(server.serve())


def main() -> None:
    name, port, directory = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if name == "ours":
        run_ours(port, directory)
    elif name == "http.server":
        run_http_server(port, directory)
    else:
        run_library(name, port, directory)


if __name__ == "__main__":
    main()
