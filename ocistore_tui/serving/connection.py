"""One connection: its requests are read by the standard library's rules, and answered one after the other."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote

from msgspec import Struct

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.text import inert
from ocistore_tui.serving.body import WireBody
from ocistore_tui.serving.limits import Limits
from ocistore_tui.serving.message import BodyBroken, Request, Response
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.wire import NoLine, TooLong, Wire

_TLS_HANDSHAKE = 0x16
_MAX_QUERY_FIELDS = 100
_LINGER_BYTES = 16 * 1024 * 1024
_MAX_LENGTH = 2**60
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Answered(Struct, frozen=True):
    """One request that was answered, for the log; all of it is inert."""

    peer: str
    user: str
    method: str
    target: str
    status: int
    received_bytes: int
    sent_bytes: int
    """With the headers, like what was received."""
    took_s: float
    agent: str
    trouble: str = ""
    """Why an answer is not whole, or what went wrong behind it."""


Answer = Callable[[Request], tuple[str, Response]]
"""Who asks, and what they get."""


class Connection(BaseHTTPRequestHandler):
    """Reads requests off a socket and writes what ``answer`` says, until either side has had enough.

    Of its base class it uses the parsing of a request's head, and nothing else.

    Args:
        sock: Connected; becomes this object's own.
        peer: The address, for the log.
        limits: Sizes and times.
        tls: Speak TLS with these settings; None: plain.
        answer: What to say.
        log: Hears of every answer.
        stopping: Whether the server is about to end.
    """

    protocol_version = "HTTP/1.1"

    def __init__(
        self,
        sock: socket.socket,
        peer: str,
        *,
        limits: Limits,
        tls: ssl.SSLContext | None,
        answer: Answer,
        log: Callable[[Answered], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._sock, self._peer, self._limits, self._tls = sock, peer, limits, tls
        self._answer, self._log, self._stopping = answer, log, stopping
        self.wire = Wire(sock, silence_s=limits.silence_s)
        self.idle_since: float | None = time.monotonic()
        """When it began to wait for a request; None while one is being answered."""
        self._refused: Problem | None = None
        self._expects_continue = False
        self._counted_bytes = 0

    def run(self) -> None:
        """Serve until the end; raises nothing that the peer or the network can cause."""
        try:
            if self._tls is None or self._begin_tls(self._tls):
                self._serve()
        except (OSError, ssl.SSLError, TooLong):
            pass  # it broke: there is nobody to tell
        finally:
            self._sock.close()
            self.wire.sock.close()

    def kick(self) -> None:
        """End it from another thread: whatever it waits for ends at once."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _begin_tls(self, tls: ssl.SSLContext) -> bool:
        self._sock.settimeout(self._limits.head_s)
        first = self._sock.recv(1, socket.MSG_PEEK)
        if not first:
            return False
        if first[0] != _TLS_HANDSHAKE:
            self._refuse_plainly("this port speaks TLS: use https")
            return False
        secure = tls.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
        self._sock = secure
        self.wire = Wire(secure, silence_s=self._limits.silence_s)
        secure.settimeout(self._limits.head_s)
        secure.do_handshake()
        return True

    def _serve(self) -> None:
        while True:
            self.idle_since = time.monotonic()
            if self._stopping():  # asked only now, for whoever stops the server looks whom to kick only then
                return
            if not self.wire.wait(self._limits.idle_s):
                return
            if self._tls is None and self.wire.peek() == _TLS_HANDSHAKE:
                # Engines try TLS on a local port first, and go on without it when the answer is HTTP.
                self._refuse_plainly("this port does not speak TLS")
                return
            if not self._serve_one():
                return

    def _serve_one(self) -> bool:
        """Read one request and answer it; whether another may follow."""
        began = time.monotonic()
        self._refused, self._expects_continue = None, False
        self.command, self.path, self.close_connection = "", "", True
        request = self._read_head()
        self.idle_since = None
        body = request.body if request is not None and isinstance(request.body, WireBody) else None
        trouble, user = "", ""
        sent_before = self.wire.sent_bytes
        if request is None:
            if self._refused is None:
                return False  # it closed, or fell silent, before it had asked for anything
            response = self._refused.response()
            request = Request(self.command or "-", "-")
        else:
            try:
                user, response = self._answer(request)
                trouble = response.trouble
            except BodyBroken as broken:
                response = Problem(broken.status, "BLOB_UPLOAD_INVALID", str(broken)).response()
                trouble, self.close_connection = str(broken), True
        keep, is_whole = self._may_keep(body) and not self._stopping(), True
        try:
            self._reply(request, response, keep=keep)
        except (OciStoreError, OSError) as error:
            trouble, keep, is_whole = f"the answer broke off: {error}", False, False
        self._log(
            Answered(
                peer=self._peer,
                user=inert(user, limit=80),
                method=inert(request.method, limit=20),
                target=inert(self.path or "-", limit=300),
                status=response.status,
                received_bytes=self.wire.received_bytes - self._counted_bytes,
                sent_bytes=self.wire.sent_bytes - sent_before,
                took_s=time.monotonic() - began,
                agent=inert(request.header("user-agent"), limit=120),
                trouble=inert(trouble, limit=300),
            )
        )
        self._counted_bytes = self.wire.received_bytes
        if keep and body is not None:
            return self._drop_rest(body)
        if is_whole and not keep:
            self._linger()
        return keep

    # -- the head -----------------------------------------------------------------------------------------------------

    def _read_head(self) -> Request | None:
        wire, limits = self.wire, self._limits
        wire.begin_head(head_s=limits.head_s, max_bytes=limits.max_head_bytes)
        self.rfile = wire  # type: ignore[assignment]  # of a file, only readline is used
        try:
            self.raw_requestline = wire.readline()
            while self.raw_requestline in (b"\r\n", b"\n"):  # RFC 9112, section 2.2
                self.raw_requestline = wire.readline()
            if not self.raw_requestline.endswith(b"\n") or not self.parse_request():
                return None
            return self._request()
        except TooLong:
            self._refused = Problem(431, "SIZE_INVALID", f"the headers have more than {limits.max_head_bytes} bytes")
        except NoLine:
            self._refused = Problem(400, "UNSUPPORTED", "a carriage return stands where no line ends")
        except TimeoutError:
            self._refused = Problem(408, "UNSUPPORTED", "the headers did not come in time")
        except Problem as problem:
            self._refused = problem
        finally:
            wire.end_head()
        return None

    def _request(self) -> Request:
        target = self.path
        if not target.startswith("/") and "://" in target.partition("?")[0]:  # absolute, as for a proxy
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        try:
            decoded = unquote(path, errors="strict")
            # A plus is a plus here: media types have them, and nothing has spaces.
            fields = parse_qs(query.replace("+", "%2B"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError as error:
            raise Problem(400, "UNSUPPORTED", "the request's path cannot be read") from error
        if self.headers.defects or any("\n" in value for value in self.headers.values()):  # or folded, RFC 9112, 5.2
            raise Problem(400, "UNSUPPORTED", "a header is not one")
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            name, value = name.lower(), value.strip(" \t")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if self.request_version == "HTTP/1.1" and len(self.headers.get_all("host", ())) != 1:
            raise Problem(400, "UNSUPPORTED", "there has to be one Host header")
        if self.request_version < "HTTP/1.1" and "transfer-encoding" in headers:  # RFC 9112, section 6.1
            raise Problem(400, "SIZE_INVALID", "HTTP/1.0 has no Transfer-Encoding")
        if "close" in re.split(r"[ \t]*,[ \t]*", headers.get("connection", "").lower()):
            self.close_connection = True
        body = WireBody(self.wire, _length(headers), self._continue)
        return Request(self.command, decoded, {name: tuple(values) for name, values in fields.items()}, headers, body)

    def handle_expect_100(self) -> bool:
        """Say it only when the body is wanted: see `_continue`."""
        self._expects_continue = True
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What parsing has to complain about becomes an answer of ours."""
        del explain
        self._refused = Problem(int(code), "UNSUPPORTED", message or _REASONS.get(int(code), ""))

    def _continue(self) -> None:
        if self._expects_continue:
            self._expects_continue = False
            try:
                self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            except OSError as error:
                raise BodyBroken("the connection broke") from error

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _reply(self, request: Request, response: Response, *, keep: bool) -> None:
        body = response.body
        whole = body if isinstance(body, bytes) else b""
        payload = None if isinstance(body, bytes) else body
        length = len(whole) if payload is None else payload.length
        if response.length is not None:
            length = response.length
        headers = dict(response.headers)
        if response.status not in (204, 304):
            headers["Content-Length"] = str(length)
        headers["Date"] = self.date_time_string()
        if not keep:
            headers["Connection"] = "close"
        elif self.request_version == "HTTP/1.0":
            headers["Connection"] = "keep-alive"
        head = _head(response.status, headers)
        try:
            if request.method == "HEAD" or payload is None:
                is_bare = request.method == "HEAD" or response.status in (204, 304)
                self.wire.send(head if is_bare else head + whole)
                return
            self.wire.send(head)
            before = self.wire.sent_bytes
            try:
                file = payload.file() if self.wire.can_send_files else None
                if file is None or not self.wire.send_file(*file):
                    for chunk in payload.chunks():
                        self.wire.send(chunk)
            finally:
                payload.sent(self.wire.sent_bytes - before)
        finally:
            if payload is not None:
                payload.close()

    def _may_keep(self, body: WireBody | None) -> bool:
        if self.close_connection or body is None:
            return False
        if body.is_over:
            return True
        if self._expects_continue:  # it may send the body, or not: there is no telling
            return False
        return body.left is not None and body.left <= self._limits.max_dropped_bytes

    def _drop_rest(self, body: WireBody) -> bool:
        try:
            while body.read(_LINGER_BYTES):
                continue
        except BodyBroken:
            return False
        return True

    def _linger(self) -> None:
        """Let the peer read the answer: closing with its bytes unread would take it away."""
        self._sock.shutdown(socket.SHUT_WR)
        self.wire.drop(_LINGER_BYTES, timeout_s=self._limits.linger_s)

    def _refuse_plainly(self, message: str) -> None:
        raw = f"{message}\n".encode()
        headers = {"Content-Type": "text/plain", "Content-Length": str(len(raw)), "Connection": "close"}
        self._sock.settimeout(self._limits.linger_s)
        self._sock.sendall(_head(400, headers) + raw)
        self._sock.shutdown(socket.SHUT_WR)
        self.wire.drop(_LINGER_BYTES, timeout_s=self._limits.linger_s)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _length(headers: Mapping[str, str]) -> int | None:
    """How long a request's body is; None: chunked (RFC 9112, section 6.3).

    Raises:
        Problem: that cannot be told, or is told in two ways.
    """
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise Problem(400 if length is not None else 501, "SIZE_INVALID", "Transfer-Encoding can only be chunked, "
                          "and without Content-Length")  # fmt: skip
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()) or len(length) > 19 or int(length) > _MAX_LENGTH:
        raise Problem(400, "SIZE_INVALID", "Content-Length is not a number of bytes")
    return int(length)
