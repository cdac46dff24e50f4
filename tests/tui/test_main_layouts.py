"""The main screen on terminals of every size, and with a mouse."""

from __future__ import annotations

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.screen import Screen

from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.screens.detail import DetailScreen
from ocistore_tui.tui.screens.log import LogScreen
from ocistore_tui.tui.screens.plan import PlanScreen
from ocistore_tui.tui.screens.quit import QuitScreen
from ocistore_tui.tui.screens.transfers import TransfersScreen
from ocistore_tui.tui.widgets.row_list import RowList
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service, push
from tests.tui.test_main_lists import a_store
from tests.tui.waiting import screen_text, until


def long_list() -> FakeService:
    service = FakeService()
    image = make_image("many")
    for number in range(100):
        service.add_tag("app", f"1.{number}", image, pushed=NOW - number)
    return service


# sizes


async def test_a_small_terminal_shows_one_list_at_a_time() -> None:
    async with open_app(service=a_store(), size=(80, 24)) as (app, pilot):
        main = app.main_screen
        await until(pilot, lambda: main.bucket.model.is_complete)
        await until(pilot, lambda: "[2 prod-images 2 repos]" in screen_text(app))
        assert "▾ team/api" in screen_text(app)
        assert "mine:1" not in screen_text(app)
        await pilot.press("tab")
        await until(pilot, lambda: "[1 Local 3]" in screen_text(app) and "mine:1" in screen_text(app))
        assert "▾ team/api" not in screen_text(app)
        assert app.focused is main.local.rows_list
        await pilot.press("2")
        await until(pilot, lambda: "▾ team/api" in screen_text(app))
        await pilot.press("1")
        await until(pilot, lambda: "mine:1" in screen_text(app))
        assert screen_text(app).splitlines()[-1].lstrip().startswith("? Help"), "the key bar begins with help"


async def test_a_small_terminal_tells_marks_and_filters_beside_the_tabs() -> None:
    async with open_app(service=a_store(), size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await until(pilot, lambda: "Tab switches" in screen_text(app))
        app.main_screen.bucket.rows_list.move_to(("web", "1"))
        await pilot.press("space")
        await until(pilot, lambda: "1 marked" in screen_text(app).splitlines()[1])
        await pilot.press("slash", *"/[/", "enter")
        await until(pilot, lambda: "not a regular expression" in screen_text(app).splitlines()[1])


@pytest.mark.parametrize("size", [(80, 24), (120, 20)])
async def test_the_inspector_lies_over_the_list_where_there_is_no_room_for_it(size: tuple[int, int]) -> None:
    async with open_app(service=a_store(), size=size) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        app.main_screen.bucket.rows_list.move_to(("team/api", "2.0"))
        await pilot.pause()
        assert "3 Inspector" not in screen_text(app)
        await pilot.press("i")
        await until(pilot, lambda: "same image as mine:1" in screen_text(app) or "mine:1" in screen_text(app))
        assert "digest" in screen_text(app)
        assert screen_text(app).splitlines()[-1].lstrip().startswith("? Help"), "it does not cover the keys"
        await pilot.press("i")
        await until(pilot, lambda: "digest" not in screen_text(app))


async def test_enter_on_a_local_image_shows_what_is_known_of_it_and_never_hides_that() -> None:
    async with open_app(service=a_store(), size=(120, 36)) as (app, pilot):
        await until(pilot, lambda: app.main_screen.local.model.total and "3 Inspector" in screen_text(app))
        await pilot.press("1", "enter")
        await pilot.pause()
        assert "3 Inspector" in screen_text(app)
        await pilot.press("i")
        await until(pilot, lambda: "3 Inspector" not in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "3 Inspector" in screen_text(app))


async def test_a_wide_terminal_has_a_column_for_the_inspector() -> None:
    async with open_app(service=a_store(), size=(200, 50)) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        column = app.main_screen.query_one("#column")
        assert column.region.height > 30
        assert not app.main_screen.query_one("#below").region.height
        await pilot.press("i")
        await until(pilot, lambda: not column.region.height)
        await pilot.press("i")
        await until(pilot, lambda: column.region.height > 30)


async def test_a_zoomed_list_has_the_whole_width_and_gives_it_back() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        main = app.main_screen
        await until(pilot, lambda: main.bucket.model.is_complete)
        before = main.bucket.region.width
        await pilot.press("z")
        await until(pilot, lambda: main.bucket.region.width == 120)
        await pilot.press("tab")
        await until(pilot, lambda: main.local.region.width == 120, "the other one, zoomed too")
        await pilot.press("z", "2")
        await until(pilot, lambda: main.bucket.region.width == before)


async def test_a_zoomed_list_takes_the_inspector_s_column_too_on_a_short_terminal() -> None:
    async with open_app(service=a_store(), size=(170, 26)) as (app, pilot):
        main = app.main_screen
        await until(pilot, lambda: main.bucket.model.is_complete and main.query_one("#column").region.width)
        await pilot.press("z")
        await until(pilot, lambda: main.bucket.region.width == 170)


async def test_a_terminal_made_too_small_says_what_it_needs_and_loses_nothing() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        bucket.rows_list.move_to(("web", "1"))
        await pilot.press("space", "up")
        cursor = bucket.rows_list.cursor_key
        await pilot.resize_terminal(52, 12)
        await until(pilot, lambda: "needs 60x15, has 52x12" in screen_text(app))
        for width, height in ((1, 1), (2, 40), (300, 2), (1, 24)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        await pilot.press("down", "r")
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: "▾ team/api" in screen_text(app) and "mine:1" in screen_text(app))
        assert bucket.model.marks.listed() == [("web", "1")]
        assert app.focused is bucket.rows_list
        assert cursor is not None


async def test_the_cursor_is_still_in_sight_when_the_terminal_grows_and_shrinks() -> None:
    async with open_app(service=long_list()) as (app, pilot):
        rows = app.main_screen.bucket.rows_list
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete and "100 tags" in screen_text(app))
        await pilot.press("l", "G")
        await until(pilot, lambda: rows.cursor_key == ("app", "1.99"))
        for size in ((120, 20), (80, 24), (200, 50), (70, 16)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: rows.cursor in rows.on_screen, f"in sight at {size}")
            assert rows.cursor_key == ("app", "1.99")


