"""Container engines of this machine: what the environment and docker contexts name, and podman's sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ocistore_tui.found.files import home, listed, read_document, user_path
from ocistore_tui.model.text import inert

_MAX_CONTEXTS = 100
_USUAL = "default"


@dataclass(frozen=True, slots=True)
class FoundEngine:
    """One engine that may answer."""

    name: str
    """What people call it: a context's name, ``podman``, ``docker``."""
    address: str
    """As for ``--docker-host``; empty for the one that is used when nothing is said."""


def find_engines(environ: Mapping[str, str] = os.environ) -> Iterator[FoundEngine]:
    """The one used when nothing is said first, then the other contexts, then podman's sockets; each address once.

    A context whose TLS no address can tell has ``context://NAME`` as its address.
    """
    contexts = dict(_contexts(environ))
    chosen = _chosen(environ)
    host = environ.get("DOCKER_HOST", "")
    if host:
        yield FoundEngine(inert(host, limit=80), "")
    else:
        yield FoundEngine(chosen if chosen in contexts else "docker", "")
    seen = {host or contexts.get(chosen, "")}
    for name in sorted(contexts):
        if contexts[name] not in seen:
            seen.add(contexts[name])
            yield FoundEngine(name, contexts[name])
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    for path, name in ((f"{runtime}/podman/podman.sock", "podman"), ("/run/podman/podman.sock", "podman as root")):
        address = f"unix://{path}"
        if address not in seen and os.path.exists(path):  # noqa: PTH110 - pathlib's raises for some paths
            seen.add(address)
            yield FoundEngine(name, address)
    if host or chosen in contexts:  # otherwise it is the usual one
        for path in ("/var/run/docker.sock", f"{runtime}/docker.sock"):
            if f"unix://{path}" not in seen and os.path.exists(path):  # noqa: PTH110
                seen.add(f"unix://{path}")
                yield FoundEngine("docker", f"unix://{path}")


def _chosen(environ: Mapping[str, str]) -> str:
    """The context that counts, as the docker client finds it; empty for none but the usual one."""
    name = environ.get("DOCKER_CONTEXT") or read_document(_directory(environ) / "config.json").get("currentContext")
    return name if isinstance(name, str) and name != _USUAL else ""


def _contexts(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and address of each context that leads to an engine."""
    for path in listed(_directory(environ) / "contexts" / "meta", _MAX_CONTEXTS):
        document = read_document(path / "meta.json")
        name = document.get("Name")
        endpoints = document.get("Endpoints")
        endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
        endpoint = endpoint if isinstance(endpoint, dict) else {}
        host = endpoint.get("Host")
        if isinstance(name, str) and isinstance(host, str) and _is_usable(name) and _is_usable(host):
            has_tls = endpoint.get("SkipTLSVerify") or (path.parent.parent / "tls" / path.name / "docker").is_dir()
            yield name, f"context://{name}" if has_tls else host


def _directory(environ: Mapping[str, str]) -> Path:
    given = environ.get("DOCKER_CONFIG")
    return user_path(given, environ) if given else home(environ) / ".docker"


def _is_usable(text: str) -> bool:
    return bool(text) and len(text) <= 256 and inert(text) == text
