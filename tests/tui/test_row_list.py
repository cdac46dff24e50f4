"""The one list of the program: the cursor stays on its row, and only what is on the screen is asked for."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.events import Click, MouseDown
from textual.pilot import Pilot

from ocistore_tui.tui.rows.row import Column, Row, keyed
from ocistore_tui.tui.theme import LIGHT_THEME, THEMES
from ocistore_tui.tui.widgets.row_list import RowList
from tests.tui.waiting import screen_text, until

COLUMNS = (Column("NAME", order="name"), Column("SIZE", 6, right=True, order="size"), Column("PLAT", 5, needs=40))
HEIGHT = 11
"""One line of titles, ten of rows."""


class Names:
    """Rows with a name each, which remember who was asked for."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.names)

    def key(self, index: int) -> str:
        return self.names[index]

    def row(self, index: int) -> Row:
        self.asked.append(index)
        return Row((self.names[index], "1 MB", "amd64"))

    def index(self, key: Hashable) -> int | None:
        return self.names.index(key) if key in self.names else None


OWNERS_KEYS = ("left", "right", "enter", "space", "h", "l", "slash", "s", "p", "v", "escape")


class ListApp(App[None]):
    BINDINGS = [Binding(key, f"owner('{key}')") for key in OWNERS_KEYS]  # noqa: RUF012 - Textual's way

    def __init__(self, rows: RowList) -> None:
        super().__init__()
        self.rows = rows
        self.heard: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.rows

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.rows.focus()

    def action_owner(self, key: str) -> None:
        self.heard.append(("key", key))

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        self.heard.append(("moved", event.key))

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        self.heard.append(("opened", event.key))

    def on_row_list_sign_clicked(self, event: RowList.SignClicked) -> None:
        self.heard.append(("sign", event.key))

    def on_row_list_title_clicked(self, event: RowList.TitleClicked) -> None:
        self.heard.append(("title", event.order))

    def on_row_list_scrolled(self, event: RowList.Scrolled) -> None:
        self.heard.append(("scrolled", event.rows.on_screen))


@asynccontextmanager
async def a_list(
    source: Any = None, *, width: int = 60, height: int = HEIGHT, **options: Any
) -> AsyncIterator[tuple[RowList, ListApp, Pilot[None]]]:
    rows = RowList(COLUMNS, **options)
    app = ListApp(rows)
    async with app.run_test(size=(width, height)) as pilot:
        if source is not None:
            rows.show(source)
        await pilot.pause()
        yield rows, app, pilot


def lines(app: App[None]) -> list[str]:
    return screen_text(app).splitlines()


def numbered(count: int) -> Names:
    return Names([f"row-{number}" for number in range(count)])


async def test_keys_move_the_cursor_and_stop_at_both_ends() -> None:
    async with a_list(numbered(100)) as (rows, _, pilot):
        places = []
        keys = ["j", "down", "k", "G", "j", "up", "g", "k", "pagedown", "pageup", "ctrl+d", "ctrl+u", "end", "home"]
        for key in keys:
            await pilot.press(key)
            places.append(rows.cursor)
        assert places == [1, 2, 1, 99, 99, 98, 0, 0, 9, 0, 5, 0, 99, 0]


async def test_keys_of_the_panes_are_left_to_them() -> None:
    async with a_list(numbered(3)) as (rows, app, pilot):
        await pilot.press(*OWNERS_KEYS)
        assert [heard for heard in app.heard if heard[0] == "key"] == [("key", key) for key in OWNERS_KEYS]
        assert rows.cursor == 0


async def test_only_rows_on_the_screen_are_asked_for() -> None:
    source = numbered(100_000)
    async with a_list(source) as (_, app, pilot):
        assert set(source.asked) == set(range(10))
        source.asked.clear()
        await pilot.press("G")
        await until(pilot, lambda: "row-99999" in screen_text(app))
        assert set(source.asked) <= {0, *range(99_990, 100_000)}
        source.asked.clear()
        await pilot.press("k")
        await pilot.pause()
        assert set(source.asked) <= {99_998, 99_999}, "a moved cursor paints two lines"


