"""The palette finds commands, stores and loaded names, and asks the store for nothing."""

from __future__ import annotations

import time

import pytest
from textual.widgets import Input

from ocistore_tui.tui.rows.fuzzy import best
from ocistore_tui.tui.screens.detail import DetailScreen
from ocistore_tui.tui.screens.palette import MAX_HITS, PaletteScreen
from ocistore_tui.tui.settings import Settings, load, settings_of
from ocistore_tui.tui.widgets.row_list import RowList
from tests.fakes.service import FakeService
from tests.fakes.stores import READ_ONLY, TellingStores
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until


def service() -> FakeService:
    made = FakeService()
    for repository in ("platform/api-gateway", "platform/billing", "frontend/web"):
        for tag in ("1", "2"):
            made.add_tag(repository, tag)
    return made


def rows(app) -> list[tuple[str, ...]]:
    source = app.screen.query_one(RowList).source
    return [source.row(index).cells for index in range(len(source))]


def labels(app) -> list[str]:
    return [cells[1] for cells in rows(app)]


async def search(app, pilot, text: str) -> None:
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(app.screen, PaletteScreen))
    app.screen.query_one(Input).value = text
    await until(pilot, lambda: app.desk.is_idle)


# matching


def test_the_text_itself_comes_before_scattered_letters() -> None:
    names = ["a-p-i", "rapid", "api", "platform/api", "nothing"]
    assert best("api", names, str, 10) == ["api", "platform/api", "rapid", "a-p-i"]


def test_words_match_in_any_order() -> None:
    assert best("web front", ["frontend/web", "web"], str, 10) == ["frontend/web"]


def test_signs_are_no_pattern() -> None:
    assert best("[x(", ["a[x(b", "x"], str, 10) == ["a[x(b"]


def test_a_hundred_thousand_names_are_searched_between_two_keys() -> None:
    names = [f"team-{number % 97}/service-{number}:v{number}" for number in range(100_000)]
    began = time.perf_counter()
    assert len(best("service-99", names, str, MAX_HITS)) == MAX_HITS
    best("zzzz", names, str, MAX_HITS)
    assert time.perf_counter() - began < 5.0


# what is there


async def test_commands_of_the_screen_come_with_their_keys_and_those_that_are_off_last() -> None:
    async with open_app(service=service()) as (app, pilot):
        await pilot.press("colon")
        await until(pilot, lambda: app.desk.is_idle)
        found = rows(app)
        assert ("command", "Sort", "Order by name, age, size …; the same again turns it round", "s") in found
        kinds = [cells[0] for cells in found]
        assert {"command", "theme", "setting", "store"} == set(kinds)
        assert found[-1][1].startswith("(")
        assert any(cells[1] == "(Inside)" and "later version" in cells[2] for cells in found)


async def test_names_that_are_loaded_are_found_and_the_store_is_not_asked() -> None:
    made = service()
    async with open_app(service=made) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        before = len(made.calls)
        await search(app, pilot, "api")
        assert labels(app)[:3] == ["platform/api-gateway", "platform/api-gateway:1", "platform/api-gateway:2"]
        assert len(made.calls) == before


async def test_it_never_shows_more_than_fifty() -> None:
    made = FakeService()
    for number in range(120):
        made.add_tag("app", str(number))
    async with open_app(service=made) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        await search(app, pilot, "app")
        assert len(rows(app)) == MAX_HITS


# what it does


async def test_enter_does_the_command_on_the_pane_that_had_the_focus() -> None:
    async with open_app(service=service()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        await search(app, pilot, "invert")
        await pilot.press("enter")
        await until(pilot, lambda: len(app.main_screen.bucket.model.marks) > 0)
        assert app.screen is app.main_screen


async def test_a_command_that_is_off_says_why() -> None:
    async with open_app(service=service()) as (app, pilot):
        await search(app, pilot, "compare")
        await pilot.press("enter")
        await until(pilot, lambda: "comes with a later version" in screen_text(app))


async def test_a_repository_is_gone_to() -> None:
    async with open_app(service=service()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        await pilot.press("1")
        await search(app, pilot, "billing")
        await pilot.press("enter")
        await until(pilot, lambda: app.main_screen.bucket.rows_list.cursor_key == ("platform/billing", None))
        assert app.main_screen.side is app.main_screen.bucket


async def test_a_tag_is_opened() -> None:
    async with open_app(service=service()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        await search(app, pilot, "web:2")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen))
        assert str(app.screen.reference) == "frontend/web:2"


async def test_a_tag_nobody_has_listed_is_opened_by_name() -> None:
    async with open_app(service=service()) as (app, pilot):
        await search(app, pilot, "hidden/app:9")
        assert rows(app)[-1][:3] == ("open", "hidden/app:9", "by name, without listing")
        await pilot.press("end") if len(rows(app)) > 1 else None
        app.screen.query_one(RowList).action_last()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen))
        assert str(app.screen.reference) == "hidden/app:9"


