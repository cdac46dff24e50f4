"""What names the registry of a transfer: kept for this user, and for nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocistore_tui.engine.cache import Cache


def test_it_stays_the_same_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    secret = Cache(tmp_path / "cache").secret()
    assert len(bytes.fromhex(secret)) == 16
    assert Cache(tmp_path / "cache").secret() == secret
    assert (tmp_path / "cache" / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", ["", "0" * 31, "../../../../../../../../../../..", "g" * 32])
def test_what_is_none_is_made_anew(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(kept)
    secret = Cache(tmp_path).secret()
    assert secret != kept
    assert Cache(tmp_path).secret() == secret


def test_one_that_others_could_read_is_none_any_more(tmp_path: Path) -> None:
    before = Cache(tmp_path).secret()
    (tmp_path / "secret").chmod(0o644)
    secret = Cache(tmp_path).secret()
    assert secret != before
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_where_nothing_can_be_kept_there_is_one_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in (Cache(None), Cache(tmp_path / "file")):
        assert cache.secret() != cache.secret()
