"""Several processes of this program in one directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore

RACE = """
import sys
from pathlib import Path
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.errors import PreconditionFailed

store, me, token = LocalStore(Path(sys.argv[1]), create=True), sys.argv[2].encode(), sys.argv[3] or None
print("ready", flush=True)
sys.stdin.readline()
try:
    store.put("docker/registry/v2/tag/link", me, if_absent=token is None, if_token=token)
    print("won")
except PreconditionFailed:
    print("lost")
"""


@pytest.mark.parametrize("exists", [False, True])
def test_of_racing_processes_one_wins(tmp_path: Path, exists: bool) -> None:
    store = LocalStore(tmp_path, create=True)
    token = store.put("docker/registry/v2/tag/link", b"start") if exists else ""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path), str(number), token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [process.communicate()[0].strip() for process in processes]
    assert sorted(results) == ["lost"] * 5 + ["won"]
    assert store.get("docker/registry/v2/tag/link", max_bytes=10)[0] == str(results.index("won")).encode()


APPEND = """
import sys
from pathlib import Path
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.errors import PreconditionFailed

store = LocalStore(Path(sys.argv[1]))
for _ in range(25):
    while True:
        data, token = store.get("docker/letters", max_bytes=1000)
        try:
            store.put("docker/letters", data + sys.argv[2].encode(), if_token=token)
            break
        except PreconditionFailed:
            pass
"""


def test_no_update_gets_lost(tmp_path: Path) -> None:
    """Four processes append their letter 25 times each, by compare and swap."""
    store = LocalStore(tmp_path, create=True)
    store.put("docker/letters", b"")
    processes = [subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path), letter]) for letter in "abcd"]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    data = store.get("docker/letters", max_bytes=1000)[0]
    assert {letter: data.count(letter.encode()) for letter in "abcd"} == dict.fromkeys("abcd", 25)
