"""A network that fails: a TCP proxy before any HTTP server that cuts, stalls, flips and loses what is asked for.

It looks at request lines, so that a fault can be put on "the second part" or "the reply to the last request", and
passes everything else on as it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import urlsplit

What = Literal["reset", "close", "stall", "flip", "answer"]
Side = Literal["request", "reply"]

_REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE|PATCH|OPTIONS) \S+ HTTP/1\.[01]\r\n")
_CHUNK_BYTES = 64 * 1024


@dataclass
class Fault:
    """What is to go wrong, and where."""

    request: str
    """A regular expression, searched in the head of every request, such as ``PUT .*partNumber=2``."""
    what: What
    """``reset`` and ``close`` end the connection, ``stall`` holds it until the proxy ends, ``flip`` changes one bit,
    ``answer`` replies in the server's place, which never hears of the request."""
    on: Side = "reply"
    after_bytes: int = 0
    """How much of the request or the reply, heads included, goes through before; a ``100 Continue`` is not counted."""
    times: int = 1
    """How often; counts down."""
    skip: int = 0
    """How many matching requests are spared first; counts down."""
    answer: bytes = b""
    happened: threading.Event = field(default_factory=threading.Event)


def http_answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A reply for `Fault.answer`."""
    lines = (f"HTTP/1.1 {status} Fault", *headers, f"Content-Length: {len(body)}", "Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class FaultProxy:
    """Listens on the loopback while the ``with`` lasts, and passes on to ``target`` (a URL with host and port)."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.target = (parts.hostname or "", parts.port or 80)
        self.requests: list[str] = []
        """The request lines seen so far, without the version."""
        self.url = ""
        self._scheme = parts.scheme
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def fail(self, request: str, what: What, **more: object) -> Fault:
        """Let requests that match go wrong, see `Fault`; the first fault that fits and is not used up is taken."""
        fault = Fault(request, what, **more)
        with self._lock:
            self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Nothing goes wrong any more; what is stalled stays so."""
        with self._lock:
            self._faults.clear()

    def count(self, request: str) -> int:
        """How many requests matched."""
        return sum(bool(re.search(request, line)) for line in self.requests)

    def fault_for(self, head: str) -> Fault | None:
        """The fault a request meets."""
        with self._lock:
            self.requests.append(head.partition(" HTTP/")[0])
            for fault in self._faults:
                if fault.times > 0 and re.search(fault.request, head):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self.url = f"{self._scheme}://127.0.0.1:{starting.result(10)}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        with contextlib.suppress(asyncio.CancelledError):  # asyncio would log the end of the proxy as an error
            await _Connection(self, reader, writer, far_reader, far_writer).run()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class _Ended(Exception):
    """The connection is over."""


class _Connection:
    """One client's connection and the one to the server behind it."""

    def __init__(
        self,
        proxy: FaultProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._far_reader, self._far_writer = far_reader, far_writer
        self._fault: Fault | None = None
        self._passed = {"request": 0, "reply": 0}

    async def run(self) -> None:
        """Pass on until one side ends."""
        pumps = [asyncio.create_task(self._pass_requests()), asyncio.create_task(self._pass_replies())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writer.close()
            self._far_writer.close()

    async def _pass_requests(self) -> None:
        while data := await self._reader.read(_CHUNK_BYTES):
            if _REQUEST.match(data):
                self._fault = self._proxy.fault_for(data.partition(b"\r\n\r\n")[0].decode("latin-1"))
                self._passed = {"request": 0, "reply": 0}
            await self._pass(data, "request", self._far_writer)

    async def _pass_replies(self) -> None:
        while data := await self._far_reader.read(_CHUNK_BYTES):
            if data.startswith(b"HTTP/1.1 100 "):
                interim, end, data = data.partition(b"\r\n\r\n")
                self._writer.write(interim + end)
            await self._pass(data, "reply", self._writer)

    async def _pass(self, data: bytes, side: Side, writer: asyncio.StreamWriter) -> None:
        fault = self._fault
        if fault is not None and fault.on == side and data:
            at = fault.after_bytes - self._passed[side]
            self._passed[side] += len(data)
            if at < len(data):
                self._fault = None
                data = await self._break(fault, data, at, writer)
        writer.write(data)
        await writer.drain()

    async def _break(self, fault: Fault, data: bytes, at: int, writer: asyncio.StreamWriter) -> bytes:
        if fault.what == "flip":
            fault.happened.set()
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        if fault.what == "answer":
            self._writer.write(fault.answer)
            fault.happened.set()
            while await self._reader.read(_CHUNK_BYTES):
                pass  # a connection closed on unread bytes would take the answer with it
            raise _Ended
        writer.write(data[:at])
        await writer.drain()
        fault.happened.set()
        if fault.what == "stall":
            await asyncio.Event().wait()
        if fault.what == "reset":
            for end in (self._writer, self._far_writer):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.transport.abort()
        raise _Ended