@pytest.mark.parametrize(
    ("width", "titles"),
    [(80, ("UNIQUE", "PLAT", "EXTRA")), (63, ("UNIQUE", "EXTRA")), (60, ("UNIQUE", "EXTRA"))],
)
async def test_columns_go_one_by_one_below_eighty(width: int, titles: tuple[str, ...]) -> None:
    async with open_app(service=a_store(), size=(width, 24)) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await until(pilot, lambda: "REPOSITORY / TAG" in screen_text(app))
        shown = [title for title in ("UNIQUE", "PLAT", "EXTRA") if title in screen_text(app)]
        assert shown == list(titles)


# the mouse


def line_of(app: OcistoreApp, rows: RowList, key: object) -> int:
    """The line of the list a row is on; titles are on line 0."""
    index = rows.source.index(key)
    assert index is not None
    return index - rows.scroll_offset.y + 1


async def test_a_click_takes_focus_and_cursor_a_double_click_opens() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        main = app.main_screen
        await until(pilot, lambda: main.bucket.model.is_complete and main.local.model.total == 3)
        local = main.local.rows_list
        await pilot.click(local, offset=(10, line_of(app, local, "fresh:1")))
        await until(pilot, lambda: app.focused is local and local.cursor_key == "fresh:1")
        assert main.side is main.local
        bucket = main.bucket.rows_list
        await pilot.click(bucket, offset=(10, line_of(app, bucket, ("team/api", "1.10"))), times=2)
        await until(pilot, lambda: isinstance(app.screen, DetailScreen))


async def test_a_double_click_folds_and_unfolds_a_repository() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        line = line_of(app, bucket.rows_list, ("team/api", None))
        await pilot.click(bucket.rows_list, offset=(10, line), times=2)
        await until(pilot, lambda: not bucket.model.nodes["team/api"].is_open)


