"""What a store sends, for tests of credentials and options."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ocistore_tui.backends.s3 import S3Options, S3Store
from tests.faults.canned import CannedServer, Request

KEYS = {"access_key": "AKOPTION", "secret_key": "secret"}


def sent(server: CannedServer, **options: Any) -> Request:
    """The one request a read makes."""
    options.setdefault("endpoint", server.url)
    store = S3Store(S3Options("bucket", **options))
    assert server.requests == [], "nothing is sent before the first operation"
    store.get("k", max_bytes=1)
    return server.requests[-1]


def signed_by(request: Request) -> str:
    """The access key, and the region the signature is for."""
    key, _, region, service, _ = request.headers["authorization"].partition("Credential=")[2].split(",")[0].split("/")
    assert service == "s3"
    return f"{key} {region}"


def resolved_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every host name mean this machine; the names that are looked up."""
    names: list[str] = []
    look_up = socket.getaddrinfo

    def here(host: str, *more: Any, **named: Any) -> Any:
        names.append(host)
        return look_up("127.0.0.1", *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    return names
