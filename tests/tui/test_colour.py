"""Colour is the second signal: every state can be read, and the cursor found, without any."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.color import Color

from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.plain_filter import TABLE
from ocistore_tui.tui.ports import Opening
from ocistore_tui.tui.theme import COLOURLESS_THEME, CONTRAST_THEME, DEFAULT_THEME, LIGHT_THEME, THEMES, theme_for
from ocistore_tui.tui.widgets.row_list import RowList
from tests.fakes.service import FakeService
from tests.fakes.stored import make_image
from tests.fakes.stores import PROD, FakeStores
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

KNOWN = {theme.name for theme in THEMES} | {"ansi-dark", "ansi-light", "nord"}
BY_NAME = {theme.name: theme for theme in THEMES}


def luminance(color: Color) -> float:
    parts = [part / 255 for part in color.rgb]
    red, green, blue = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As WCAG counts it, 1 to 21."""
    low, high = sorted((luminance(Color.parse(one)), luminance(Color.parse(other))))
    return (high + 0.05) / (low + 0.05)


def compared() -> FakeService:
    """One image of each state on the left."""
    service = FakeService()
    same, other = make_image("same"), make_image("other")
    service.add_tag("app", "same", same)
    service.add_tag("app", "differs", other)
    service.add_tag("app", "broken", flaw="manifest 9f1c is missing")
    service.add_local("app:same", same)
    service.add_local("app:differs", make_image("mine"))
    service.add_local("app:only", make_image("only here"))
    return service


def painted(app) -> list[list[tuple[str, object]]]:
    """What the terminal gets, line by line, after every filter."""
    filters = [one for one in app.get_line_filters() if one.enabled]
    lines = []
    for strip in app.screen._compositor.render_strips():
        segments = list(strip)
        for one in filters:
            segments = one.apply(segments, Color(0, 0, 0))
        lines.append([(segment.text, segment.style) for segment in segments])
    return lines


# themes


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize(
    "part", ["text", "text-muted", "text-accent", "text-success", "text-warning", "text-error"]
)  # fmt: skip
def test_every_text_can_be_read_on_every_layer(name: str, part: str) -> None:
    theme = BY_NAME[name]
    for ground in (theme.background, theme.surface, theme.panel):
        assert contrast(theme.variables[part], ground) >= 4.5


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_what_is_off_can_still_be_read_and_the_cursor_stands_out(name: str) -> None:
    theme = BY_NAME[name]
    assert contrast(theme.variables["text-disabled"], theme.background) >= 3
    assert contrast(theme.variables["block-cursor-foreground"], theme.variables["block-cursor-background"]) >= 7
    assert theme.variables["block-cursor-background"] not in (theme.background, theme.surface, theme.panel)


def test_high_contrast_is_what_it_says() -> None:
    theme = BY_NAME[CONTRAST_THEME]
    assert all(
        contrast(theme.variables[part], theme.background) >= 7
        for part in ("text", "text-muted", "text-disabled", "text-accent", "text-success", "text-warning", "text-error")
    )


@pytest.mark.parametrize(
    ("chosen", "no_color", "theme"),
    [
        ("", False, DEFAULT_THEME), ("nord", False, "nord"), ("no-such", False, DEFAULT_THEME),
        ("", True, COLOURLESS_THEME), (LIGHT_THEME, True, COLOURLESS_THEME), ("ansi-light", True, "ansi-light"),
    ],
)  # fmt: skip
def test_the_theme_is_the_chosen_one_unless_no_colour_is_wanted(chosen: str, no_color: bool, theme: str) -> None:
    assert theme_for(chosen, known=KNOWN, no_color=no_color) == theme


@pytest.mark.parametrize("theme", [*sorted(BY_NAME), "ansi-dark", "ansi-light", "nord"])
async def test_every_theme_shows_every_screen(theme: str) -> None:
    async with open_app(service=compared()) as (app, pilot):
        app.theme = theme
        await pilot.press("question_mark", "escape", "colon", "escape", "w", "escape", "c", "escape")
        await until(pilot, lambda: "same" in screen_text(app))


# without colour


async def test_no_color_sends_no_colour_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(service=compared()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        colours = {
            (style.color.name if style.color else "default", style.bgcolor.name if style.bgcolor else "default")
            for line in painted(app)
            for _, style in line
            if style is not None
        }
        assert colours == {("default", "default")}


async def test_without_colour_the_cursor_is_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(service=compared()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        rows = app.main_screen.bucket.rows_list
        assert rows.has_focus
        line = painted(app)[rows.region.y + 1 + rows.cursor]
        reversed_text = "".join(text for text, style in line if style is not None and style.reverse)
        assert "app" in reversed_text


async def test_without_colour_the_palette_shows_what_enter_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(service=compared()) as (app, pilot):
        await pilot.press("colon", "down")
        await pilot.pause()
        rows = app.screen.query_one(RowList)
        line = painted(app)[rows.region.y + rows.cursor]
        assert "".join(text for text, style in line if style is not None and style.reverse).strip()


async def test_states_are_told_by_sign_and_word() -> None:
    async with open_app(service=compared(), size=(140, 36)) as (app, pilot):
        await until(pilot, lambda: "≠ app:differs" in screen_text(app))
        names = ("app:same", "app:differs", "app:only")
        lines = {name: line for line in screen_text(app).splitlines() for name in names if name in line}
        assert "= app:same" in lines["app:same"]
        assert "same" in lines["app:same"].partition("app:same")[2]
        assert "≠ app:differs" in lines["app:differs"]
        assert "differs" in lines["app:differs"].partition("app:differs")[2]
        assert "+ app:only" in lines["app:only"]
        assert "not there" in lines["app:only"]


async def test_the_focus_is_told_by_the_border() -> None:
    async with open_app(service=compared()) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        assert "┏━ 2" in screen_text(app)
        assert "╭─ 1" in screen_text(app)
        await pilot.press("1")
        await until(pilot, lambda: "┏━ 1" in screen_text(app))
        assert "╭─ 2" in screen_text(app)


# poor terminals


@pytest.mark.parametrize("term", ["linux", "vt100"])
async def test_a_poor_terminal_gets_ascii_signs_and_borders(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setenv("TERM", term)
    async with open_app(service=compared()) as (app, pilot):
        await until(pilot, lambda: "# app:differs" in screen_text(app))
        for keys in ((), ("question_mark",), ("colon",), ("c",), ("w",), ("at",)):
            await pilot.press(*keys)
            await until(pilot, lambda: app.desk.is_idle)
            drawn = {letter for letter in screen_text(app) if not letter.isascii()}
            assert drawn == set(), f"{keys}: {sorted(drawn)}"
            await pilot.press("escape")


def test_a_sign_has_the_same_width_in_ascii() -> None:
    assert all(cell_len(chr(code)) == len(plain) == 1 and plain.isascii() for code, plain in TABLE.items())


async def test_a_name_keeps_its_letters_on_a_poor_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    service = FakeService()
    service.add_local("größe-漢字:1")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "größe-漢字:1" in screen_text(app))


async def test_plain_signs_can_be_asked_for() -> None:
    async with open_app(service=compared(), opening=Opening(PROD, ascii=True)) as (app, _):
        assert app.glyphs.is_ascii


def test_a_theme_that_is_asked_for_is_there_from_the_first_moment() -> None:
    assert OcistoreApp(Opening(PROD, theme=LIGHT_THEME), FakeStores()).theme == LIGHT_THEME
