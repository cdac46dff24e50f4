"""The Transfers screen: everything that moves, waits, failed or is done, and the keys that change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Static

from ocistore_tui.tui.commands import bindings_of
from ocistore_tui.tui.format import plural, to_go
from ocistore_tui.tui.queue import SLOTS, Queue
from ocistore_tui.tui.resuming import resume
from ocistore_tui.tui.runner import SHOWS_TRANSFERS
from ocistore_tui.tui.transfer_words import title
from ocistore_tui.tui.transfers import State, Transfer
from ocistore_tui.tui.widgets.covered import is_left
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.key_bar import KeyBar
from ocistore_tui.tui.widgets.row_list import RowList
from ocistore_tui.tui.widgets.transfer_list import Lines, TransferList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.commands import Command

_EMPTY = (
    ("Nothing is on its way.", ""),
    ("p on an image sends it to the other side; it goes on here while you browse.", "dim"),
    ("Esc goes back.", "dim"),
)
_RUNS = frozenset({State.RUNNING, State.PAUSED})
_CAN_RETRY = frozenset({State.FAILED, State.CANCELLED, State.INTERRUPTED, State.RUNNING, State.PAUSED})


class TransfersScreen(Screen[None]):
    """Failed ones first, then what runs with its layers, what waits in its order, and what ended."""

    app: OcistoreApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,w,f9", "back", "Back"),
        Binding("enter,l,right,h,left", "layers", "Layers"),
        *bindings_of("transfers"),
    ]
    bar_places = ("transfers", "app")
    rows = query_one(TransferList)

    def __init__(self) -> None:
        super().__init__()
        self._unfolded: dict[int, bool] = {}
        self._told: str | None = None
        self._keys: tuple[int, State] | None = None

    def compose(self) -> ComposeResult:
        """Header, one line that sums up, the list, keys."""
        yield StatusHeader()
        yield Static(id="transfers-title", markup=False)
        yield TransferList()
        yield KeyBar()

    def on_mount(self) -> None:
        """Listen to the runner; seconds pass even when no byte does."""
        self.rows.add_class(SHOWS_TRANSFERS)
        self.app.runner.changed.subscribe(self, self._changed)
        self.set_interval(1.0, self.look)
        self.rows.focus()
        self.call_after_refresh(self.look)

    def on_resize(self) -> None:
        """Other widths, other lines."""
        self.call_after_refresh(self.look)

    def _changed(self, _: Queue) -> None:
        self.look()

    def look(self) -> None:
        """Show the transfers as they are now."""
        if not self.is_mounted or is_left(self):
            return
        app, queue = self.app, self.app.runner.queue
        now = app.clock()
        width = self.rows.scrollable_content_region.width
        self.rows.update(Lines(queue, self._unfolded, width, now, app.glyphs), empty=_EMPTY)
        totals = queue.totals(now)
        parts = [title(queue, now)] if len(queue) else []
        if totals.eta_s is not None:
            parts.append(f"{to_go(totals.eta_s)} left")
        facts = f"{'   '.join(part for part in parts if part)}   {SLOTS} at once"
        if facts != self._told:
            self._told = facts
            line = Content.assemble(" ", ("Transfers", "bold"), f"   {facts}" if len(queue) else "")
            self.query_one("#transfers-title", Static).update(line, layout=False)
        subject = self._subject()
        keys = (subject.id, subject.state) if subject is not None else None
        if keys != self._keys:
            self._keys = keys
            self.query_one(KeyBar).refresh()

    def on_unmount(self) -> None:
        """What failed has been looked at."""
        for transfer in self.app.runner.queue.of(State.FAILED):
            transfer.is_seen = True
        self.app.runner.refresh()

    def _subject(self) -> Transfer | None:
        key = self.rows.cursor_key
        if not isinstance(key, tuple):
            return None
        return next((transfer for transfer in self.app.runner.queue if transfer.id == key[0]), None)

    @on(RowList.Moved)
    def _moved(self) -> None:
        self.query_one(KeyBar).refresh()

    # keys

    def action_back(self) -> None:
        """Leave."""
        self.app.pop_screen()

    @on(RowList.Opened)
    def action_layers(self) -> None:
        """Show or hide what belongs to the transfer."""
        transfer = self._subject()
        if transfer is not None:
            source = self.rows.source
            below = source.index((transfer.id, ""))
            is_open = below is not None and below + 1 < len(source) and self._is_detail(below + 1, transfer)
            self._unfolded[transfer.id] = not is_open
            self.rows.move_to((transfer.id, ""))
            self.look()

    def _is_detail(self, index: int, transfer: Transfer) -> bool:
        key = self.rows.source.key(index)
        return isinstance(key, tuple) and key[0] == transfer.id and key[1] != "more"

    def action_pause(self) -> None:
        """Hold it, or let it go on."""
        transfer = self._allowed("pause")
        if transfer is not None and transfer.state is State.PAUSED:
            self.app.runner.resume(transfer)
        elif transfer is not None:
            self.app.runner.pause(transfer)

    def action_cancel(self) -> None:
        """Stop it; take one that is over off the list."""
        transfer = self._allowed("cancel")
        runner = self.app.runner
        if transfer is None:
            return
        if transfer.state.is_unfinished or transfer.state is State.INTERRUPTED:
            runner.cancel(transfer)
        else:
            runner.drop(transfer)

    def action_retry(self) -> None:
        """Run it again from where it stopped."""
        transfer = self._allowed("retry")
        if transfer is not None:
            resume(self.app, [transfer])

    def action_move_down(self) -> None:
        """Later."""
        self._move("move-down", 1)

    def action_move_up(self) -> None:
        """Sooner."""
        self._move("move-up", -1)

    def _move(self, command_id: str, step: int) -> None:
        transfer = self._allowed(command_id)
        if transfer is not None and not self.app.runner.move(transfer, step):
            self.app.say(f"it is the {'last' if step > 0 else 'first'} one that waits")

    def action_clear(self) -> None:
        """Take what ended off the list."""
        gone = self.app.runner.clear()
        self.app.say(f"{plural(gone, 'ended transfer')} off the list" if gone else "nothing has ended")

    def _allowed(self, command_id: str) -> Transfer | None:
        """The transfer under the cursor, unless this cannot be done with it: then the reason is said."""
        reason = self._reason(command_id)
        if reason:
            self.app.say(reason, kind="warning")
            return None
        return self._subject()

    # key bar

    def bar_label(self, command: Command) -> str | None:
        """What the key would do with the transfer under the cursor."""
        transfer = self._subject()
        if transfer is None:
            return None
        if command.id == "pause" and transfer.state is State.PAUSED:
            return "Go on"
        if command.id == "cancel" and transfer.state is State.INTERRUPTED:
            return "Forget"
        if command.id == "cancel" and not transfer.state.is_unfinished:
            return "Off the list"
        if command.id == "retry" and transfer.state is State.INTERRUPTED:
            return "Resume"
        return None

    def bar_dim(self, command: Command) -> str:
        """Why a key cannot work now; empty when it can."""
        return command.coming or self._reason(command.id)

    def _reason(self, command_id: str) -> str:
        if command_id not in ("pause", "cancel", "retry", "move-down", "move-up"):
            return ""
        transfer = self._subject()
        if transfer is None:
            return "there is no transfer here"
        state = transfer.state
        if command_id == "pause" and state not in _RUNS and state is not State.WAITING:
            return f"it is {state.value}: there is nothing to pause"
        if command_id == "cancel" and state is State.CANCELLING and not transfer.starts_again:
            return "it is being cancelled already"
        if command_id == "retry" and state not in _CAN_RETRY:
            return "it waits for its turn" if state is State.WAITING else f"it is {state.value}"
        if command_id.startswith("move-") and state is not State.WAITING:
            return "only those that wait have a place in the queue"
        return ""
