"""What both lists have in common: title, filter, order, marks, and the keys for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.getters import query_one
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from ocistore_tui.model.text import inert
from ocistore_tui.tui.commands import bindings_of
from ocistore_tui.tui.format import count
from ocistore_tui.tui.pane_words import SLOW_S
from ocistore_tui.tui.rows.filter import Filter
from ocistore_tui.tui.rows.marks import Marks
from ocistore_tui.tui.rows.order import Order
from ocistore_tui.tui.rows.row import Column, RowSource
from ocistore_tui.tui.widgets.filter_line import FilterLine
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.commands import Command

_REPAINT_S = 0.1
"""Rows that stream in are painted at most ten times a second …"""
_REPAINT_SLOW_S = 0.5
"""… and twice a second over a slow line."""
_SHARE = 4
"""At least so many times as long as it takes to paint passes until the next time."""
_NOW = object()


class ListModel(RowSource, Protocol):
    """What a pane shows."""

    filter: Filter
    order: Order

    @property
    def marks(self) -> Marks[Any]:
        """What is marked."""

    def rebuild(self) -> None:
        """Filter and sort anew."""

    def shown_keys(self) -> Sequence[Hashable]:
        """What can be marked among the rows on the list."""

    def name(self, key: Any) -> str:
        """A row's name, for marking by pattern."""

    @property
    def hidden_marks(self) -> int:
        """Marked rows that are not on the list."""


