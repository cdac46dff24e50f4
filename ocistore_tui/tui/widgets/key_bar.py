"""The last line of every screen: keys that do something here. What does not fit is cut with a sign, ``?`` is first.

A key that cannot work now keeps its place in brackets, ``o (Inside)``, as long as that takes no room from one that
works; pressed or clicked, it says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.events import Click, MouseMove
from textual.reactive import reactive
from textual.widget import Widget

from ocistore_tui.model.text import inert
from ocistore_tui.tui.commands import BY_ID, Command, commands_of, key_name
from ocistore_tui.tui.reach import keys_of

if TYPE_CHECKING:
    from textual.screen import Screen

    from ocistore_tui.tui.app import OcistoreApp

_GAP = 2


@dataclass(frozen=True, slots=True)
class BarItem:
    """One key with its word."""

    key: str
    """As bindings write it: ``question_mark``."""
    label: str
    reason: str = ""
    """Why it cannot work now; empty when it can."""
    action: str = ""
    """What a click does, also while a text field takes the key for itself."""


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item on the line."""

    item: BarItem
    start: int
    end: int
    shown_key: str
    shown_label: str


class KeyBar(Widget):
    """One line of keys; each can be clicked."""

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
        width: 100%;
        background: $surface;
        color: $text-muted;
    }
    """
    ALLOW_SELECT = False
    HOVER_STYLE: ClassVar[str] = "underline"
    app: OcistoreApp
    hovered: reactive[int] = reactive(-1)

    def __init__(self) -> None:
        super().__init__()
        self._placed: tuple[PlacedItem, ...] = ()

    def on_mount(self) -> None:
        """Other widgets have other keys: draw anew when the focus moves."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _: object) -> None:
        if self.is_attached and self.screen is self.app.screen:
            self.refresh()

    def render(self) -> Content:
        """The line, for the width there is."""
        glyphs = self.app.glyphs
        items = tuple(bar_items(self.screen))
        self._placed, is_cut = place(items, self.size.width, is_ascii=glyphs.is_ascii)
        parts: list[tuple[str, str]] = []
        end = 0
        for number, placed in enumerate(self._placed):
            hover = f" {self.HOVER_STYLE}" if number == self.hovered else ""
            off = bool(placed.item.reason)
            parts.append((" " * (placed.start - end), ""))
            parts.append((placed.shown_key, ("$text-disabled" if off else "bold $text-accent") + hover))
            parts.append((f" {placed.shown_label}", ("$text-disabled" if off else "$text-muted") + hover))
            end = placed.end
        if is_cut:
            parts += [(" " * max(0, min(_GAP, self.size.width - end - 1)), ""), (glyphs.cut, "bold $text-accent")]
        return Content.assemble(*parts)

    def _at(self, x: int) -> int:
        for number, placed in enumerate(self._placed):
            if placed.start <= x < placed.end:
                return number
        return -1

    def on_mouse_move(self, event: MouseMove) -> None:
        """Underline what a click would do."""
        self.hovered = self._at(event.x)

    def on_leave(self) -> None:
        """Nothing is under the mouse."""
        self.hovered = -1

    async def on_click(self, event: Click) -> None:
        """A click does what the key does; on the sign for what was cut, it shows all keys."""
        event.stop()
        number = self._at(event.x)
        if number < 0:
            if self._placed and event.x > self._placed[-1].end:
                await self.app.run_action("help")
            return
        await self._do(self._placed[number].item.action)

    async def _do(self, action: str) -> None:
        """Run an action where its key would: the nearest to the focus that knows it."""
        name = f"action_{action.partition('(')[0].removeprefix('app.')}"
        focused = self.screen.focused
        for node in (*(focused.ancestors_with_self if focused is not None else (self.screen,)), self.app):
            if hasattr(node, name):
                await self.app.run_action(action, node)
                return


def bar_items(screen: Screen[object]) -> Iterator[BarItem]:
    """The keys of a screen: help, then those of its places, its own bindings, those of the whole program.

    A screen tells its places in ``bar_places``; ``bar_label(command)`` gives live labels and ``bar_dim(command)`` the
    reason why a key cannot work now.
    """
    places: Sequence[str] = getattr(screen, "bar_places", ("app",))
    commands = [command for place in places for command in commands_of(place) if command.in_bar]
    own = [command for command in commands if command.where != "app"]
    shared = [command for command in commands if command.where == "app" and command.id != "help"]
    done = {command.id for command in commands}
    if "app" in places:
        yield _item(screen, BY_ID["help"])
    yield from (_item(screen, command) for command in own)
    for binding in sorted(_own_bindings(screen), key=lambda binding: binding.key.partition(",")[0] == "escape"):
        if binding.id in BY_ID and binding.id not in done:
            yield _item(screen, BY_ID[binding.id or ""])
        elif binding.id not in BY_ID:
            yield BarItem(binding.key.partition(",")[0], binding.description, action=binding.action)
    yield from (_item(screen, command) for command in shared)


def _own_bindings(screen: Screen[object]) -> list[Binding]:
    """Bindings of the screen's class that are to be shown, one for each action."""
    found: dict[str, Binding] = {}
    for entry in type(screen).BINDINGS:
        if isinstance(entry, Binding) and entry.show and entry.description:
            found.setdefault(entry.action, entry)
    return list(found.values())


def _item(screen: Screen[object], command: Command) -> BarItem:
    label = getattr(screen, "bar_label", lambda _: None)(command)
    reason = getattr(screen, "bar_dim", lambda command: command.coming)(command)
    keys = keys_of(command, screen)
    return BarItem(keys.partition(",")[0], inert(label or command.label, limit=40), reason, command.action)


def place(items: Sequence[BarItem], width: int, *, is_ascii: bool = False) -> tuple[tuple[PlacedItem, ...], bool]:
    """Put items on a line, whole or not at all; where there is no room for all, keys that are off go first.

    Args:
        items: From left to right.
        width: Columns there are.
        is_ascii: Whether keys are named in ASCII.

    Returns:
        What fits, and whether something was left out (then there is room for a sign at the end).
    """
    placed = _from_left(items, width, is_ascii=is_ascii)
    if len(placed) == len(items):
        return placed, False
    left = list(items)
    for item in [item for item in reversed(items) if item.reason]:
        left.remove(item)
        if len(_from_left(left, width - _GAP, is_ascii=is_ascii)) == len(left):
            break
    return _from_left(left, width - _GAP, is_ascii=is_ascii), True


def _from_left(items: Sequence[BarItem], width: int, *, is_ascii: bool) -> tuple[PlacedItem, ...]:
    placed: list[PlacedItem] = []
    start = 1
    for item in items:
        key = key_name(item.key, is_ascii=is_ascii)
        label = f"({item.label})" if item.reason else item.label
        end = start + cell_len(key) + 1 + cell_len(label)
        if end > width:
            break
        placed.append(PlacedItem(item, start, end, key, label))
        start = end + _GAP
    return tuple(placed)
