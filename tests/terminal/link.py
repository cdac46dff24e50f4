"""A slow line to a server: it can be held in the middle of what is sent, and let go on, as often as a test needs."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit

_CHUNK_BYTES = 64 * 1024


class Link:
    """Passes everything on to ``target`` (a URL with host and port) while the ``with`` lasts.

    Unlike `tests.faults.proxy` nothing ever fails here: what is held is late, not lost.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._free = threading.Event()
        self._free.set()
        self._room_bytes: int | None = None
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self.is_held = threading.Event()
        """Set once something waits."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{parts.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def hold_after(self, size_bytes: int) -> None:
        """Let this much go to the server from now on, and no more of any connection."""
        with self._lock:
            self._room_bytes = size_bytes
            self.is_held.clear()

    def go_on(self) -> None:
        """Everything goes through again."""
        with self._lock:
            self._room_bytes = None
        self._free.set()

    def wait_until_held(self, *, timeout_s: float = 60) -> None:
        """Until something waits at the line."""
        assert self.is_held.wait(timeout_s), "nothing was held: less was sent than expected"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="link", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        with self._lock:
            ends, self._ends = self._ends, []
        self._listener.close()
        for end in ends:
            _end(end)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                with self._lock:
                    self._ends += [near, far]
                threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_sent: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                if is_sent:
                    self._let_through(len(data))
                sink.sendall(data)
        _end(sink)
        _end(source)

    def _let_through(self, size_bytes: int) -> None:
        with self._lock:
            if self._room_bytes is not None:
                self._room_bytes -= size_bytes
                if self._room_bytes < 0:
                    self._free.clear()
                    self.is_held.set()
        self._free.wait()


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
