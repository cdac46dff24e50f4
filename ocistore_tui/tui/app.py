"""The Textual application: what is open, what runs, and the screens over it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from textual import on
from textual.app import App
from textual.events import Event, Key, Paste
from textual.filter import LineFilter, Monochrome, NoColor
from textual.notifications import SeverityLevel
from textual.screen import Screen

from ocistore_tui.errors import OciStoreError, UsageError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.stores import StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui import serving, settings
from ocistore_tui.tui.commands import bindings_of
from ocistore_tui.tui.desk import Answer, Desk
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.inert_filter import InertFilter
from ocistore_tui.tui.plain_filter import PlainFilter
from ocistore_tui.tui.ports import Opening, Outcome, Stores
from ocistore_tui.tui.runner import Runner
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.terminal import Terminal
from ocistore_tui.tui.theme import DEFAULT_THEME, THEMES, theme_for
from ocistore_tui.tui.typeahead import Follower, Typeahead

if TYPE_CHECKING:
    from ocistore_tui.tui.screens.main import MainScreen

Request = PushRequest | PullRequest
STYLES: list[str | PurePath] = [f"styles/{name}.tcss" for name in ("app", "main", "dialogs", "detail", "stores")]
WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-normal"), (160, "-wide")]
HEIGHTS = [(0, "-tiny-height"), (15, "-short"), (30, "-tall")]
_SWITCH_INTERVAL_S = 0.001
"""Threads that compute give way sooner, so that a key is answered at once (ux.md §6)."""

_INERT, _PLAIN, _NO_COLOR = InertFilter(), PlainFilter(), NoColor()
"""One of each: what a strip looks like behind a filter is remembered by the filter."""


class OcistoreApp(App[Outcome]):
    """The program on a terminal.

    Args:
        opening: What to begin with.
        stores: Where stores and local places come from.
        clock: Seconds since 1970; tests give their own.
    """

    TITLE = "ocistore"
    CSS_PATH = STYLES
    BINDINGS = bindings_of("app")
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self, opening: Opening, stores: Stores, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(driver_class=Terminal)
        self.opening = opening
        self.stores = stores
        self.clock = clock
        self.glyphs = Glyphs.for_terminal(forced_ascii=opening.ascii)
        self.desk = Desk(self)
        self.runner = Runner(self)
        self._typeahead = Typeahead(self)
        self.outcome = Outcome()
        self.commands_done: list[tuple[float, str, str]] = []
        """Moment, command line, and how it ended: the command log."""
        self.session: Session
        for theme in THEMES:
            self.register_theme(theme)
        if opening.theme and opening.theme not in self.available_themes:
            raise UsageError(
                f"there is no theme named {opening.theme}", where="--theme",
                fix=f"use one of {', '.join(sorted(self.available_themes))}",
            )  # fmt: skip
        self.theme = theme_for(
            opening.theme or DEFAULT_THEME, known=set(self.available_themes), no_color="NO_COLOR" in os.environ
        )

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters after ours: nothing unsafe is painted, whichever widget paints it.

        `NO_COLOR` means none: Textual would send shades of grey.
        """
        ours = [_INERT, _PLAIN] if self.glyphs.is_ascii else [_INERT]
        return [*ours, *(_NO_COLOR if isinstance(one, Monochrome) else one for one in super().get_line_filters())]

    def on_mount(self) -> None:
        """Open what the program was started with."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._loop_handler(number)
        settings.load(self)
        self.open_store(self.opening.store, place=self.opening.place)
        if self.opening.requests:
            self.send(self.opening.requests)

    def _loop_handler(self, number: signal.Signals) -> None:
        import asyncio

        try:
            asyncio.get_running_loop().add_signal_handler(number, self.stop_at_once, number)
        except (NotImplementedError, RuntimeError, ValueError):  # not the main thread: a test
            return

    @property
    def fault(self) -> Exception | None:
        """The bug that ended the program; None: none did."""
        return self._exception

    # what is open

    def open_store(self, row: StoreRow, *, place: LocalPlace | None = None) -> None:
        """Make ``row`` the open store; what runs on the one before goes on."""
        from ocistore_tui.tui.screens.main import MainScreen

        def opened(session: Session) -> None:
            if self.main_screen is not None:
                serving.stop(self, self.session)
            self.session = session
            while len(self.screen_stack) > 1:
                self.pop_screen()
            self.push_screen(MainScreen(session))

        try:
            service = self.stores.open(row)
        except OciStoreError as error:
            if len(self.screen_stack) == 1:  # nothing is open yet: there is no screen to say it on
                self.outcome.error = error
                self.exit(self.outcome)
            else:
                self.say(str(error), kind="error", fix=error.fix)
            return
        opened(Session(row, service, row.mode, place))
        self.desk.ask("opened", lambda _: self.stores.opened(row), lambda _: None)

    def send(self, requests: Sequence[Request]) -> None:
        """Show the plan of these transfers; nothing moves before it is confirmed."""
        from ocistore_tui.tui.screens.plan import PlanScreen

        self.push_screen(PlanScreen(self.session, requests))

    def set_place(self, place: LocalPlace) -> None:
        """Another local place on the left."""
        main = self.main_screen
        if main is not None:
            main.set_place(place)

    @property
    def main_screen(self) -> MainScreen | None:
        """The screen of the open store, whatever lies over it; None before a store is open."""
        from ocistore_tui.tui.screens.main import MainScreen

        return next((screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None)

    def serving_changed(self) -> None:
        """The open store is served now, or no more."""
        from ocistore_tui.tui.widgets.header import StatusHeader

        for screen in self.screen_stack:
            for header in screen.query(StatusHeader):
                header.refresh_facts()

    # what people are told

    def say(self, text: str, *, kind: SeverityLevel = "information", fix: str = "") -> None:
        """A toast; text from outside is safe here."""
        message = inert(text, limit=400) + (f"\n{inert(fix, limit=400)}" if fix else "")
        self.notify(message, severity=kind, markup=False, timeout=8 if kind == "error" else 4)

    def copy(self, text: str, what: str) -> None:
        """To the clipboard, as one harmless line."""
        line = inert(text, limit=len(text) + 1)
        self.copy_to_clipboard(line)
        self.say(f"copied {what}: {line}")

    def copy_to_clipboard(self, text: str) -> None:
        """Textual's own copies too, such as Ctrl+C in a field: only inert text leaves, line by line."""
        lines = text.replace("\r\n", "\n").split("\n")
        super().copy_to_clipboard("\n".join(inert(line, limit=len(line) + 1) for line in lines))

    def log_command(self, line: str, result: str) -> None:
        """Keep what was done for the command log."""
        self.commands_done.append((self.clock(), inert(line, limit=2000), inert(result, limit=400)))

    @on(Answer)
    def _deliver(self, answer: Answer) -> None:
        if self.is_running:  # else the screens are taken apart already
            answer.deliver()

    # keys, one after the other

    async def on_event(self, event: Event) -> None:
        """A key waits until the one before has done what it does."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            if self._typeahead.holds(event):
                return
            await super().on_event(event)
            self._typeahead.handled(event)
            return
        await super().on_event(event)

    @on(Follower)
    def _key_is_through(self, follower: Follower) -> None:
        self._typeahead.arrived(follower)

    # commands of every screen

    def action_help(self) -> None:
        """Keys and signs."""
        from ocistore_tui.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())

    def action_palette(self) -> None:
        """Find a command or a name."""
        from ocistore_tui.tui.screens.palette import PaletteScreen

        self.push_screen(PaletteScreen())

    def action_stores(self) -> None:
        """Pick a store."""
        from ocistore_tui.tui.screens.stores import StoresScreen

        self._show(StoresScreen)

    def action_transfers(self) -> None:
        """All transfers."""
        from ocistore_tui.tui.screens.transfers import TransfersScreen

        self._show(TransfersScreen)

    def action_log(self) -> None:
        """What was done, as command lines."""
        from ocistore_tui.tui.screens.log import LogScreen

        self._show(LogScreen)

    def action_refresh(self) -> None:
        """Look again."""
        main = self.main_screen
        if main is not None:
            main.look_again()

    def action_coming(self, command_id: str) -> None:
        """Why a key that holds its place does nothing yet."""
        from ocistore_tui.tui.commands import BY_ID

        self.say(BY_ID[command_id].coming, kind="information")

    async def action_quit(self) -> None:
        """Leave; ask when something runs. While the program is about to leave by itself, stay after all."""
        from ocistore_tui.tui.screens.quit import QuitScreen

        if self.runner.quitting:
            self.runner.stay()
            self.say("it stays open")
        elif not self.runner.is_busy:
            self.leave()
        elif not isinstance(self.screen, QuitScreen):
            self.push_screen(QuitScreen())

    def leave(self) -> None:
        """End the program with what there is to say."""
        self.runner.settle(self.outcome)
        self.exit(self.outcome)

    def stop_at_once(self, number: int = signal.SIGTERM) -> None:
        """A signal: stop transfers so that they can go on later, and end; a second one does not wait for them."""
        self.outcome.exit_code = 128 + number
        self.runner.stop_and_leave()

    def _fatal_error(self) -> None:
        """A bug: only close. Textual's own report shows local variables, which may hold credentials."""
        self.bell()
        self._close_messages_no_wait()

    def _show(self, screen: type[Screen[None]]) -> None:
        """Show one of the screens over the main one, unless it is shown already."""
        if not isinstance(self.screen, screen):
            self.push_screen(screen())


def run(opening: Opening, stores: Stores) -> Outcome:
    """Run the program on this terminal until it is left.

    Raises:
        UsageError: there is no theme of the name given.
        Exception: whatever bug ended it.
    """
    app = OcistoreApp(opening, stores)
    try:
        outcome = app.run(mouse=opening.mouse)
    finally:
        app.runner.settle(app.outcome)  # however it ended: what was not finished can go on the next time
        if hasattr(app, "session"):
            serving.end(app, app.session)
    if app.fault is not None:
        raise app.fault
    return outcome if outcome is not None else app.outcome
