"""Runs transfers: the queue's rules with the desk's threads, and what is said of them at the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message
from textual.signal import Signal

from ocistore_tui.engine.pause import PauseSignal
from ocistore_tui.errors import Cancelled, OciStoreError
from ocistore_tui.model.plan import PullPlan, PushPlan, PushRequest
from ocistore_tui.model.progress import JobSnapshot
from ocistore_tui.tui import parting
from ocistore_tui.tui.command_line import command_line
from ocistore_tui.tui.desk import give_way
from ocistore_tui.tui.format import to_go
from ocistore_tui.tui.ports import Outcome
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.transfer_words import ending, outcome_words
from ocistore_tui.tui.transfers import Plan, Request, Result, State, Transfer
from ocistore_tui.tui.unfinished import Unfinished

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_EVERY_S = 0.1
_EVERY_SLOW_S = 0.5
"""Between two repaints, here and over SSH (ux.md §6)."""
LONG_S = 30.0
"""A transfer that took longer rings the bell."""
SHOWS_TRANSFERS = "shows-transfers"
"""Class of widgets where people see how a transfer ended, so that no toast needs to say it."""
GRACE_S = 1.0
"""How long transfers have to stop by themselves when the program ends."""


class TransferEnded(Message):
    """A transfer is over, whichever way."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__()
        self.transfer = transfer


