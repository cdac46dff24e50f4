"""``[x]`` and ``(•)``: ticks and choices that are told by their sign, not by colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from ocistore_tui.model.text import inert

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.glyphs import Glyphs

_CSS = """
    $NAME {
        width: auto;
        height: auto;
        &:focus { text-style: bold; background: $surface; color: $text-accent; }
        &:focus:nocolor { text-style: bold reverse; }
    }
"""


class Tick(Static, can_focus=True):
    """``[x]`` or ``[ ]`` with words; Space or a click turns it.

    Args:
        label: What it allows; made inert here.
        is_ticked: How it begins.
    """

    DEFAULT_CSS = _CSS.replace("$NAME", "Tick")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "turn", "Tick", show=False)]

    @dataclass
    class Changed(Message):
        """It was turned by a person."""

        tick: Tick

        @property
        def control(self) -> Tick:
            """The tick."""
            return self.tick

    def __init__(self, label: str, *, id: str | None = None) -> None:
        super().__init__(markup=False, id=id)
        self._label, self._is_ticked = label, False

    def on_mount(self) -> None:
        """Draw with the terminal's signs."""
        self._draw()

    @property
    def is_ticked(self) -> bool:
        """Whether it is ticked."""
        return self._is_ticked

    def set(self, *, is_ticked: bool | None = None, label: str | None = None) -> None:
        """Other words, or another state; nobody is told."""
        self._is_ticked = self._is_ticked if is_ticked is None else is_ticked
        self._label = self._label if label is None else label
        self._draw()

    def action_turn(self) -> None:
        """Tick or untick."""
        self._is_ticked = not self._is_ticked
        self._draw()
        self.post_message(self.Changed(self))

    def on_click(self, event: Click) -> None:
        """A click turns it."""
        event.stop()
        self.action_turn()

    def _draw(self) -> None:
        glyphs = _glyphs(self)
        self.update(Content(f"{glyphs.ticked if self._is_ticked else glyphs.unticked} {inert(self._label)}"))


class OneOf(Static, can_focus=True):
    """``(•) one   ( ) other``: Left and Right, or a click, choose.

    Args:
        labels: From left to right; made inert here.
        chosen: Index of the first choice.
    """

    DEFAULT_CSS = _CSS.replace("$NAME", "OneOf")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "step(1)", "Next", show=False),
        Binding("left", "step(-1)", "Before", show=False),
    ]
    _GAP = "   "

    @dataclass
    class Changed(Message):
        """A person chose another one."""

        one_of: OneOf
        index: int

        @property
        def control(self) -> OneOf:
            """The choices."""
            return self.one_of

    def __init__(self, labels: Sequence[str] = (), chosen: int = 0, *, id: str | None = None) -> None:
        super().__init__(markup=False, id=id)
        self._labels, self._chosen = tuple(inert(label, limit=60) for label in labels), chosen
        self._placed: list[list[tuple[int, str]]] = [[]]
        """What is on each line."""

    def on_mount(self) -> None:
        """Draw with the terminal's signs."""
        self._draw()

    @property
    def chosen(self) -> int:
        """Index of the one that is chosen."""
        return self._chosen

    @property
    def labels(self) -> tuple[str, ...]:
        """What can be chosen."""
        return self._labels

    def set(self, labels: Sequence[str] | None = None, *, chosen: int | None = None) -> None:
        """Other choices, or another one chosen; nobody is told."""
        if labels is not None:
            self._labels = tuple(inert(label, limit=60) for label in labels)
        self._chosen = self._chosen if chosen is None else chosen
        self._draw()

    def action_step(self, by: int) -> None:
        """The next one, round and round."""
        if self._labels:
            self._choose((self._chosen + by) % len(self._labels))

    def on_click(self, event: Click) -> None:
        """A click chooses."""
        event.stop()
        start = 0
        line = self._placed[event.y] if event.y < len(self._placed) else []
        for index, text in line:
            width = Content(text).cell_length
            if start <= event.x < start + width:
                self._choose(index)
            start += width + len(self._GAP)

    def on_resize(self) -> None:
        """Other line ends."""
        self._draw()

    def _choose(self, index: int) -> None:
        if index != self._chosen:
            self._chosen = index
            self._draw()
            self.post_message(self.Changed(self, index))

    def _texts(self) -> list[str]:
        glyphs = _glyphs(self)
        return [
            f"{glyphs.chosen if index == self._chosen else glyphs.unchosen} {label}"
            for index, label in enumerate(self._labels)
        ]

    def _draw(self) -> None:
        room = (self.parent.size.width if isinstance(self.parent, Widget) else 0) or 80
        self._placed = [[]]
        used = 0
        for index, text in enumerate(self._texts()):
            width = Content(text).cell_length
            if used and used + width > room:
                self._placed.append([])
                used = 0
            self._placed[-1].append((index, text))
            used += width + len(self._GAP)
        self.update(Content("\n".join(self._GAP.join(text for _, text in line) for line in self._placed)))


def _glyphs(widget: Static) -> Glyphs:
    return cast("OcistoreApp", widget.app).glyphs
