"""What the left side shows: an engine, a folder of image archives, or an OCI layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.text import inert
from ocistore_tui.tui.paths import completed, directories, place_at
from ocistore_tui.tui.rows.row import Column, Row, keyed
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice
from ocistore_tui.tui.widgets.field_input import FieldInput
from ocistore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

COLUMNS = (Column("NAME"), Column("WHERE"), Column("", 10, needs=56))
_TYPED = {"folder": "a folder of image archives…", "oci": "an OCI layout directory…"}
_KINDS = {"engine": "engine", "folder": "archives", "oci": "OCI layout"}


class PathInput(FieldInput):
    """A path of a directory; Tab completes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    def action_complete(self) -> None:
        """As far as all that was found agree; where there is no more to complete, Tab goes on to the next field."""
        longer = completed(self.value, self.choices)
        if longer == self.value:
            self.screen.focus_next()
            return
        self.value = longer
        self.cursor_position = len(longer)


class SourcesScreen(ModalScreen[None]):
    """Pick the left side.

    Args:
        session: Whose left side it is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Cancel", show=False),
        Binding("enter,f3", "choose", "Choose", show=False),
        Binding("r", "look", "Look again", show=False),
    ]
    app: OcistoreApp

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._places: tuple[LocalPlace, ...] = ()
        self._is_looking = True
        self._kind = ""
        """What a path is asked for: ``folder`` or ``oci``; empty while none is."""

    def compose(self) -> ComposeResult:
        """Places, a line for a path, buttons."""
        with Vertical(classes="dialog", id="sources") as frame:
            frame.border_title = Content("Left side")
            yield RowList(COLUMNS, signs=False, id="sources-list")
            yield PathInput(hint="path of the directory; Tab completes", id="sources-path")
            yield Static(id="sources-say", markup=False)
            yield ButtonRow((Choice("Cancel", "Esc", id="cancel"), Choice("Choose", "Enter", is_main=True, id="act")))

    def on_mount(self) -> None:
        """Ask what there is."""
        self.query_one(PathInput).display = False
        self.query_one(RowList).focus()
        self.action_look()

    def on_unmount(self) -> None:
        """Nobody waits any more."""
        for topic in ("sources", "sources-path", "sources-chosen"):
            self.app.desk.forget(topic)

    def action_look(self) -> None:
        """Look for engines and folders, again."""
        stores = self.app.stores
        self._is_looking = True
        self._say(None)
        self._draw()
        self.app.desk.ask("sources", lambda _: tuple(stores.places()), self._came, self._not_found)

    def _came(self, places: Sequence[LocalPlace]) -> None:
        self._places, self._is_looking = tuple(places), False
        self._draw()
        self.query_one(RowList).move_to(self._current())

    def _not_found(self, error: OciStoreError) -> None:
        self._is_looking = False
        self._draw()
        self._say(error)

    # painting

    def _current(self) -> LocalPlace | None:
        """The place that is on the left now, as the list has it."""
        place = self._session.place or LocalPlace("engine")
        same = (known for known in self._all() if (known.kind, known.address) == (place.kind, place.address))
        return next(same, None)

    def _all(self) -> tuple[LocalPlace, ...]:
        """What was found, and the one that is shown now, which may have been typed."""
        place = self._session.place
        known = {(one.kind, one.address) for one in self._places}
        return self._places if place is None or (place.kind, place.address) in known else (*self._places, place)

    def _draw(self) -> None:
        current = self._current()
        rows: list[tuple[object, Row]] = []
        for place in self._all():
            said, style = ("shown now", "good") if place == current else (_KINDS.get(place.kind, ""), "dim")
            cells = (inert(place.name or place.kind, limit=80), inert(place.address or "the usual engine"), said)
            rows.append((place, Row(cells, ("", "dim", style))))
        if self._is_looking:
            rows.append(("looking", Row((f"looking{self.app.glyphs.cut}", "", ""), ("dim",))))
        dots = self.app.glyphs.cut
        for kind, words in _TYPED.items():
            rows.append((kind, Row((words.replace("…", dots), "its path is asked for", ""), ("", "dim"))))
        rows_list = self.query_one(RowList)
        rows_list.styles.height = len(rows) + 1
        rows_list.show(keyed(rows))

    def _say(self, error: OciStoreError | None) -> None:
        line = self.query_one("#sources-say", Static)
        text = "; ".join(filter(None, (str(error), error.cause, error.fix))) if error else ""
        line.update(Content.styled(inert(text, limit=500), "$text-error"))

    # choosing

    @on(RowList.Opened)
    @on(Choice.Pressed, "#act")
    @on(Input.Submitted)
    def action_choose(self) -> None:
        """Show the place on the left; a path is asked for first where it is not known."""
        if self._kind:
            kind, text = self._kind, self.query_one(PathInput).value
            self.app.desk.ask("sources-chosen", lambda _: place_at(kind, text), self._chosen, self._say)
            return
        key = self.query_one(RowList).cursor_key
        if isinstance(key, LocalPlace):
            self._chosen(key)
        elif key in _TYPED:
            self._ask_path(str(key))

    def _chosen(self, place: LocalPlace) -> None:
        self.dismiss()
        self.app.set_place(place)

    def _ask_path(self, kind: str) -> None:
        self._kind = kind
        self._say(None)
        field = self.query_one(PathInput)
        field.display = True
        field.value = field.value or "./"
        field.cursor_position = len(field.value)
        field.focus()
        self._list(field.value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._say(None)
        self._list(event.value)

    def _list(self, text: str) -> None:
        """Find the directories that may be meant."""
        self.app.desk.ask("sources-path", lambda _: directories(text), self.query_one(PathInput).offer)

    @on(Choice.Pressed, "#cancel")
    def action_back(self) -> None:
        """One step back: the path, the dialog."""
        if not self._kind:
            self.dismiss()
            return
        self._kind = ""
        self._say(None)
        self.query_one(PathInput).display = False
        self.query_one(RowList).focus()
