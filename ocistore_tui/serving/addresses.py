"""Where a server listens: names become addresses, and addresses become listening sockets."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Sequence

from msgspec import Struct

from ocistore_tui.errors import AccessDenied, Unavailable, UsageError

_BACKLOG = 512
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:]*)):(?P<port>\d{1,5})\Z")
_FIX = "write HOST:PORT, such as 127.0.0.1:5000 or [::1]:5000"


class Address(Struct, frozen=True):
    """One address to listen at."""

    host: str
    port: int
    """0: any free one."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer can reach it."""
        return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str) -> tuple[Address, ...]:
    """The addresses ``HOST:PORT`` means: ``localhost`` may be two, no host means all there are.

    Raises:
        UsageError: it has another form, or nothing has that name.
    """
    found = _LISTEN.match(text)
    if found is None or int(found["port"]) > 65535:
        raise UsageError("not an address to listen at", where=text[:200], fix=_FIX)
    host, port = found["six"] or found["host"] or None, int(found["port"])
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError("nothing has this name", where=text[:200], cause=_cause(error), fix=_FIX) from error
    return tuple(dict.fromkeys(Address(str(info[4][0]), port) for info in infos))


def listen(addresses: Sequence[Address]) -> list[socket.socket]:
    """Listening sockets; of a name's several addresses those that this computer has.

    Raises:
        Unavailable: somebody listens there already, or none of the addresses is one of this computer.
        AccessDenied: the port is not for everybody.
    """
    sockets: list[socket.socket] = []
    failed: OSError | None = None
    for address in addresses:
        port = address.port or (sockets[0].getsockname()[1] if sockets else 0)
        try:
            sockets.append(_open(address.host, port))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                for made in sockets:
                    made.close()
                raise _refused(address, error) from error
            failed = error
    if not sockets:
        raise Unavailable(
            "no address to listen at", where=", ".join(map(str, addresses)),
            cause=_cause(failed) if failed else "none was given", fix="name an address of this computer",
        )  # fmt: skip
    return sockets


def _open(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _refused(address: Address, error: OSError) -> AccessDenied | Unavailable:
    cause = _cause(error)
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessDenied("not allowed to listen there", where=str(address), cause=cause, fix="use a port above 1023")
    return Unavailable(
        "cannot listen there", where=str(address), cause=cause,
        fix="stop whatever listens there, or choose another port with --listen",
    )  # fmt: skip


def _cause(error: OSError | UnicodeError) -> str:
    """In words, without a number."""
    return getattr(error, "strerror", "") or str(error)
