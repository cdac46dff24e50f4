"""The memory store keeps every promise, so that what is tried on it means something; and it fails on request."""

from __future__ import annotations

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import NotFound, Throttled, Unavailable
from tests.contracts.object_store import ObjectStoreContract


class TestMemoryStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    def leave_unfinished(self, store: ObjectStore, key: str) -> None:
        assert isinstance(store, MemoryStore)
        store.leave_unfinished(key)


def test_a_planted_fault_strikes_once_and_only_its_operation() -> None:
    store = MemoryStore()
    store.fail_next("put", Throttled("slow down"), after=1)
    store.put("a", b"1")
    assert store.head("a") is not None
    with pytest.raises(Throttled):
        store.put("b", b"2")
    assert store.head("b") is None
    store.put("b", b"2")
    assert store.counts["put"] == 3
    store.fail_next("check", Unavailable("gone"))
    assert not store.check().ok


def test_a_hook_sees_every_operation_first() -> None:
    seen: list[tuple[str, str]] = []

    def hook(operation: str, key: str) -> None:
        seen.append((operation, key))
        if (operation, key) == ("delete", "b"):
            raise Unavailable("killed here")

    store = MemoryStore(hook=hook)
    for key in "abc":
        store.put(key, b"1")
    with pytest.raises(Unavailable):
        store.delete(["a", "b", "c"])
    assert [entry.key for entry in store.list_entries("")] == ["b", "c"]
    with pytest.raises(NotFound):
        store.get("a", max_bytes=1)
    assert seen[3:] == [("delete", "a"), ("delete", "b"), ("list_entries", ""), ("get", "a")]
