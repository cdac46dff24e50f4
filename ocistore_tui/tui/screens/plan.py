"""The plan dialog: what a push or pull will do, before it does it. The plan shown is the one that is run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.stores import Mode
from ocistore_tui.model.text import inert
from ocistore_tui.tui import plan_words
from ocistore_tui.tui.command_line import command_line
from ocistore_tui.tui.feeds.plan import Looked, look_at
from ocistore_tui.tui.planning import Planning, PlanRow, Request, Stage
from ocistore_tui.tui.rows.row import Column
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.targets import local_name, remember_target
from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice
from ocistore_tui.tui.widgets.choices import OneOf, Tick
from ocistore_tui.tui.widgets.covered import is_left
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.plan_detail import PlanDetail, PlanRows
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_COLUMNS = (Column("FROM"), Column("TO"), Column("PLAN"))


class PlanScreen(ModalScreen[None]):
    """Opens at once; plans come one by one. Enter starts what can be started, Esc changes nothing.

    Args:
        session: The store, for good: whatever is opened later.
        requests: What is wanted.
    """

    app: OcistoreApp
    AUTO_FOCUS = "#act"
    DEBOUNCE_S = 0.4
    """How long a target stays as it is before the store is asked about it."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Cancel", show=False),
        Binding("enter", "act", "Start", show=False),
        Binding("e", "edit", "Target", show=False),
        Binding("m", "consent", "Move the tag", show=False),
        Binding("y", "copy", "Copy the command line", show=False),
        Binding("r", "again", "Look again", show=False),
        Binding("greater_than_sign", "platform(1)", "Next platform", show=False),
        Binding("less_than_sign", "platform(-1)", "Platform before", show=False),
        Binding("a", "all_platforms", "All platforms", show=False),
        Binding("down,j", "go(1)", "Down", show=False),
        Binding("up,k", "go(-1)", "Up", show=False),
    ]

    def __init__(self, session: Session, requests: Sequence[Request]) -> None:
        super().__init__()
        self.session = session
        self.planning = Planning(requests)
        self._first = [row.text for row in self.planning.rows]
        self._allowed: tuple[str, ...] = ()
        """Tags the tick was set for: others need it anew."""
        self._timer: Timer | None = None
        self._before_edit = ""
        self._command: list[str] = []
        self._topic = f"plan {id(self)}"

    # frame

    def compose(self) -> ComposeResult:
        """Rows when there are several, the plan of one, consent, the command line, buttons."""
        several = "-several" if len(self.planning.rows) > 1 else "-one"
        with Vertical(classes=f"dialog {several}", id="plan"):
            if len(self.planning.rows) > 1:
                yield RowList(_COLUMNS, signs=False, id="plan-rows")
                yield Static(id="plan-total", markup=False)
            yield PlanDetail(id="plan-body")
            yield Tick("", id="plan-move")
            yield Static(id="plan-command", markup=False)
            yield Static(id="plan-reason", markup=False)
            yield ButtonRow((Choice("Cancel", "Esc", id="cancel"), Choice("Checking", "Enter", is_main=True, id="act")))

    def on_mount(self) -> None:
        """Show what is known, ask for the rest."""
        frame = self.query_one("#plan")
        place = self.session.place_label or (self.session.place.name if self.session.place else "") or "this machine"
        frame.border_title = Content(plan_words.title(self.planning.rows, self.session.store.name, place))
        if len(self.planning.rows) > 1:
            self._draw_rows()
        self._draw()
        unnamed = next((n for n, row in enumerate(self.planning.rows) if row.stage is Stage.FAILED), None)
        if unnamed is not None:
            self._show(unnamed)
            self.action_edit()
        self._ask()

    def on_unmount(self) -> None:
        """Nobody waits for plans any more."""
        self.app.desk.forget(self._topic)

    @property
    def detail(self) -> PlanDetail:
        """The plan of one row."""
        return self.query_one(PlanDetail)

    @property
    def index(self) -> int:
        """The row whose plan is shown."""
        if len(self.planning.rows) == 1:
            return 0
        key = self.query_one("#plan-rows", RowList).cursor_key
        return key if isinstance(key, int) else 0

    @property
    def row(self) -> PlanRow:
        """The same."""
        return self.planning.rows[self.index]

    # asking

    def _ask(self) -> None:
        index = self.planning.next_waiting()
        if index is None:
            self._draw()
            return
        row = self.planning.rows[index]
        row.stage = Stage.CHECKING
        version, request = row.version, row.request
        service, comparison = self.session.service, self.session.comparison

        def work(cancel: threading.Event) -> Looked:
            return look_at(service, comparison, request, cancel)

        def answered(looked: Looked) -> None:
            self.planning.answered(index, version, looked)
            self._ask()

        def failed(error: OciStoreError) -> None:
            self.planning.failed(index, version, error)
            self._ask()

        self.app.desk.ask(self._topic, work, answered, failed)
        self._draw()

    # drawing

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        totals = self.planning.totals()
        if len(self.planning.rows) > 1:
            self._draw_rows()
            self.query_one("#plan-total", Static).update(Content(plan_words.total_line(totals)))
        move = self.query_one("#plan-move", Tick)
        move.display = bool(totals.moves)
        move.set(is_ticked=self._may_move, label=f"{plan_words.move_label(totals)}  (m)" if totals.moves else "")
        allows = self.session.allows_adding or not totals.pushes
        act = self.query_one("#act", Choice)
        act.set_label(
            plan_words.button(totals, allows_adding=allows),
            is_dim=bool(plan_words.why_not(totals, may_move=self._may_move)),
        )
        self.query_one("#plan-reason", Static).update("")
        self._draw_row()

    def on_resize(self) -> None:
        """Other widths, other line ends."""
        self.call_after_refresh(self._draw_row_if_shown)

    def _draw_row_if_shown(self) -> None:
        if not is_left(self):
            self._draw_row()

    def _fit(self) -> None:
        """Buttons, consent and the command line are always in sight: what is above them scrolls."""
        height, fixed = self.size.height, 5 + self.query_one("#plan-move").display + len(self._command)
        if len(self.planning.rows) > 1:
            listed = min(len(self.planning.rows) + 1, max(3, height // 3))
            self.query_one("#plan-rows").styles.height = listed
            fixed += listed + 1
        self.query_one("#plan-body").styles.max_height = max(3, height - fixed)

    @property
    def _width(self) -> int:
        """Columns inside the frame."""
        return (self.query_one("#plan").size.width or 90) - 1

    def _draw_rows(self) -> None:
        self.query_one("#plan-rows", RowList).show(PlanRows(self.planning))

    def _draw_row(self) -> None:
        row = self.row
        detail = self.detail
        detail.show(row, self.planning.error_of(row), self._width)
        command = inert(self.line(row), limit=4000)
        most = 3 if self.size.height >= 24 else 2
        self._command = plan_words.command_lines(command, self._width, most=most, cut=self.app.glyphs.cut)
        shown = "\n".join(self._command)
        self.query_one("#plan-command", Static).update(Content.styled(shown, "$text-muted"))
        keys = ["e target", "y copy the line"]
        keys += ["< > platform", "a all"] if detail.has_platforms else []
        keys += ["r look again"] if any(one.stage is Stage.FAILED for one in self.planning.rows) else []
        self.query_one("#plan").border_subtitle = Content("  ".join(keys))
        self._fit()

    def line(self, row: PlanRow) -> str:
        """The command line that does the same as a row; empty while nobody said where it goes."""
        return command_line(row.request, self.session.store) if row.is_sound else ""

    # the target

    def _show(self, index: int) -> None:
        if len(self.planning.rows) > 1:
            self.query_one("#plan-rows", RowList).move_to(index)

    @on(RowList.Moved, "#plan-rows")
    def _moved(self) -> None:
        if self.detail.target.has_focus:
            self.query_one("#act", Choice).focus()
        self._draw_row()

    def action_edit(self) -> None:
        """Write another target."""
        field = self.detail.target
        field.focus()
        field.cursor_position = len(field.value)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Esc brings back what was there when the field was entered."""
        if event.widget.id == "plan-to":
            self._before_edit = self.row.text

    @on(Input.Changed, "#plan-to")
    def _typed(self, event: Input.Changed) -> None:
        field = event.input
        if not field.has_focus or event.value == inert(self.row.text, limit=4000):
            return
        index = self.index
        self.planning.type(index, event.value)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(self.DEBOUNCE_S, lambda: self._settle(index))
        self._drop_answer()
        self._draw()

    def _drop_answer(self) -> None:
        """The row has changed: an answer that is still to come for it is of no use, one for another row is."""
        if not any(row.stage is Stage.CHECKING for row in self.planning.rows):
            self.app.desk.forget(self._topic)

    def _settle(self, index: int) -> None:
        self._timer = None
        self.planning.settle(index)
        self._ask()

    @on(Input.Submitted, "#plan-to")
    def _submitted(self, event: Input.Submitted) -> None:
        """The target is as wanted: a suggestion that was not touched counts as typed."""
        event.stop()
        index = self.index
        if self.row.stage is Stage.FAILED and event.value:
            self.planning.type(index, event.value)
        if self._timer is not None:
            self._timer.stop()
        self.query_one("#act", Choice).focus()
        self._settle(index)

    # platform and consent

    @on(OneOf.Changed, "#plan-platform")
    def _platform_chosen(self, event: OneOf.Changed) -> None:
        self._replan(event.one_of.labels[event.index], all_platforms=False)

    @on(Tick.Changed, "#plan-all")
    def _all_turned(self, event: Tick.Changed) -> None:
        self._replan(None, all_platforms=event.tick.is_ticked)

    def _replan(self, platform: str | None, *, all_platforms: bool) -> None:
        self.planning.choose_platform(self.index, platform, all_platforms=all_platforms)
        self._drop_answer()
        self._ask()

    def action_platform(self, by: int) -> None:
        """The next platform of an index."""
        if self.detail.has_platforms:
            self.query_one("#plan-platform", OneOf).action_step(by)
        else:
            self._say("there is one platform only" if self.row.plan else "platforms are not known yet")

    def action_all_platforms(self) -> None:
        """All platforms of an index, or one."""
        if self.detail.has_platforms:
            self.query_one("#plan-all", Tick).action_turn()
        else:
            self._say("there is one platform only" if self.row.plan else "platforms are not known yet")

    @property
    def _may_move(self) -> bool:
        """Whether the tick was set for the very tags that would move."""
        moves = self.planning.totals().moves
        return bool(moves) and set(moves) <= set(self._allowed)

    @on(Tick.Changed, "#plan-move")
    def _consented(self, event: Tick.Changed) -> None:
        self._allowed = self.planning.totals().moves if event.tick.is_ticked else ()
        self._draw()

    def action_consent(self) -> None:
        """Allow that the tag moves, or not."""
        if self.query_one("#plan-move").display:
            self.query_one("#plan-move", Tick).action_turn()
        else:
            self._say("no tag would move")

    # other keys

    def action_go(self, by: int) -> None:
        """To another row, or through what does not fit."""
        if len(self.planning.rows) > 1:
            self.query_one("#plan-rows", RowList).action_go(by)
        else:
            self.detail.scroll_relative(y=by, animate=False)

    def action_copy(self) -> None:
        """Copy the command line."""
        line = self.line(self.row)
        if line:
            self.app.copy(line, "command line")
        else:
            self._say("there is no command line yet: write where it goes first (e)")

    def action_again(self) -> None:
        """Look again at what failed."""
        self.planning.again()
        self._ask()

    @on(Choice.Pressed, "#act")
    def action_act(self) -> None:
        """Start it, unless something is missing: then say what."""
        totals = self.planning.totals()
        reason = plan_words.why_not(totals, may_move=self._may_move)
        if reason:
            self._say(reason)
            if totals.moves and not totals.checking:
                self.query_one("#plan-move", Tick).focus()
            return
        plans = self.planning.plans()
        if totals.pushes and not self.session.allows_adding:
            self.session.mode = Mode.ADD_ONLY
        self._remember()
        self.dismiss()
        if plans:
            self.app.runner.start(self.session, plans)
        if self.app.main_screen is not None:
            self.app.main_screen.sent([row.request for row in self.planning.rows if row.plan is not None])
        for screen in self.app.screen_stack:
            for header in screen.query(StatusHeader):
                header.refresh_facts()

    def _remember(self) -> None:
        """Where local repositories were sent: the next time they go there too."""
        for row, first in zip(self.planning.rows, self._first, strict=True):
            request = row.request
            if row.plan is not None and isinstance(request, PushRequest) and row.text != first:
                name = local_name(request.image) if request.image else first
                if name:
                    remember_target(name, request.target.repository)

    def _say(self, reason: str) -> None:
        self.query_one("#plan-reason", Static).update(Content(reason))

    @on(Choice.Pressed, "#cancel")
    def action_back(self) -> None:
        """One step back: out of the field, its text as before; else out of the dialog, nothing changed."""
        field = self.detail.target
        if not field.has_focus:
            self.dismiss()
            return
        index = self.index
        self.query_one("#act", Choice).focus()
        if self.row.text != self._before_edit:
            self.planning.type(index, self._before_edit)
            self._settle(index)
        else:
            self._draw()
