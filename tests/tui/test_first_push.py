"""The first image of a repository, and the first of a store: both are to be seen as soon as they are there."""

from __future__ import annotations

import pytest

from ocistore_tui.errors import OciStoreError, StoreMissing, Unavailable
from tests.fakes.service import FakeService
from tests.fakes.stored import make_image
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until


def with_one_image_here() -> FakeService:
    service = FakeService()
    service.add_local("team/fresh:1", make_image("fresh"))
    return service


async def test_the_first_tag_of_a_repository_is_shown_with_its_sign() -> None:
    async with open_app(service=with_one_image_here()) as (app, pilot):
        await until(pilot, lambda: "+ team/fresh:1" in screen_text(app))
        await pilot.press("1", "p")
        await until(pilot, lambda: "1 is new" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "= team/fresh:1" in screen_text(app), "here")
        await until(pilot, lambda: "=     1 " in screen_text(app), "and there, without unfolding anything")


@pytest.mark.parametrize(
    "error",
    [StoreMissing("the store's directory does not exist"), Unavailable("the server does not answer")],
    ids=["made by the push", "back again"],
)
async def test_a_store_that_took_a_push_is_there(error: OciStoreError) -> None:
    service = with_one_image_here()
    service.fail("repositories", error)
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: error.message in screen_text(app) and "team/fresh:1" in screen_text(app))
        await pilot.press("1", "p")
        await until(pilot, lambda: "1 is new" in screen_text(app))
        service.heal("repositories")
        await pilot.press("enter")
        await until(pilot, lambda: "=     1 " in screen_text(app))
        await until(pilot, lambda: app.main_screen.bucket.feed.is_whole, "it was listed again")
        assert app.main_screen.bucket.feed.error is None
        assert "1 repo" in screen_text(app)