async def test_a_click_on_the_sign_marks_and_unmarks() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        rows = bucket.rows_list
        await pilot.click(rows, offset=(0, line_of(app, rows, ("web", "1"))))
        await until(pilot, lambda: bucket.model.marks.listed() == [("web", "1")])
        await pilot.click(rows, offset=(1, line_of(app, rows, ("web", "1"))))
        await until(pilot, lambda: not len(bucket.model.marks))


async def test_a_click_on_a_title_sorts_and_the_next_one_turns_it_round() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        bucket = app.main_screen.bucket
        await until(pilot, lambda: bucket.model.is_complete)
        rows = bucket.rows_list
        title = rows.render_line(0).text
        await pilot.click(rows, offset=(title.index("SIZE"), 0))
        await until(pilot, lambda: bucket.model.order.by == "size" and "SIZE▼" in screen_text(app))
        await pilot.click(rows, offset=(rows.render_line(0).text.index("SIZE"), 0))
        await until(pilot, lambda: bucket.model.order.reverse and "SIZE▲" in screen_text(app))
        assert "smallest first" in screen_text(app)


async def test_the_wheel_moves_the_list_and_not_the_cursor() -> None:
    async with open_app(service=long_list()) as (app, pilot):
        rows = app.main_screen.bucket.rows_list
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete and "100 tags" in screen_text(app))
        await pilot.press("l", "down")
        await until(pilot, lambda: rows.cursor == 1)
        for event in (MouseScrollDown, MouseScrollDown):
            await pilot._post_mouse_events([event], rows, offset=(10, 5), button=0)
        await until(pilot, lambda: rows.scroll_offset.y > 1, "it scrolled")
        assert rows.cursor == 1
        assert rows.cursor not in rows.on_screen
        app.main_screen.bucket.redraw()
        await pilot.pause()
        assert rows.scroll_offset.y > 1, "rows that arrive do not scroll back"
        await pilot._post_mouse_events([MouseScrollUp], rows, offset=(10, 5), button=0)
        await pilot.press("down")
        await until(pilot, lambda: rows.cursor == 2 and rows.cursor in rows.on_screen, "a key goes to the cursor")


async def test_the_tabs_of_a_small_terminal_can_be_clicked() -> None:
    async with open_app(service=a_store(), size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await pilot.click("#side-tabs", offset=(3, 0))
        await until(pilot, lambda: app.main_screen.side is app.main_screen.local)


async def test_a_filter_that_leaves_little_of_a_long_list_shows_it_from_its_top() -> None:
    async with open_app(service=long_list()) as (app, pilot):
        bucket = app.main_screen.bucket
        rows = bucket.rows_list
        await until(pilot, lambda: bucket.model.is_complete and "100 tags" in screen_text(app))
        await pilot.press("l", "G")
        await until(pilot, lambda: rows.scroll_offset.y > 50)
        await pilot.press("slash", *"1.42")
        await until(pilot, lambda: len(rows.source) == 2 and "1.42" in screen_text(app))
        assert rows.cursor in rows.on_screen
        assert rows.scroll_offset.y == 0


async def test_a_screen_that_was_left_may_be_called_by_its_timers_while_it_is_taken_apart() -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        app.log_command("oci-store ls", "done")
        tag = Reference("team/base", "1")
        left: list[tuple[Screen[None], str]] = [
            (TransfersScreen(), "look"), (QuitScreen(), "look"), (LogScreen(), "look"),
            (DetailScreen(app.session, tag, None), "_draw_if_shown"),
            (PlanScreen(app.session, [push(0)]), "_draw_row_if_shown"),
        ]  # fmt: skip
        for screen, _ in left:
            app.push_screen(screen)
            await until(pilot, lambda screen=screen: app.screen is screen and app.desk.is_idle)
            app.pop_screen()
            await until(pilot, lambda screen=screen: not screen.children)
        main = app.main_screen
        app.open_store(app.session.store)
        await until(pilot, lambda: app.main_screen is not main and not main.children)
        app.log_command("oci-store ls", "done")
        for screen, call in [*left, (main, "_focus_again")]:
            getattr(screen, call)()
