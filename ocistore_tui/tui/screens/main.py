"""The main screen: local images beside the store, the inspector, the dock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click, Key, Resize
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Static

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui import serving
from ocistore_tui.tui.commands import bindings_of
from ocistore_tui.tui.format import plural
from ocistore_tui.tui.resuming import resume
from ocistore_tui.tui.runner import TransferEnded
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.transfers import Request, State, Transfer
from ocistore_tui.tui.widgets.bucket_pane import BucketPane
from ocistore_tui.tui.widgets.covered import is_left
from ocistore_tui.tui.widgets.dock import Dock
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.inspector import Inspector
from ocistore_tui.tui.widgets.key_bar import KeyBar
from ocistore_tui.tui.widgets.local_pane import LocalPane
from ocistore_tui.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.commands import Command

LEAST = (60, 15)


class MainScreen(Screen[None]):
    """Two panes and what belongs to them.

    Args:
        session: The open store and the local place beside it.
    """

    BINDINGS = bindings_of("main")
    AUTO_FOCUS = ""
    bar_places = ("pane", "main", "app")
    app: OcistoreApp

    local = query_one("LocalPane", LocalPane)
    bucket = query_one("BucketPane", BucketPane)
    dock = query_one("Dock", Dock)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._shown = "bucket"

    def compose(self) -> ComposeResult:
        """Header, tabs for narrow terminals, the panes, inspector, dock, keys."""
        yield StatusHeader()
        yield Static(id="side-tabs", markup=False)
        with Horizontal(id="sides"):
            yield LocalPane(self.session)
            yield BucketPane(self.session)
            yield Inspector(self.session, full=True, id="column")
        yield Inspector(self.session, id="below")
        yield Dock()
        yield KeyBar()
        yield Static(id="too-small", markup=False)

    def on_mount(self) -> None:
        """Begin with the store; both sides are asked at once."""
        self._show_side("bucket")
        self.local.start()
        self.bucket.start()

    @property
    def side(self) -> Pane:
        """The pane with the focus, or that had it last."""
        return self.local if self._shown == "local" else self.bucket

    # sides

    def _show_side(self, side: str) -> None:
        self._shown = side
        self.local.set_class(side == "local", "-shown")
        self.bucket.set_class(side == "bucket", "-shown")
        self.set_focus(self.side.rows_list)
        self._draw_tabs()
        self._inspect()

    def on_descendant_focus(self) -> None:
        """The pane that gets the focus is the one that is shown when there is room for one."""
        for side, pane in (("local", self.local), ("bucket", self.bucket)):
            if pane.has_focus_within and side != self._shown:
                self._show_side(side)
        self.query_one(KeyBar).refresh()

    def key_tab(self, event: Key) -> None:
        """Tab goes to the other side; the screen's own next field would be the one it came from."""
        event.stop()
        self._show_other_side()

    def _show_other_side(self) -> None:
        self._show_side("local" if self._shown == "bucket" else "bucket")

    def action_side_local(self) -> None:
        """Go to the local images."""
        self._show_side("local")

    def action_side_bucket(self) -> None:
        """Go to the store."""
        self._show_side("bucket")

    def action_dock(self) -> None:
        """Transfers are where the dock is about."""
        self.app.action_transfers()

    def action_dock_resume(self) -> None:
        """Go on with what the dock names."""
        self._with_offered("dock-resume", lambda offered: resume(self.app, offered), "on the way again")

    def action_dock_forget(self) -> None:
        """Take what was interrupted off the list."""
        self._with_offered("dock-forget", self._forget, "forgotten; what was sent stays in the store")

    def _forget(self, transfers: Sequence[Transfer]) -> int:
        for transfer in transfers:
            self.app.runner.cancel(transfer)
        return len(transfers)

    def _with_offered(self, command_id: str, act: Callable[[Sequence[Transfer]], int], ending: str) -> None:
        reason = self.dock.reason(command_id)
        if reason:
            self.app.say(reason, kind="warning")
            return
        count = act(self.dock.offered(command_id))
        if count:
            self.app.say(f"{plural(count, 'transfer')} {ending}")

    def action_serve(self) -> None:
        """The store as a registry on this computer, or no more."""
        serving.toggle(self.app, self.session)

    def action_zoom(self) -> None:
        """One pane with the whole width, or both."""
        self.toggle_class("-zoomed")

    def action_inspector(self) -> None:
        """Show or hide the inspector; on small terminals it lies over the list."""
        if self.has_class("-narrow") or self.has_class("-short"):
            self.query_one("#below").toggle_class("-overlay")
        else:
            self.toggle_class("-no-inspector")

    def open_inspector(self) -> None:
        """Show the inspector. Where it lies over the list, the key that brought it takes it away again."""
        if any(map(self.has_class, ("-narrow", "-short", "-no-inspector"))):
            self.action_inspector()

    def _draw_tabs(self) -> None:
        parts: list[tuple[str, str] | str] = [" "]
        for number, (side, pane) in enumerate((("local", self.local), ("bucket", self.bucket)), 1):
            name = f"{number} {pane.short_title}"
            parts.append((f"[{name}]", "bold reverse") if side == self._shown else (f" {name} ", "dim"))
            parts.append("  ")
        # Without borders there is no lower edge to say it on.
        parts.append((edge, "bold") if (edge := self.side.edge()) else ("Tab switches", "dim"))
        self.query_one("#side-tabs", Static).update(Content.assemble(*parts), layout=False)

    def on_resize(self, event: Resize) -> None:
        """Too small is said with the size that is needed."""
        width, height = event.size
        self.query_one("#too-small", Static).update(f"needs {LEAST[0]}x{LEAST[1]}, has {width}x{height}")
        self.call_after_refresh(self._focus_again)

    def _focus_again(self) -> None:
        """A terminal that was too small took the focus away with the list."""
        if not is_left(self) and self.focused is None and self.side.rows_list.region:
            self.set_focus(self.side.rows_list)

    @on(Click, "#side-tabs")
    def _tab_clicked(self) -> None:
        self._show_other_side()

    # what the panes tell

    @on(Pane.Changed)
    def _pane_changed(self, event: Pane.Changed) -> None:
        if not (self.local.has_list and self.bucket.has_list):
            return
        self._draw_tabs()
        self.query_one(StatusHeader).refresh_facts()
        self.query_one(KeyBar).refresh()
        other = self.bucket if event.pane is self.local else self.local
        if event.concerns_other:
            other.redraw()
        self._inspect()

    @on(Pane.CursorMoved)
    def _cursor_moved(self) -> None:
        self._inspect()

    def _inspect(self) -> None:
        subject = self.side.subject()
        for inspector in self.query(Inspector):
            inspector.show(subject)

    def bar_label(self, command: Command) -> str | None:
        """Labels that depend on what is marked and where the cursor is."""
        return self.side.bar_label(command)

    def bar_dim(self, command: Command) -> str:
        """Why a key cannot work now; empty when it can."""
        if command.id in ("dock-resume", "dock-forget"):
            return self.dock.reason(command.id)
        return command.coming or self.side.bar_dim(command)

    # what others tell

    def sent(self, requests: Sequence[Request]) -> None:
        """These were confirmed: their marks have done their work."""
        sources = [request.source for request in requests if isinstance(request, PullRequest)]
        self.local.unmark(request.image for request in requests if isinstance(request, PushRequest))
        self.bucket.unmark((source.repository, source.tag) for source in sources if source.digest is None)

    def look_again(self) -> None:
        """Both sides, anew; what is shown stays until the answer differs."""
        self.local.start()
        self.bucket.again()

    def set_place(self, place: LocalPlace) -> None:
        """Another local place on the left."""
        self._go_to_place(place)
        self._show_side("local")

    def _go_to_place(self, place: LocalPlace | None) -> None:
        if place != self.session.place:
            self.session.place = place
            self.local.empty()  # its images cannot be sent from there
        self.local.start()

    @on(TransferEnded)
    def _transfer_ended(self, event: TransferEnded) -> None:
        """A transfer is over: look again at what it changed, whichever store was open when it began."""
        transfer = event.transfer
        if transfer.state is not State.DONE:
            return
        if isinstance(transfer.request, PullRequest):
            self.local.start()
        elif transfer.session.store.place == self.session.store.place:
            self.bucket.touch(transfer.request.target.repository, transfer.request.target.tag)

    def action_demo(self) -> None:
        """Fill the store with demo content and the left side with demo archives."""
        if not self.session.allows_adding:
            self.app.say("this store is READ ONLY", kind="warning", fix="open a store that may be added to")
            return
        if not self.bucket.is_empty:
            self.app.say("demo content is for an empty store", kind="warning", fix="open another one with c")
            return
        bucket, service = self.bucket, self.session.service  # another store may be opened meanwhile
        stores, desk = self.app.stores, self.app.desk
        bucket.say("making demo images …")

        def step(text: str) -> None:
            desk.tell(lambda: bucket.say(text))

        desk.ask("demo", lambda _: stores.add_demo(service, step), self._demo_added, self._demo_failed)

    def _demo_added(self, place: LocalPlace) -> None:
        self.app.log_command("demo content", "added")
        if self.app.main_screen is self:
            self.bucket.say("")
            self.bucket.again()
            self._go_to_place(place)

    def _demo_failed(self, error: OciStoreError) -> None:
        if self.app.main_screen is self:
            self.bucket.say("")
        self.app.say(str(error), kind="error", fix=error.fix)

    def names(self) -> Sequence[Reference]:
        """Every tag that is known, for the palette; asks nobody."""
        return self.bucket.references()
