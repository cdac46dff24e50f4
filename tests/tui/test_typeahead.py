"""Keys that arrive in one packet do what they would have done one by one."""

from __future__ import annotations

from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.ports import Outcome
from ocistore_tui.tui.screens.plan import PlanScreen
from ocistore_tui.tui.transfers import State
from tests.tui.conftest import open_app
from tests.tui.test_main_lists import a_store
from tests.tui.waiting import screen_text, until


async def all_tags_are_shown(app: OcistoreApp, pilot: Pilot[Outcome]) -> None:
    await until(pilot, lambda: app.main_screen.bucket.model.is_complete, "the store is read")
    await until(pilot, lambda: "= mine:1" in screen_text(app), "both sides are compared")


def arrive_at_once(app: OcistoreApp, *keys: str) -> None:
    for key in keys:
        single = len(key) == 1
        app.post_message(Key(_character_to_key(key) if single else key, key if single else None))


async def test_a_filter_typed_in_one_go_is_the_filter() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        await all_tags_are_shown(app, pilot)
        arrive_at_once(app, "/", *"api")
        await until(pilot, lambda: app.main_screen.bucket.model.filter.text == "api", "all of it is in the field")
        assert app.screen is app.main_screen, "none of it was taken for a command"


async def test_keys_behind_the_enter_of_a_filter_are_for_the_list() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        await all_tags_are_shown(app, pilot)
        arrive_at_once(app, "/", *"api", "enter", "*", "p")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen), "p opened the plan")
        pane = app.main_screen.bucket
        assert pane.model.filter.text == "api"
        assert len(pane.model.marks) == 3, "what the filter shows is marked"


async def test_p_enter_in_one_go_is_the_whole_push() -> None:
    service = a_store()
    async with open_app(service=service) as (app, pilot):
        await all_tags_are_shown(app, pilot)
        arrive_at_once(app, "1", "p", "enter")
        await until(pilot, lambda: len(list(app.runner.queue)) == 1, "the plan was confirmed, not the row opened")
        assert app.screen is app.main_screen


async def test_more_keys_than_there_is_time_for_keep_their_order() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        await all_tags_are_shown(app, pilot)
        text = "the quick brown fox jumps over the lazy dog"
        arrive_at_once(app, "/")
        arrive_at_once(app, *text.replace(" ", "_"))
        await until(pilot, lambda: len(app.main_screen.bucket.model.filter.text) == len(text), "all has arrived")
        assert app.main_screen.bucket.model.filter.text == text.replace(" ", "_")


async def test_a_key_that_takes_its_widget_away_holds_nothing_up() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        await all_tags_are_shown(app, pilot)
        arrive_at_once(app, "question_mark", "escape", "w", "escape", "1")
        await until(pilot, lambda: app.screen is app.main_screen and app.main_screen.side is app.main_screen.local)


async def test_a_key_behind_the_one_that_opens_a_screen_finds_it_filled() -> None:
    service = a_store()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        await all_tags_are_shown(app, pilot)
        arrive_at_once(app, "1", "p", "enter", "w", "P")
        await until(pilot, lambda: [one.state for one in app.runner.queue] == [State.PAUSED], "P paused the push")
