"""A directory keeps every promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from tests.contracts.object_store import ObjectStoreContract


class TestLocalStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        root = tmp_path / "registry"
        root.mkdir()
        return LocalStore(root)

    @pytest.fixture
    def missing_store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "nowhere")

    def leave_unfinished(self, store: ObjectStore, key: str) -> None:
        """As a killed process leaves it: the file is there, nobody removes it."""
        assert isinstance(store, LocalStore)
        assert store.spool_dir is not None
        with store._tree.new_file(key) as (_, path):
            path.rename(path.with_name("kept"))
        path.with_name("kept").rename(path)


class TestLocalStoreOnAnotherDisk(TestLocalStore):
    """Files to put come from another file system: they are copied."""

    @pytest.fixture
    def other_store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "other", create=True)
