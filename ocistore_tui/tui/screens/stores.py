"""The stores: saved ones, the one built in, and what was found on this machine; each one key away."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Input, Static

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.stores import CheckStep, StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.checks import Check, start_check, told, told_error
from ocistore_tui.tui.commands import Command, bindings_of
from ocistore_tui.tui.policy import copy_policy
from ocistore_tui.tui.rows.stores import COLUMNS, StoreRows, facts, key_of
from ocistore_tui.tui.screens.store_editor import StoreEditorScreen
from ocistore_tui.tui.widgets.field_input import FieldInput
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.key_bar import KeyBar
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_TOPICS = ("stores-saved", "stores-found", "stores-test", "stores-parse")
_LABEL_WIDTH = 10


class StoresScreen(Screen[None]):
    """Pick a store."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        *bindings_of("stores"),
        Binding("r", "look_again", "Refresh", show=False),
    ]
    bar_places = ("stores", "app")
    app: OcistoreApp

    rows_list = query_one("#stores-list", RowList)
    url_line = query_one("#stores-url", FieldInput)

    def __init__(self) -> None:
        super().__init__()
        self.rows: StoreRows
        self._is_looking = False
        self._error: OciStoreError | None = None
        """What the file of saved stores is wrong about."""
        self._forgetting: Hashable = None
        """The row whose next ``x`` forgets it."""
        self._said_about: Hashable = None
        self._checks: dict[Hashable, Check] = {}
        self._has_placed_cursor = False

    def compose(self) -> ComposeResult:
        """The list, and beside it what is known of the row."""
        yield StatusHeader()
        with Horizontal(id="stores-body"):
            with Vertical(id="stores-pane"):
                yield Static(id="stores-error", markup=False)
                yield FieldInput(hint="a saved name, s3://BUCKET, gs://BUCKET, az://CONTAINER or a directory",
                                 id="stores-url")  # fmt: skip
                yield RowList(COLUMNS, signs=False, id="stores-list")
                yield Static(id="stores-say", markup=False)
            with VerticalScroll(id="stores-side", can_focus=False):
                yield Static(id="stores-facts", markup=False)
                yield Static(id="stores-check", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask what there is; rows come as they are found."""
        self.rows = StoreRows(self.app.session.store)
        self.url_line.display = False
        self.rows_list.focus()
        self._say("")

    def on_unmount(self) -> None:
        """Nobody waits any more."""
        for topic in _TOPICS:
            self.app.desk.forget(topic)

    def look(self) -> None:
        """Ask for what is saved and what is found, anew."""
        stores, desk = self.app.stores, self.app.desk
        desk.ask("stores-saved", lambda _: tuple(stores.saved()), self._saved_came, self._saved_failed)
        found: list[StoreRow] = []
        self._is_looking = True

        def search(cancel: threading.Event) -> None:
            def arrived(row: StoreRow) -> None:
                if not cancel.is_set():
                    found.append(row)
                    kept = {key_of(one) for one in found}
                    # What was found before stays on its place until the search is over.
                    self.rows.found = [*found, *(one for one in before if key_of(one) not in kept)]
                    self._draw()

            for row in stores.found():
                if cancel.is_set():
                    return
                desk.tell(partial(arrived, row))

        def over(error: OciStoreError | None) -> None:
            self._is_looking = False
            self.rows.found = found
            if error is not None:
                self._say(str(error), "$text-warning")
            self._draw()

        before = tuple(self.rows.found)
        desk.ask("stores-found", search, lambda _: over(None), over)
        self._draw()

    def action_look_again(self) -> None:
        """Look again."""
        self.look()

    def _saved_came(self, rows: Sequence[StoreRow]) -> None:
        self._error = None
        self.rows.saved = tuple(rows)
        self._draw()

    def _saved_failed(self, error: OciStoreError) -> None:
        self._error = error
        self._draw()

    # painting

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        words = f"looking{self.app.glyphs.cut}" if self._is_looking else "no store"
        self.rows_list.show(self.rows.source(), empty=((words, "dim"),))
        if not self._has_placed_cursor and self.rows.at(key_of(self.rows.open)) is not None:
            self._has_placed_cursor = True
            self.rows_list.move_to(key_of(self.rows.open))
        found = sum(row.origin == "found" for row in self.rows.found)
        parts = ["Stores", f"{len(self.rows.saved)} saved", f"{found} found here"]
        if self._is_looking:
            parts.append(f"looking{self.app.glyphs.cut}")
        self.query_one("#stores-pane").border_title = Content(" · ".join(parts))
        problem = self.query_one("#stores-error", Static)
        problem.display = self._error is not None
        if self._error is not None:
            problem.update(told_error(self._error, self.app.glyphs))
        self._draw_side()

    def _draw_side(self) -> None:
        row = self.row
        side = self.query_one("#stores-side")
        side.border_title = Content(inert(row.name, limit=60) if row else "")
        lines = [
            Content.assemble((f"{label:<{_LABEL_WIDTH}}", "$text-muted"), text)
            for label, text in (facts(row) if row else ())
        ]
        self.query_one("#stores-facts", Static).update(Content("\n").join(lines))
        check = self._checks.get(self.rows_list.cursor_key)
        hint = "V tests it, step by step" if row is not None and row.is_complete else ""
        words = told(check, self.app.glyphs) if check else Content.styled(hint, "$text-muted")
        self.query_one("#stores-check", Static).update(words)
        self.query_one(KeyBar).refresh()

    def _say(self, text: str, style: str = "$text-muted", *, about: Hashable = None) -> None:
        """Say it below the list; what is about a row goes when the cursor leaves it."""
        self._said_about = about
        line = self.query_one("#stores-say", Static)
        line.update(Content.styled(inert(text, limit=300), style))
        line.display = bool(text)

    @property
    def row(self) -> StoreRow | None:
        """The store under the cursor."""
        return self.rows.at(self.rows_list.cursor_key)

    @on(RowList.Moved)
    def _moved(self) -> None:
        if self._said_about not in (None, self.rows_list.cursor_key):
            self._forgetting = None
            self._say("")
        self._draw_side()

    # the key bar

    def bar_label(self, command: Command) -> str | None:
        """What ``y`` copies depends on what the test said."""
        if command.id != "store-copy":
            return None
        check = self._checks.get(self.rows_list.cursor_key)
        return "Copy policy" if check is not None and check.is_denied else "Copy URL"

    def bar_dim(self, command: Command) -> str:
        """Why a key cannot work on this row."""
        row = self.row if self.is_mounted else None
        if row is None:
            return ""
        if command.id == "store-forget" and row.origin != "saved":
            return _why_not_forgotten(row)
        if command.id == "store-edit" and row.origin in ("embedded", "demo"):
            return "it is built in: there is nothing to change"
        if command.id in ("store-test", "store-copy") and not row.is_complete:
            return "its bucket is to be said first: Enter asks for it"
        return ""

    def _is_off(self, command_id: str) -> bool:
        """Say why a command does not work on this row; False when it does."""
        from ocistore_tui.tui.commands import BY_ID

        reason = self.bar_dim(BY_ID[command_id])
        if reason:
            self._forgetting = None
            self._say(reason, "$text-warning", about=self.rows_list.cursor_key)
        return bool(reason)

    # commands

    @on(RowList.Opened)
    def action_store_open(self) -> None:
        """Open it; one without a bucket is asked for it first."""
        row = self.row
        if row is not None:
            self._open(row)

    def _open(self, row: StoreRow) -> None:
        if row.is_complete:
            self.app.open_store(row, place=self.app.session.place)
        else:
            self._edit(row)

    def action_store_new(self) -> None:
        """Describe a new one."""
        self._edit(None)

    def action_store_edit(self) -> None:
        """Change it; one that was opened by its URL is saved by that."""
        row = self.row
        if row is not None and not self._is_off("store-edit"):
            self._edit(row)

    def _edit(self, row: StoreRow | None) -> None:
        self.app.push_screen(StoreEditorScreen(row))

    def action_store_forget(self) -> None:
        """Take it off the list; asks by waiting for a second ``x``."""
        row, key = self.row, self.rows_list.cursor_key
        if row is None or self._is_off("store-forget"):
            return
        if self._forgetting != key:
            self._forgetting = key
            self._say(f"x again forgets {row.name}; its content stays", "bold $text-warning", about=key)
            return
        self._forgetting = None
        name, app = row.name, self.app

        def forgotten(_: None) -> None:
            if self.is_attached:
                self._say(f"forgot {name}; its content is where it was")
                self.look()

        def failed(error: OciStoreError) -> None:
            if self.is_attached:
                self._failed(error)
            else:  # the screen was left meanwhile
                app.say(str(error), kind="error", fix=error.fix)

        app.desk.ask("stores-forget", lambda _: app.stores.forget(name), forgotten, failed)

    def action_store_test(self) -> None:
        """Try it step by step."""
        row, key = self.row, self.rows_list.cursor_key
        if row is None or self._is_off("store-test"):
            return
        for other in self._checks.values():
            other.is_running = False  # one is tried at a time; the others tell what they know

        def changed(check: Check, _: CheckStep | None) -> None:
            if self._checks.get(self.rows_list.cursor_key) is check:
                self._draw_side()

        self._checks[key] = start_check(self.app, "stores-test", row, changed)
        self._draw_side()

    def action_store_copy(self) -> None:
        """Copy the URL, or the policy when the test was denied."""
        row = self.row
        if row is None or self._is_off("store-copy"):
            return
        check = self._checks.get(self.rows_list.cursor_key)
        if check is not None and check.is_denied:
            copy_policy(self.app, row)
        else:
            self.app.copy(row.url, "URL")

    # a store by its name or URL

    def action_store_url(self) -> None:
        """Type a name or a URL."""
        self.url_line.display = True
        self.url_line.offer(tuple(row.url for row in self.rows.saved if row.url))
        self.url_line.focus()

    @on(Input.Submitted, "#stores-url")
    def _typed(self, event: Input.Submitted) -> None:
        text, stores = event.value.strip(), self.app.stores
        if text:
            self.app.desk.ask("stores-parse", lambda _: stores.parse(text), self._open, self._failed)

    @on(Input.Changed, "#stores-url")
    def _typing(self) -> None:
        self._say("")

    def _failed(self, error: OciStoreError) -> None:
        self._say(". ".join(filter(None, (str(error), error.cause, error.fix))), "bold $text-error")

    def on_screen_resume(self) -> None:
        """Look, also when back from the editor: what is saved may differ."""
        self.look()

    def action_back(self) -> None:
        """One step back: the question, the line, the screen."""
        if self._forgetting is not None:
            self._forgetting = None
            self._say("")
        elif self.url_line.display:
            self.url_line.display = False
            self.url_line.value = ""
            self._say("")
            self.rows_list.focus()
        else:
            self.dismiss()


def _why_not_forgotten(row: StoreRow) -> str:
    if row.origin == "found":
        return "it was found on this machine: there is nothing saved to forget"
    return "it is not saved: there is nothing to forget"
