"""The plan of one push or pull: where from, where to (a field), platforms, what happens to its layers."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.plan import PullPlan, PullRequest
from ocistore_tui.model.text import inert
from ocistore_tui.tui import plan_words
from ocistore_tui.tui.planning import Planning, PlanRow
from ocistore_tui.tui.rows.row import Row
from ocistore_tui.tui.widgets.choices import OneOf, Tick

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_STYLES = {"good": "$text-success", "warn": "$text-warning", "bad": "$text-error", "dim": "$text-muted"}


class PlanDetail(VerticalScroll, can_focus=False):
    """Shows one row of a `Planning`; scrolls when there is no room for it."""

    app: OcistoreApp
    BINDINGS: ClassVar[list[BindingType]] = []

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="plan-from", markup=False)
        with Horizontal(id="plan-target"):
            yield Static(id="plan-to-label", markup=False)
            yield Input(id="plan-to", compact=True, select_on_focus=False)
        with Horizontal(id="plan-platforms"):
            yield Static("platform".ljust(plan_words.LABEL), id="plan-platform-label", markup=False)
            with Vertical(id="plan-choices"):
                yield OneOf(id="plan-platform")
                yield Tick("all of them", id="plan-all")
        yield Static(id="plan-lines", markup=False)

    @property
    def target(self) -> Input:
        """The field of where it goes."""
        return self.query_one("#plan-to", Input)

    @property
    def has_platforms(self) -> bool:
        """Whether there is a choice of platforms."""
        return bool(self.query_one("#plan-platforms").display)

    def show(self, row: PlanRow, error: OciStoreError | None, width: int) -> None:
        """Show a row as it is now; a field that is being written in is left alone.

        Args:
            row: What to show.
            error: Why it cannot be done.
            width: Columns there are.
        """
        self.query_one("#plan-from", Static).update(_content([plan_words.origin(row)], width))
        self.query_one("#plan-to-label", Static).update(("to" if row.is_push else "as").ljust(plan_words.LABEL))
        field, text = self.target, inert(row.text, limit=4000)
        if not field.has_focus and field.value != text:
            field.value = text
            field.cursor_position = len(text)
        self._show_platforms(row)
        lines = plan_words.lines(row, self.app.glyphs, self.app.clock(), error)
        self.query_one("#plan-lines", Static).update(_content(lines, width))

    def _show_platforms(self, row: PlanRow) -> None:
        platforms = row.looked.platforms if row.looked is not None and isinstance(row.request, PullRequest) else ()
        self.query_one("#plan-platforms").display = len(platforms) > 1
        if row.looked is None or len(platforms) < 2:
            return
        plan = row.looked.plan
        shown = str(row.request.platform or (plan.platform if isinstance(plan, PullPlan) else ""))
        chosen = next((number for number, name in enumerate(platforms) if name == shown), -1)
        every = row.request.all_platforms
        self.query_one("#plan-platform", OneOf).set(platforms, chosen=-1 if every else chosen)
        self.query_one("#plan-all", Tick).set(is_ticked=every)


class PlanRows:
    """The rows of a `Planning` for a list: those on the screen are made into words."""

    def __init__(self, planning: Planning) -> None:
        self._planning = planning

    def __len__(self) -> int:
        return len(self._planning.rows)

    def key(self, index: int) -> Hashable:
        """Its number."""
        return index

    def index(self, key: Hashable) -> int | None:
        """The same."""
        return key if isinstance(key, int) else None

    def row(self, index: int) -> Row:
        """From, to, and the plan in a few words."""
        row = self._planning.rows[index]
        text, style = plan_words.summary(row, self._planning.error_of(row))
        return Row((plan_words.source(row), plan_words.goal(row), text), ("", "", style))


def _content(lines: list[plan_words.Line], width: int) -> Content:
    fitted = plan_words.fitted(lines, width)
    return Content("\n").join(Content.styled(text, _STYLES.get(style, "")) for text, style in fitted)
