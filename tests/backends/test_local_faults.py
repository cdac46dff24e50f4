"""What the operating system refuses comes out as an error with a cause and a fix, and nothing half-done stays."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.errors import IntegrityError, NoSpace, Unavailable, UsageError
from ocistore_tui.model.digest import Digest

BLOB = "docker/registry/v2/blobs/sha256/ab/abc/data"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts, or another user")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A directory that another user may enter, as he may not into those of the test runner."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def filled(size_bytes: int) -> Iterator[bytes]:
    return (b"\0" * MIB for _ in range(size_bytes // MIB))


@needs_root
def test_a_full_disk_says_so_before_and_during_the_write(small_disk: Path) -> None:
    store = LocalStore(small_disk)
    digest = Digest.of(b"\0" * 8 * MIB)
    with pytest.raises(NoSpace) as caught:
        store.put_stream(BLOB, filled(8 * MIB), size_bytes=8 * MIB, digest=digest)
    assert "are free" in caught.value.cause

    def shrinking() -> Iterator[bytes]:
        """Somebody else fills the disk while we write."""
        (small_disk / "other").write_bytes(b"\0" * 2 * MIB)
        yield from filled(3 * MIB)

    with pytest.raises(NoSpace) as caught:
        store.put_stream(BLOB, shrinking(), size_bytes=3 * MIB, digest=Digest.of(b"\0" * 3 * MIB))
    assert caught.value.fix
    assert store.head(BLOB) is None
    assert list(store.list_unfinished("")) == []
    (small_disk / "other").unlink()
    store.put_stream(BLOB, filled(3 * MIB), size_bytes=3 * MIB, digest=Digest.of(b"\0" * 3 * MIB))
    with pytest.raises(NoSpace):
        store.copy_from(store, BLOB, BLOB + "2", size_bytes=3 * MIB, digest=Digest.of(b"\0" * 3 * MIB))
    with pytest.raises(NoSpace):
        store.put("docker/small", b"\0" * 2 * MIB)
    assert [entry.key for entry in store.list_entries("")] == [BLOB]


@needs_root
def test_files_from_another_disk_are_copied(small_disk: Path, tmp_path: Path) -> None:
    store, other = LocalStore(small_disk), LocalStore(tmp_path / "other", create=True)
    data = os.urandom(MIB)
    assert other.spool_dir is not None
    spooled = other.spool_dir / "spooled"
    spooled.write_bytes(data)
    store.put_file(BLOB, spooled, size_bytes=MIB, digest=Digest.of(data))
    other.copy_from(store, BLOB, BLOB, size_bytes=MIB, digest=Digest.of(data))
    for each in (store, other):
        assert each.get(BLOB, max_bytes=MIB)[0] == data
    with pytest.raises(IntegrityError):
        other.copy_from(store, BLOB, "docker/x", size_bytes=MIB, digest=Digest.of(b""))
    with pytest.raises(IntegrityError):
        other.copy_from(store, BLOB, "docker/x", size_bytes=MIB - 1, digest=Digest.of(data[:-1]))
    assert other.head("docker/x") is None


def test_a_limit_on_file_sizes(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB + 1, before[1]))
    try:
        with pytest.raises(NoSpace) as caught:
            store.put_stream(BLOB, filled(2 * MIB), size_bytes=2 * MIB, digest=Digest.of(b"\0" * 2 * MIB))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "ulimit" in caught.value.fix
    assert list(store.list_unfinished("")) == []


@pytest.mark.parametrize("directory", ["/proc/no-such", "/proc/no-such/below", "/proc", "dangling"])
def test_a_directory_that_cannot_be_made(tmp_path: Path, directory: str) -> None:
    """It says so of the directory, not of the first object that could not be written."""
    if directory.startswith("/proc") and not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    (tmp_path / "dangling").symlink_to("nowhere/at/all")
    store = LocalStore(tmp_path / directory, create=True)
    for write in (
        lambda: store.put(BLOB, b"x"),
        lambda: store.put_stream(BLOB, [b"x"], size_bytes=1, digest=Digest.of(b"x")),
        lambda: store.spool_dir,
    ):
        with pytest.raises(UsageError, match="made") as caught:
            write()
        assert caught.value.where.startswith(str(tmp_path / directory))
        assert "docker" not in caught.value.where
        assert "--dir" in caught.value.fix


@pytest.mark.parametrize("key", ["docker/" + "x" * 300, "docker/" + "y" * 100 + "/" + "d/" * 2500 + "x"])
def test_names_the_file_system_does_not_take(tmp_path: Path, key: str) -> None:
    store = LocalStore(tmp_path)
    assert store.head(key) is None
    with pytest.raises(UsageError):
        store.put(key, b"x")
    assert list(store.list_unfinished("")) == []


AS_NOBODY = """
import json, os, sys
from pathlib import Path
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.words import size

