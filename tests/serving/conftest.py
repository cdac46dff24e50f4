"""Stores with something in them, and registries over them."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.server import Server
from tests.layout.content import store_image
from tests.serving.asking import EVERYTHING, IMAGE, served
from tests.testbed.certificates import make_certificate


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "store", create=True)


@pytest.fixture
def registry(store: ObjectStore) -> Iterator[Registry]:
    """One that lets its clients do everything."""
    made = Registry(store, rules=EVERYTHING)
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def stocked(tmp_path: Path) -> LocalStore:
    """A directory that holds an image with a large layer."""
    made = LocalStore(tmp_path / "store", create=True)
    store_image(made, "app", IMAGE, "1.0")
    return made


@pytest.fixture
def server(stocked: LocalStore) -> Iterator[Server]:
    """That directory, served."""
    with served(stocked) as made:
        yield made


@pytest.fixture
def client(server: Server) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(*server.ports[0], timeout=20)
    yield made
    made.close()
