"""Ways to show something: every place of the program where text from outside can appear. A new screen adds its own.

A scene begins on the main screen of a store full of hostile names, and may leave any screen open.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.text import inert
from ocistore_tui.tui.inert_filter import InertFilter
from tests.tui.hostile_store import PLACE, STORE, error
from tests.tui.hostile_strings import EVERYTHING, STRINGS
from tests.tui.waiting import until

FEW = (EVERYTHING, STRINGS["long-osc"], STRINGS["lines"])
"""Where every string goes the same way."""
Scene = Callable[[Pilot[Any]], Awaitable[None]]
SCENES: dict[str, Scene] = {}


def scene(show: Scene) -> Scene:
    SCENES[show.__name__] = show
    return show


# moving about


async def press(pilot: Pilot[Any], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(pilot)


async def settle(pilot: Pilot[Any]) -> None:
    """Until nothing is asked any more and all is painted."""
    await until(pilot, lambda: pilot.app.desk.is_idle or pilot.app.stores.service.waiting("push"))
    await pilot.pause()


async def paste(pilot: Pilot[Any], text: str = EVERYTHING) -> None:
    """Into the field with the focus, as a terminal does it."""
    focused = pilot.app.focused
    assert isinstance(focused, Input), f"the focus is on {focused}"
    focused.post_message(events.Paste(text if is_filtered(pilot) else inert(text)))
    await settle(pilot)
    fill(pilot, focused, text)  # what a paste keeps of it is less than what a program may put there
    await settle(pilot)


def fill(pilot: Pilot[Any], field: Input, text: str) -> None:
    """What a person types is not from outside: only the second lock is there for it."""
    field.value = text if is_filtered(pilot) else inert(text)


def is_filtered(pilot: Pilot[Any]) -> bool:
    return any(isinstance(one, InertFilter) for one in pilot.app.get_line_filters())


async def resize(pilot: Pilot[Any], width: int, height: int) -> None:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    os.kill(os.getpid(), signal.SIGWINCH)
    await until(pilot, lambda: tuple(pilot.app.size) == (width, height))
    await settle(pilot)


# the main screen


@scene
async def repositories_and_tags(pilot: Pilot[Any]) -> None:
    await press(pilot, "2", "g", *["j"] * 12, "pagedown", "G", *["k"] * 12, "t", "g", "G", "t", "full_stop", "s", "s")


@scene
async def local_images(pilot: Pilot[Any]) -> None:
    await press(pilot, "1", "g", *["j"] * (len(STRINGS) + 4), "g", "asterisk", "v", "escape")


@scene
async def marks_and_the_sum_of_them(pilot: Pilot[Any]) -> None:
    await press(pilot, "2", "asterisk", "1", "asterisk", "z", "z", "escape", "2", "escape")


@scene
async def narrow_short_and_wide(pilot: Pilot[Any]) -> None:
    for size in ((80, 24), (50, 10), (200, 50), (120, 36)):
        await resize(pilot, *size)
        await press(pilot, "1", "i", "2", "i")


@scene
async def what_a_pane_says_when_it_cannot_list(pilot: Pilot[Any]) -> None:
    service = pilot.app.stores.service
    methods = ("repositories", "local_images", "tag_stubs", "summary", "describe_tags")
    for method in methods:
        service.fail(method, error())
    try:
        await press(pilot, "r", "2", "g", "l", "j", "1")
        pilot.app.open_store(STORE)
        await settle(pilot)
        await press(pilot, "1", "2")
    finally:
        for method in methods:
            service.heal(method)
    pilot.app.open_store(STORE)
    await settle(pilot)


@scene
async def the_filter_line(pilot: Pilot[Any]) -> None:
    for text in (EVERYTHING, "/[" + STRINGS["osc52"], "size>" + STRINGS["csi"]):
        await press(pilot, "2", "slash")
        await paste(pilot, text)
        await press(pilot, "enter")
        await press(pilot, "escape", "escape")


@scene
async def mark_by_pattern(pilot: Pilot[Any]) -> None:
    await press(pilot, "2", "plus")
    await paste(pilot)
    await press(pilot, "enter")


# toasts, log, help, palette, menus


@scene
async def toasts(pilot: Pilot[Any]) -> None:
    for text in (*STRINGS.values(), EVERYTHING):
        pilot.app.say(text, kind="error", fix=text)
        await pilot.pause()
        pilot.app.clear_notifications()


@scene
async def the_command_log(pilot: Pilot[Any]) -> None:
    for text in (*STRINGS.values(), EVERYTHING):
        pilot.app.log_command(text, f"failed: {text}")
    await press(pilot, "at", "g", "j", "j", "G")


@scene
async def help_with_the_last_errors(pilot: Pilot[Any]) -> None:
    pilot.app.log_command(EVERYTHING, f"failed: {EVERYTHING}")
    await press(pilot, "question_mark", "3", "G", "2", "1")


@scene
async def the_palette(pilot: Pilot[Any]) -> None:
    await press(pilot, "colon")
    for text in ("a", "s3", *FEW, f"s3://{EVERYTHING}"):
        await paste(pilot, text)


@scene
async def the_copy_menu(pilot: Pilot[Any]) -> None:
    rows = pilot.app.main_screen.bucket.rows_list
    await press(pilot, "2")
    for text in FEW:
        rows.move_to(("tags", text))
        await press(pilot, "y", "j", "escape")
    await press(pilot, "1", "g", "y", "escape")


@scene
async def what_is_copied(pilot: Pilot[Any]) -> None:
    app = pilot.app
    rows = app.main_screen.bucket.rows_list
    await press(pilot, "2")
    for text in FEW:
        rows.move_to(("tags", text))
        await press(pilot, "y", "1")
    for text in STRINGS.values():
        app.copy(text, text)
    app.log_command(EVERYTHING, EVERYTHING)
    await press(pilot, "at", "y", "escape", "question_mark", "y", "escape")


@scene
async def a_selection_that_is_copied(pilot: Pilot[Any]) -> None:
    app = pilot.app
    app.clear_notifications()
    app.main_screen.bucket.rows_list.move_to(("app", "2"))
    await settle(pilot)
    app.screen.text_select_all()
    await press(pilot, "ctrl+c")


# plans and transfers


@scene
async def plans(pilot: Pilot[Any]) -> None:
    app = pilot.app
    target = Reference("new", "1")
    app.send([PushRequest(target, image=EVERYTHING)])
    await settle(pilot)
    await press(pilot, "escape")
    for requests in (
        [PushRequest(target, image=text) for text in STRINGS.values()],
        [PullRequest(Reference("app", "1"), image=EVERYTHING)],
    ):
        app.send(requests)
        await settle(pilot)
        await press(pilot, "escape")
    app.stores.service.fail("plan_push", error())
    try:
        app.send([PushRequest(target, image=EVERYTHING)])
        await settle(pilot)
    finally:
        app.stores.service.heal("plan_push")


@scene
async def transfers_the_dock_and_leaving(pilot: Pilot[Any]) -> None:
    app, service = pilot.app, pilot.app.stores.service
    service.hold("push")
    target = Reference("sent", "1")
    started = app.runner.start(app.session, [PushRequest(target, image=EVERYTHING)])
    try:
        await until(pilot, lambda: service.waiting("push"))
        service.moves[str(target)].show(10, stage=EVERYTHING)
        await settle(pilot)
        await press(pilot, "w", "j", "enter", "escape", "q")
        await press(pilot, "escape")
        service.fail("push", error())
    finally:
        service.release("push")
    await until(pilot, lambda: not started[0].state.is_unfinished)
    service.heal("push")
    await press(pilot, "w", "j", "enter", "at", "escape", "y", "C")


# one tag


@scene
async def everything_about_one_tag(pilot: Pilot[Any]) -> None:
    from ocistore_tui.tui.screens.detail import DetailScreen

    app = pilot.app
    app.push_screen(DetailScreen(app.session, Reference("app", "1"), app.stores.service.rows["app"]["1"]))
    await settle(pilot)
    for _ in range(8):
        await press(pilot, "right_square_bracket", "G", "enter", "escape", "g")
        if not isinstance(app.screen, DetailScreen):
            return
    for tab in ("manifest", "config"):
        app.push_screen(DetailScreen(app.session, Reference("app", "1"), None, tab=tab))
        await settle(pilot)
        for _ in range(3):
            await press(pilot, "full_stop", "j", "enter", "escape")
        await press(pilot, "escape")


@scene
async def a_tag_that_cannot_be_read(pilot: Pilot[Any]) -> None:
    from ocistore_tui.tui.screens.detail import DetailScreen

    app, service = pilot.app, pilot.app.stores.service
    for method in (methods := ("inspect", "timeline", "attachments", "read_document")):
        service.fail(method, error())
    try:
        app.push_screen(DetailScreen(app.session, Reference("app", "1"), None))
        await settle(pilot)
        await press(pilot, *["right_square_bracket"] * 8)
    finally:
        for method in methods:
            service.heal(method)


@scene
async def a_long_value(pilot: Pilot[Any]) -> None:
    from ocistore_tui.tui.screens.value import ValueScreen

    pilot.app.push_screen(ValueScreen(inert(EVERYTHING), inert(EVERYTHING)))
    await settle(pilot)


# stores and sources


@scene
async def the_stores(pilot: Pilot[Any]) -> None:
    await press(pilot, "c", "g", *["j"] * 6, "G", *["k"] * 6, "g", "V", "x", "y")


@scene
async def the_stores_when_the_file_is_wrong(pilot: Pilot[Any]) -> None:
    stores = pilot.app.stores
    stores.fail("saved", error())
    stores.fail("found", error())
    await press(pilot, "c")
    stores.heal("saved")
    stores.heal("found")


@scene
async def the_editor_of_a_store(pilot: Pilot[Any]) -> None:
    from ocistore_tui.tui.screens.store_editor import StoreEditorScreen

    pilot.app.push_screen(StoreEditorScreen(STORE))
    await settle(pilot)
    for field in pilot.app.screen.query(Input):
        fill(pilot, field, EVERYTHING)
    await settle(pilot)


@scene
async def where_the_left_side_comes_from(pilot: Pilot[Any]) -> None:
    await press(pilot, "1", "f4", "j", "j", "enter")
    pilot.app.set_place(PLACE)
    await settle(pilot)


# widgets by themselves, with nothing made inert before them


@scene
async def buttons_ticks_choices_and_prompts(pilot: Pilot[Any]) -> None:
    from ocistore_tui.tui.screens.prompt import PromptScreen
    from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice
    from ocistore_tui.tui.widgets.choices import OneOf, Tick

    class Widgets(Screen[None]):
        def compose(self):
            yield Tick(EVERYTHING)
            yield OneOf(tuple(STRINGS.values()))
            yield ButtonRow([Choice(EVERYTHING, "Enter"), Choice(STRINGS["osc52"])])

    pilot.app.push_screen(Widgets())
    await settle(pilot)
    pilot.app.pop_screen()
    pilot.app.push_screen(PromptScreen(EVERYTHING, value=EVERYTHING, placeholder=STRINGS["osc0"], act=EVERYTHING))
    await press(pilot, "enter")


@scene
async def live_labels_of_the_key_bar(pilot: Pilot[Any]) -> None:
    from ocistore_tui.tui.widgets.key_bar import KeyBar

    screen = pilot.app.screen
    before = screen.bar_label
    screen.bar_label = lambda _: STRINGS["osc-st"]
    try:
        screen.query_one(KeyBar).refresh()
        await settle(pilot)
    finally:
        screen.bar_label = before


async def stock_widgets(pilot: Pilot[Any]) -> None:
    from textual.content import Content
    from textual.widgets import Label, Static

    from ocistore_tui.tui.rows.row import Column, Row, keyed
    from ocistore_tui.tui.widgets.row_list import RowList

    class Stock(Screen[None]):
        def compose(self):
            yield Static(EVERYTHING, markup=False)
            yield Label(Content(STRINGS["c1"]))
            framed = Static(STRINGS["lines"], markup=False)
            framed.styles.border = ("round", "red")
            framed.border_title = Content(STRINGS["osc52"])
            framed.border_subtitle = Content(STRINGS["osc0"])
            yield framed
            yield Input(EVERYTHING, placeholder=EVERYTHING)
            yield RowList((Column(STRINGS["osc0"]), Column("B")))

    pilot.app.push_screen(Stock())
    await pilot.pause()
    rows = [(text, Row((text, EVERYTHING), sign="\x1b", mark="\x07", is_marked=True)) for text in STRINGS.values()]
    pilot.app.screen.query_one(RowList).show(keyed(rows), empty=((EVERYTHING, ""),))
    pilot.app.notify(EVERYTHING, title=STRINGS["osc52"], markup=False)
    await settle(pilot)
    pilot.app.clear_notifications()


UNLOCKED: dict[str, Scene] = {"stock_widgets": stock_widgets}
"""Scenes that put raw text into stock widgets: only the second lock is there to hold them."""