size(0)  # what it needs cannot be read later
os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = LocalStore(Path(sys.argv[1]), create=True)
BLOB = sys.argv[2]
results = {}
for name, attempt in {
    "get": lambda: store.get(BLOB, max_bytes=10)[0].decode(),
    "list": lambda: [entry.key for entry in store.list_entries("")],
    "secret": lambda: store.get("docker/secret/x", max_bytes=10),
    "head secret": lambda: store.head("docker/secret/x"),
    "list secret": lambda: list(store.list_entries("docker/secret/")),
    "put": lambda: store.put("docker/new", b"x"),
    "put_stream": lambda: store.put_stream("docker/n", [b"x"], size_bytes=1, digest=Digest.of(b"x")),
    "delete": lambda: [error.kind for _, error in store.delete([BLOB])],
    "spool_dir": lambda: store.spool_dir and store.spool_dir.name,
    "check": lambda: [finding.step for finding in store.check(write=True).findings if finding.ok is False],
}.items():
    try:
        results[name] = attempt()
    except OciStoreError as error:
        results[name] = error.kind
        assert error.fix or error.kind == "not_found", error
print(json.dumps(results))
"""


@needs_root
def test_a_user_who_may_only_read(public_path: Path) -> None:
    root = public_path / "registry"
    store = LocalStore(root, create=True)
    store.put(BLOB, b"hello")

    def as_nobody() -> dict[str, object]:
        code = [sys.executable, "-c", AS_NOBODY, str(root), BLOB]
        return json.loads(subprocess.run(code, check=True, capture_output=True, text=True).stdout)

    results = as_nobody()
    assert results["get"] == "hello"
    assert results["list"] == [BLOB]
    assert results["spool_dir"] is None
    assert results["put"] == results["put_stream"] == "access_denied"
    assert results["delete"] == ["access_denied"]
    assert results["check"] == ["write"]

    store.put("docker/secret/x", b"x")
    (root / "docker/secret").chmod(0o700)
    results = as_nobody()
    assert results["get"] == "hello"
    for refused in ("secret", "head secret", "list secret", "list"):
        assert results[refused] == "access_denied", "a refusal must not look like an absence"
    assert [entry.key for entry in store.list_entries("")] == [BLOB, "docker/secret/x"]


def test_a_file_cut_while_it_is_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put(BLOB, b"0123456789")
    with store.open_range(BLOB) as reader:
        assert reader.read(4) == b"0123"
        os.truncate(tmp_path / BLOB, 6)
        assert reader.read(4) == b"45"
        with pytest.raises(IntegrityError, match="shorter"):
            reader.read(4)


def test_too_many_open_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put(BLOB, b"0123456789")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    readers = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        with pytest.raises(Unavailable, match="open files") as caught:
            readers.extend(store.open_range(BLOB) for _ in range(250))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert "ulimit" in caught.value.fix
    assert {reader.read(20) for reader in readers} == {b"0123456789"}
    for reader in readers:
        reader.close()


def test_readers_let_their_files_go(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put(BLOB, b"0123456789")
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else pytest.skip("no /proc here")
    for _ in range(50):
        store.open_range(BLOB).read(1)
        with store.open_range(BLOB) as reader:
            reader.read(1)
        with pytest.raises(IntegrityError):
            store.open_range(BLOB, start=100)
    assert len(os.listdir("/proc/self/fd")) <= before + 1
