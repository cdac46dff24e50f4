"""A directory written by us looks as if a registry had written it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.errors import AccessDenied, NotFound, Refused, StoreMissing, UsageError
from ocistore_tui.model.digest import Digest

TAGS = "docker/registry/v2/repositories/team/app/_manifests/tags"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def store(root: Path) -> LocalStore:
    root.mkdir()
    return LocalStore(root)


@pytest.fixture(params=[0o022, 0o027, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_directories_have_the_rights_the_umask_leaves(root: Path, umask: int) -> None:
    store = LocalStore(root, create=True)
    store.put("docker/small/link", b"1")
    store.put_stream("docker/large/data", [b"1"], size_bytes=1, digest=Digest.of(b"1"))
    assert store.spool_dir is not None
    spooled = store.spool_dir / "spooled"
    spooled.touch(mode=0o600)
    spooled.write_bytes(b"1")
    store.put_file("docker/moved/data", spooled, size_bytes=1, digest=Digest.of(b"1"))
    store.copy_from(store, "docker/moved/data", "docker/copied/data", size_bytes=1, digest=Digest.of(b"1"))
    assert not spooled.exists()
    for path in root.rglob("*"):
        assert mode(path) == (0o777 if path.is_dir() else 0o666) & ~umask, path


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_root_writes_for_the_owner_of_the_tree(root: Path, store: LocalStore) -> None:
    os.chown(root, 4711, 4712)
    store.put("docker/a/b/link", b"1")
    store.put_stream("docker/c/data", [b"1"], size_bytes=1, digest=Digest.of(b"1"))
    for path in root.rglob("*"):
        assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712), path


def test_a_spooled_file_is_moved_not_copied(root: Path, store: LocalStore) -> None:
    assert store.spool_dir is not None
    spooled = store.spool_dir / "spooled"
    spooled.write_bytes(b"hello")
    inode = spooled.stat().st_ino
    store.put_file("docker/x/data", spooled, size_bytes=5, digest=Digest.of(b"hello"))
    assert (root / "docker/x/data").stat().st_ino == inode
    assert not spooled.exists()


def test_a_copy_shares_no_inode_with_its_source(root: Path, store: LocalStore, tmp_path: Path) -> None:
    other = LocalStore(tmp_path / "other", create=True)
    other.put("docker/x/data", b"hello")
    store.copy_from(other, "docker/x/data", "docker/x/data", size_bytes=5, digest=Digest.of(b"hello"))
    assert (root / "docker/x/data").read_bytes() == b"hello"
    assert (root / "docker/x/data").stat().st_nlink == 1


def test_untagging_leaves_no_tag_directory_but_the_skeleton(root: Path, store: LocalStore) -> None:
    for tag in ("1.0", "1.0.1"):
        store.put(f"{TAGS}/{tag}/current/link", b"x")
    store.put(f"{TAGS}/1.0/index/sha256/abc/link", b"x")
    store.put("docker/registry/v2/blobs/sha256/ab/abc/data", b"x")
    assert store.delete([f"{TAGS}/1.0/index/sha256/abc/link"]) == []
    assert sorted(os.listdir(root / TAGS / "1.0")) == ["current"]
    assert store.delete([f"{TAGS}/1.0/current/link"]) == []
    assert os.listdir(root / TAGS) == ["1.0.1"]
    assert store.delete([f"{TAGS}/1.0.1/current/link", "docker/registry/v2/blobs/sha256/ab/abc/data"]) == []
    left = {str(path.relative_to(root)) for path in (root / "docker").rglob("*")}
    v2 = "docker/registry/v2"
    assert left == {"docker/registry", v2, f"{v2}/blobs", f"{v2}/blobs/sha256", f"{v2}/repositories"}


def test_deleting_what_is_missing_clears_the_empty_directory_that_shows_as_a_tag(root: Path, store: LocalStore) -> None:
    (root / TAGS / "ghost/current").mkdir(parents=True)
    assert list(store.list_dirs(f"{TAGS}/")) == ["ghost"]
    assert store.delete([f"{TAGS}/ghost/current/link"]) == []
    assert list(store.list_dirs(f"{TAGS}/")) == []


def test_what_is_not_ours_to_see_is_not_listed(root: Path, store: LocalStore) -> None:
    """Temporary files of a registry, our own directory, pipes and sockets; but a stray file is."""
    store.put(f"{TAGS}/v1/current/link", b"x")
    current = root / TAGS / "v1/current"
    (current / "link.0123.tmp").write_bytes(b"half")
    os.mkfifo(current / "pipe")
    (root / TAGS / ".DS_Store").write_bytes(b"?")
    assert [entry.key for entry in store.list_entries("")] == [f"{TAGS}/.DS_Store", f"{TAGS}/v1/current/link"]
    assert list(store.list_dirs("")) == ["docker"]
    assert list(store.list_dirs(f"{TAGS}/")) == ["v1"]
    assert store.head(f"{TAGS}/v1/current/pipe") is None
    with pytest.raises(NotFound):
        store.get(f"{TAGS}/v1/current/pipe", max_bytes=10)
    (upload,) = store.list_unfinished(f"{TAGS}/")
    assert upload.key == f"{TAGS}/v1/current/link.0123.tmp"
    store.abort(upload)
    assert sorted(os.listdir(current)) == ["link", "pipe"]


def test_leftovers_of_a_spool_are_found_and_dropped(store: LocalStore) -> None:
    assert store.spool_dir is not None
    (store.spool_dir / "blob-1").write_bytes(b"123")
    (store.spool_dir / "0123.d" / "current").mkdir(parents=True)
    found = {upload.id: upload.size_bytes for upload in store.list_unfinished("docker/")}
    assert found[".ocistore/tmp/blob-1"] == 3
    assert len(found) == 2
    for upload in store.list_unfinished(""):
        store.abort(upload)
    assert list(store.list_unfinished("")) == []
    assert os.listdir(store.spool_dir) == []


def test_a_new_version_always_has_a_new_token(store: LocalStore) -> None:
    """Inodes come back, sizes are equal, clocks are coarse: the stamp must differ all the same."""
    tokens = [store.put("docker/link", str(number % 2).encode()) for number in range(50)]
    assert len(set(tokens)) == 50


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "a/../b", "./a", "..", "a\0b", ".ocistore/tmp/x", "a/x.tmp"])
def test_keys_that_are_no_keys(store: LocalStore, key: str) -> None:
    with pytest.raises(UsageError):
        store.put(key, b"x")


def test_a_symbolic_link_that_leaves_the_root_is_refused(root: Path, store: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "dir").mkdir(parents=True)
    (outside / "file").write_bytes(b"secret")
    (root / "docker").mkdir()
    (root / "docker/dir").symlink_to(outside / "dir")
    (root / "docker/file").symlink_to("../../outside/file")
    for attempt in (
        lambda: store.put("docker/dir/x", b"x"),
        lambda: store.put("docker/dir/new/x", b"x"),
        lambda: store.get("docker/file", max_bytes=10),
        lambda: store.open_range("docker/file"),
        lambda: store.head("docker/file"),
        lambda: store.head("docker/dir/x"),
        lambda: list(store.list_entries("")),
        lambda: list(store.list_dirs("docker/dir/")),
    ):
        with pytest.raises(AccessDenied, match="symbolic link"):
            attempt()
    assert list(store.list_dirs("docker/")) == [], "its name is no directory's"
    ((_, error),) = store.delete(["docker/dir/x"])
    assert isinstance(error, AccessDenied)
    assert os.listdir(outside / "dir") == []
    store.put("docker/file", b"ours")
    assert (outside / "file").read_bytes() == b"secret", "a link is replaced, not written through"
    assert (root / "docker/file").read_bytes() == b"ours"


def test_links_that_stay_inside(root: Path, store: LocalStore) -> None:
    """One to a file stands for it; one to a directory is not walked (it would list twice, or for ever)."""
    store.put("docker/a/data", b"1")
    (root / "docker/file").symlink_to("a/data")
    (root / "docker/dir").symlink_to("a")
    (root / "docker/around").symlink_to("../docker")
    (root / "docker/nowhere").symlink_to("missing")
    (root / "docker/itself").symlink_to("itself")
    assert [(entry.key, entry.size_bytes) for entry in store.list_entries("")] == [
        ("docker/a/data", 1),
        ("docker/file", 1),
    ]
    assert list(store.list_dirs("docker/")) == ["a"]
    assert store.get("docker/file", max_bytes=1)[0] == store.get("docker/dir/data", max_bytes=1)[0] == b"1"
    assert store.head("docker/nowhere") is None


def test_a_link_made_after_we_looked_is_still_refused_for_writing(
    root: Path, store: LocalStore, tmp_path: Path
) -> None:
    store.put("docker/a/b/x", b"1")
    assert store.head("docker/a/b/x") is not None
    (root / "docker/a").rename(tmp_path / "moved")
    (root / "docker/a").symlink_to(tmp_path / "moved")
    with pytest.raises(AccessDenied):
        store.put("docker/a/b/x", b"2")
    assert (tmp_path / "moved/b/x").read_bytes() == b"1"


def test_a_root_that_is_a_link_is_fine(root: Path, store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    LocalStore(tmp_path / "alias").put("docker/x", b"1")
    assert (root / "docker/x").read_bytes() == b"1"
    assert [entry.key for entry in LocalStore(tmp_path / "alias").list_entries("")] == ["docker/x"]


def test_a_file_where_a_directory_must_be(root: Path, store: LocalStore) -> None:
    store.put("docker/a", b"1")
    with pytest.raises(Refused):
        store.put("docker/a/b/c", b"2")
    (root / "docker/dir").mkdir()
    with pytest.raises(Refused):
        store.put("docker/dir", b"2")
    assert (root / "docker/a").read_bytes() == b"1"
    assert list(store.list_unfinished("")) == []


def test_a_missing_root_is_made_by_the_first_write_when_told(root: Path) -> None:
    with pytest.raises(StoreMissing, match="does not exist") as caught:
        LocalStore(root).put("docker/x", b"1")
    assert "--dir" in caught.value.fix
    with pytest.raises(StoreMissing):
        LocalStore(root).head("docker/x")
    store = LocalStore(root, create=True)
    assert store.head("docker/x") is None
    looks: list[Callable[[], object]] = [
        lambda: store.get("docker/x", max_bytes=1),
        lambda: store.open_range("docker/x"),
        lambda: list(store.list_entries("")),
        lambda: list(store.list_dirs("docker/")),
    ]
    for look in looks:
        with pytest.raises(NotFound, match="does not exist") as found:
            look()
        assert not isinstance(found.value, StoreMissing), "the first push makes it"
        assert "first push" in found.value.cause
    assert not root.exists(), "looking makes nothing"
    store.put("docker/x", b"1")
    assert (root / "docker/x").read_bytes() == b"1"


@pytest.mark.parametrize("below", ["file", "file/below"])
def test_a_directory_that_is_a_file(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalStore(tmp_path / below, create=True)
    uses: list[Callable[[], object]] = [
        lambda: list(store.list_dirs("")),
        lambda: list(store.list_entries("docker/")),
        lambda: store.get("docker/x", max_bytes=1),
        lambda: store.put("docker/x", b"1"),
        lambda: store.spool_dir,
    ]
    for use in uses:
        with pytest.raises(UsageError, match="a directory") as caught:
            use()
        assert "--dir" in caught.value.fix
    (finding,) = store.check(write=True).findings
    assert isinstance(finding.error, UsageError)
    assert (tmp_path / "file").read_bytes() == b""
