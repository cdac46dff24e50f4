"""File systems that take ``Latest`` and ``latest`` for one name, as on macOS."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.errors import NotFound, Refused

TAGS = "docker/registry/v2/repositories/team/app/_manifests/tags"


@pytest.fixture
def folding_root(tmp_path: Path) -> Iterator[Path]:
    """A directory that folds case: the usual one on macOS, elsewhere the one OCISTORE_FOLDING_DIR names."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("OCISTORE_FOLDING_DIR")) as name:
        (Path(name) / "aB").touch()
        if not (Path(name) / "Ab").exists():
            pytest.skip("the file system tells case apart; name one that folds it in OCISTORE_FOLDING_DIR")
        yield Path(name) / "registry"


def test_a_tag_is_not_taken_for_its_twin(folding_root: Path) -> None:
    store = LocalStore(folding_root, create=True)
    store.put(f"{TAGS}/Latest/current/link", b"upper", if_absent=True)
    assert store.head(f"{TAGS}/latest/current/link") is None
    with pytest.raises(NotFound):
        store.get(f"{TAGS}/latest/current/link", max_bytes=10)
    for if_absent in (False, True):
        with pytest.raises(Refused) as caught:
            store.put(f"{TAGS}/latest/current/link", b"lower", if_absent=if_absent)
        assert "Latest" in caught.value.cause
    assert store.delete([f"{TAGS}/latest/current/link"]) == []
    assert store.get(f"{TAGS}/Latest/current/link", max_bytes=10)[0] == b"upper"
    assert list(store.list_dirs(f"{TAGS}/")) == ["Latest"]
    store.put(f"{TAGS}/Latest/current/link", b"again")
    with pytest.raises(Refused):
        LocalStore(folding_root).put(f"{TAGS}/LATEST/current/link", b"lower")
    (case,) = [finding for finding in store.check(write=True).findings if finding.step == "case"]
    assert "folds" in case.detail


def test_case_is_told_apart_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "aB").touch()
    if (tmp_path / "Ab").exists():
        pytest.skip("the file system folds case")
    store = LocalStore(tmp_path)
    store.put(f"{TAGS}/Latest/current/link", b"upper")
    store.put(f"{TAGS}/latest/current/link", b"lower")
    assert store.get(f"{TAGS}/Latest/current/link", max_bytes=10)[0] == b"upper"
    assert list(store.list_dirs(f"{TAGS}/")) == ["Latest", "latest"]
    (case,) = [finding for finding in store.check().findings if finding.step == "case"]
    assert "tells" in case.detail
