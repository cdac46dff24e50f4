"""Azure Blob Storage keeps every promise, on Azurite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.storage.blob import ContainerClient

from ocistore_tui.backends import azure_container
from ocistore_tui.backends.azure import AzureOptions, AzureStore
from ocistore_tui.backends.base import MIB, ObjectStore
from tests.contracts.object_store import ObjectStoreContract, pattern
from tests.fakes.azure_relay import new_container, options_for
from tests.testbed.servers import AZURE_KEY


@pytest.fixture
def container(azurite: str) -> Iterator[ContainerClient]:
    with new_container(azurite) as container:
        yield container


class TestAzureStore(ObjectStoreContract):
    @pytest.fixture(autouse=True)
    def _short_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Azure's pages hold 5,000, more than Azurite takes in seconds."""
        monkeypatch.setattr(azure_container, "PAGE_BLOBS", 500)

    @pytest.fixture
    def options(self, azurite: str, container: ContainerClient) -> AzureOptions:
        return options_for(azurite, container.container_name)

    @pytest.fixture
    def store(self, options: AzureOptions) -> AzureStore:
        return AzureStore(options)

    @pytest.fixture
    def missing_store(self, azurite: str) -> AzureStore:
        return AzureStore(options_for(azurite, "missing"))

    def leave_unfinished(self, store: ObjectStore, key: str) -> None:
        """Blocks that nobody committed."""
        assert isinstance(store, AzureStore)
        root = store.options.root_dir.strip("/")
        name = f"{root}/{key}" if root else key
        with ContainerClient(store.options.endpoint, store.options.container, credential=AZURE_KEY) as container:
            for block in ("block-000", "block-001"):
                container.get_blob_client(name).stage_block(block, pattern(MIB))


class TestAzureStoreUnderARoot(TestAzureStore):
    @pytest.fixture
    def options(self, azurite: str, container: ContainerClient) -> AzureOptions:
        for name in ("other/thing", "some/rooted", "some/root"):
            container.upload_blob(name, b"not ours")
        return options_for(azurite, container.container_name, "/some/root/")
