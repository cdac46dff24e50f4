"""Help is made from the command table and the table of signs, for the screen that asked."""

from __future__ import annotations

import dataclasses

import pytest

from ocistore_tui.model.progress import LayerState
from ocistore_tui.tui.commands import COMMANDS
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.legend import LAYER_WORDS, SIGNS, TRANSFER_SIGNS, legend
from ocistore_tui.tui.reach import reachable
from ocistore_tui.tui.report import redacted, report
from ocistore_tui.tui.screens.help import HelpScreen
from ocistore_tui.tui.widgets.row_list import RowList
from tests.fakes.service import FakeService
from tests.fakes.stores import TellingStores
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

DRAWN = {
    "is_ascii", "layer", "waiting", "bar_full", "bar_half", "bar_empty", "ticked", "unticked", "chosen", "unchosen",
    "ascending", "descending", "cut", "arrow",
}  # fmt: skip
"""Signs that are drawn, or stand beside the word they mean."""


def list_of(app) -> list[tuple[str, ...]]:
    source = app.screen.query_one(RowList).source
    return [source.row(index).cells for index in range(len(source))]


def test_every_sign_has_words() -> None:
    told = {name for name, _ in (*SIGNS, *TRANSFER_SIGNS)}
    assert told | DRAWN == {field.name for field in dataclasses.fields(Glyphs)}
    assert set(LAYER_WORDS) == set(LayerState)


def test_poor_terminals_get_a_legend_they_can_show() -> None:
    for title, signs in legend(Glyphs.plain()):
        assert title.isascii()
        assert all(sign.isascii() and words.isascii() for sign, words in signs)


async def test_the_first_tab_holds_the_keys_of_the_screen_that_asked() -> None:
    async with open_app() as (app, pilot):
        here = [one.command for one in reachable(app.screen)]
        await pilot.press("question_mark")
        labels = {cells[1] for cells in list_of(app) if len(cells) > 2}
        assert {command.where for command in here} == {"app", "pane", "main"}
        assert labels >= {command.label for command in here}


async def test_another_screen_has_other_keys() -> None:
    async with open_app() as (app, pilot):
        await pilot.press("w", "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        labels = {cells[1] for cells in list_of(app) if len(cells) > 2}
        assert "Sooner" in labels
        assert "Tree/flat" not in labels


async def test_a_key_that_is_off_tells_why_with_nothing_cut() -> None:
    async with open_app(size=(80, 24)) as (app, pilot):
        await pilot.press("question_mark")
        app.screen.query_one(RowList).move_to("inside")
        await until(pilot, lambda: "(o)  Inside  not now: looking inside layers comes with a later version" in
                    screen_text(app))  # fmt: skip


async def test_the_second_tab_holds_every_command_there_is() -> None:
    async with open_app() as (app, pilot):
        await pilot.press("question_mark", "2")
        labels = [cells[1] for cells in list_of(app) if len(cells) == 4]
        assert sorted(labels) == sorted(command.label for command in COMMANDS)


async def test_the_third_tab_tells_versions_files_and_what_failed() -> None:
    async with open_app(stores=TellingStores()) as (app, pilot):
        app.log_command("ocistore-tui --no-tui push app:1 prod/app:1", "failed: access denied")
        await pilot.press("question_mark", "3")
        await until(pilot, lambda: "connections.toml" in screen_text(app))
        text = screen_text(app)
        assert "ocistore-tui" in text
        assert "Textual" in text
        assert "failed: access denied" in text


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_the_signs_are_in_reach_at_every_size(size: tuple[int, int]) -> None:
    async with open_app(size=size) as (app, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        beside = app.screen.query_one("#help-signs").display
        assert beside == (size[0] >= 100)
        if beside:
            assert "≠   the same name is another image there" in screen_text(app)
        else:
            assert ("≠", "", "the same name is another image there") in list_of(app)


async def test_enter_leaves_and_does_what_the_row_says() -> None:
    async with open_app() as (app, pilot):
        await pilot.press("question_mark")
        app.screen.query_one(RowList).move_to("log")
        await pilot.press("enter")
        await until(pilot, lambda: "Nothing was done yet" in screen_text(app))


async def test_escape_goes_back_to_where_help_was_asked_for() -> None:
    async with open_app() as (app, pilot):
        before = app.screen
        await pilot.press("question_mark", "l", "l", "h", "escape")
        assert app.screen is before


async def test_the_report_names_nothing_of_yours() -> None:
    service = FakeService("s3://acme-oci/registry")
    async with open_app(service=service, stores=TellingStores()) as (app, pilot):
        app.log_command("ocistore-tui --no-tui push secret-app:1 prod/app:1", "failed: access denied (s3://acme-oci/x)")
        await pilot.press("question_mark", "y")
        await until(pilot, lambda: app.clipboard)
        told = app.clipboard
        assert told == report(app)
        assert "Textual: 8" in told
        assert "failed: access denied" in told
        assert not any(name in told for name in ("acme", "prod", "secret-app", "ada"))
        assert "\n" not in told


def test_paths_references_addresses_and_long_words_are_left_out_of_a_report() -> None:
    words = f"failed at /home/ada/x s3://b/c app:1 me@host {'k' * 40} with 12 bytes"
    assert redacted(words) == "failed at […] […] […] […] […] with 12 bytes"


async def test_keys_of_poor_terminals_are_told_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with open_app() as (app, pilot):
        await pilot.press("question_mark")
        assert all(cell.isascii() for cells in list_of(app) for cell in cells[:1])
