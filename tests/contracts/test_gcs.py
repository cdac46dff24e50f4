"""Google Cloud Storage keeps every promise, on a server that honours generations, conditions and pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocistore_tui.backends.gcs import GcsOptions, GcsStore
from tests.contracts.object_store import ObjectStoreContract
from tests.fakes.gcs_server import GcsServer


@pytest.fixture(scope="module")
def server() -> Iterator[GcsServer]:
    with GcsServer() as server:
        yield server


@pytest.fixture
def options(server: GcsServer) -> GcsOptions:
    server.buckets["bucket"] = {}
    return GcsOptions("bucket", endpoint=server.url, anonymous=True)


class TestGcsStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, options: GcsOptions, server: GcsServer) -> Iterator[GcsStore]:
        yield GcsStore(options)
        assert server.sessions == {}, "an upload session was left behind"

    @pytest.fixture
    def missing_store(self, server: GcsServer) -> GcsStore:
        return GcsStore(GcsOptions("missing", endpoint=server.url, anonymous=True))


class TestGcsStoreUnderARoot(TestGcsStore):
    @pytest.fixture
    def options(self, server: GcsServer) -> GcsOptions:
        server.buckets["bucket"] = {}
        server.store("bucket", "other/thing", b"not ours")
        server.store("bucket", "some/rooted", b"not ours")
        return GcsOptions("bucket", root_dir="/some/root/", endpoint=server.url, anonymous=True)
