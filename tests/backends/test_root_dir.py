"""Where in a store a connection lies: a beginning of keys, and nothing that leads out of the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ocistore_tui.backends.azure import AzureOptions, AzureStore
from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.gcs import GcsOptions, GcsStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.errors import AccessDenied, UsageError

STORES: dict[str, Callable[[Path, str], ObjectStore]] = {
    "s3": lambda _, root_dir: S3Store(S3Options("bucket", root_dir)),
    "gcs": lambda _, root_dir: GcsStore(GcsOptions("bucket", root_dir)),
    "azure": lambda _, root_dir: AzureStore(AzureOptions("box", root_dir, account_name="account")),
    "fs": lambda path, root_dir: LocalStore(path / "st", root_dir=root_dir, create=True),
}


@pytest.mark.parametrize(
    "root_dir",
    ["..", "../../zz", "a/../b", ".", "a/./b", "a//b", "//a", "a/..", "/../a", "a\nb", "a\0b", "\x1b[2J", "a\x7f"],
)
@pytest.mark.parametrize("kind", STORES)
def test_what_is_no_beginning_of_a_key_is_refused(kind: str, root_dir: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="root directory"):
        STORES[kind](tmp_path, root_dir)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("root_dir", ["a/b", "/a/b", "a/b/", "/a/b/"])
@pytest.mark.parametrize("kind", STORES)
def test_slashes_around_it_do_not_count(kind: str, root_dir: str, tmp_path: Path) -> None:
    assert STORES[kind](tmp_path, root_dir).url.endswith("/a/b")


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("root_dir", ["..a", "a..b/...", "-a", "ä"])
def test_names_that_only_look_odd_are_names(kind: str, root_dir: str, tmp_path: Path) -> None:
    assert STORES[kind](tmp_path, root_dir).url.endswith(f"/{root_dir}")


def test_a_link_out_of_the_directory_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "st").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "st/link").symlink_to("../elsewhere")
    with pytest.raises(AccessDenied, match="leaves the store"):
        LocalStore(tmp_path / "st", root_dir="link/below")


def test_what_is_written_below_it_is_found_there(tmp_path: Path) -> None:
    LocalStore(tmp_path / "st", root_dir="deep/down", create=True).put("k", b"1")
    assert (tmp_path / "st/deep/down/k").read_bytes() == b"1"
    assert LocalStore(tmp_path / "st").get("deep/down/k", max_bytes=1)[0] == b"1"
