"""The HTTP server: a thread a connection, a bounded number of them, and an end that lets running requests finish.

Chosen by measurement over the libraries named in ``benchmarks/serving.py``: threads on plain sockets were fastest for
large bodies in both directions, hash beside one another, let the kernel send files, and cost no dependency.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Sequence

from ocistore_tui.serving.connection import Answered, Connection
from ocistore_tui.serving.limits import Limits
from ocistore_tui.serving.message import BodyBroken, Request, Response
from ocistore_tui.serving.metrics import CONTENT_TYPE, Metrics
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.registry import Registry

_TIDY_S = 15.0
_TICK_S = 0.5
"""A signal that comes to another thread, or just before a wait, does not end the wait; it is heard after it."""
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NO_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def _silent(answered: Answered) -> None:
    del answered


class Server:
    """Serves one registry on listening sockets until it is stopped.

    Args:
        registry: What to serve; closed with the server.
        sockets: Listening; become the server's own.
        tls: Speak TLS with these settings; None: plain HTTP.
        limits: Sizes, times and connections.
        log: Hears of every answer, from any thread.
        fault: Hears of a fault of the program itself, as text.
        has_metrics: Whether ``/metrics`` is there, for whoever is admitted.
    """

    def __init__(
        self,
        registry: Registry,
        sockets: Sequence[socket.socket],
        *,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        log: Callable[[Answered], None] = _silent,
        fault: Callable[[str], None] | None = None,
        has_metrics: bool = True,
    ) -> None:
        self.metrics = Metrics()
        self._registry, self._sockets, self._tls = registry, list(sockets), tls
        self._limits = limits or Limits()
        self._log, self._fault, self._has_metrics = log, fault, has_metrics
        self._connections: set[Connection] = set()
        self._changed = threading.Condition(threading.Lock())
        self._stopping = threading.Event()
        self._waker, self._wakes = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept_all, name="ocistore-accept", daemon=True)

    @property
    def ports(self) -> list[tuple[str, int]]:
        """Host and port of each socket."""
        return [made.getsockname()[:2] for made in self._sockets]

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        self._acceptor.start()

    def stop(self, *, grace_s: float | None = None) -> int:
        """Take nothing new, let running requests finish, then end.

        Args:
            grace_s: Seconds they get; None: as in the limits.

        Returns:
            How many requests were cut off, after all.
        """
        self._stopping.set()
        self._wakes.close()
        if self._acceptor.ident is not None:
            self._acceptor.join()
        for made in self._sockets:
            made.close()
        for connection in self._living():
            if connection.idle_since is not None:
                connection.kick()
        self._wait(self._limits.grace_s if grace_s is None else grace_s)
        left = self._living()
        self._registry.cut_off()
        for connection in left:
            connection.kick()
        self._wait(self._limits.linger_s)
        self._registry.close()
        self._waker.close()
        return len(left)

    def _living(self) -> list[Connection]:
        with self._changed:
            return list(self._connections)

    def _wait(self, timeout_s: float) -> None:
        """Until the last connection has ended.

        Not for their threads: Python 3.11 takes a thread for ended after a join that a signal broke off.
        """
        end = time.monotonic() + timeout_s
        with self._changed:
            while self._connections and (left_s := end - time.monotonic()) > 0:
                self._changed.wait(min(left_s, _TICK_S))

    # -- accepting ----------------------------------------------------------------------------------------------------

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._waker, selectors.EVENT_READ)
            for made in self._sockets:
                made.setblocking(False)
                waiting.register(made, selectors.EVENT_READ)
            tidy_at = time.monotonic() + _TIDY_S
            while not self._stopping.is_set():
                for key, _ in waiting.select(_TIDY_S):
                    if key.fileobj is not self._waker and isinstance(key.fileobj, socket.socket):
                        self._accept(key.fileobj)
                if time.monotonic() >= tidy_at:
                    tidy_at = time.monotonic() + _TIDY_S
                    self._registry.tidy()

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, peer = listening.accept()
        except OSError as error:
            # Whatever else it is concerns that one peer (accept(2), "Error handling").
            if error.errno in _NO_FILES and not self._make_room():
                self._stopping.wait(0.1)  # the peer waits in the queue meanwhile
            return
        if len(self._connections) >= self._limits.max_connections and not self._make_room():
            self._turn_away(sock)
            return
        self.metrics.add("connections")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(
            sock,
            str(peer[0]),
            limits=self._limits,
            tls=self._tls,
            answer=self._answer,
            log=self._answered,
            stopping=self._stopping.is_set,
        )
        thread = threading.Thread(target=self._run, args=(connection,), name="ocistore-http", daemon=True)
        with self._changed:
            self._connections.add(connection)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            with self._changed:
                self._connections.discard(connection)
            self._turn_away(sock)

    def _make_room(self) -> bool:
        """End the connection that has waited for the longest time; whether there was one."""
        idle = [(since, one) for one in self._living() if (since := one.idle_since) is not None]
        if not idle:
            return False
        _, longest = min(idle, key=lambda found: found[0])
        longest.kick()
        longest.idle_since = None  # not twice
        self.metrics.add("evicted_connections")
        return True

    def _turn_away(self, sock: socket.socket) -> None:
        self.metrics.add("refused_connections")
        with contextlib.suppress(OSError):
            sock.setblocking(False)
            sock.send(_FULL)
        sock.close()

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            with self._changed:
                self._connections.discard(connection)
                self._changed.notify_all()

    # -- answering ----------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> tuple[str, Response]:
        try:
            user = self._registry.access.admit(request)
        except Problem as problem:
            return "", problem.response()
        if self._has_metrics and request.path == "/metrics":
            return user, self._numbers(request)
        try:
            return user, self._registry.answer(request)
        except BodyBroken:
            raise
        except Exception:  # noqa: BLE001 - one request may fail by a fault of ours, the others go on
            if self._fault is not None:
                self._fault(traceback.format_exc())
            return user, Problem(500, "UNKNOWN", "a fault of the server itself; its log tells").response()

    def _numbers(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Problem(405, "UNSUPPORTED", "metrics can only be read", headers={"Allow": "GET, HEAD"}).response()
        idle = sum(1 for one in self._living() if one.idle_since is not None)
        gauges = {
            "open_connections": len(self._connections),
            "requests_in_flight": len(self._connections) - idle,
            "uploads_in_progress": self._registry.tidy(),
        }
        return Response(200, {"Content-Type": CONTENT_TYPE}, self.metrics.text(gauges))

    def _answered(self, answered: Answered) -> None:
        self.metrics.request(answered.method, answered.status, answered.took_s)
        self.metrics.add("sent_bytes", answered.sent_bytes)
        self.metrics.add("received_bytes", answered.received_bytes)
        self._log(answered)
