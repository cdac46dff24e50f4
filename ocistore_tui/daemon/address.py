"""Where the container engine listens, found as the docker client finds it (docker-api.md §6)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from ocistore_tui.errors import UsageError

_DOCKER_SOCKET = "/var/run/docker.sock"
_DEFAULT_SOCKETS = (
    _DOCKER_SOCKET,
    "{runtime}/docker.sock",
    "/run/podman/podman.sock",
    "{runtime}/podman/podman.sock",
)


class Address(Struct, frozen=True):
    """An engine's address."""

    scheme: str
    """``unix``, ``tcp`` or ``ssh``."""
    path: str = ""
    """Socket path (unix)."""
    host: str = ""
    port: int = 0
    user: str = ""
    tls: bool = False
    tls_verify: bool = True
    cert_dir: Path | None = None
    """Holds ca.pem, cert.pem and key.pem."""

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}"
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{user}{host}{port}"


def resolve_address(given: str | None = None, environ: Mapping[str, str] = os.environ) -> Address:
    """The engine: ``given``, DOCKER_HOST, DOCKER_CONTEXT, the current context, the usual sockets; in this order.

    Args:
        given: An address, or ``context://NAME``: what the context of that name says, with its TLS files.
        environ: The environment.

    Raises:
        UsageError: an address that cannot be used, or an unknown context.
    """
    tls_verify = environ.get("DOCKER_TLS_VERIFY", "")
    cert_path = environ.get("DOCKER_CERT_PATH")
    host = given or environ.get("DOCKER_HOST")
    config_dir = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/")) / ".docker")
    if given and given.startswith("context://"):
        return _context_address(given.removeprefix("context://"), config_dir)
    if host:
        certs = Path(cert_path) if cert_path else config_dir
        return parse_address(host, tls=bool(tls_verify), cert_dir=certs if tls_verify else None)
    context = environ.get("DOCKER_CONTEXT") or _current_context(config_dir)
    if context and context != "default":
        return _context_address(context, config_dir)
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    sockets = [template.format(runtime=runtime) for template in _DEFAULT_SOCKETS]
    found = next(filter(os.path.exists, sockets), _DOCKER_SOCKET)
    return Address("unix", path=found)


def parse_address(text: str, *, tls: bool = False, tls_verify: bool = True, cert_dir: Path | None = None) -> Address:
    """``unix://PATH``, ``tcp://HOST:PORT`` or ``ssh://[USER@]HOST[:PORT]``."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise UsageError(
            "not an engine address",
            where=text,
            fix="write unix:///PATH, tcp://HOST:PORT, ssh://USER@HOST or context://NAME",
        )
    if scheme == "unix":
        return Address("unix", path=rest or _DOCKER_SOCKET)
    if scheme not in ("tcp", "http", "https", "ssh"):
        raise UsageError(f"engine addresses cannot begin with {scheme}://", where=text, fix="use unix, tcp or ssh")
    place, slash, path = rest.partition("/")
    if slash and path:
        raise UsageError("the engine address has a path", where=text, fix="leave out what follows the host")
    user, _, place = place.rpartition("@")
    host, port = _host_and_port(place, text)
    if scheme == "ssh":
        if not host or host.startswith("-") or user.startswith("-"):
            raise UsageError("not a usable ssh address", where=text, fix="write ssh://USER@HOST")
        return Address("ssh", host=host, port=port, user=user)
    if not port:
        raise UsageError("the engine address lacks a port", where=text, fix="write tcp://HOST:2375, or :2376 with TLS")
    host = host or "127.0.0.1"
    return Address("tcp", host=host, port=port, tls=tls or scheme == "https", tls_verify=tls_verify, cert_dir=cert_dir)


def _host_and_port(place: str, text: str) -> tuple[str, int]:
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise UsageError("not a port", where=text, fix="write a number from 1 to 65535 behind the host")
    return host, int(port or 0)


def _current_context(config_dir: Path) -> str:
    try:
        document = json.loads((config_dir / "config.json").read_bytes())
    except (OSError, ValueError):
        return ""
    name = document.get("currentContext", "") if isinstance(document, dict) else ""
    return name if isinstance(name, str) else ""


def _context_address(name: str, config_dir: Path) -> Address:
    key = hashlib.sha256(name.encode()).hexdigest()
    try:
        document = json.loads((config_dir / "contexts" / "meta" / key / "meta.json").read_bytes())
        endpoint = document["Endpoints"]["docker"]
        host = str(endpoint["Host"])
        skips_verify = bool(endpoint.get("SkipTLSVerify", False))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "no such docker context", where=name, fix="list them with docker context ls, or use --docker-host"
        ) from error
    certs = config_dir / "contexts" / "tls" / key / "docker"
    return parse_address(
        host,
        tls=certs.is_dir() or skips_verify,
        tls_verify=not skips_verify,
        cert_dir=certs if certs.is_dir() else None,
    )
