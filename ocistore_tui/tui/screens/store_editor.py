"""The form of a store: what is typed is tried while it is typed, each step told with its cause and fix."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.checks import Check, start_check, told, told_error
from ocistore_tui.tui.draft import (
    FIELDS,
    KINDS,
    PROFILE,
    SIGN_IN_NOTES,
    SIGN_INS,
    Draft,
    draft_of,
    flaws,
    is_worth_trying,
    label_of,
    missing,
    offered_prefixes,
    row_of,
    suggested_name,
)
from ocistore_tui.tui.policy import copy_policy
from ocistore_tui.tui.rows.stores import profiles_of
from ocistore_tui.tui.widgets.buttons import ButtonRow, Choice
from ocistore_tui.tui.widgets.choices import OneOf
from ocistore_tui.tui.widgets.field_input import FieldInput

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_CHECK, _NAMES, _PROFILES = "store-editor-check", "store-editor-names", "store-editor-profiles"
_KINDS = tuple(KINDS)
_MODES = (Mode.READ_ONLY, Mode.ADD_ONLY)
_PLACE_KEYS = ("bucket", "dir", "root_dir", "account_name", "endpoint", "region")
_SIGN_IN_KEYS = ("profile", "keyfile", "name")


class StoreEditorScreen(ModalScreen[None]):
    """Describes a store, saves it and opens it.

    Args:
        row: What it begins with: a saved store, a sign-in that was found, a store opened by its URL; None: a new one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Cancel", show=False),
        Binding("enter", "save", "Save and open", show=False),
        Binding("V", "test_write", "Test a write", show=False),
        Binding("y", "copy_policy", "Copy policy", show=False),
    ]
    app: OcistoreApp
    check_delay_s: ClassVar[float] = 0.4
    """How long nobody must have typed before the store is tried."""

    def __init__(self, row: StoreRow | None = None) -> None:
        super().__init__()
        self.draft: Draft = draft_of(row)
        self._row = row
        self._profiles: tuple[str, ...] = ()
        self._taken: tuple[str, ...] = ()
        self._timer: Timer | None = None
        self._check: Check | None = None
        self._problem: OciStoreError | None = None
        """Why it was not saved."""
        self._warned: Draft | None = None
        """The draft whose failed check a person was told of."""
        self._hint = ""
        self._found = ""
        """The prefix that was found and filled in; it goes when the place is another one."""
        self._saving = False

    def compose(self) -> ComposeResult:
        """Kind, fields, sign-in, mode, what the checks say, buttons."""
        with Vertical(classes="dialog", id="store-editor") as frame:
            words = "Store " if self.draft.replaces else "New store, " if self._row else "New store"
            frame.border_title = Content(words + (inert(self._row.name, limit=40) if self._row else ""))
            with VerticalScroll(id="store-form", can_focus=False):
                yield self._line("kind", OneOf(tuple(KINDS.values()), _KINDS.index(self.draft.kind), id="kind"))
                yield Container(*(self._field(key) for key in _PLACE_KEYS), classes="store-fields")
                yield self._line("sign in", OneOf((), id="sign-in"))
                yield Static(id="sign-in-note", markup=False)
                yield Container(*(self._field(key) for key in _SIGN_IN_KEYS), classes="store-fields")
                mode = _MODES.index(Mode.READ_ONLY if self.draft.mode is Mode.READ_ONLY else Mode.ADD_ONLY)
                note = Static(Content("V writes one small object and deletes it"), id="mode-note", markup=False)
                yield self._line("mode", OneOf(("read only", "add only"), mode, id="mode"), note)
                yield Static(id="store-told", markup=False)
            yield ButtonRow((
                Choice("Test write", "V", id="test-write"),
                Choice("Policy", "y", id="copy-policy"),
                Choice("Cancel", "Esc", id="cancel"),
                Choice("Save and open", "Enter", is_main=True, id="act"),
            ))  # fmt: skip

    def _line(self, label: str, *widgets: Widget) -> Horizontal:
        return Horizontal(
            Static(Content(label), classes="store-label", markup=False), *widgets, classes="store-line",
            id=f"line-{label.replace(' ', '-')}",
        )  # fmt: skip

    def _field(self, key: str) -> Horizontal:
        hint = next((one.hint for fields in FIELDS.values() for one in fields if one.key == key), "")
        text = self.draft.name if key == "name" else self.draft.texts.get(key, "")
        label = Static(Content(key), classes="store-label", markup=False)
        return Horizontal(label, FieldInput(text, hint, id=f"field-{key}"), classes="store-field", id=f"box-{key}")

    def on_mount(self) -> None:
        """The first field that needs something has the focus; what is described already is tried at once."""
        self._arrange()
        self._input(missing(self.draft) or self.draft.place_key).focus()
        stores, desk = self.app.stores, self.app.desk
        desk.ask(_NAMES, lambda _: tuple(row.name for row in stores.saved()), self._names_came)
        desk.ask(_PROFILES, lambda _: profiles_of(stores.found()), self._profiles_came)
        self._changed()

    def on_unmount(self) -> None:
        """Nobody waits for the checks any more."""
        for topic in (_CHECK, _NAMES, _PROFILES):
            self.app.desk.forget(topic)

    def _names_came(self, names: tuple[str, ...]) -> None:
        self._taken = names
        self._describe()
        self._tell()

    def _profiles_came(self, profiles: tuple[str, ...]) -> None:
        self._profiles = profiles
        self._input("profile").offer(profiles)
        self._describe()

    # the form

    def _input(self, key: str) -> FieldInput:
        return self.query_one(f"#field-{key}", FieldInput)

    def _arrange(self) -> None:
        """Show the fields, ways to sign in and words that belong to the kind."""
        draft = self.draft
        shown = {one.key: one for one in draft.fields}
        for key in (*_PLACE_KEYS, *_SIGN_IN_KEYS):
            self.query_one(f"#box-{key}").display = key in shown or key == "name"
            label = shown[key].label if key in shown else key
            self.query_one(f"#box-{key} > .store-label", Static).update(Content(label))
            if key in shown:
                self._input(key).placeholder = shown[key].hint
        ways = SIGN_INS[draft.kind]
        self.query_one("#line-sign-in").display = bool(ways)
        self.query_one("#kind", OneOf).set(chosen=_KINDS.index(draft.kind))
        self.query_one("#sign-in", OneOf).set(
            tuple(ways.values()), chosen=list(ways).index(draft.sign_in) if draft.sign_in in ways else 0
        )
        self._describe()

    def _describe(self) -> None:
        """Words that follow what is typed."""
        draft = self.draft
        note = SIGN_IN_NOTES[draft.kind]
        if draft.sign_in == PROFILE and self._profiles:
            more = f" and {len(self._profiles) - 4} more" if self._profiles[4:] else ""
            note = f"found: {', '.join(self._profiles[:4])}{more}; up and down pick. {note}"
        self.query_one("#sign-in-note", Static).update(Content(inert(note, limit=300)))
        self._input("name").placeholder = suggested_name(draft, self._taken) or "as you like to call it"
        # Who does not sign in can only look, whatever is chosen.
        mode = self.query_one("#mode", OneOf)
        fixed = draft.effective_mode is not draft.mode
        mode.set(("read only",) if fixed else ("read only", "add only"), chosen=0 if fixed else self._mode_index())

    def _mode_index(self) -> int:
        return 0 if self.draft.mode is Mode.READ_ONLY else 1

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        key = (event.input.id or "").removeprefix("field-")
        before = self.draft
        self.draft = before.typed(key, event.value)
        if key == before.place_key and self._found and self.draft.text("root_dir") == self._found:
            self.draft = self.draft.typed("root_dir", "")  # it was found in another place
            self._write_fields()
        if self.draft.texts.get(key, event.value) != event.value or self.draft.kind != before.kind:  # it was a URL
            self._write_fields()
            self._arrange()
            self._input(self.draft.place_key).focus()
        if self.draft != before:
            self._changed()

    def _write_fields(self) -> None:
        with self.prevent(Input.Changed):
            for key in (*_PLACE_KEYS, *_SIGN_IN_KEYS):
                text = self.draft.name if key == "name" else self.draft.texts.get(key, "")
                if self._input(key).value != text:
                    self._input(key).value = inert(text, limit=4000)

    @on(OneOf.Changed)
    def _chose(self, event: OneOf.Changed) -> None:
        event.stop()
        draft = self.draft
        if event.one_of.id == "kind":
            self.draft = draft.of_kind(_KINDS[event.index])
        elif event.one_of.id == "sign-in":
            self.draft = replace(draft, sign_in=tuple(SIGN_INS[draft.kind])[event.index])
        elif draft.effective_mode is draft.mode:
            self.draft = replace(draft, mode=_MODES[event.index])
        self._arrange()
        self._changed()

    # the checks

    def _changed(self) -> None:
        """The draft is another one: what was known of the old one is dropped, and the new one tried soon."""
        self._problem, self._hint = None, ""
        self._check = None
        self._input("root_dir").offer(())
        self.app.desk.forget(_CHECK)
        self._wait_no_more()
        if is_worth_trying(self.draft):
            self._timer = self.set_timer(self.check_delay_s, self.check_now)
        self._describe()
        self._tell()

    def check_now(self, *, write: bool = False) -> None:
        """Try the store as it is described now."""
        self._wait_no_more()
        if is_worth_trying(self.draft):
            self._check = start_check(self.app, _CHECK, row_of(self.draft, self._taken), self._stepped, write=write)
            self._tell()

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _stepped(self, check: Check, step: CheckStep | None) -> None:
        if step is not None:
            self._offer(offered_prefixes(step))
        if check is self._check:
            self._tell()

    def _offer(self, prefixes: Sequence[str]) -> None:
        """A registry was found elsewhere in the bucket: a new store takes the only one there is by itself."""
        if not prefixes:
            return
        field = self._input("root_dir")
        if len(prefixes) == 1 and not self.draft.text("root_dir") and not self.draft.replaces:
            self._found = prefixes[0]
            field.value = prefixes[0]  # changes the draft, and so checks again
            return
        field.offer(prefixes)
        names = ", ".join(name or "the top" for name in prefixes[:5])
        self._hint = f"pick the prefix with up and down in its field: {names}"

    def _tell(self) -> None:
        """Everything there is to say below the form."""
        glyphs = self.app.glyphs
        lines: list[Content] = []
        wrong = flaws(self.draft, self._taken)
        for key in (*_PLACE_KEYS, *_SIGN_IN_KEYS):
            self._input(key).set_class(key in wrong, "-bad")
        for key, words in wrong.items():
            lines.append(Content.styled(f"{glyphs.failed} {label_of(self.draft, key)}: {words}", "bold $text-error"))
        if self._problem is not None:
            lines.append(told_error(self._problem, glyphs))
        if self._check is not None:
            lines.append(told(self._check, glyphs))
        elif needed := missing(self.draft):
            lines.append(Content.styled(f"the {label_of(self.draft, needed)} is still to be said", "$text-muted"))
        if self._hint:
            lines.append(Content.styled(inert(self._hint, limit=400), "$text-warning"))
        self.query_one("#store-told", Static).update(Content("\n").join(lines))

    @on(Choice.Pressed, "#test-write")
    def action_test_write(self) -> None:
        """Put one object and delete it again, as part of the checks."""
        if not is_worth_trying(self.draft):
            self._point_at_flaw()
            return
        self._hint = ""
        self.check_now(write=True)

    @on(Choice.Pressed, "#copy-policy")
    def action_copy_policy(self) -> None:
        """The least rights, ready to paste."""
        copy_policy(self.app, row_of(self.draft, self._taken))

    # the end

    def _point_at_flaw(self) -> None:
        """Put the focus where something is to be typed."""
        wrong = [*flaws(self.draft, self._taken), missing(self.draft)]
        key = next(filter(None, wrong), "")
        if key:
            self._input(key).focus()
            self._tell()

    @on(Input.Submitted)
    @on(Choice.Pressed, "#act")
    def action_save(self) -> None:
        """Save it and open it; what was seen to fail is said once more first."""
        if self._saving:
            return
        if flaws(self.draft, self._taken) or missing(self.draft):
            self._point_at_flaw()
            return
        if self._check is not None and self._check.failed is not None and self._warned != self.draft:
            self._warned = self.draft
            self._hint = "it does not work like this; Enter again saves and opens it all the same"
            self._tell()
            return
        row, before, stores = row_of(self.draft, self._taken), self.draft.replaces, self.app.stores

        def save(_: threading.Event) -> StoreRow:
            saved = stores.save(row)
            if before and before != saved.name:
                stores.forget(before)
            return saved

        self._saving = True
        self.app.desk.ask("store-save", save, self._saved, self._not_saved)

    def _saved(self, row: StoreRow) -> None:
        self.app.say(f"saved {row.name}")
        if self.is_attached:
            self.app.open_store(row, place=self.app.session.place)

    def _not_saved(self, error: OciStoreError) -> None:
        self._saving = False
        self._problem = error
        if self.is_attached:
            self._tell()

    @on(Choice.Pressed, "#cancel")
    def action_back(self) -> None:
        """Leave; nothing is kept."""
        self.dismiss()
