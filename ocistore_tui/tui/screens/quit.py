"""Leaving while transfers run: what they still need, and what may be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ocistore_tui.tui.format import plural, to_go
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.transfer_words import amount, ending, name, pace, sign
from ocistore_tui.tui.transfers import State, Transfer
from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice
from ocistore_tui.tui.widgets.covered import is_left

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_MOST = 8


class QuitScreen(ModalScreen[None]):
    """Finish and leave, stop and leave, or stay. It never closes by itself."""

    app: OcistoreApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stay", "Stay", show=False),
        Binding("f", "finish", "Finish, then quit", show=False),
        Binding("s", "stop", "Stop now, resume later", show=False),
        Binding("enter", "accept", "Quit", show=False),
        Binding("q,f10,ctrl+q", "stay", "Stay", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._listed: list[Transfer] = []

    def compose(self) -> ComposeResult:
        """What runs, and the three ways on."""
        with Vertical(classes="dialog", id="quit"):
            yield Static(id="quit-list", markup=False)
            yield Static(id="quit-note", markup=False)
            yield ButtonRow(
                (
                    Choice("Stay", "Esc", id="stay"),
                    Choice("Stop now, resume later", "s", id="stop"),
                    Choice("Finish, then quit", "f", is_main=True, id="finish"),
                )
            )

    def on_mount(self) -> None:
        """Listen to the runner: they may end meanwhile."""
        self._listed = [transfer for transfer in self.app.runner.queue if transfer.state.is_unfinished]
        self.app.runner.changed.subscribe(self, self._changed)
        self.set_interval(1.0, self.look)
        self.query_one("#finish", Choice).focus()
        self.look()

    def _changed(self, _: Queue) -> None:
        self.look()

    def look(self) -> None:
        """Say what runs now."""
        if is_left(self):
            return
        app = self.app
        now, glyphs = app.clock(), app.glyphs
        known = {transfer.id for transfer in self._listed}
        self._listed += [one for one in app.runner.queue if one.state.is_unfinished and one.id not in known]
        running = [transfer for transfer in self._listed if transfer.state.is_unfinished]
        frame = self.query_one("#quit")
        if running:
            frame.border_title = Content(
                f"{plural(len(running), 'transfer')} {'is' if len(running) == 1 else 'are'} still running"
            )
        else:
            frame.border_title = Content("All done, Enter quits")
        lines = []
        for transfer in self._listed[:_MOST]:
            words = ending(transfer)
            if transfer.state.is_unfinished:
                eta = transfer.eta_s(now)
                left = f"{to_go(eta)} left" if eta is not None else ""
                words = "  ".join(part for part in (amount(transfer), pace(transfer, now), left) if part)
            lines.append(f"{sign(transfer, glyphs)} {transfer.verb} {name(transfer)}  {words}")
        if len(self._listed) > _MOST:
            lines.append(f"  and {len(self._listed) - _MOST} more")
        self.query_one("#quit-list", Static).update(Content("\n".join(lines)))
        total = app.runner.queue.totals(now).eta_s
        failed = any(transfer.state is State.FAILED for transfer in self._listed)
        note = "What is stopped is offered again at the next start; finished layers are not sent twice."
        if not running:
            note = "Something failed: Esc stays, w shows why." if failed else ""
        elif total is not None:
            note = f"All of it takes about {to_go(total)} more. {note}"
        self.query_one("#quit-note", Static).update(Content(note))
        self.query_one("#stop").display = bool(running)
        self.query_one("#finish", Choice).set_label("Finish, then quit" if running else "Quit")

    @on(Choice.Pressed, "#stay")
    def action_stay(self) -> None:
        """Go on as before."""
        self.dismiss()

    @on(Choice.Pressed, "#finish")
    def action_finish(self) -> None:
        """Leave with the last transfer."""
        self.dismiss()
        self.app.runner.finish_then_quit()

    def action_accept(self) -> None:
        """Enter: what the marked choice says."""
        self.action_finish()

    @on(Choice.Pressed, "#stop")
    def action_stop(self) -> None:
        """Stop all of them and leave."""
        if not self.app.runner.is_busy:
            self.app.leave()
            return
        self.query_one("#quit").border_title = Content("Stopping…")
        self.app.runner.stop_and_leave()
