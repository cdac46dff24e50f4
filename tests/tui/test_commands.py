"""One table feeds every place where a key is named; nothing in it can surprise a person or a terminal."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.commands import (
    AREAS,
    COMMANDS,
    MOVES,
    PLACES,
    bindings_of,
    commands_of,
    key_name,
    key_table,
    shown_keys,
)
from ocistore_tui.tui.screens.detail import DetailScreen
from ocistore_tui.tui.screens.main import MainScreen
from ocistore_tui.tui.screens.stores import StoresScreen
from ocistore_tui.tui.screens.transfers import TransfersScreen
from ocistore_tui.tui.widgets.bucket_pane import BucketPane
from ocistore_tui.tui.widgets.local_pane import LocalPane
from ocistore_tui.tui.widgets.row_list import RowList

README = Path(__file__).parents[2] / "README.md"
DOERS = {
    "app": (OcistoreApp,),
    "pane": (LocalPane, BucketPane),
    "main": (MainScreen,),
    "transfers": (TransfersScreen,),
    "detail": (DetailScreen,),
    "stores": (StoresScreen,),
}
TOGETHER = (("app", "pane", "main"), ("app", "transfers"), ("app", "detail"), ("app", "stores"))
"""Places whose keys can be pressed at the same time."""
SAME_IDEA = {
    "x": "takes an entry off a list, never data",
    "R": "runs again what stopped",
    "V": "tries whether it works",
    "n": "something new",
    "enter": "opens the row", "f3": "opens the row",
    "y": "copies the row",
    "p": "to the other side", "f5": "to the other side",
    "H": "the timeline",
    "e": "writes a file",
    "full_stop": "shows what is hidden",
    "h": "to the left", "left": "to the left", "l": "to the right", "right": "to the right",
}  # fmt: skip
"""Keys that several commands share, because they are one idea to whoever presses them."""
NEVER = {
    "delete", "backspace", "ctrl+s", "ctrl+z", "ctrl+i", "ctrl+m", "ctrl+h", "ctrl+j", "ctrl+backslash", "ctrl+a",
    "ctrl+b", "ctrl+space", "ctrl+@", "ctrl+c", "tab", "shift+tab", "escape",
}  # fmt: skip


def keys_of(command_keys: str) -> list[str]:
    return command_keys.split(",")


def test_every_command_has_a_name_of_its_own() -> None:
    ids = [command.id for command in COMMANDS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("places", TOGETHER, ids="+".join)
def test_no_key_does_two_things_at_the_same_time(places: tuple[str, ...]) -> None:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for place in places:
        for command in commands_of(place):
            for key in keys_of(command.keys):
                owners[key].append(command.id)
    assert {key: ids for key, ids in owners.items() if len(ids) > 1} == {}


def test_a_key_means_one_thing_in_the_whole_program() -> None:
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for command in COMMANDS:
        for key in keys_of(command.keys):
            owners[key].add(command.id)
    assert {key for key, ids in owners.items() if len(ids) > 1} == set(SAME_IDEA)


def test_no_command_is_on_a_key_that_edits_text_or_that_terminals_take() -> None:
    assert {key for command in COMMANDS for key in keys_of(command.keys)} & NEVER == set()


def test_no_command_hides_behind_a_key_with_which_lists_are_moved_through() -> None:
    taken = {key for binding in RowList.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")}
    assert {key for command in COMMANDS for key in keys_of(command.keys)} & taken == set()


def test_the_keys_that_are_told_as_those_of_every_list_are_really_theirs() -> None:
    own = {key for binding in RowList.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")}
    told = {key for keys, _ in MOVES for key in keys.split(",")}
    assert told - own == {"tab", "escape"}


def test_keys_of_textual_itself_keep_their_meaning() -> None:
    stock = [*App.BINDINGS, *Screen.BINDINGS]
    defaults = {binding.key: binding.action for binding in stock if isinstance(binding, Binding)}
    ours = {key: command.action for command in COMMANDS for key in keys_of(command.keys)}
    clashes = {key: (action, ours[key]) for key, action in defaults.items() if key in ours}
    assert clashes == {"ctrl+q": ("quit", "quit")}


@pytest.mark.parametrize("command", [one for one in COMMANDS if not one.coming], ids=lambda command: command.id)
def test_every_command_can_be_done_where_it_is_bound(command) -> None:
    for doer in DOERS[command.where]:
        assert callable(getattr(doer, f"action_{command.action}", None)), f"{doer.__name__} lacks {command.action}"


def test_every_command_is_told_in_a_known_area_and_place() -> None:
    assert {command.area for command in COMMANDS} <= set(AREAS)
    assert {command.where for command in COMMANDS} == set(PLACES)
    assert all(command.label and command.help for command in COMMANDS)


def test_a_binding_carries_what_key_maps_and_help_need() -> None:
    (binding,) = [one for one in bindings_of("pane") if isinstance(one, Binding) and one.id == "send"]
    assert (binding.key, binding.action) == ("p,f5", "send")
    assert "other side" in binding.tooltip


def test_keys_are_named_as_people_call_them() -> None:
    named = [key_name(key) for key in ("slash", "f5", "ctrl+d", "p", "shift+down", "enter")]
    assert named == ["/", "F5", "Ctrl+D", "p", "⇧↓", "⏎"]
    assert all(shown_keys(command, is_ascii=True).isascii() for command in COMMANDS)
    assert all(shown_keys(keys, is_ascii=True).isascii() for keys, _ in MOVES)


def test_the_readme_holds_exactly_this_table() -> None:
    begin, end = "<!-- keys: python -m ocistore_tui.tui.commands -->\n", "\n<!-- end of keys -->"
    readme = README.read_text(encoding="utf-8")
    assert begin in readme
    assert readme.partition(begin)[2].partition(end)[0] == key_table()
