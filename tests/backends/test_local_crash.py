"""Killed at any system call, a directory store shows all of a change or nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.model.digest import Digest

REPOSITORY = "docker/registry/v2/repositories/team/app"
TAGS = f"{REPOSITORY}/_manifests/tags"
LINK = f"{TAGS}/v1/current/link"
BLOB = "docker/registry/v2/blobs/sha256/ab/abc/data"

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.model.digest import Digest

root, step = Path(sys.argv[1]), int(sys.argv[2])
store = LocalStore(root, create=True)
steps = 0

def kill(event, args):
    global steps
    changes = ("os.rename", "os.mkdir", "os.link", "os.remove", "os.rmdir", "os.chown", "os.utime", "shutil.rmtree")
    if event in changes or (event == "open" and str(root) in str(args[0])):
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
"""
TAG = f"store.put({LINK!r}, b'new')"
CREATE = f"store.put({LINK!r}, b'new', if_absent=True)"
PUSH = f"store.put_stream({BLOB!r}, [b'a' * 70000] * 2, size_bytes=140000, digest=Digest.of(b'a' * 140000))"
UNTAG = f"assert store.delete([{LINK!r}]) == []"


def run_until_killed(code: str, root: Path, step: int) -> bool:
    """Whether the process was killed at its ``step``-th change of the tree, rather than finishing before."""
    done = subprocess.run([sys.executable, "-c", KILLED_AT + code, str(root), str(step)], check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def check_whole(root: Path, *allowed: bytes | None) -> None:
    """The tag is as one of ``allowed`` says, and a registry that lists directories sees the same."""
    link = root / LINK
    seen = link.read_bytes() if link.exists() else None
    assert seen in allowed
    tags = root / TAGS
    assert (os.listdir(tags) if tags.exists() else []) == ([] if seen is None else ["v1"])


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        (TAG, None, b"new"),
        (CREATE, None, b"new"),
        (TAG, b"old", b"new"),
        (UNTAG, b"old", None),
    ],
    ids=["new tag", "new tag if absent", "moved tag", "untag"],
)
def test_a_killed_process_leaves_no_half_tag(
    tmp_path: Path, code: str, before: bytes | None, after: bytes | None
) -> None:
    for step in range(1, 100):
        root = tmp_path / str(step)
        store = LocalStore(root, create=True)
        store.put(f"{REPOSITORY}/_layers/sha256/abc/link", b"x")
        if before:
            store.put(LINK, before)
        killed = run_until_killed(code, root, step)
        check_whole(root, before, after)
        if not killed:
            assert step > 3, "nothing was tried"
            check_whole(root, after)
            return
        # Whoever comes next finds the leftovers, can drop them, and can do it again.
        for upload in store.list_unfinished(""):
            store.abort(upload)
        if after:
            store.put(LINK, after)
        else:
            assert store.delete([LINK]) == []
        check_whole(root, after)
        assert list(store.list_unfinished("")) == []
    pytest.fail("it never finishes")


def test_a_killed_upload_shows_nothing_and_is_found(tmp_path: Path) -> None:
    leftovers = 0
    for step in range(1, 100):
        root = tmp_path / str(step)
        store = LocalStore(root, create=True)
        store.put("docker/registry/v2/x", b"x")
        killed = run_until_killed(PUSH, root, step)
        head = store.head(BLOB)
        assert head is None or head.size_bytes == 140_000
        if not killed:
            assert head is not None
            assert leftovers
            return
        for upload in store.list_unfinished("docker/"):
            leftovers += upload.key == BLOB
            store.abort(upload)
        assert os.listdir(root / ".ocistore/tmp") == []
        store.put_stream(BLOB, [b"a" * 140_000], size_bytes=140_000, digest=Digest.of(b"a" * 140_000))
    pytest.fail("it never finishes")