async def test_a_saved_store_is_opened() -> None:
    stores = TellingStores()
    stores.rows.append(READ_ONLY)
    async with open_app(stores=stores) as (app, pilot):
        await search(app, pilot, "archive")
        await until(pilot, lambda: "archive" in labels(app))
        app.screen.query_one(RowList).move_to("store:archive")
        await pilot.press("enter")
        await until(pilot, lambda: app.session.store.name == "archive")


async def test_a_url_is_opened_as_a_store() -> None:
    async with open_app(service=service()) as (app, pilot):
        await search(app, pilot, "s3://elsewhere/x")
        await pilot.press("enter")
        await until(pilot, lambda: app.session.store.url == "s3://elsewhere/x")


async def test_a_store_that_cannot_be_understood_is_said_and_nothing_else_changes() -> None:
    async with open_app(service=service()) as (app, pilot):
        before = app.session
        await search(app, pilot, "@nobody")
        await pilot.press("enter")
        await until(pilot, lambda: "not a store" in screen_text(app))
        assert app.session is before


async def test_arrows_move_through_the_list_while_the_field_keeps_the_focus() -> None:
    async with open_app(service=service()) as (app, pilot):
        await search(app, pilot, "api")
        await pilot.press("down", "down", "up")
        assert app.screen.query_one(RowList).cursor == 1
        assert isinstance(app.focused, Input)


async def test_a_click_chooses_a_row_and_a_second_one_does_it() -> None:
    async with open_app(service=service()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        await search(app, pilot, "web:2")
        await pilot.click(RowList, offset=(4, 0), times=2)
        await until(pilot, lambda: isinstance(app.screen, DetailScreen))


async def test_escape_leaves_everything_as_it_was() -> None:
    async with open_app(service=service()) as (app, pilot):
        before = app.focused
        await search(app, pilot, "x")
        await pilot.press("escape")
        assert app.screen is app.main_screen
        assert app.focused is before


# what people like


async def test_what_was_done_last_comes_first_the_next_time_and_is_kept() -> None:
    stores = TellingStores()
    async with open_app(stores=stores) as (app, pilot):
        await search(app, pilot, "zoom")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.main_screen and app.desk.is_idle)
        await pilot.press("colon")
        assert labels(app)[0] == "Zoom"
        assert stores.kept_settings == {"recent": ["command:zoom"]}


async def test_a_theme_is_changed_at_once_and_kept() -> None:
    stores = TellingStores()
    async with open_app(stores=stores) as (app, pilot):
        await search(app, pilot, "ocistore-light")
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "ocistore-light" and app.desk.is_idle)
        assert stores.kept_settings["theme"] == "ocistore-light"


async def test_plain_signs_are_drawn_at_once() -> None:
    async with open_app(service=service(), stores=TellingStores()) as (app, pilot):
        await until(pilot, lambda: "▾ frontend/web" in screen_text(app))
        await search(app, pilot, "ascii signs")
        await pilot.press("enter")
        await until(pilot, lambda: "v frontend/web" in screen_text(app))
        assert screen_text(app).isascii()


async def test_compact_takes_the_borders_away() -> None:
    async with open_app(stores=TellingStores()) as (app, pilot):
        assert "┃" in screen_text(app)
        await search(app, pilot, "compact")
        await pilot.press("enter")
        await until(pilot, lambda: "┃" not in screen_text(app))


async def test_the_text_of_the_screen_is_written_to_a_file() -> None:
    async with open_app(stores=TellingStores()) as (app, pilot):
        await search(app, pilot, "export the screen")
        await pilot.press("enter")
        await until(pilot, lambda: "written: /home/ada/screen.txt" in screen_text(app))


async def test_what_was_kept_is_there_at_the_next_start() -> None:
    stores = TellingStores()
    stores.kept_settings = {"theme": "ocistore-light", "keymap": {"send": "b"}, "is_compact": True}
    async with open_app(service=service(), stores=stores) as (app, pilot):
        load(app)
        await until(pilot, lambda: "▾ frontend/web" in screen_text(app))
        assert app.theme == "ocistore-light"
        assert app.has_class("-compact")
        await pilot.press("colon")
        assert ("Push", "b") in [(cells[1], cells[3]) for cells in rows(app)]


@pytest.mark.parametrize(
    "told",
    [{}, {"theme": 7, "is_ascii": "yes", "keymap": [1], "recent": {"a": 1}}, {"keymap": {"no-such": "x", "send": 3}}],
)
def test_what_cannot_be_understood_is_as_if_it_were_not_there(told: dict[str, object]) -> None:
    assert Settings.of(told) == Settings()


def test_settings_come_back_as_they_were_kept() -> None:
    settings = Settings("ansi-dark", True, True, False, {"send": "b"}, ("command:zoom",))
    assert Settings.of(settings.told()) == settings
    assert Settings().told() == {}


async def test_without_a_place_to_keep_them_settings_last_as_long_as_the_program() -> None:
    async with open_app() as (app, pilot):
        await search(app, pilot, "ocistore-contrast")
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "ocistore-contrast")
        assert settings_of(app).theme == "ocistore-contrast"
