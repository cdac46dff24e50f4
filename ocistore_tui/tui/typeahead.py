"""Keys that arrive together, as over SSH or from quick fingers, act one after the other, as they were typed.

Textual hands each key to whatever has the focus the moment it is read. Two keys in one packet are both handed to the
list, though the first of them opened the field or the dialog that the second was meant for.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from textual.events import Key, Paste
from textual.message import Message
from textual.screen import Screen

if TYPE_CHECKING:
    from textual.message_pump import MessagePump
    from textual.timer import Timer

    from ocistore_tui.tui.app import OcistoreApp

Typed = Key | Paste
_TRIPS = 2
"""Behind a key, then behind the messages it caused."""
_LONGEST_S = 0.5
"""After that the next key goes on anyway: the follower went down with the widget it was on."""


class Follower(Message):
    """Goes the way of a key, behind it: where it arrives, the key has been."""

    def __init__(self, number: int, trip: int) -> None:
        super().__init__()
        self.number = number
        self.trip = trip


class Typeahead:
    """Holds keys back until the one before has done what it does.

    Args:
        app: Whose keys they are.
    """

    def __init__(self, app: OcistoreApp) -> None:
        self._app = app
        self._held: deque[Typed] = deque()
        self._turn: Typed | None = None
        """The one that was held and comes again: later ones may be before it in the app's own queue."""
        self._number = 0
        self._screen: Screen[object] | None = None
        """Where the key on its way was typed."""
        self._patience: Timer | None = None

    def holds(self, event: Typed) -> bool:
        """Whether this key has to wait; it comes again when it is its turn."""
        if event is self._turn:
            self._turn = None
            return False
        if self._patience is None and self._turn is None:
            return False
        self._held.append(event)
        return True

    def handled(self, event: Typed) -> None:
        """A key was its turn: it is on its way to what has the focus, or did something already."""
        if not event.is_forwarded:
            self._next()
            return
        self._number += 1
        self._screen = self._app.screen
        self._patience = self._app.set_timer(_LONGEST_S, self._next)
        self._follow(1)

    def arrived(self, follower: Follower) -> None:
        """A follower is back."""
        if follower.number != self._number or self._patience is None:
            return
        if follower.trip < _TRIPS:
            self._follow(follower.trip + 1)
        elif self._app.screen is self._screen:
            self._next()
        else:  # it has just been opened, and is filled when it is laid out
            number = self._number
            self._app.screen.call_after_refresh(lambda: self._next_after(number))

    def _follow(self, trip: int) -> None:
        target: MessagePump = self._app.focused or self._app.screen
        target.post_message(Follower(self._number, trip))

    def _next_after(self, number: int) -> None:
        if number == self._number and self._patience is not None:
            self._next()

    def _next(self) -> None:
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        if self._held:
            self._turn = self._held.popleft()
            self._app.post_message(self._turn)