class Pane(Vertical):
    """One side.

    Args:
        columns: Of the list.
        orders: What the list can be sorted by; the first is the usual one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("pane"), Binding("escape", "step_back", "Back", show=False)]
    app: OcistoreApp

    rows_list = query_one("RowList", RowList)
    filter_line = query_one("FilterLine", FilterLine)

    @dataclass
    class Changed(Message):
        """What the pane shows changed."""

        pane: Pane
        concerns_other: bool = False
        """Whether the other side's signs may differ now."""

    @dataclass
    class CursorMoved(Message):
        """The cursor is on another row."""

        pane: Pane

    def __init__(self, columns: Sequence[Column], orders: Sequence[str]) -> None:
        super().__init__()
        self._columns = columns
        self._orders = tuple(orders)
        self._timer: Timer | object | None = None
        """What will paint; None: nothing is to be painted."""
        self._painted = self._cost_s = 0.0
        self._late: Timer | None = None
        """Tells that an answer is late."""
        self._concerns_other = False
        self._titles: tuple[Content, Content] | None = None
        self.model: ListModel

    def compose(self) -> ComposeResult:
        """The filter line above the list."""
        yield FilterLine()
        yield RowList(self._columns)

    # to be told by each side

    @property
    def short_title(self) -> str:
        """For the tabs of narrow terminals."""
        raise NotImplementedError

    def title(self) -> Content:
        """For the upper edge."""
        raise NotImplementedError

    def empty_lines(self) -> list[tuple[str, str]]:
        """What is said where there are no rows: text and style."""
        raise NotImplementedError

    def subject(self) -> object:
        """What the cursor is on, for the inspector."""
        raise NotImplementedError

    def summary(self) -> str:
        """Of the marks, for the lower edge."""
        return ""

    def marked(self) -> int:
        """How much is marked."""
        return len(self.model.marks)

    @property
    def asked_at(self) -> float | None:
        """Since when a listing is waited for, seconds since 1970; None: it is not."""
        raise NotImplementedError

    def trouble(self) -> str:
        """Why what is shown may not be true any more, for the lower edge; empty: it is."""
        return ""

    # painting

    def changed(self, *, concerns_other: bool = True) -> None:
        """Something is new: paint at once, or, when that was done a moment ago, together with what comes until then."""
        self._concerns_other = self._concerns_other or concerns_other
        if self._timer is None and self.is_mounted:
            apart_s = _REPAINT_SLOW_S if self.app.opening.slow else _REPAINT_S
            apart_s = max(apart_s, self._cost_s * _SHARE)  # a list that is costly to paint leaves time for keys
            delay_s = max(0.0, self._painted + apart_s - time.monotonic())
            self._timer = self.set_timer(delay_s, self._repaint) if delay_s else _NOW
            if not delay_s:
                self.call_later(self._repaint)

    def _repaint(self) -> None:
        if not self.has_list:
            return
        begun = time.monotonic()
        concerns, self._concerns_other = self._concerns_other, False
        self.redraw()
        self._timer, self._painted = None, time.monotonic()
        self._cost_s = self._painted - begun
        self.post_message(self.Changed(self, concerns_other=concerns))

    @property
    def has_list(self) -> bool:
        """False while the pane is taken apart, as when another store is opened: an answer may still come then."""
        return bool(self.query(RowList))

    def redraw(self) -> None:
        """Show the model as it is now."""
        if not self.has_list:
            return
        self.rows_list.show(self.model, empty=self.empty_lines())
        glyphs = self.app.glyphs
        self.rows_list.set_arrow(
            self.model.order.by, glyphs.ascending if self.model.order.reverse else glyphs.descending
        )
        titles = (self.title(), Content(self.edge() or self.model.order.words))
        if titles != self._titles:  # each of them paints the whole pane again
            self._titles = self.border_title, self.border_subtitle = titles
        self._watch_the_clock()
        self.look()

    @on(RowList.Scrolled)
    def _scrolled(self) -> None:
        self.look()

    def look(self) -> None:
        """Look up what is missing of the rows on the screen."""
        raise NotImplementedError

    def _watch_the_clock(self) -> None:
        if self.asked_at is None and self._late is not None:
            self._late.stop()
            self._late = None
        elif self.asked_at is not None and self._late is None:
            self._late = self.set_timer(SLOW_S, self._is_late)

    def _is_late(self) -> None:
        self._late = None
        self.changed(concerns_other=False)

    def edge(self) -> str:
        """What is filtered and marked, and what is wrong; empty when there is nothing to say."""
        parts = [self.trouble()]
        if self.model.filter.error:
            parts.append(self.model.filter.error)
        elif self.model.filter:
            parts.append(f'filter "{inert(self.model.filter.text, limit=40)}" {count(len(self.model))} shown')
        if len(self.model.marks):
            hidden = self.model.hidden_marks
            parts.append(f"{count(self.marked())} marked" + (f", {hidden} hidden" if hidden else ""))
            parts.append(self.summary())
        return " · ".join(part for part in parts if part)

    # filter

    def action_filter(self) -> None:
        """Type a filter."""
        self.filter_line.display = True
        self.filter_line.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.model.filter = Filter(event.value)
        self.filter_line.set_class(bool(self.model.filter.error), "-bad")
        self.model.rebuild()
        self.redraw()
        self.filtered()
        self.post_message(self.Changed(self))

    def filtered(self) -> None:
        """The filter changed."""

    @on(FilterLine.Ended)
    def _filter_ended(self, event: FilterLine.Ended) -> None:
        self.filter_line.display = bool(self.filter_line.value) and event.is_kept
        self.rows_list.focus()
        self.redraw()

    def action_step_back(self) -> None:
        """One step back: the filter, then the marks."""
        if self.model.filter:
            self.filter_line.value = ""
            self.filter_line.display = False
        elif len(self.model.marks):
            self.model.marks.clear()
            self._marked()

    # order

    def action_sort(self) -> None:
        """The next order; after the last one the first, turned round."""
        orders = [Order(by, reverse) for reverse in (False, True) for by in self._orders]
        place = orders.index(self.model.order) if self.model.order in orders else -1
        self._sort(orders[(place + 1) % len(orders)])

    @on(RowList.TitleClicked)
    def _title_clicked(self, event: RowList.TitleClicked) -> None:
        same = self.model.order.by == event.order
        self._sort(Order(event.order, not self.model.order.reverse if same else False))

    def _sort(self, order: Order) -> None:
        self.model.order = order
        self.model.rebuild()
        self.redraw()

    # marks

    def action_mark(self) -> None:
        """Mark or unmark the row, and go down."""
        key = self.rows_list.cursor_key
        if key is not None and self.can_mark(key):
            self.model.marks.toggle(key)
            self.rows_list.action_go(1)
            self._marked()

    def can_mark(self, key: Hashable) -> bool:  # noqa: ARG002 - the other side's keys are not all images
        """Whether a row stands for something that can be marked."""
        return True

    def action_mark_down(self) -> None:
        """Mark and go down."""
        self._mark_and_go(1)

    def action_mark_up(self) -> None:
        """Mark and go up."""
        self._mark_and_go(-1)

    def _mark_and_go(self, rows: int) -> None:
        key = self.rows_list.cursor_key
        if key is not None and self.can_mark(key):
            self.model.marks.add([key])
        self.rows_list.action_go(rows)
        self._marked()

    def action_mark_range(self) -> None:
        """Mark from the last mark to here."""
        last, here = self.model.marks.last, self.rows_list.cursor
        start = self.model.index(last) if last is not None else None
        if start is None:
            self.app.say("mark a row first: the range begins there")
            return
        low, high = sorted((start, here))
        keys = (self.model.key(index) for index in range(low, high + 1))
        shown = set(self.model.shown_keys())
        self.model.marks.add(key for key in keys if key in shown)
        self._marked()

    def action_mark_invert(self) -> None:
        """Mark what is not marked among the rows shown."""
        self.model.marks.invert(self.model.shown_keys())
        self._marked()

    def action_mark_pattern(self) -> None:
        """Mark names by a pattern."""
        self._ask_pattern("Mark names that match", self.model.marks.add)

    def action_unmark_pattern(self) -> None:
        """Unmark names by a pattern."""
        self._ask_pattern("Unmark names that match", self.model.marks.remove)

    def _ask_pattern(self, title: str, act: Callable[[list[Hashable]], None]) -> None:
        from ocistore_tui.tui.screens.prompt import PromptScreen

        def answered(pattern: str | None) -> None:
            if not pattern:
                return
            glob = pattern.lower() if any(sign in pattern for sign in "*?[") else f"*{pattern.lower()}*"
            act([key for key in self.model.shown_keys() if fnmatch(self.model.name(key).lower(), glob)])
            self._marked()

        self.app.push_screen(PromptScreen(title, placeholder="v2.* or part of a name"), answered)

    @on(RowList.SignClicked)
    def _sign_clicked(self, event: RowList.SignClicked) -> None:
        if self.can_mark(event.key):
            self.model.marks.toggle(event.key)
            self._marked()

    def _marked(self) -> None:
        if self.model.filter.needs_facts:
            self.model.rebuild()
        self.redraw()
        self.post_message(self.Changed(self))

    # the cursor

    @on(RowList.Moved)
    def _moved(self) -> None:
        self.post_message(self.CursorMoved(self))

    @on(RowList.Opened)
    def _opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Open the row."""
        raise NotImplementedError

    # the key bar

    def bar_label(self, command: Command) -> str | None:
        """A label that depends on what is marked; None: the usual one."""
        if command.id != "send":
            return None
        return f"{self.verb} {self.marked()}" if len(self.model.marks) else self.verb

    def bar_dim(self, command: Command) -> str:  # noqa: ARG002 - each side has its own reasons
        """Why a key cannot work now; empty when it can."""
        return ""

    verb: ClassVar[str] = ""
    """What ``p`` does on this side."""
