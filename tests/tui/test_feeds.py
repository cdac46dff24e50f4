"""What the two lists ask of a store: as little as the screen needs, never in vain, and mended when it differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import AccessDenied, NotFound, StoreMissing, Unavailable
from ocistore_tui.model.listing import TagRow
from ocistore_tui.tui.feeds.bucket import PAGE, SMALL_STORE_TAGS
from ocistore_tui.tui.rows.compare import Sameness
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.fakes.stores import PROD
from tests.tui.desktop import Desktop, many

OFFLINE = Unavailable("the store does not answer", fix="check the network")


@pytest.fixture
def service() -> Iterator[FakeService]:
    """A store; whatever a test holds back is let go at its end."""
    service = FakeService()
    yield service
    service.let_go()


# repositories, a page at a time


def test_a_large_store_is_asked_for_one_page_until_more_is_wanted(service: FakeService) -> None:
    for number in range(1000):
        service.rows[f"app-{number:04d}"] = {"1": TagRow("1")}
    desktop = Desktop(service)
    desktop.start()
    assert len(desktop.rows.nodes) == PAGE
    assert not desktop.bucket.is_whole
    assert service.count("summary") == 0, "nothing is on the screen yet"

    desktop.bucket.more()
    desktop.pump.settle()

    assert len(desktop.rows.nodes) == 2 * PAGE
    assert service.count("repositories") == 1, "the same listing goes on"


def test_a_listing_that_broke_goes_on_where_it_was(service: FakeService) -> None:
    for number in range(2 * PAGE + 10):
        service.rows[f"app-{number:04d}"] = {}
    desktop = Desktop(service)
    desktop.start()
    service.fail("repositories", OFFLINE, f"app-{PAGE + 5:04d}")
    desktop.bucket.more()
    desktop.pump.settle()
    assert desktop.bucket.error is OFFLINE
    assert len(desktop.rows.nodes) == PAGE, "what was found stays"

    service.heal("repositories", f"app-{PAGE + 5:04d}")
    desktop.bucket.more()
    desktop.pump.settle()

    assert desktop.bucket.error is None
    assert list(desktop.rows.nodes)[PAGE] == f"app-{PAGE:04d}"
    assert len(desktop.rows.nodes) == 2 * PAGE


def test_a_missing_embedded_store_is_empty_and_not_an_error(service: FakeService) -> None:
    service.fail("repositories", StoreMissing("no such directory", fix="push something"))
    desktop = Desktop(service, replace(PROD, origin="embedded"))
    desktop.start()
    assert desktop.bucket.error is None
    assert desktop.bucket.is_whole

    other = Desktop(service)
    other.start()
    assert isinstance(other.bucket.error, StoreMissing)


@pytest.mark.parametrize("is_registry", [True, False])
def test_an_empty_store_is_asked_whether_a_registry_wrote_there(service: FakeService, is_registry: bool) -> None:
    service.is_registry = is_registry
    desktop = Desktop(service)
    desktop.start()
    assert desktop.bucket.has_layout is is_registry
    service.add_tag("app", "1")
    desktop.again()
    assert service.count("has_layout") == 1, "only an empty store is asked"


# details of what is on the screen


def test_a_row_is_asked_about_once_however_often_the_screen_is_painted(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    screen = [("app", f"1.{number}") for number in range(5)]
    service.hold("describe_tags", "app:1.2")
    desktop.bucket.look(screen)
    desktop.pump.until(lambda: service.waiting("describe_tags", "app:1.2"))
    for _ in range(5):  # rows that arrive are painted, and painting looks
        desktop.bucket.look(screen)
    service.release("describe_tags", "app:1.2")
    desktop.pump.settle()

    asked = [subject for method, subject in service.calls if method == "describe_tags" and ":" in subject]
    assert sorted(asked) == [f"app:1.{number}" for number in range(5)]


def test_what_scrolled_away_is_not_asked_about_any_more(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 100)
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    service.hold("describe_tags", "app:1.0")
    desktop.bucket.look([("app", f"1.{number}") for number in range(50)])
    desktop.pump.until(lambda: service.waiting("describe_tags", "app:1.0"))
    desktop.bucket.look([("app", f"1.{number}") for number in range(200, 210)])
    service.release("describe_tags", "app:1.0")
    desktop.pump.settle()

    asked = {subject for method, subject in service.calls if method == "describe_tags" and ":" in subject}
    assert asked == {"app:1.0", *(f"app:1.{number}" for number in range(200, 210))}


def test_repositories_that_scrolled_away_are_not_looked_at(service: FakeService) -> None:
    for number in range(PAGE):
        service.rows[f"app-{number:03d}"] = {"1": TagRow("1")}
    desktop = Desktop(service)
    desktop.start()
    service.hold("summary")
    desktop.bucket.look([(f"app-{number:03d}", None) for number in range(40)])
    desktop.pump.until(lambda: service.waiting("summary") == 4, "four at once")
    desktop.bucket.look([(f"app-{number:03d}", None) for number in range(100, 110)])
    service.release("summary")
    desktop.pump.settle()
    assert service.count("summary") == 4 + 10


def test_a_store_that_does_not_answer_is_not_asked_over_and_over(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    service.fail("describe_tags", OFFLINE)
    screen = [("app", "1.0"), ("app", "1.1")]
    for _ in range(5):
        desktop.bucket.look(screen)
        desktop.pump.settle()
    assert desktop.bucket.error is OFFLINE
    assert service.count("describe_tags", "app") == 1

    service.heal("describe_tags")
    desktop.bucket.look([*screen, ("app", "1.2")])
    desktop.pump.settle()
    assert desktop.bucket.error is None, "it answers again"
    desktop.bucket.look([*screen, ("app", "1.2")])
    desktop.pump.settle()
    assert desktop.tags("app")["1.0"].is_described, "and is asked for what it did not tell"


def test_a_tag_that_went_away_meanwhile_vanishes_and_is_no_trouble(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    del service.rows["app"]["1.1"]
    desktop.bucket.look([("app", "1.0"), ("app", "1.1")])
    desktop.pump.settle()
    assert "1.1" not in desktop.tags("app")
    assert desktop.bucket.error is None


def test_a_repository_that_went_away_says_so_in_its_row_and_is_asked_again_when_it_is_unfolded(
    service: FakeService,
) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    service.fail("tag_stubs", AccessDenied("listing denied", fix="allow s3:ListBucket"), "app")
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    assert isinstance(desktop.rows.nodes["app"].failure, AccessDenied)
    assert desktop.bucket.error is None, "the others can be used"

    service.heal("tag_stubs", "app")
    desktop.unfold("app")
    assert desktop.rows.nodes["app"].failure is None
    assert len(desktop.tags("app")) == SMALL_STORE_TAGS + 1


def test_few_repositories_are_listed_at_once(service: FakeService) -> None:
    for number in range(10):
        many(service, 40, f"app-{number}")
    desktop = Desktop(service)
    desktop.start()
    service.hold("tag_stubs")
    for number in range(10):
        desktop.bucket.show(f"app-{number}")
    desktop.pump.until(lambda: service.waiting("tag_stubs") == 4)
    assert service.count("tag_stubs") == 4
    service.release("tag_stubs")
    desktop.pump.settle()
    assert all(len(desktop.tags(f"app-{number}")) == 40 for number in range(10))


# looking again


def test_looking_again_finds_what_was_deleted_moved_and_added(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    screen = [("app", f"1.{number}") for number in range(3)]
    desktop.bucket.look(screen)
    desktop.pump.settle()

    del service.rows["app"]["1.0"]
    moved = make_image("moved")
    service.rows["app"]["1.1"] = replace(service.rows["app"]["1.1"], digest=moved.digest, pushed=NOW + 60)
    service.rows["app"]["9.9"] = TagRow("9.9", pushed=NOW + 60)
    before = service.count("describe_tags")
    desktop.again()
    desktop.bucket.look([("app", "1.1"), ("app", "1.2"), ("app", "9.9")])
    desktop.pump.settle()

    assert "1.0" not in desktop.tags("app")
    assert "9.9" in desktop.tags("app")
    assert desktop.tags("app")["1.1"].digest == moved.digest
    assert service.count("describe_tags", "app:1.2") == 1, "what was not moved is not read again"
    assert service.count("describe_tags") > before


def test_a_folded_repository_is_listed_again_when_it_is_unfolded_after_a_refresh(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 9)
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    desktop.rows.fold("app", is_open=False)
    del service.rows["app"]["1.0"]
    desktop.again()
    assert service.count("tag_stubs", "app") == 1, "nobody sees its tags"
    desktop.unfold("app")
    assert "1.0" not in desktop.tags("app")
    desktop.unfold("app")
    assert service.count("tag_stubs", "app") == 2


def test_what_is_shown_stays_while_the_store_is_asked_again(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    desktop = Desktop(service)
    desktop.start()
    desktop.unfold("app")
    service.hold("repositories")
    desktop.bucket.again()
    desktop.pump.until(lambda: service.waiting("repositories"))
    assert len(desktop.tags("app")) == SMALL_STORE_TAGS + 1
    assert desktop.bucket.is_loading
    service.release("repositories")
    desktop.pump.settle()


def test_an_image_is_not_the_same_as_one_in_a_repository_that_is_gone(service: FakeService) -> None:
    image = make_image("mine")
    service.add_tag("old/app", "1", image)
    service.add_tag("web", "1")
    mine = service.add_local("app:1", image)
    desktop = Desktop(service)
    desktop.start()
    desktop.local.start()
    desktop.pump.settle()
    assert desktop.session.comparison.of_local(mine) is Sameness.SAME

    del service.rows["old/app"]
    desktop.again()

    assert desktop.session.comparison.of_local(mine) is Sameness.ONLY


def test_a_store_that_outgrew_what_is_read_whole_promises_no_exact_sums(service: FakeService) -> None:
    service.add_tag("app", "1")
    desktop = Desktop(service)
    desktop.start()
    assert desktop.rows.is_complete
    many(service, SMALL_STORE_TAGS + 1)
    desktop.again()
    desktop.bucket.look([("app", None)])
    desktop.pump.settle()
    assert not desktop.rows.is_complete
    assert not desktop.session.comparison.is_complete


def test_a_push_of_ours_shows_in_a_store_that_was_not_listed_to_its_end(service: FakeService) -> None:
    for number in range(2 * PAGE):
        service.rows[f"app-{number:04d}"] = {}
    desktop = Desktop(service)
    desktop.start()
    row = service.add_tag("zoo/new", "1")
    desktop.bucket.touch("zoo/new", "1")
    desktop.pump.settle()
    assert desktop.tags("zoo/new")["1"].digest == row.digest
    desktop.bucket.more()
    desktop.pump.settle()
    assert len(desktop.rows.nodes) == 2 * PAGE + 1, "the listing goes on where it was"


# counterparts of local images


def test_counterparts_are_looked_up_once_and_again_after_a_refresh(service: FakeService) -> None:
    many(service, SMALL_STORE_TAGS + 1)
    mine = service.add_local("web:1", make_image("web"))
    desktop = Desktop(service)
    desktop.start()
    desktop.local.start()
    desktop.pump.settle()
    for _ in range(3):
        desktop.local.look([mine])
        desktop.pump.settle()
    assert service.count("describe_tags", "web:1") == 1
    assert desktop.session.comparison.of_local(mine) is Sameness.ONLY

    service.add_tag("web", "1", make_image("web"))
    desktop.local.start()
    desktop.pump.settle()
    desktop.local.look([mine])
    desktop.pump.settle()
    assert desktop.session.comparison.of_local(mine) is Sameness.SAME, "somebody pushed it meanwhile"


def test_local_images_of_a_place_that_fails_are_compared_with_nothing(service: FakeService) -> None:
    service.add_tag("app", "1")
    service.add_local("app:1", make_image("other"))
    desktop = Desktop(service)
    desktop.start()
    desktop.local.start()
    desktop.pump.settle()
    row = desktop.tags("app")["1"]
    assert desktop.session.comparison.of_tag("app", row) is Sameness.DIFFERS
    service.fail("local_images", OFFLINE)
    desktop.local.start()
    desktop.pump.settle()
    assert desktop.local.error is OFFLINE
    assert desktop.session.comparison.of_tag("app", row) is Sameness.NONE


def test_what_is_not_found_any_more_is_no_reason_to_be_offline(service: FakeService) -> None:
    service.add_tag("app", "1")
    many(service, SMALL_STORE_TAGS + 1, "other")
    service.fail("summary", NotFound("no such repository", fix="list the repositories"), "app")
    desktop = Desktop(service)
    desktop.start()
    desktop.bucket.look([("app", None), ("other", None)])
    desktop.pump.settle()
    assert desktop.bucket.error is None
    service.fail("summary", StoreMissing("no such bucket", fix="create it"))
    desktop.again()
    desktop.bucket.look([("app", None), ("other", None)])
    desktop.pump.settle()
    assert isinstance(desktop.bucket.error, StoreMissing)


def test_a_push_that_ends_while_its_repository_is_listed_stays_on_the_list() -> None:
    service = many(FakeService(), SMALL_STORE_TAGS + 1)
    desk = Desktop(service)
    desk.start()
    service.hold("tag_stubs", "app:1.50")
    desk.rows.fold("app", is_open=True)
    desk.bucket.show("app")
    desk.pump.until(lambda: service.waiting("tag_stubs"))
    service.add_tag("app", "0.new")  # behind the names that were listed already

    desk.bucket.touch("app", "0.new")
    desk.pump.until(lambda: desk.session.comparison.tag("app", "0.new"))
    service.release("tag_stubs", "app:1.50")
    desk.pump.settle()

    assert desk.tags("app")["0.new"].is_described
    assert desk.session.comparison.tag("app", "0.new") is not None


def test_two_pushes_into_one_repository_that_end_together_are_both_looked_at() -> None:
    service = many(FakeService(), SMALL_STORE_TAGS + 1)
    desk = Desktop(service)
    desk.start()
    service.add_tag("app", "a")
    service.add_tag("app", "b")
    service.hold("describe_tags", "app:a")
    desk.bucket.touch("app", "a")
    desk.pump.until(lambda: service.waiting("describe_tags"))
    desk.bucket.touch("app", "b")
    service.release("describe_tags", "app:a")
    desk.pump.settle()

    assert desk.session.comparison.tag("app", "a") is not None
    assert desk.session.comparison.tag("app", "b") is not None


def test_a_push_that_ends_while_a_small_store_is_read_whole_stays_on_the_list() -> None:
    service = FakeService()
    service.add_tag("app", "1")
    service.add_tag("zoo", "1")
    service.hold("describe_tags", "zoo:1")
    desk = Desktop(service)
    desk.bucket.start()
    desk.pump.until(lambda: service.waiting("describe_tags", "zoo:1"))
    service.add_tag("app", "2")  # its repository was read already

    desk.bucket.touch("app", "2")
    desk.pump.until(lambda: desk.session.comparison.tag("app", "2"))
    service.release("describe_tags", "zoo:1")
    desk.pump.settle()

    assert desk.rows.is_complete
    assert set(desk.tags("app")) == {"1", "2"}
    assert desk.session.comparison.tag("app", "2") is not None


@pytest.mark.parametrize("is_ours", [False, True])
def test_an_answer_from_before_a_refresh_or_a_push_of_ours_is_dropped(service: FakeService, is_ours: bool) -> None:
    desk = Desktop(many(service, SMALL_STORE_TAGS + 1))
    desk.start()
    desk.unfold("app")

    def slowly(repository: str, names: Iterable[str], *, cancel: object = None) -> Iterator[TagRow]:
        for name in names:
            row = service.rows[repository][name]
            service.wait("answer", row.digest.encoded if row.digest else "")
            yield row

    service.describe_tags = slowly
    old = service.rows["app"]["1.0"].digest
    assert old is not None
    service.hold("answer", old.encoded)
    desk.bucket.look([("app", "1.0")])
    desk.pump.until(lambda: service.waiting("answer", old.encoded))
    new = service.add_tag("app", "1.0", make_image("moved"), pushed=NOW + 60)

    if is_ours:
        desk.bucket.touch("app", "1.0")
    else:
        desk.bucket.again()
    desk.pump.until(lambda: desk.tags("app")["1.0"].pushed == NOW + 60)
    service.release("answer", old.encoded)
    desk.pump.settle()
    desk.bucket.look([("app", "1.0")])
    desk.pump.settle()

    assert desk.tags("app")["1.0"].digest == new.digest
