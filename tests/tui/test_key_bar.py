"""The key bar says what keys do here, cuts only with a sign, and can be clicked."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from ocistore_tui.tui.commands import commands_of
from ocistore_tui.tui.widgets.key_bar import BarItem, KeyBar, place
from tests.fakes.service import FakeService
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

ITEMS = (
    BarItem("question_mark", "Help"),
    BarItem("enter", "Open"),
    BarItem("p", "Pull 2"),
    BarItem("o", "Inside", reason="comes with a later version"),
)


def last_line(app) -> str:
    return screen_text(app).splitlines()[-1]


def with_tag() -> FakeService:
    service = FakeService()
    service.add_tag("app", "1")
    service.add_tag("app", "2")
    return service


def test_what_fits_is_shown_whole_and_a_key_that_is_off_is_in_brackets() -> None:
    placed, is_cut = place(ITEMS, 60)
    assert [f"{one.shown_key} {one.shown_label}" for one in placed] == ["? Help", "⏎ Open", "p Pull 2", "o (Inside)"]
    assert not is_cut


def test_a_key_that_is_off_takes_no_room_from_one_that_works() -> None:
    items = (*ITEMS[:2], ITEMS[3], ITEMS[2], BarItem("D", "Delete", reason="to come"), BarItem("q", "Quit"))
    for width, shown in ((58, "Help Open Inside Pull 2 Delete Quit"), (54, "Help Open Inside Pull 2 Quit"),
                         (42, "Help Open Pull 2 Quit"), (28, "Help Open Pull 2")):  # fmt: skip
        placed, is_cut = place(items, width)
        assert " ".join(one.item.label for one in placed) == shown
        assert is_cut == (len(placed) < len(items))


@pytest.mark.parametrize("width", range(1, 40))
def test_nothing_is_ever_cut_within_a_word(width: int) -> None:
    placed, is_cut = place(ITEMS, width)
    assert is_cut == (len(placed) < len(ITEMS))
    assert all(one.end <= width for one in placed)
    assert all(one.end - one.start == cell_len(f"{one.shown_key} {one.shown_label}") for one in placed)
    if is_cut and placed:
        assert placed[-1].end + 2 <= width


def test_a_poor_terminal_gets_keys_in_ascii() -> None:
    placed, _ = place(ITEMS, 60, is_ascii=True)
    assert placed[1].shown_key == "Enter"


@pytest.mark.parametrize("width", [60, 80, 100])
async def test_help_is_first_and_a_bar_that_is_cut_says_so(width: int) -> None:
    async with open_app(service=with_tag(), size=(width, 24)) as (app, _):
        assert last_line(app).startswith(" ? Help  ⏎ Open  p ")
        assert last_line(app).rstrip().endswith("…")


async def test_a_wide_terminal_shows_all_of_them() -> None:
    async with open_app(service=with_tag(), size=(200, 50)) as (app, _):
        assert last_line(app).rstrip().endswith("q Quit")


async def test_the_label_says_how_many_and_which_way() -> None:
    service = with_tag()
    service.add_local("app:3")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle and "app  2 tags" in screen_text(app))
        assert "p Pull " in last_line(app)
        await pilot.press("asterisk")
        await until(pilot, lambda: "p Pull 2" in last_line(app))
        await pilot.press("1")
        await until(pilot, lambda: "p Push" in last_line(app))


async def test_a_key_that_is_off_says_why_when_it_is_clicked() -> None:
    async with open_app(service=with_tag()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        x = last_line(app).index("o (Inside)")
        await pilot.click(KeyBar, offset=(x, 0))
        await until(pilot, lambda: "comes with a later version" in screen_text(app))


async def test_a_key_that_holds_its_place_says_what_will_be_there() -> None:
    async with open_app(service=with_tag()) as (app, pilot):
        coming = [command for place in ("app", "pane") for command in commands_of(place) if command.coming]
        for command in coming:
            await pilot.press(command.keys.split(",")[0])
        told = [toast.message for toast in app._notifications]
        assert told == [command.coming for command in coming]
        assert told


async def test_a_click_does_what_the_key_does() -> None:
    async with open_app(service=with_tag()) as (app, pilot):
        await pilot.click(KeyBar, offset=(last_line(app).index("? Help"), 0))
        await until(pilot, lambda: "[1 Keys here]" in screen_text(app))


async def test_a_click_on_the_sign_for_what_was_cut_shows_all_keys() -> None:
    async with open_app(service=with_tag(), size=(80, 24)) as (app, pilot):
        await pilot.click(KeyBar, offset=(last_line(app).index("…"), 0))
        await until(pilot, lambda: "[1 Keys here]" in screen_text(app))


async def test_a_click_works_while_a_field_takes_the_keys() -> None:
    async with open_app(service=with_tag()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        await pilot.press("slash")
        await pilot.pause()
        await pilot.click(KeyBar, offset=(last_line(app).index("? Help"), 0))
        await until(pilot, lambda: "[1 Keys here]" in screen_text(app))


async def test_a_key_that_was_mapped_is_the_one_that_is_shown() -> None:
    async with open_app(service=with_tag()) as (app, pilot):
        app.set_keymap({"send": "b"})
        app.screen.query_one(KeyBar).refresh()
        await until(pilot, lambda: "b Pull" in last_line(app))


async def test_a_screen_shows_its_own_keys_and_the_way_back_after_them() -> None:
    async with open_app(service=with_tag()) as (app, pilot):
        await pilot.press("at")
        await until(pilot, lambda: "Esc Back" in last_line(app))
        assert last_line(app).index("y Copy the line") < last_line(app).index("Esc Back")
