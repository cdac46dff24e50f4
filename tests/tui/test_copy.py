"""The copy menu, and the one-line question: what is copied is one harmless line."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.screens.copy import CopyScreen, tag_items
from ocistore_tui.tui.screens.main import MainScreen
from ocistore_tui.tui.screens.prompt import PromptScreen
from ocistore_tui.tui.widgets.buttons import Choice
from ocistore_tui.tui.widgets.choices import OneOf, Tick
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

DIGEST = f"sha256:{'a' * 64}"
ITEMS = [
    ("reference", "team/app:1"),
    ("with its digest", f"team/app@{DIGEST}"),
    ("nothing", ""),
    ("pull command", "oci-store @prod pull team/app:1"),
]


def test_a_tag_is_copied_by_the_same_digits_on_the_list_and_on_its_own_screen() -> None:
    row = TagRow("1", digest=Digest.parse(DIGEST))
    assert tag_items("team/app", row, "oci-store @prod pull team/app:1") == [
        ("reference", "team/app:1"), ("with its digest", f"team/app@{DIGEST}"), ("digest", DIGEST),
        ("pull command", "oci-store @prod pull team/app:1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "copied"),
    [
        (["enter"], "team/app:1"),
        (["down", "enter"], f"team/app@{DIGEST}"),
        (["3"], "oci-store @prod pull team/app:1"),
        (["j", "j", "k", "enter"], f"team/app@{DIGEST}"),
    ],
)
async def test_a_digit_or_enter_copies_one_and_leaves(keys: list[str], copied: str) -> None:
    async with open_app() as (app, pilot):
        app.push_screen(CopyScreen(ITEMS))
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        assert "nothing" not in screen_text(app)
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.clipboard == copied


@pytest.mark.parametrize("key", ["escape", "y", "4"])
async def test_other_keys_copy_nothing(key: str) -> None:
    async with open_app() as (app, pilot):
        app.push_screen(CopyScreen(ITEMS))
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        await pilot.press(key)
        await pilot.pause()
        assert app.clipboard == ""
        assert isinstance(app.screen, CopyScreen if key == "4" else MainScreen)


async def test_a_click_on_cancel_leaves_and_two_on_a_row_copy() -> None:
    async with open_app() as (app, pilot):
        app.push_screen(CopyScreen(ITEMS))
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        await pilot.click("RowList", offset=(8, 1), times=2)
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.clipboard == f"team/app@{DIGEST}"
        app.push_screen(CopyScreen([]))
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        await pilot.press("enter")
        await pilot.click("#cancel")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_what_is_shown_and_copied_is_inert_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OcistoreApp, "get_line_filters", lambda _: [])
    evil = "x\nrm -rf ~\r\x1b]0;title\x07\x9b\u202e[b]y[/b]"
    async with open_app() as (app, pilot):
        app.push_screen(CopyScreen([(f"label {evil}", evil)]))
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        assert all(sign.isprintable() or sign == "\n" for sign in screen_text(app))
        await pilot.press("1")
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard.isprintable()
        assert app.clipboard.startswith("x�rm -rf ~�")


# the question


async def test_a_question_is_answered_with_enter() -> None:
    answers: list[str | None] = []
    async with open_app() as (app, pilot):
        app.push_screen(PromptScreen("Mark by pattern", value="a*"), answers.append)
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        assert "Mark by pattern" in screen_text(app)
        await pilot.press("b", "enter")
        await until(pilot, lambda: answers)
        assert answers == ["a*b"]


async def test_a_question_is_left_with_esc() -> None:
    answers: list[str | None] = []
    async with open_app() as (app, pilot):
        app.push_screen(PromptScreen("Folder"), answers.append)
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        await pilot.press("x", "escape")
        await until(pilot, lambda: answers)
        assert answers == [None]


# ticks and choices


async def test_a_tick_is_told_by_its_sign_and_turned_by_space_or_mouse() -> None:
    async with open_app() as (app, pilot):
        tick = Tick("move tag")
        await app.screen.mount(tick)
        tick.focus()
        await until(pilot, lambda: tick.has_focus)
        assert str(tick.content) == "[ ] move tag"
        await pilot.press("space")
        assert str(tick.content) == "[x] move tag"
        tick.action_turn()
        assert not tick.is_ticked


async def test_one_of_several_is_chosen_and_what_does_not_fit_goes_below() -> None:
    async with open_app(size=(60, 24)) as (app, pilot):
        one_of = OneOf([f"linux/arch{number}" for number in range(6)])
        await app.screen.mount(one_of)
        one_of.focus()
        await until(pilot, lambda: one_of.has_focus and one_of.size.height > 1)
        assert str(one_of.content).startswith("(•) linux/arch0   ( ) linux/arch1")
        await pilot.press("left")
        assert one_of.chosen == 5
        await pilot.press("right", "right")
        assert one_of.chosen == 1
        x = str(one_of.content).split("\n")[1].index("linux/arch4")
        await pilot.click(one_of, offset=(x, 1))
        assert one_of.chosen == 4


async def test_a_choice_says_its_key_and_is_dim_when_it_cannot_be() -> None:
    async with open_app() as (app, pilot):
        choice = Choice("Push ~92 MB", "Enter", is_main=True)
        await app.screen.mount(choice)
        await pilot.pause()
        assert str(choice.content) == "Push ~92 MB (Enter)"
        choice.set_label("Checking [b]x[/b]\x1b", is_dim=True)
        assert str(choice.content) == "Checking [b]x[/b]� (Enter)"
        assert choice.has_class("-dim")


async def test_ctrl_c_in_a_field_copies_inert_text_too() -> None:
    async with open_app() as (app, pilot):
        app.push_screen(PromptScreen("name"))
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        field = app.screen.query_one(Input)
        field.value = "app\x1b]52;c;eA\x07\u202e:1"
        field.select_all()

        await pilot.press("ctrl+c")

        await until(pilot, lambda: app.clipboard)
        assert app.clipboard == "app�]52;c;eA��:1"


async def test_what_is_selected_over_several_lines_keeps_them() -> None:
    async with open_app() as (app, _):
        app.copy_to_clipboard(f"first\r\nsecond\x1b[2J\n{'x' * 2000}\rthird")
        assert app.clipboard == f"first\nsecond�[2J\n{'x' * 2000}�third"
