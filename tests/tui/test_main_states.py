"""Empty, slow, broken: what each list of the main screen says then, and the keys it offers (ux.md §2.9)."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import AccessDenied, NotFound, StoreMissing, Unavailable
from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.tui.screens.copy import CopyScreen
from tests.fakes.gates import Clock
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.fakes.stores import PROD, READ_ONLY, FakeStores
from tests.tui.conftest import open_app
from tests.tui.test_main_lists import a_store
from tests.tui.waiting import screen_text, until

OFFLINE = Unavailable("the store does not answer", where="s3://acme-oci", fix="check the network")
DENIED_SOCKET = AccessDenied(
    "permission denied on the engine's socket", where="unix:///var/run/docker.sock", cause="your user may not use it",
    fix='add it to the group that owns the socket: sudo usermod -aG docker "$USER", then sign in again',
)  # fmt: skip


# the left list


async def test_without_an_engine_the_store_is_fully_usable() -> None:
    service = a_store()
    fix = "start Docker, or name another with --docker-host or DOCKER_HOST"
    where = "unix:///var/run/docker.sock"
    service.fail("local_images", Unavailable("no container engine answers", where=where, fix=fix))
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete and "no container engine answers" in screen_text(app))
        assert "unix:///var/run/docker.sock" in screen_text(app)
        assert "F4  another engine, or a folder of archives" in screen_text(app)
        assert "--docker-host" not in screen_text(app), "there are keys for it"
        assert "p Pull  Space Mark  / Filter  s Sort" in screen_text(app)
        bucket.rows_list.move_to(("web", "1"))
        await pilot.press("space")
        assert bucket.model.marks.listed() == [("web", "1")]

        await pilot.press("1")
        await until(pilot, lambda: "(Open)  p (Push)  Space (Mark)  / Filter  s (Sort)" in screen_text(app))
        await pilot.press("space")
        await until(pilot, lambda: "there are no images here: r looks again" in screen_text(app), "the key says why")

        service.heal("local_images")
        await pilot.press("r")
        await until(pilot, lambda: "mine:1" in screen_text(app), "r looks again")
        await until(pilot, lambda: "p Push  Space Mark" in screen_text(app))


async def test_the_command_that_opens_a_closed_socket_can_be_copied() -> None:
    service = a_store()
    service.fail("local_images", DENIED_SOCKET)
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "permission denied on the engine's socket" in screen_text(app))
        await pilot.press("1", "y")
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        await pilot.press("1")
        await until(pilot, lambda: app.clipboard == 'sudo usermod -aG docker "$USER"')


async def test_an_engine_that_is_away_for_a_moment_takes_no_marks_with_it() -> None:
    service = a_store()
    async with open_app(service=service) as (app, pilot):
        local = app.main_screen.local
        await until(pilot, lambda: local.model.total == 3)
        await pilot.press("1", "asterisk")
        service.fail("local_images", OFFLINE)
        await pilot.press("r")
        await until(pilot, lambda: local.feed.error is OFFLINE and local.model.total == 0)
        await until(pilot, lambda: "3 marked, 3 hidden" in screen_text(app))
        sent: list[object] = []
        app.send = sent.extend
        await pilot.press("p")
        assert not sent, "nothing that is not there is pushed"

        service.heal("local_images")
        service.listings[None] = replace(service.listings[None], rows=service.listings[None].rows[:2])
        await pilot.press("r")
        await until(pilot, lambda: local.model.total == 2)
        assert len(local.model.marks) == 2, "what went away for good is not marked any more"


async def test_a_slow_engine_is_named_after_a_while() -> None:
    service, clock = a_store(), Clock(NOW)
    service.hold("local_images")
    async with open_app(service=service, clock=clock) as (app, pilot):
        local = app.main_screen.local
        await until(pilot, lambda: "looking for images" in screen_text(app))
        clock.forward(7)
        local.changed()
        await until(pilot, lambda: "still waiting for the container engine, 7 s" in screen_text(app))
        assert "F4  another engine" in screen_text(app)
        service.release("local_images")
        await until(pilot, lambda: "mine:1" in screen_text(app))
        assert "still waiting" not in screen_text(app)


async def test_the_pane_wakes_up_by_itself_to_say_that_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocistore_tui.tui.widgets.pane.SLOW_S", 0.05)
    service, clock = a_store(), Clock(NOW)
    service.hold("repositories")
    async with open_app(service=service, clock=clock) as (app, pilot):
        await until(pilot, lambda: service.waiting("repositories"))
        clock.forward(6)
        await until(pilot, lambda: "still waiting for s3, 6 s" in screen_text(app))


async def test_an_empty_folder_says_what_would_fill_it() -> None:
    folder = LocalPlace("folder", "/images", "images")
    async with open_app(service=a_store()) as (app, pilot):
        app.set_place(folder)
        await until(pilot, lambda: app.main_screen.local.feed.listing.place == folder and app.desk.is_idle)
        await until(pilot, lambda: "no images here" in screen_text(app))
        await until(pilot, lambda: "1 Local images · images" in screen_text(app))
        await pilot.press("slash", "x")
        await until(pilot, lambda: "no image matches the filter" in screen_text(app))


# the right list


@pytest.mark.parametrize(
    ("is_registry", "words"),
    [(True, "A registry's layout is there, with 0 repositories."), (False, "There is no registry's layout here")],
)
async def test_an_empty_bucket_says_whether_a_registry_was_ever_there(is_registry: bool, words: str) -> None:
    service = FakeService()
    service.is_registry = is_registry
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: words in screen_text(app))
        assert "2 prod-images · empty" in screen_text(app)
        assert "n   add demo content" in screen_text(app)
        assert ("F4  edit this store" in screen_text(app)) is not is_registry


async def test_an_image_layout_is_not_called_an_empty_store() -> None:
    service = FakeService()
    service.is_registry, service.is_layout = False, True
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "This is an OCI image layout, not a store." in screen_text(app))
        assert "an OCI layout directory" in screen_text(app)
        assert "Nothing is stored here yet." not in screen_text(app)


async def test_an_empty_store_that_may_not_be_written_offers_nothing_that_writes() -> None:
    async with open_app(service=FakeService(), store=READ_ONLY) as (app, pilot):
        await until(pilot, lambda: "Nothing is stored here yet." in screen_text(app))
        assert "add demo content" not in screen_text(app)
        await pilot.press("n")
        await until(pilot, lambda: "this store is READ ONLY" in screen_text(app))


async def test_the_rights_a_denied_store_needs_can_be_copied() -> None:
    service = FakeService()
    service.fail("repositories", AccessDenied("listing denied", where="s3://acme-oci", fix="allow s3:ListBucket"))
    stores = FakeStores(service)
    stores.policy_text = '{"Action": "s3:ListBucket"}'
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: "y   copy the rights that are needed" in screen_text(app))
        assert "open REPOSITORY:TAG by name" in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        await pilot.press("1")
        await until(pilot, lambda: app.clipboard == '{"Action": "s3:ListBucket"}')


async def test_nothing_is_said_to_be_checked_in_a_store_that_does_not_answer() -> None:
    service = a_store()
    for method in ("repositories", "describe_tags"):
        service.fail(method, OFFLINE)
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: re.search(r"\? mine:1 .*no answer", screen_text(app)) is not None)
        assert "checking" not in screen_text(app)
        await pilot.press("1")
        await until(pilot, lambda: "? not known: the store gave no answer" in screen_text(app))
        for method in ("repositories", "describe_tags"):
            service.heal(method)
        await pilot.press("r")
        await until(pilot, lambda: "no answer" not in screen_text(app) and "= mine:1" in screen_text(app))


async def test_repositories_are_not_counted_where_none_could_be_listed() -> None:
    service = FakeService()
    service.fail("repositories", OFFLINE)
    async with open_app(service=service, size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: "the store does not answer" in screen_text(app))
        assert "[2 prod-images]" in screen_text(app)
        service.heal("repositories")
        await pilot.press("r")
        await until(pilot, lambda: "[2 prod-images 0 repos]" in screen_text(app))


async def test_a_store_that_is_gone_offers_others() -> None:
    service = FakeService()
    service.fail("repositories", StoreMissing("there is no such bucket", where="s3://acme-oci", fix="check its name"))
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "there is no such bucket" in screen_text(app))
        assert "c   another store" in screen_text(app)
        assert "F4  edit this store" in screen_text(app)


async def test_a_slow_store_is_named_after_a_while_with_a_way_out() -> None:
    service, clock = a_store(), Clock(NOW)
    service.hold("repositories")
    async with open_app(service=service, clock=clock) as (app, pilot):
        await until(pilot, lambda: "listing repositories …" in screen_text(app))
        clock.forward(4)
        app.main_screen.bucket.changed()
        await until(pilot, lambda: app.main_screen.bucket._timer is None)
        assert "still waiting" not in screen_text(app), "nobody wonders yet"
        clock.forward(4)
        app.main_screen.bucket.changed()
        await until(pilot, lambda: "still waiting for s3, 8 s" in screen_text(app))
        assert "c   another store" in screen_text(app)
        service.release("repositories")
        await until(pilot, lambda: "▾ team/api" in screen_text(app))
        assert "still waiting" not in screen_text(app)


async def test_offline_with_remembered_rows_shows_them_with_their_age_and_what_is_wrong() -> None:
    service = FakeService()
    service.kept = Remembered(
        NOW - 7200, (RepositoryRow("team/api", True),), True,
        {"team/api": (TagRow("2.0", digest=make_image("same").digest, pushed=NOW - 9000, kind="image"),)},
    )  # fmt: skip
    asked = ("repositories", "summary", "tag_stubs", "describe_tags")
    for method in asked:
        service.fail(method, OFFLINE)
    async with open_app(service=service, clock=Clock(NOW)) as (app, pilot):
        await until(pilot, lambda: "OFFLINE" in screen_text(app))
        await until(pilot, lambda: re.search(r"1 repo\b|1\+ repos", screen_text(app)), "the list is painted, too")
        text = screen_text(app)
        assert "index 2 h old" in text
        assert "the store does not answer (r tries again)" in text
        await pilot.press("l")
        await until(pilot, lambda: "2.0" in screen_text(app), "remembered tags unfold")
        await until(pilot, lambda: app.desk.is_idle)
        assert "! ▾ team/api" not in screen_text(app), "it is the store that is away, not the repository"
        for method in asked:
            service.heal(method)
        service.add_tag("team/api", "2.0")
        await pilot.press("r")
        await until(pilot, lambda: "OFFLINE" not in screen_text(app) and "(r tries again)" not in screen_text(app))


async def test_permission_lost_in_mid_session_is_denied_and_loses_nothing() -> None:
    service = a_store()
    async with open_app(service=service) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        bucket.rows_list.move_to(("web", "1"))
        await pilot.press("space")
        service.fail("repositories", AccessDenied("the session has expired", fix="aws sso login"))
        await pilot.press("r")
        await until(pilot, lambda: "DENIED" in screen_text(app))
        assert "OFFLINE" not in screen_text(app)
        assert "the session has expired" in screen_text(app)
        assert bucket.model.marks.listed() == [("web", "1")]
        assert "▾ team/api" in screen_text(app)


async def test_a_repository_that_cannot_be_listed_says_so_in_its_row() -> None:
    service = FakeService()
    service.add_tag("app", "1")
    service.add_tag("web", "1")
    service.fail("summary", OFFLINE)
    service.fail("tag_stubs", NotFound("no such repository", fix="list the repositories"), "app")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "app" in screen_text(app))
        app.main_screen.bucket.rows_list.move_to(("app", None))
        await pilot.press("l")
        await until(pilot, lambda: "! ▾ app  no such repository" in screen_text(app))


async def test_names_no_registry_could_serve_are_shown_and_not_sent() -> None:
    service = FakeService()
    service.add_tag("Bad Name", "1")
    service.add_tag("app", "-bad")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await until(pilot, lambda: "Bad Name (invalid name)" in screen_text(app))
        sent: list[object] = []
        app.send = sent.extend
        for key in (("Bad Name", "1"), ("app", "-bad")):
            app.main_screen.bucket.rows_list.move_to(key)
            await pilot.press("p")
            await until(pilot, lambda key=key: f"{key[0]}:{key[1]} is an invalid name" in screen_text(app))
        assert not sent
        await pilot.press("enter")
        await until(pilot, lambda: "registries cannot serve it" in screen_text(app))


# what is remembered


async def test_leaving_keeps_what_was_seen_for_the_next_start() -> None:
    service = FakeService()
    for number in range(400):
        service.rows.setdefault("app", {})[f"1.{number}"] = TagRow(f"1.{number}", pushed=NOW - number)
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "400 tags" in screen_text(app))
        await pilot.press("l")
        await until(pilot, lambda: app.main_screen.bucket.model.nodes["app"].is_listed)
        assert service.kept is None, "nothing is written at every key"
        await pilot.press("q")
    assert service.kept is not None
    assert len(service.kept.tags["app"]) == 400


async def test_another_store_keeps_what_was_seen_of_the_one_before() -> None:
    first, second = a_store(), FakeService()
    stores = FakeStores(first)
    stores.services["other"] = second
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        app.open_store(replace(PROD, name="other"))
        await until(pilot, lambda: first.kept is not None)
        assert set(first.kept.tags) == {"team/api", "web"}


@pytest.mark.parametrize("error", [None, OFFLINE])
async def test_another_store_may_be_opened_while_demo_content_is_made(error: Unavailable | None) -> None:
    stores = FakeStores(FakeService())
    stores.services[READ_ONLY.name] = FakeService()
    stores.hold("add_demo")
    if error is not None:
        stores.fail("add_demo", error)
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: "add demo content" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: stores.waiting("add_demo"))
        app.open_store(READ_ONLY)
        await until(pilot, lambda: app.main_screen.session.store == READ_ONLY and "archive" in screen_text(app))
        stores.release("add_demo")
        await until(pilot, lambda: app.desk.is_idle)
        assert app.is_running
        assert app.session.place is None, "the other store's left side stays as it was"