async def test_the_cursor_stays_on_its_row_and_the_row_on_its_line_whatever_comes_or_goes() -> None:
    source = numbered(300)
    chance = random.Random(7)
    async with a_list(source) as (rows, app, pilot):
        rows.move_to("row-150")
        await pilot.pause()
        for step in range(60):
            kept = rows.cursor_key
            line = rows.cursor - rows.scroll_offset.y
            change = chance.randrange(4)
            if change == 0:
                at = chance.randrange(len(source.names))
                source.names[at:at] = [f"new-{step}-{number}" for number in range(chance.randrange(1, 40))]
            elif change == 1:
                gone = set(chance.sample(source.names, len(source.names) // 10)) - {kept}
                source.names = [name for name in source.names if name not in gone]
            elif change == 2:
                chance.shuffle(source.names)
            else:
                await pilot.press(chance.choice(["j", "k", "ctrl+d", "ctrl+u"]))
                continue
            rows.show(source)
            await pilot.pause()
            assert rows.cursor_key == kept
            assert source.names[rows.cursor] == kept
            assert rows.cursor in rows.on_screen
            top = rows.cursor - line
            if 0 <= top <= len(source) - 10:
                assert rows.scroll_offset.y == top, "the row does not jump under the eye"
            assert str(kept) in lines(app)[1 + rows.cursor - rows.scroll_offset.y]


async def test_rows_that_are_appended_move_nothing() -> None:
    source = numbered(15)
    async with a_list(source) as (rows, app, pilot):
        await pilot.press("j", "j")
        before = [line[:-1] for line in lines(app)[:6]]
        source.names += [f"later-{number}" for number in range(1000)]
        app.heard.clear()
        rows.show(source)
        await pilot.pause()
        assert [line[:-1] for line in lines(app)[:6]] == before
        assert rows.cursor_key == "row-2"
        assert not [heard for heard in app.heard if heard[0] == "moved"]


async def test_a_row_that_is_gone_leaves_the_cursor_where_it_was() -> None:
    source = numbered(20)
    async with a_list(source) as (rows, app, pilot):
        rows.move_to("row-7")
        source.names.remove("row-7")
        rows.show(source)
        await pilot.pause()
        assert rows.cursor_key == "row-8"
        assert ("moved", "row-8") in app.heard
        rows.move_to("row-19")
        source.names = source.names[:3]
        rows.show(source)
        await pilot.pause()
        assert rows.cursor_key == "row-2"
        assert "row-0" in screen_text(app), "a list that became short is shown from its beginning"
        source.names = []
        rows.show(source)
        await pilot.pause()
        assert rows.cursor_key is None
        assert app.heard[-2:].count(("moved", None)) == 1


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    async with a_list(numbered(100)) as (rows, app, pilot):
        for _ in range(5):
            rows.scroll_down(animate=False, immediate=True)
        await until(pilot, lambda: rows.on_screen.start > 0)
        assert rows.cursor == 0
        assert ("scrolled", rows.on_screen) in app.heard
        await pilot.press("j")
        await pilot.pause()
        assert rows.cursor == 1
        assert rows.cursor in rows.on_screen, "a key brings the cursor back"


async def test_clicks_select_open_mark_and_sort() -> None:
    async with a_list(numbered(50)) as (rows, app, pilot):
        await pilot.click(rows, offset=(10, 4))
        assert rows.cursor_key == "row-3"
        app.heard.clear()
        await pilot.click(rows, offset=(10, 6), times=2)
        assert [heard for heard in app.heard if heard[0] == "opened"] == [("opened", "row-5")]
        app.heard.clear()
        await pilot.click(rows, offset=(0, 2))
        assert ("sign", "row-1") in app.heard
        app.heard.clear()
        await pilot.click(rows, offset=(5, 0))
        size_at = lines(app)[0].index("SIZE")
        await pilot.click(rows, offset=(size_at + 1, 0))
        await pilot.click(rows, offset=(lines(app)[0].index("PLAT"), 0))
        assert [heard for heard in app.heard if heard[0] == "title"] == [("title", "name"), ("title", "size")]


async def test_a_click_is_meant_for_the_row_that_was_seen_when_the_button_went_down() -> None:
    names = numbered(50)
    async with a_list(names) as (rows, app, pilot):
        rows.on_mouse_down(MouseDown(*_at(rows, 4)))
        names.names[:0] = ["new-0", "new-1"]
        rows.on_click(Click(*_at(rows, 4)))
        await until(pilot, lambda: ("sign", "row-3") in app.heard)
        assert rows.cursor_key == "row-3"

        app.heard.clear()
        seen = lines(app)[6].split()[0]
        rows.on_mouse_down(MouseDown(*_at(rows, 6)))
        names.names.remove(seen)
        rows.on_click(Click(*_at(rows, 6)))
        await pilot.pause()
        assert "sign" not in {heard[0] for heard in app.heard}, "it is gone: nobody else is meant"


def _at(rows: RowList, y: int) -> tuple[Any, ...]:
    """What a mouse event in the first column of a line is made of."""
    return rows, 0, y, 0, 0, 1, False, False, False


async def test_a_click_below_the_last_row_is_nothing() -> None:
    async with a_list(numbered(2)) as (rows, app, pilot):
        app.heard.clear()
        await pilot.click(rows, offset=(10, 8), times=2)
        assert rows.cursor == 0
        assert app.heard == []


async def test_titles_show_what_the_list_is_sorted_by() -> None:
    async with a_list(numbered(2)) as (rows, app, pilot):
        rows.set_arrow("size", "▼")
        await pilot.pause()
        assert "SIZE▼" in lines(app)[0]
        assert "NAME▼" not in lines(app)[0]


async def test_narrow_lists_drop_columns_and_cut_names_in_their_middle() -> None:
    name = "platform/a-very-long-name-indeed:2.4.1"
    async with a_list(Names([name]), width=60) as (_, app, pilot):
        assert "amd64" in screen_text(app)
        assert name in screen_text(app)
        await pilot.resize_terminal(30, HEIGHT)
        await pilot.pause()
        assert "amd64" not in screen_text(app)
        assert "PLAT" not in screen_text(app)
        row = lines(app)[1]
        assert "platform" in row
        assert "…" in row
        assert ":2.4.1" in row
        assert "1 MB" in row


async def test_wide_characters_keep_columns_below_each_other() -> None:
    from rich.cells import cell_len

    names = ["plain", "日本語のイメージ名前がとても長い場合の例です:最新版の画像", "é́combined"]
    async with a_list(Names(names)) as (_, app, _pilot):
        for line in lines(app)[1:4]:
            assert cell_len(line.rstrip()) == cell_len(lines(app)[1].rstrip())


async def test_an_empty_list_says_what_to_do_instead() -> None:
    async with a_list(width=30) as (rows, app, pilot):
        hint = "a longer line that has to go on below"
        rows.show(numbered(0), empty=[("No engine found.", "bad"), ("", ""), (hint, "dim")])
        await pilot.pause()
        told = [line.strip() for line in lines(app)]
        assert told[1:5] == ["No engine found.", "", "a longer line that has to go", "on below"]
        assert "NAME" not in screen_text(app)
        app.heard.clear()
        await pilot.press("j", "G", "pagedown")
        await pilot.click(rows, offset=(5, 0))
        await pilot.click(rows, offset=(0, 2), times=2)
        assert app.heard == [], "there is nothing to move to, to open or to sort"
        rows.show(numbered(1))
        await pilot.pause()
        assert "row-0" in screen_text(app)
        assert "No engine" not in screen_text(app)


async def test_marks_and_signs_stand_in_front() -> None:
    made = keyed([
        ("a", Row(("one",), sign="=")),
        ("b", Row(("two",), sign="+", is_marked=True)),
        ("c", Row(("three",), sign="?", is_marked=True, mark="-")),
    ])  # fmt: skip
    async with a_list(made) as (_, app, _pilot):
        assert [line[:6] for line in lines(app)[1:4]] == [" = one", "*+ two", "-? thr"]
    async with a_list(made, signs=False, header=False) as (_, app, _pilot):
        assert lines(app)[0].startswith("one")


async def test_a_row_may_have_fewer_cells_than_there_are_columns() -> None:
    async with a_list(keyed([("a", Row(("listing …",), ("dim",)))])) as (_, app, _pilot):
        assert "listing …" in screen_text(app)


async def test_another_theme_is_painted_at_once() -> None:
    async with a_list(numbered(3)) as (rows, app, pilot):
        before = [segment.style for segment in rows.render_line(1)]
        app.theme = LIGHT_THEME
        await pilot.pause()
        assert [segment.style for segment in rows.render_line(1)] != before


async def test_the_cursor_is_told_from_other_rows_without_colour_and_without_focus() -> None:
    async with a_list(numbered(3)) as (rows, app, pilot):
        focused = [segment.style for segment in rows.render_line(1)]
        other = [segment.style for segment in rows.render_line(2)]
        assert focused != other
        app.set_focus(None)
        await pilot.pause()
        blurred = [segment.style for segment in rows.render_line(1)]
        assert blurred not in (focused, other)


async def test_what_is_on_the_screen_is_told_once_for_each_change() -> None:
    source = numbered(100)
    async with a_list(source) as (rows, app, pilot):
        assert ("scrolled", range(10)) in app.heard
        app.heard.clear()
        await pilot.press("j", "k")
        assert not [heard for heard in app.heard if heard[0] == "scrolled"], "the same rows are on the screen"
        await pilot.press("G")
        await until(pilot, lambda: ("scrolled", range(90, 100)) in app.heard)
        await pilot.resize_terminal(60, 6)
        await until(pilot, lambda: rows.on_screen == range(95, 100) and rows.cursor == 99)


async def test_a_list_of_other_things_begins_at_its_top() -> None:
    async with a_list(numbered(100)) as (rows, app, pilot):
        await pilot.press("G")
        rows.clear_cursor()
        rows.show(numbered(100))
        await pilot.pause()
        assert rows.cursor == 0
        assert "row-0" in screen_text(app)


async def test_a_key_is_meant_for_the_rows_that_came_though_the_list_was_not_told_yet() -> None:
    source = Names([])
    async with a_list(source) as (rows, app, pilot):
        source.names[:] = [f"row-{number}" for number in range(20)]
        assert (rows.cursor_key, rows.cursor) == ("row-0", 0)
        source.names += [f"row-{number}" for number in range(20, 100)]
        await pilot.press("G")
        await until(pilot, lambda: "row-99" in screen_text(app))
        assert rows.cursor_key == "row-99"
        source.names[:0] = ["new-0", "new-1"]
        await pilot.press("k")
        assert rows.cursor_key == "row-98"
