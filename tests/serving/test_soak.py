"""Thousands of mixed requests over many connections, and nothing of them stays behind."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.serving_soak import soak
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.layout.catalog import repositories
from ocistore_tui.layout.check import check_repository
from tests.cli.test_serve import FREE, serving

CONNECTIONS = 50
GROWTH_MB = 12
"""What the second half may take more than the first: pages that the allocator keeps, and noise."""


def test_memory_files_and_threads_stay_as_they_are(tmp_path: Path) -> None:
    seen: list[tuple[float, int, int]] = []
    with serving("--quiet", "fs", "serve", "--dir", str(tmp_path), "--read-write", *FREE) as server:
        place = Path(f"/proc/{server.process.pid}")

        def look(done: int) -> None:
            status = (place / "status").read_text()
            resident_mb = int(status.partition("VmRSS:")[2].split()[0]) / 1000
            seen.append((resident_mb, len(os.listdir(place / "task")), len(os.listdir(place / "fd"))))

        soak(server.port, requests=10_000, connections=CONNECTIONS, every=2500, look=look)
        assert server.stop()[2] == "terminated: all requests were finished\n"
    first, *_, last = seen
    assert last[0] < first[0] + GROWTH_MB, seen
    assert last[0] < 150, seen
    assert abs(last[1] - first[1]) <= 5, f"threads: {seen}"
    assert abs(last[2] - first[2]) <= 5, f"open files: {seen}"
    store = LocalStore(tmp_path)
    assert list(store.list_unfinished("")) == []
    names = [found.name for found in repositories(store)]
    assert len(names) == 7
    assert [flaw for name in names for flaw in check_repository(store, name)] == []
