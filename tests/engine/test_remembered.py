"""A listing comes back as it was, to its own user and for its own store; anything damaged is forgotten."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.engine import remembered as memory
from ocistore_tui.engine.service import Service
from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow
from tests.engine.test_tags import ATTESTED, described
from tests.layout.content import artifact, image, store_image

IMAGE = image("app")


def serve(cache: Path | None, url: str = "memory://store", identity: str = "") -> Service:
    def nothing(*_: object) -> object:
        raise AssertionError("nothing is opened")

    return Service(
        MemoryStore(url=url),
        open_source=nothing,
        open_target=nothing,
        identity=identity,
        cache_dir=cache,
    )


def a_listing() -> Remembered:
    store = MemoryStore()
    store_image(store, "app", ATTESTED, "multi")
    store_image(store, "app", IMAGE, "1")
    signature = f"sha256-{IMAGE.digest.encoded}.sig"
    store_image(store, "app", artifact(IMAGE), signature)
    rows = described(store, "1", "multi", signature, "gone")
    stubs = (TagRow("stub", pushed=5.5), TagRow("without time"), TagRow("bad\x1b[31m"))
    return Remembered(
        moment=1_700_000_000.25,
        repositories=(RepositoryRow("app", True), RepositoryRow("Bad�Name", False), RepositoryRow("z", True)),
        is_whole=False,
        tags={"app": (*rows.values(), *stubs), "z": ()},
    )


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    seen = a_listing()
    with serve(tmp_path) as service:
        assert service.remembered() is None
        service.remember(seen)
        assert service.remembered() == seen
    with serve(tmp_path) as another:
        assert another.remembered() == seen


def test_every_store_has_its_own(tmp_path: Path) -> None:
    seen = a_listing()
    with serve(tmp_path) as service:
        service.remember(seen)
    with serve(tmp_path, "memory://other") as other, serve(tmp_path, identity="https://endpoint") as elsewhere:
        assert other.remembered() is None
        assert elsewhere.remembered() is None
        elsewhere.remember(replace(seen, moment=1.0))
    with serve(tmp_path) as service:
        assert service.remembered() == seen


def test_only_its_user_can_read_it(tmp_path: Path) -> None:
    with serve(tmp_path) as service:
        service.remember(a_listing())
    (path,) = (tmp_path / "listings").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "store" not in path.name


def test_without_a_place_nothing_is_remembered() -> None:
    with serve(None) as service:
        service.remember(a_listing())
        assert service.remembered() is None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with serve(tmp_path / "file") as service:
        service.remember(a_listing())
        assert service.remembered() is None


@pytest.mark.parametrize("at", [0, 5, 25, 40, 200, -1])
def test_any_damage_means_nothing_is_remembered(tmp_path: Path, at: int) -> None:
    seen = a_listing()
    with serve(tmp_path) as service:
        service.remember(seen)
        (path,) = (tmp_path / "listings").iterdir()
        raw = bytearray(path.read_bytes())
        raw[at] ^= 1
        path.write_bytes(raw)
        assert service.remembered() is None
        raw[at] ^= 1
        for cut in (0, 10, 30, len(raw) - 1):
            path.write_bytes(raw[:cut])
            assert service.remembered() is None
        service.remember(seen)
        assert service.remembered() == seen


def test_a_name_that_is_no_text_is_no_error(tmp_path: Path) -> None:
    """A directory store gives what the file system has."""
    with serve(tmp_path) as service:
        service.remember(Remembered(1.0, (RepositoryRow("bad\udcff", False),), True))
        assert service.remembered() is None


@pytest.mark.parametrize("spoiled", ["short column", "stray position", "no digest", "another store"])
def test_what_is_well_formed_and_makes_no_sense_is_forgotten(tmp_path: Path, spoiled: str) -> None:
    """Its sum is right: another version of the program may have written it."""
    with serve(tmp_path) as service:
        service.remember(a_listing())
        (path,) = (tmp_path / "listings").iterdir()
        head = len(memory._MAGIC) + memory._SUM_BYTES
        made: list[Any] = msgspec.msgpack.decode(path.read_bytes()[head:])
        _, names, _, known = made[5][0]
        if spoiled == "short column":
            names.pop()
        elif spoiled == "stray position":
            known[99] = known[0]
        elif spoiled == "no digest":
            known[0]["digest"] = "sha256:../.."
        else:
            made[0] = spoiled
        body = msgspec.msgpack.encode(made)
        path.write_bytes(memory._MAGIC + memory._checksum(body) + body)
        assert service.remembered() is None


def test_what_is_too_large_loses_details_first_then_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = a_listing()
    with serve(tmp_path) as service:
        service.remember(seen)
        (path,) = (tmp_path / "listings").iterdir()
        monkeypatch.setattr(memory, "_MAX_BYTES", path.stat().st_size - 1)
        service.remember(seen)
        found = service.remembered()
        assert found is not None
        assert [row.name for row in found.tags["app"]] == [row.name for row in seen.tags["app"]]
        assert not any(row.is_described for row in found.tags["app"])
        monkeypatch.setattr(memory, "_MAX_BYTES", path.stat().st_size - 1)
        service.remember(seen)
        found = service.remembered()
        assert found == replace(seen, tags={})


def test_a_hundred_thousand_tags_come_back(tmp_path: Path) -> None:
    rows = tuple(TagRow(f"v1.{number}", pushed=1.7e9 + number) for number in range(100_000))
    seen = Remembered(1.0, (RepositoryRow("app", True),), True, {"app": rows})
    with serve(tmp_path) as service:
        service.remember(seen)
        assert service.remembered() == seen
    (path,) = (tmp_path / "listings").iterdir()
    assert path.stat().st_size < 3_000_000
