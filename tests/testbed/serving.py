"""A store that our own server serves: where the real clients go."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.serving.addresses import listen, parse_listen
from ocistore_tui.serving.connection import Answered
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from ocistore_tui.serving.server import Server
from ocistore_tui.wiring import Place, open_store
from tests.testbed import servers

KINDS = ("directory", "s3")


@dataclass(frozen=True)
class Bench:
    """One store, and where clients find it."""

    store: ObjectStore
    address: str
    """``localhost:PORT``, on both loopbacks."""
    heard: list[Answered]
    """All that was answered."""


@contextmanager
def bench_of(
    kind: str, directory: Path, request: pytest.FixtureRequest, *, tls: ssl.SSLContext | None = None, **more: Any
) -> Iterator[Bench]:
    """A new store of one of the `KINDS`, served to whoever is on this computer; ``more`` is for the registry."""
    if kind == "directory":
        place = Place("fs", options={"dir": str(directory / "store")})
    else:
        moto = request.getfixturevalue("moto")
        access, secret = servers.S3_KEYS
        options = {"endpoint": moto, "access_key": access, "secret_key": secret, "region": "us-east-1"}
        place = Place("s3", servers.make_bucket(moto), options)
    heard: list[Answered] = []
    faults: list[str] = []
    with open_store(place) as store:
        registry = Registry(store, **{"rules": Rules(can_write=True, can_delete=True), **more})
        server = Server(registry, listen(parse_listen("localhost:0")), tls=tls, log=heard.append, fault=faults.append)
        server.start()
        try:
            yield Bench(store, f"localhost:{server.ports[0][1]}", heard)
        finally:
            server.stop(grace_s=10)
    assert faults == []
