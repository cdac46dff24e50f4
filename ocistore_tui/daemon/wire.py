"""One connection to a container engine, over a socket, TLS or the user's ssh: one request each, cancellable."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from typing import IO, Any

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.daemon.address import Address
from ocistore_tui.errors import AccessDenied, Unavailable, UsageError
from ocistore_tui.model.text import inert

_TICK_S = 0.25
_CONNECT_S = 4.0
_RECEIVE_BYTES = 1024 * 1024


class Wire:
    """One connection to an engine.

    Raises:
        Unavailable: nobody listens there.
        AccessDenied: the socket may not be used.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._process: subprocess.Popen[bytes] | None = None
        self._ssh_said: IO[bytes] | None = None
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
            asked = time.monotonic()
            check_cancel(cancel, where=str(self.address))
            if deadline is not None:  # asking may have been held by a pause, which is no silence of the engine
                deadline += time.monotonic() - asked
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
        if self._ssh_said is not None:
            self._ssh_said.close()
            self._ssh_said = None

    def hung_up(self) -> Unavailable:
        """The error for an engine that closed the connection before it said anything; with ssh, its reason."""
        if self._process is None:
            return not_an_engine(self.address, "it closed the connection")
        return Unavailable(
            "no container engine answers",
            where=str(self.address),
            cause=self._reason() or "ssh closed the connection",
            fix=f"try it by hand: ssh {self.address.host} docker system dial-stdio",
        )

    def _reason(self) -> str:
        """The last line that ssh said, else how it ended; both may come a moment after the end of its output."""
        if self._process is None or self._ssh_said is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_TICK_S)
        self._ssh_said.seek(0)
        lines = self._ssh_said.read(64 * 1024).decode("utf-8", "replace").strip().splitlines()
        ended = "" if self._process.returncode is None else f"ssh ended with status {self._process.returncode}"
        return inert(lines[-1], limit=200) if lines else ended

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
            cause=self._reason() or error.strerror or str(error),
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
        if address.tls:
            return self._open_tls()
        return socket.create_connection((address.host, address.port), timeout=_CONNECT_S)

    def _open_ssh(self) -> socket.socket:
        # The user's own ssh, so that its configuration, agents and known hosts count.
        place = f"{self.address.user}@{self.address.host}" if self.address.user else self.address.host
        command = ["ssh", "-T", "-o", "BatchMode=yes"]
        if self.address.port:
            command += ["-p", str(self.address.port)]
        command += ["--", place, "docker", "system", "dial-stdio"]
        self._ssh_said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the connection
        ours, theirs = socket.socketpair()
        with theirs:
            # A list, no shell, and no option can hide in it.
            try:
                self._process = subprocess.Popen(  # noqa: S603
                    command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=self._ssh_said
                )
            except FileNotFoundError as error:
                ours.close()
                raise UsageError(
                    "ssh is not installed", where=str(self.address), fix="install an OpenSSH client, or use unix or tcp"
                ) from error
        return ours

    def _open_tls(self) -> Any:
        import ssl

        address, certs = self.address, self.address.cert_dir
        try:
            authority = certs / "ca.pem" if certs else None
            context = ssl.create_default_context(cafile=str(authority) if authority and authority.exists() else None)
            if not address.tls_verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if certs and (certs / "cert.pem").exists():
                context.load_cert_chain(str(certs / "cert.pem"), str(certs / "key.pem"))
        except OSError as error:
            raise UsageError(
                "the TLS files of the engine cannot be used",
                where=str(certs),
                cause=error.strerror or str(error),
                fix="it takes ca.pem, cert.pem and key.pem; see DOCKER_CERT_PATH or the docker context",
            ) from error
        plain = socket.create_connection((address.host, address.port), timeout=_CONNECT_S)
        try:
            return context.wrap_socket(plain, server_hostname=address.host)
        except ssl.SSLError as error:
            raise Unavailable(
                "no TLS connection to the engine",
                where=str(address),
                cause=str(error),
                fix="check ca.pem, and whether the engine speaks TLS on this port",
            ) from error
        finally:
            plain.close()  # after the handshake the socket belongs to the TLS one, and this one is empty


def not_an_engine(address: Address, said: str) -> Unavailable:
    """The error for something that does not speak the engine's API."""
    return Unavailable(
        "this is not a container engine",
        where=str(address),
        cause=inert(said, limit=200),
        fix="check the address; TLS engines need DOCKER_TLS_VERIFY=1 or a context",
    )
