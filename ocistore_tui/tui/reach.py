"""Which commands a screen has now, with the key, the place the command runs at, and why it cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.dom import DOMNode

from ocistore_tui.tui.commands import AREAS, BY_ID, COMMANDS, Command

if TYPE_CHECKING:
    from textual.screen import Screen

    from ocistore_tui.tui.app import OcistoreApp


@dataclass(frozen=True, slots=True)
class Reachable:
    """One command that has a key on a screen."""

    command: Command
    keys: str
    """Comma-separated, as a key map may have changed them."""
    node: DOMNode
    """Where its action runs."""
    reason: str = ""
    """Why it cannot work now; empty when it can."""


def reachable(screen: Screen[object]) -> list[Reachable]:
    """The commands of a screen by area, in the order of the table. Fields that hold the focus take no key away."""
    found: dict[str, DOMNode] = {}
    for node in _nodes(screen):
        for bindings in node._bindings.key_to_bindings.values():  # noqa: SLF001 - active_bindings lacks typed keys
            for binding in bindings:
                if binding.id in BY_ID:
                    found.setdefault(binding.id or "", node)
    dim = getattr(screen, "bar_dim", lambda command: command.coming)
    order = list(AREAS)
    wanted = sorted((command for command in COMMANDS if command.id in found), key=lambda one: order.index(one.area))
    return [Reachable(command, keys_of(command, screen), found[command.id], dim(command)) for command in wanted]


def keys_of(command: Command, screen: Screen[object]) -> str:
    """The keys of a command, comma-separated, as a key map may have changed them."""
    return screen.app._keymap.get(command.id) or command.keys  # noqa: SLF001 - what `set_keymap` was given


def _nodes(screen: Screen[object]) -> Iterator[DOMNode]:
    """From the focus outwards to the app; a modal screen ends the way."""
    focused = screen.focused
    for node in focused.ancestors_with_self if focused is not None else (screen, screen.app):
        yield node
        if node.is_modal:
            return


def below(app: OcistoreApp) -> Screen[object]:
    """The screen under the one that asks."""
    stack = app.screen_stack
    return stack[-2] if len(stack) > 1 else stack[-1]
