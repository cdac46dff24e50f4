"""Just enough HTTP/1.1 to talk to a container engine: one request a connection, bodies in large pieces, cancellable.

Importing a general client costs more than a whole unchanged push may take, and it hands data out in tiny chunks.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.daemon.address import Address
from ocistore_tui.errors import AccessDenied, Unavailable

_TICK_S = 0.25
_RECEIVE_BYTES = 1024 * 1024
_MAX_HEAD_BYTES = 256 * 1024


class Response:
    """A status, headers in lower case, and a body read in pieces as large as they come."""

    def __init__(self, wire: Wire, *, timeout_s: float | None, cancel: CancelSignal | None) -> None:
        self._wire, self._timeout_s, self._cancel = wire, timeout_s, cancel
        self._buffer = b""
        head = self._read_head()
        lines = head.decode("latin-1").split("\r\n")
        try:
            self.status = int(lines[0].split(" ", 2)[1])
        except (IndexError, ValueError) as error:
            raise not_an_engine(wire.address, lines[0]) from error
        pairs = (line.partition(":") for line in lines[1:])
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}

    def pieces(self) -> Iterator[bytes]:
        """The body; ends where the engine says it ends.

        Raises:
            Unavailable: the connection broke before that.
        """
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            yield from self._chunked()
        elif "content-length" in self.headers:
            left = int(self.headers["content-length"])
            while left:
                piece = self._some(left)
                left -= len(piece)
                yield piece
        else:
            while piece := self._take_buffer() or self._receive():
                yield piece

    def read(self, *, max_bytes: int = 64 * 1024 * 1024) -> bytes:
        """The whole body."""
        parts: list[bytes] = []
        size = 0
        for piece in self.pieces():
            size += len(piece)
            if size > max_bytes:
                raise Unavailable("the engine's answer is too large", where=str(self._wire.address))
            parts.append(piece)
        return b"".join(parts)

    def close(self) -> None:
        """Hang up: ends whatever the engine still does for this request."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            piece = self._receive()
            if not piece or len(self._buffer) > _MAX_HEAD_BYTES:
                raise not_an_engine(self._wire.address, "it closed the connection" if not piece else "endless headers")
            self._buffer += piece
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _chunked(self) -> Iterator[bytes]:
        while True:
            size = int(self._line().split(b";")[0], 16)
            while size:
                piece = self._some(size)
                size -= len(piece)
                yield piece
                if not size:
                    self._line()
                    break
            else:
                return

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._buffer += self._must_receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _some(self, at_most: int) -> bytes:
        piece = self._take_buffer() or self._must_receive()
        if len(piece) > at_most:
            piece, self._buffer = piece[:at_most], piece[at_most:]
        return piece

    def _take_buffer(self) -> bytes:
        piece, self._buffer = self._buffer, b""
        return piece

    def _must_receive(self) -> bytes:
        piece = self._receive()
        if not piece:
            raise Unavailable(
                "the engine closed the connection in the middle of its answer",
                where=str(self._wire.address),
                fix="look at the engine's log; try again",
            )
        return piece

    def _receive(self) -> bytes:
        return self._wire.receive(timeout_s=self._timeout_s, cancel=self._cancel)


class Wire:
    """One connection to an engine.

    Raises:
        Unavailable: nobody listens there.
        AccessDenied: the socket may not be used.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._socket: Any = self._open()
        except PermissionError as error:
            raise AccessDenied(
                "permission denied on the engine's socket",
                where=str(address),
                cause="your user may not use it",
                fix='add it to the group that owns the socket: sudo usermod -aG docker "$USER", then sign in again',
            ) from error
        except OSError as error:
            raise Unavailable(
                "no container engine answers",
                where=str(address),
                cause=error.strerror or str(error),
                fix="start Docker, or name another with --docker-host or DOCKER_HOST; archives work without: "
                "--image docker-archive:FILE",
            ) from error
        self._socket.settimeout(_TICK_S)

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        cancel: CancelSignal | None = None,
        version: str = "1.1",
    ) -> None:
        """Send a request; a body that is not bytes goes in chunks as large as it comes."""
        lines = [f"{method} {target} HTTP/{version}", "Host: engine", "Connection: close", "User-Agent: ocistore-tui"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if isinstance(body, bytes):
            lines.append(f"Content-Length: {len(body)}")
        elif body is not None:
            lines.append("Transfer-Encoding: chunked")
        self._send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), cancel)
        if isinstance(body, bytes):
            self._send(body, cancel)
        elif body is not None:
            for piece in body:
                if piece:
                    self._send(b"%x\r\n" % len(piece), cancel)
                    self._send(piece, cancel)
                    self._send(b"\r\n", cancel)
            self._send(b"0\r\n\r\n", cancel)

    def receive(self, *, timeout_s: float | None, cancel: CancelSignal | None) -> bytes:
        """Bytes as they come; ``b""`` at the end."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            check_cancel(cancel, where=str(self.address))
            try:
                return bytes(self._socket.recv(_RECEIVE_BYTES))
            except TimeoutError as error:
                if deadline is not None and time.monotonic() > deadline:
                    raise Unavailable(
                        "the engine does not answer", where=str(self.address), cause=f"silent for {timeout_s:.0f} s",
                        fix="look at the engine's log; restart it if it hangs",
                    ) from error  # fmt: skip
            except OSError as error:
                raise self._broken(error) from error

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _send(self, data: bytes, cancel: CancelSignal | None) -> None:
        view = memoryview(data)
        while view:
            check_cancel(cancel, where=str(self.address))
            try:
                view = view[self._socket.send(view) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise self._broken(error) from error

    def _broken(self, error: OSError) -> Unavailable:
        return Unavailable(
            "the connection to the engine broke",
            where=str(self.address),
            cause=error.strerror or str(error),
            fix="see whether the engine still runs, then try again",
        )

    def _open(self) -> Any:
        address = self.address
        if address.scheme == "unix":
            opened = socket.socket(socket.AF_UNIX)
            opened.connect(address.path)
            return opened
        if address.scheme == "ssh":
            return self._open_ssh()
        plain = socket.create_connection((address.host, address.port), timeout=10)
        return self._with_tls(plain) if address.tls else plain

    def _open_ssh(self) -> socket.socket:
        # The user's own ssh, so that its configuration, agents and known hosts count.
        place = f"{self.address.user}@{self.address.host}" if self.address.user else self.address.host
        command = ["ssh", "-T", "-o", "BatchMode=yes"]
        if self.address.port:
            command += ["-p", str(self.address.port)]
        command += ["--", place, "docker", "system", "dial-stdio"]
        ours, theirs = socket.socketpair()
        with theirs:
            # A list, no shell, and no option can hide in it.
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL
            )
        return ours

    def _with_tls(self, plain: socket.socket) -> Any:
        import ssl

        certs = self.address.cert_dir
        authority = certs / "ca.pem" if certs else None
        context = ssl.create_default_context(cafile=str(authority) if authority and authority.exists() else None)
        if not self.address.tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certs and (certs / "cert.pem").exists():
            context.load_cert_chain(str(certs / "cert.pem"), str(certs / "key.pem"))
        return context.wrap_socket(plain, server_hostname=self.address.host)


def not_an_engine(address: Address, said: str) -> Unavailable:
    """The error for something that does not speak the engine's API."""
    return Unavailable(
        "this is not a container engine",
        where=str(address),
        cause=said[:200],
        fix="check the address; TLS engines need DOCKER_TLS_VERIFY=1 or a context",
    )