def watched(change: Callable[[], None], root: Path) -> int:
    """Make the change while others look at the tags as a registry does: every listed tag has its link."""
    done, looks = threading.Event(), [0]

    def watch() -> None:
        while not done.is_set():
            looks[0] += 1
            for name in os.listdir(root / TAGS):
                try:
                    inside = os.listdir(root / TAGS / name)
                except FileNotFoundError:  # untagged since we listed it
                    continue
                if "current" in inside:
                    continue
                # Untagged in between: the directory we hold by name may be gone, but it is never there and bare.
                assert not (root / TAGS / name).exists() or (root / TAGS / name / "current/link").exists()

    with ThreadPoolExecutor(2) as pool:
        watchers = [pool.submit(watch) for _ in range(2)]
        try:
            change()
        finally:
            done.set()
        for watcher in watchers:
            watcher.result()
    return looks[0]


def test_a_concurrent_reader_never_sees_a_bare_tag(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, create=True)
    store.put(f"{TAGS}/keep/current/link", b"x")
    keys = [f"{TAGS}/v{number}/current/link" for number in range(60)]

    def change() -> None:
        for key in keys:
            store.put(key, b"x")
        for key in keys:
            assert store.delete([key]) == []

    assert watched(change, tmp_path) > 1
    assert os.listdir(tmp_path / TAGS) == ["keep"]


def test_writers_and_deleters_of_the_same_directories_do_not_trip_each_other(tmp_path: Path) -> None:
    """Directories appear and vanish under everyone's feet; every put must succeed, and nobody's file get lost."""
    stores = [LocalStore(tmp_path, create=True) for _ in range(4)]

    def work(number: int) -> None:
        store, mine = stores[number], f"{TAGS}/shared/index/sha256/{number}/link"
        for _ in range(40):
            store.put(mine, str(number).encode())
            assert store.get(mine, max_bytes=10)[0] == str(number).encode()
            assert store.delete([mine]) == []
            assert store.head(mine) is None

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(work, range(4)):
            pass
    assert list(stores[0].list_entries("")) == []
    assert list(stores[0].list_unfinished("")) == []


MEDDLER = """
import os, sys
from pathlib import Path
from ocistore_tui.backends.local import LocalStore

root = Path(sys.argv[1])
store = LocalStore(root, create=True)
meddled = False

def meddle(event, args):
    global meddled
    if event == "os.rename" and SUFFIX in (os.path.splitext(args[0])[1], os.path.splitext(args[1])[1]) and not meddled:
        meddled = True
        target = root / TAGS / "v1/index/sha256/abc/link"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"registry")

sys.addaudithook(meddle)
"""


@pytest.mark.parametrize(
    ("code", "suffix", "ours"), [(TAG, ".d", b"new"), (CREATE, ".d", b"new"), (UNTAG, ".gone", None)]
)
def test_a_registry_that_comes_in_between_look_and_rename(
    tmp_path: Path, code: str, suffix: str, ours: bytes | None
) -> None:
    store = LocalStore(tmp_path, create=True)
    store.put(f"{TAGS}/keep/current/link", b"x")
    if not ours:
        store.put(LINK, b"old")
    meddler = MEDDLER.replace("SUFFIX", repr(suffix)).replace("TAGS", repr(TAGS))
    subprocess.run([sys.executable, "-c", f"{meddler}{code}\nassert meddled", str(tmp_path)], check=True)
    expected = {f"{TAGS}/keep/current/link": b"x", f"{TAGS}/v1/index/sha256/abc/link": b"registry"}
    if ours:
        expected[LINK] = ours
    assert {entry.key: store.get(entry.key, max_bytes=10)[0] for entry in store.list_entries("")} == expected
    assert list(store.list_unfinished("")) == []


def test_a_registry_that_writes_while_we_delete_loses_nothing(tmp_path: Path) -> None:
    """A registry takes no lock: it makes the directory again and again, and writes into it as its driver does."""
    store, stop, written = LocalStore(tmp_path, create=True), threading.Event(), []
    directory = tmp_path / TAGS / "v1"

    def registry() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            target = directory / "index" / str(number) / "link"
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(b"registry")
            except FileNotFoundError:  # we removed the directory first; a registry answers 500 and is asked again
                continue
            written.append(target)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(registry)
        try:
            for _ in range(200):
                store.put(LINK, b"x")
                assert store.delete([LINK]) == []
        finally:
            stop.set()
        running.result()
    assert written
    assert all(target.exists() for target in written)
