"""What was seen of a store comes back at the next start, and is mended by what the store says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import Unavailable
from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow
from ocistore_tui.tui.feeds.bucket import SMALL_STORE_TAGS
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.tui.desktop import Desktop, many

OFFLINE = Unavailable("the store does not answer", fix="check the network")


@pytest.fixture
def service() -> Iterator[FakeService]:
    """A store; whatever a test holds back is let go at its end."""
    service = FakeService()
    yield service
    service.let_go()


def test_what_was_seen_of_a_large_store_comes_back_with_all_its_tags(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    service.rows["app"]["sha256-sig"] = TagRow(
        "sha256-sig", make_image("sig").digest, size_bytes=77, pushed=NOW, subject=make_image("many").digest,
        extras=("signature",),
    )  # fmt: skip
    first = Desktop(service)
    first.start()
    first.unfold("app")
    first.bucket.look([("app", "1.0"), ("app", "sha256-sig")])
    first.pump.settle()
    first.bucket.keep()
    first.pump.settle()
    assert service.kept is not None

    service.hold("repositories")
    second = Desktop(service)
    second.bucket.start()
    second.pump.until(lambda: service.waiting("repositories"))
    second.rows.fold("app", is_open=True)
    second.bucket.look([("app", None)])
    assert len(second.tags("app")) == SMALL_STORE_TAGS + 1
    assert second.tags("app")["1.0"].is_described
    (attached,) = next(iter(second.rows.nodes["app"].attached.values()))
    assert (attached.size_bytes, attached.extras) == (77, ("signature",))
    service.release("repositories")
    second.pump.settle()


def test_what_was_remembered_and_never_looked_at_is_remembered_again(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    service.add_tag("web", "1")
    service.kept = Remembered(
        NOW - 60, (RepositoryRow("app", True), RepositoryRow("web", True), RepositoryRow("gone", True)), True,
        {"app": (TagRow("1.0"),), "web": (TagRow("1", pushed=NOW),), "gone": (TagRow("1"),)},
    )  # fmt: skip
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    desktop.bucket.keep()
    desktop.pump.settle()
    kept = service.kept
    assert {row.name for row in kept.repositories} == {"app", "web"}
    assert set(kept.tags) == {"app", "web"}
    assert len(kept.tags["app"]) == SMALL_STORE_TAGS + 1
    assert kept.tags["web"] == (TagRow("1", pushed=NOW),)
    assert kept.moment == NOW


def test_nothing_new_is_not_kept_again(service: FakeService) -> None:
    service.fail("repositories", OFFLINE)
    service.kept = Remembered(NOW - 60, (RepositoryRow("app", True),), True)
    desktop = Desktop(service)
    desktop.start()
    desktop.bucket.keep(at_the_end=True)
    assert service.count("remember") == 0, "what is remembered keeps its age"

    service.heal("repositories")
    desktop.again()
    desktop.bucket.keep(at_the_end=True)
    desktop.bucket.keep(at_the_end=True)
    assert service.count("remember") == 1


def test_a_remembered_tag_that_did_not_move_needs_no_second_look(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    rows = service.rows["app"]
    service.kept = Remembered(
        NOW - 60, (RepositoryRow("app", True),), True,
        {"app": (rows["1.0"], replace(rows["1.1"], pushed=NOW - 999), TagRow("left", pushed=NOW))},
    )  # fmt: skip
    desktop = Desktop(service)
    desktop.start()
    desktop.bucket.look([("app", None)])
    desktop.pump.settle()
    assert "left" in desktop.tags("app")
    desktop.unfold("app")
    assert "left" not in desktop.tags("app")
    desktop.bucket.look([("app", "1.0"), ("app", "1.1")])
    desktop.pump.settle()
    assert service.count("describe_tags", "app:1.0") == 0
    assert service.count("describe_tags", "app:1.1") == 1