class Runner:
    """Starts, holds and stops transfers. Everything but the work itself happens in the UI's thread.

    Args:
        app: Whose desk runs the work, and whose screens are told.
    """

    def __init__(self, app: OcistoreApp) -> None:
        self._app = app
        self.queue = Queue()
        self.changed: Signal[Queue] = Signal(app, "transfers")
        """Published when there is something new to show, ten times a second at most."""
        self.quitting = False
        """Whether the program ends with the last transfer."""
        self._signals: dict[int, PauseSignal] = {}
        self._arrived: dict[int, JobSnapshot] = {}
        self._lock = threading.Lock()
        self._is_due = False
        self._is_told = False
        self._is_stopping = False
        self._is_settled = False
        self.unfinished = Unfinished(app, self.queue, self._tell)

    # what people do

    def start(self, session: Session, wanted: Sequence[Plan | Request]) -> list[Transfer]:
        """Put plans that were looked at, or requests without one, into the queue."""
        added = [
            self.queue.add(session, one.request, one)
            if isinstance(one, PushPlan | PullPlan)
            else self.queue.add(session, one)
            for one in wanted
        ]
        self._fill()
        return added

    def pause(self, transfer: Transfer) -> None:
        """Hold it within a chunk; another one may run meanwhile."""
        if transfer.state not in (State.WAITING, State.RUNNING):
            return
        transfer.state, transfer.wants_on = State.PAUSED, False
        if transfer.has_begun:
            self._signals[transfer.id].pause()
        self._fill()

    def resume(self, transfer: Transfer) -> None:
        """Let a paused one go on as soon as there is room."""
        if transfer.state is not State.PAUSED:
            return
        if transfer.has_begun:
            transfer.wants_on = True
        else:
            transfer.state = State.WAITING
        self._fill()

    def cancel(self, transfer: Transfer) -> None:
        """Stop it; one that was interrupted an earlier time is forgotten."""
        if transfer.state is State.INTERRUPTED:
            self.queue.remove(transfer)
            self.unfinished.keep(transfer.session.store)
        elif transfer.state.is_unfinished and not transfer.has_begun:
            self._end(transfer, State.CANCELLED)
        elif transfer.state in (State.RUNNING, State.PAUSED):
            transfer.state, transfer.wants_on = State.CANCELLING, False
            self._signals[transfer.id].set()
            if transfer.snapshot is None:  # only looking so far: nobody needs to wait for the answer
                self._app.desk.forget(_topic(transfer))
                self._end(transfer, State.CANCELLED)
        elif transfer.state is State.CANCELLING:
            transfer.starts_again = False
        self._fill()

    def retry(self, transfer: Transfer) -> None:
        """Run it again; what the store has by now is not sent again. One that runs is stopped for it first."""
        if transfer.state in (State.RUNNING, State.PAUSED) and transfer.has_begun:
            transfer.starts_again = True
            self.cancel(transfer)  # once more, and it stays stopped
        elif transfer.state in (State.FAILED, State.CANCELLED, State.INTERRUPTED):
            self.queue.again(transfer)
            self._fill()

    def move(self, transfer: Transfer, step: int) -> bool:
        """Sooner (-1) or later (1) in the queue; False: it cannot be."""
        moved = self.queue.move(transfer, step)
        self._tell()
        return moved

    def clear(self) -> int:
        """Take what ended off the list; how many that were."""
        gone = self.queue.clear()
        self._tell()
        return gone

    def drop(self, transfer: Transfer) -> None:
        """Take one that ended off the list."""
        if not transfer.state.is_unfinished:
            self.queue.remove(transfer)
            self._tell()

    def stop_all(self) -> None:
        """Stop everything, so that it can go on the next time."""
        self._is_stopping = True
        for transfer in self.queue:
            if transfer.state.is_unfinished:
                self.unfinished.stopped.append(transfer)
                self.cancel(transfer)

    # at the end of the program

    @property
    def is_busy(self) -> bool:
        """Whether leaving now would stop something."""
        return self.queue.is_busy

    def finish_then_quit(self) -> None:
        """Leave as soon as the last transfer is over; paused ones go on, or it never would be."""
        self.quitting = True
        for transfer in self.queue.of(State.PAUSED):
            self.resume(transfer)
        self._tell()
        self._leave_if_done()

    def stay(self) -> None:
        """Undo `finish_then_quit`."""
        self.quitting = False
        self._tell()

    def quit_words(self) -> str:
        """``quits in 0:18`` while the program is about to end by itself, for the header."""
        if not self.quitting:
            return ""
        eta = self.queue.totals(self._app.clock()).eta_s
        return f"quits in {to_go(eta)}" if eta is not None else "quits when all is done"

    def stop_and_leave(self) -> None:
        """Stop everything and leave when that has happened, or soon after."""
        if self._is_stopping:
            self._app.leave()
            return
        self.stop_all()
        left = [round(GRACE_S / 0.05)]

        def leave_when_stopped() -> None:
            left[0] -= 1
            if not self._signals or left[0] <= 0:
                timer.stop()
                self._app.leave()

        timer = self._app.set_interval(0.05, leave_when_stopped)
        if not self._signals:
            timer.stop()
            self._app.leave()

    def settle(self, outcome: Outcome) -> None:
        """Remember what was stopped, and write what there is to say once the terminal is restored; does so once."""
        if self._is_settled:
            return
        self._is_settled = True
        self.unfinished.keep_all(outcome)
        parting.say(outcome, self.queue, self.unfinished.stopped)

    # within

    def _fill(self) -> None:
        while not self._is_stopping and (transfer := self.queue.next_to_run()) is not None:
            if transfer.has_begun:
                transfer.state, transfer.wants_on = State.RUNNING, False
                self._signals[transfer.id].resume()
            else:
                self._run(transfer)
        self._tell()
        self._leave_if_done()

    def _run(self, transfer: Transfer) -> None:
        transfer.begin(self._app.clock())
        transfer.snapshot = None
        signal = self._signals[transfer.id] = PauseSignal()
        plan = transfer.plan if transfer.has_fresh_plan else None

        def work(_: threading.Event) -> Result:
            return self._work(transfer, plan, signal)

        self._app.desk.ask(
            _topic(transfer),
            work,
            lambda result: self._end(transfer, State.DONE, result=result),
            lambda error: self._failed(transfer, error),
        )

    def _work(self, transfer: Transfer, plan: Plan | None, signal: PauseSignal) -> Result:
        """In a worker: plan where that is needed, then move."""
        give_way()
        service, request = transfer.session.service, transfer.request
        if plan is None:
            if isinstance(request, PushRequest):
                plan = service.plan_push(request, cancel=signal)
                transfer.check_consent(plan)
            else:
                plan = service.plan_pull(request, cancel=signal)
            self._app.desk.tell(lambda: self._planned(transfer, signal, plan))
        if signal.is_set():
            raise Cancelled("stopped on request", fix="run it again")

        def report(snapshot: JobSnapshot) -> None:
            self._arrive(transfer, signal, snapshot)

        if isinstance(plan, PushPlan):
            return service.push(plan, on_progress=report, cancel=signal)
        return service.pull(plan, on_progress=report, cancel=signal)

    def _planned(self, transfer: Transfer, signal: PauseSignal, plan: Plan) -> None:
        if self._signals.get(transfer.id) is signal:
            transfer.planned(plan)

    def _failed(self, transfer: Transfer, error: OciStoreError) -> None:
        stopped = transfer.state is State.CANCELLING or isinstance(error, Cancelled)
        self._end(transfer, State.CANCELLED if stopped else State.FAILED, error=error)

    def _end(
        self,
        transfer: Transfer,
        state: State,
        *,
        result: Result | None = None,
        error: OciStoreError | None = None,
    ) -> None:
        if not transfer.state.is_unfinished:
            return
        app = self._app
        self._take(transfer)
        self._signals.pop(transfer.id, None)
        again = transfer.starts_again and state is not State.DONE and not self._is_stopping
        transfer.end(state, app.clock(), result=result, error=error)
        if again:
            self.queue.again(transfer)
            self._fill()
            return
        if transfer.started is not None:
            app.log_command(command_line(transfer.request, transfer.session.store), outcome_words(transfer))
            if app.clock() - transfer.started >= LONG_S and state is not State.CANCELLED:
                app.bell()
        self._say_where_no_dock_is(transfer)
        for screen in app.screen_stack:
            screen.post_message(TransferEnded(transfer))
        self._fill()

    def _say_where_no_dock_is(self, transfer: Transfer) -> None:
        """A toast, unless what is on the screen shows it anyway."""
        if self._is_stopping or transfer.state is State.CANCELLED:
            return
        screen = self._app.screen
        if (
            screen.query(f".{SHOWS_TRANSFERS}")
            and not screen.has_class("-tiny")
            and not screen.has_class("-tiny-height")
        ):
            return
        failed = transfer.state is State.FAILED
        fix = transfer.error.fix if transfer.error else ""
        words = str(transfer.error) if failed else ending(transfer)
        self._app.say(
            f"{transfer.verb} {transfer.reference}: {words}", kind="error" if failed else "information", fix=fix
        )

    def _leave_if_done(self) -> None:
        if self.quitting and not self.is_busy:
            self.quitting = False
            self._app.leave()

    # progress: workers put it down, the UI's thread takes it when it is time to paint

    def _arrive(self, transfer: Transfer, signal: PauseSignal, snapshot: JobSnapshot) -> None:
        with self._lock:
            if self._signals.get(transfer.id) is not signal:  # of an attempt that is over
                return
            self._arrived[transfer.id] = snapshot
            if self._is_due:
                return
            self._is_due = True
        self._app.desk.tell(self._paint)

    def _take(self, transfer: Transfer) -> None:
        with self._lock:
            snapshot = self._arrived.pop(transfer.id, None)
        if snapshot is not None:
            transfer.report(snapshot, self._app.clock())

    def _paint(self) -> None:
        """Show progress, and no more of it before the time for that has come."""
        self.refresh()
        self._app.set_timer(_EVERY_SLOW_S if self._app.opening.slow else _EVERY_S, self._paint_more)

    def _paint_more(self) -> None:
        with self._lock:
            if not self._arrived:
                self._is_due = False
                return
        self._paint()

    def refresh(self) -> None:
        """Have everything that shows transfers drawn anew, at once."""
        self._is_told = False
        for transfer in self.queue:
            self._take(transfer)
        self.changed.publish(self.queue)

    def _tell(self) -> None:
        """Something changed that is no progress: what people do shows at once."""
        if not self._is_told:
            self._is_told = True
            self._app.call_later(self.refresh)


def _topic(transfer: Transfer) -> str:
    return f"transfer {transfer.id}.{transfer.attempt}"
