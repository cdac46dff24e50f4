"""Deleting by the hundred, and copies that Azure makes itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.storage.blob import ContainerClient

from ocistore_tui.backends.azure import AzureStore
from ocistore_tui.backends.base import MIB
from ocistore_tui.errors import AccessDenied
from ocistore_tui.model.digest import Digest
from tests.contracts.object_store import pattern
from tests.fakes.azure_relay import AzureRelay, answer_with, lose_reply, new_container, options_for, refused

BIG = pattern(20 * MIB)
BIG_DIGEST = Digest.of(BIG)
BLOCK = "^PUT .*comp=block&"


@pytest.fixture
def container(azurite: str) -> Iterator[ContainerClient]:
    with new_container(azurite) as container:
        yield container


@pytest.fixture
def relay(azurite: str) -> Iterator[AzureRelay]:
    with AzureRelay(azurite) as relay:
        yield relay


@pytest.fixture
def store(relay: AzureRelay, container: ContainerClient) -> Iterator[AzureStore]:
    with AzureStore(options_for(relay.url, container.container_name, "root")) as store:
        yield store


def stored(container: ContainerClient) -> dict[str, bytes]:
    """What is really there."""
    return {name: container.download_blob(name).readall() for name in container.list_blob_names()}


def test_a_lost_reply_to_a_conditional_delete_is_success(store: AzureStore, relay: AzureRelay) -> None:
    token = store.put("k", b"1")
    fault = relay.fault("^DELETE", lose_reply)
    assert store.delete(["k"], if_token=token) == []
    assert fault.times == 0
    assert store.head("k") is None


def test_deletes_go_by_hundreds_and_survive_a_lost_reply(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    names = [f"k{number:03}" for number in range(300)]
    for name in names:
        container.upload_blob(f"root/{name}", b"")
    lost = relay.fault("comp=batch", lose_reply)
    assert store.delete([*names, "never/was"]) == []
    assert lost.times == 0
    assert len(relay.asked("comp=batch")) == 3
    assert relay.asked("^DELETE") == []
    assert stored(container) == {}


def test_a_server_without_batches_is_served_singly(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    for name in "abc":
        container.upload_blob(f"root/{name}", b"1")
    relay.fault("comp=batch", answer_with(refused(403, "AuthorizationFailure")), times=10)
    relay.fault("^DELETE .*/b", answer_with(refused(403, "AuthorizationPermissionMismatch")))
    ((key, error),) = store.delete(["a", "b", "c", "d"])
    assert key == "b"
    assert isinstance(error, AccessDenied)
    assert error.where.endswith("/root/b")
    assert stored(container) == {"root/b": b"1"}


def test_a_copy_in_the_account_moves_no_bytes_through_here(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    container.upload_blob("root/from", BIG)
    copied: list[int] = []
    store.copy_from(store, "from", "to", size_bytes=len(BIG), digest=BIG_DIGEST, progress=copied.append)
    assert stored(container)["root/to"] == BIG
    assert sum(copied) == len(BIG)
    blocks = relay.asked(BLOCK)
    assert blocks
    assert all(not request.body for request in blocks), "the blocks went through this process"


def test_a_copy_the_server_may_not_make_is_streamed(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    container.upload_blob("root/from", BIG)
    fault = relay.fault(BLOCK, answer_with(refused(403, "CannotVerifyCopySource")))
    store.copy_from(store, "from", "to", size_bytes=len(BIG), digest=BIG_DIGEST)
    assert fault.times == 0
    assert stored(container)["root/to"] == BIG
