"""A directory keeps every promise."""

from __future__ import annotations

import signal
import subprocess
import sys
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
        code = (
            "import os, signal, sys; from pathlib import Path; from ocistore_tui.backends.local import LocalStore;"
            "from ocistore_tui.model.digest import Digest\n"
            "def chunks():\n    yield b'begun'\n    os.kill(os.getpid(), signal.SIGKILL)\n"
            "LocalStore(Path(sys.argv[1])).put_stream(sys.argv[2], chunks(), size_bytes=9, digest=Digest.of(b''))"
        )
        killed = subprocess.run([sys.executable, "-c", code, str(store.root), key], check=False)
        assert killed.returncode == -signal.SIGKILL
