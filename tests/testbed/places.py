"""Stores that a registry serves at the same time: its word counts on what we wrote, and ours on what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.wiring import Place, open_service
from tests.testbed import servers
from tests.testbed.opened import NOWHERE

KINDS = ("directory", "s3", "s3 with a root")


@dataclass(frozen=True)
class Served:
    """One store, reachable both ways."""

    place: dict[str, Any]
    """Arguments of `Place`, as JSON can hold them."""
    registry: str
    """``localhost:PORT``."""

    def service(self, docker_host: str = NOWHERE) -> Service:
        """Ours, beside an engine."""
        return open_service(Place(**self.place, docker_host=docker_host))


@contextmanager
def served(kind: str, directory: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A new store of one of the `KINDS`."""
    if kind == "directory":
        root = directory / "store"
        root.mkdir()
        place: dict[str, Any] = {"backend": "fs", "options": {"dir": str(root)}}
        storage = servers.on_directory(root)
    else:
        moto, root_dir = request.getfixturevalue("moto"), "some/root" if "root" in kind else ""
        bucket = servers.make_bucket(moto)
        access, secret = servers.S3_KEYS
        options = {"endpoint": moto, "access_key": access, "secret_key": secret, "root_dir": root_dir}
        place = {"backend": "s3", "bucket": bucket, "options": options}
        storage = servers.on_s3(moto, bucket, root_dir)
    with servers.registry(directory, storage) as address:
        yield Served(place, address)
