"""Everything about one tag, in tabs; each asks for what it shows when it is first looked at."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import Inspection, TagRow
from ocistore_tui.model.plan import PullRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.text import inert
from ocistore_tui.tui.command_line import command_line
from ocistore_tui.tui.commands import Command, bindings_of
from ocistore_tui.tui.detail import tabs
from ocistore_tui.tui.detail.document import COLUMNS as DOCUMENT_COLUMNS
from ocistore_tui.tui.detail.document import DocumentLines
from ocistore_tui.tui.detail.facts import Fact, Known, tag_facts
from ocistore_tui.tui.format import short_size
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.targets import pull_image
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.key_bar import KeyBar
from ocistore_tui.tui.widgets.row_list import RowList
from ocistore_tui.tui.widgets.tab_strip import TabStrip

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

SLOW_S = 5.0
"""After this long the screen says that it still waits."""
_VIEWS = ("formatted", "exact", "hex")
_DOCUMENTS = ("manifest", "config")


class DetailScreen(Screen[None]):
    """One tag.

    Args:
        session: The open store.
        reference: The tag, or a digest.
        row: What the list knows of it already.
        tab: The tab to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of("detail"),
        Binding("escape", "back", "Back", show=False),
        Binding("enter", "open", "Whole value", show=False),
    ]
    bar_places = ("detail", "app")
    app: OcistoreApp

    rows_list = query_one("RowList", RowList)

    def __init__(self, session: Session, reference: Reference, row: TagRow | None, *, tab: str = "overview") -> None:
        super().__init__()
        self.session, self.reference, self.tab = session, reference, tab
        self.subject = tabs.Subject(row=row)
        self._platforms: list[str] = []
        self._platform = 0
        self._asked: set[str] = set()
        self._view = 0
        self._slow: Timer | None = None
        self._page: tabs.Page | None = None

    def compose(self) -> ComposeResult:
        """Header, what it is, tabs, the tab's rows, a line beneath, keys."""
        yield StatusHeader()
        yield Static(id="detail-title", markup=False)
        yield TabStrip(tabs.TABS)
        yield RowList((), signs=True)
        yield Static(id="detail-beneath", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what is known at once; ask for the rest."""
        main = self.app.main_screen
        if main is not None and main.bucket.model.is_complete:
            self.subject.sharing = main.bucket.model.sharing
        self._ask("root", lambda: self.session.service.inspect(self.reference), self._inspected)
        self._show_tab(self.tab)
        self.rows_list.focus()

    # asking

    def _ask(self, about: str, work, then) -> None:  # type: ignore[no-untyped-def]  # each question has its own answer
        if about in self._asked:
            return
        self._asked.add(about)

        def told(value: object) -> None:
            then(value)
            self._still_waiting(start=False)
            self._draw()

        def failed(error: OciStoreError) -> None:
            self.subject.errors[about.partition(" ")[0]] = error
            self._still_waiting(start=False)
            self._draw()

        self._still_waiting(start=True)
        self.app.desk.ask(f"detail {id(self)} {about}", lambda _: work(), told, failed)

    def _still_waiting(self, *, start: bool) -> None:
        if self._slow is not None:
            self._slow.stop()
            self._slow = None
        if start:
            self._slow = self.set_timer(SLOW_S, self._say_slow)

    def _say_slow(self) -> None:
        self._beneath(f"still waiting for {self.session.store.name}; Esc gives up")

    def _inspected(self, root: Inspection) -> None:
        self.subject.root = root
        if root.kind != "index":
            self.subject.image = root
            self._ask_unpacked()
            return
        self._platforms = [row.platform for row in root.platforms if row.is_stored and row.platform]
        host = str(Platform.host())
        self._platform = self._platforms.index(host) if host in self._platforms else 0
        self._inspect_platform()

    def _inspect_platform(self) -> None:
        if not self._platforms:
            return
        name = self._platforms[self._platform]
        self.subject.image = None
        self.subject.errors.pop("image", None)
        self._asked.discard(f"image {name}")
        service = self.session.service

        def work() -> Inspection:
            return service.inspect(self.reference, platform=Platform.parse(name))

        def told(image: Inspection) -> None:
            if self._platforms[self._platform] == name:
                self.subject.image = image
                self._ask_unpacked()

        self._ask(f"image {name}", work, told)

    def _ask_unpacked(self) -> None:
        image = self.subject.image
        if image is None or not image.layers:
            return
        service = self.session.service

        def told(sizes: dict[Digest, int]) -> None:
            self.subject.unpacked = {**self.subject.unpacked, **sizes}

        self._ask(f"unpacked {image.digest}", lambda: service.unpacked_sizes(image.layers), told)

    # showing

    def _show_tab(self, tab: str) -> None:
        self.tab = tab
        self.query_one(TabStrip).choose(tab)
        service, reference = self.session.service, self.reference
        if tab in ("overview", "timeline") and reference.tag is not None:
            tag = reference.tag
            self._ask("timeline", lambda: service.timeline(reference.repository, tag), self._timed)
        if tab in ("overview", "extras"):
            self._ask("attachments", lambda: service.attachments(reference), self._attached)
        self.rows_list.clear_cursor()
        self._draw()

    def _timed(self, timeline: object) -> None:
        self.subject.timeline = timeline  # type: ignore[assignment]

    def _attached(self, attachments: object) -> None:
        self.subject.attachments = attachments  # type: ignore[assignment]

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        name = inert(str(self.reference), limit=120)
        platform = f"   platform ‹ {self._platforms[self._platform]} ›" if self._platforms else ""
        self.query_one("#detail-title", Static).update(
            Content.assemble((f" {name}", "bold"), (f" · {inert(self.session.store.name, limit=40)}   ", "$text-muted"),
                             tabs.headline(self.subject), (inert(platform), "$text-accent"))
        )  # fmt: skip
        page = self._page = self._make_page()
        self.rows_list.set_columns(page.columns)
        self.rows_list.show(page.source, empty=page.empty)
        self._beneath(page.beneath)
        self.query_one(KeyBar).refresh()

    def _beneath(self, text: str) -> None:
        self.query_one("#detail-beneath", Static).update(Content(f" {text}"))

    def _make_page(self) -> tabs.Page:
        subject = self.subject
        if self.tab in _DOCUMENTS:
            return self._document_page()
        if self.tab == "overview":
            return tabs.facts_page(self._facts())
        return {
            "layers": tabs.layers_page, "history": tabs.history_page, "platforms": tabs.platforms_page,
            "extras": tabs.extras_page, "timeline": tabs.timeline_page,
        }[self.tab](subject)  # fmt: skip

    def _facts(self) -> list[Fact]:
        subject = self.subject
        facts: list[Fact] = []
        if subject.row is not None:
            known = Known(subject.timeline, subject.attachments)
            kinds = dict.fromkeys(row.kind for row in subject.attachments or ())
            facts = tag_facts(
                self.reference.repository, subject.row, self.session.comparison, sharing=subject.sharing,
                extras=tuple(kinds) or subject.row.extras, known=known,
            )  # fmt: skip
        error = subject.errors.get("root") or subject.errors.get("image")
        if error is not None:
            facts += [Fact(label, inert(text), "bad" if label == "error" else "")
                      for label, text in (("error", str(error)), ("cause", error.cause), ("fix", error.fix)) if text]  # fmt: skip
        root = subject.root
        if root is not None:
            facts += [Fact("full digest", str(root.digest), "dim"), Fact("media type", inert(root.media_type), "dim")]
            facts += [Fact("flaw", inert(flaw), "bad") for flaw in root.flaws]
            annotations = root.manifest.annotations
            facts += [
                Fact("annotation", inert(f"{key} = {value}", limit=400), "dim")
                for key, value in list(annotations.items())[:40]
            ]
        image = subject.image
        if image is not None and image.layers:
            total = sum(layer.size_bytes for layer in image.layers)
            facts.append(Fact("layers", f"{len(image.layers)}, {short_size(total)} packed"))
        return facts

    def _document_page(self) -> tabs.Page:
        raw = self._document()
        about = "root" if self.tab == "manifest" else "image"
        if raw is None:
            what = "this is no image: there is no configuration to show"
            is_known = self.tab == "config" and self.subject.image is not None
            return tabs.Page(
                DOCUMENT_COLUMNS, DocumentLines(b"", "hex"),
                empty=((what, "dim"),) if is_known else tabs.waiting(self.subject, about, "the document"),
            )  # fmt: skip
        lines = DocumentLines(raw, _VIEWS[self._view])
        named = {"formatted": "formatted for reading", "exact": "the exact bytes", "hex": "hex"}[lines.view]
        return tabs.Page(
            DOCUMENT_COLUMNS, lines, f"{len(raw):,} bytes, {named}; . shows another view, e saves the bytes"
        )

    def _document(self) -> bytes | None:
        if self.tab == "manifest":
            return self.subject.root.manifest.raw if self.subject.root is not None else None
        return self.subject.image.config if self.subject.image is not None else None

    # commands

    def action_back(self) -> None:
        """To the list."""
        self.dismiss()

    @on(TabStrip.Chosen)
    def _tab_clicked(self, event: TabStrip.Chosen) -> None:
        self._show_tab(event.id)

    def action_tab_left(self) -> None:
        """The tab before."""
        self._turn(-1)

    def action_tab_right(self) -> None:
        """The next tab."""
        self._turn(1)

    def _turn(self, by: int) -> None:
        names = [name for name, _ in tabs.TABS]
        self._show_tab(names[(names.index(self.tab) + by) % len(names)])

    def action_platform_next(self) -> None:
        """The next platform."""
        self._choose_platform(1)

    def action_platform_previous(self) -> None:
        """The platform before."""
        self._choose_platform(-1)

    def _choose_platform(self, by: int) -> None:
        if len(self._platforms) < 2:
            self.app.say("there is one platform")
            return
        self._platform = (self._platform + by) % len(self._platforms)
        self._inspect_platform()
        self._draw()

    def action_detail_timeline(self) -> None:
        """The timeline."""
        self._show_tab("timeline")

    def action_detail_view(self) -> None:
        """Another view of the document."""
        if self.tab in _DOCUMENTS:
            self._view = (self._view + 1) % len(_VIEWS)
            self._draw()

    @on(RowList.Opened)
    def action_open(self) -> None:
        """The whole value."""
        from ocistore_tui.tui.screens.value import ValueScreen

        text = self._page.full.get(self.rows_list.cursor_key) if self._page is not None else None
        if text:
            self.app.push_screen(ValueScreen(dict(tabs.TABS)[self.tab], text))

    def _here(self) -> Reference:
        """The digest under the cursor of the timeline; else the tag itself."""
        key = self.rows_list.cursor_key
        if self.tab == "timeline" and isinstance(key, Digest):
            return Reference(self.reference.repository, None, key)
        return self.reference

    def _request(self) -> PullRequest:
        place = self.session.place
        host = place.address or None if place is not None and place.kind == "engine" else None
        image = pull_image(self._here(), place)
        return PullRequest(self._here(), image=image, docker_host=host, all_platforms=bool(image and self._platforms))

    def action_detail_pull(self) -> None:
        """Pull this."""
        self.app.send([self._request()])

    def action_detail_copy(self) -> None:
        """Copy what names this."""
        from ocistore_tui.tui.screens.copy import CopyScreen

        here, root = self._here(), self.subject.root
        items = [("reference", str(here))]
        if root is not None:
            items += [("digest", str(root.digest)), ("with its digest", f"{self.reference.repository}@{root.digest}")]
        if self.subject.image is not None and self.subject.image.config is not None:
            items.append(("image id", str(Digest.of(self.subject.image.config))))
        items.append(("pull, as a command line", command_line(self._request(), self.session.store)))
        self.app.push_screen(CopyScreen(items))

    def action_detail_save(self) -> None:
        """Save the exact bytes of the document."""
        from ocistore_tui.tui.screens.prompt import PromptScreen

        raw = self._document() if self.tab in _DOCUMENTS else None
        if raw is None:
            self.app.say("e saves the document of the Manifest and Config tabs")
            return
        name = f"{self.reference.repository.rpartition('/')[2]}-{self.tab}.json"
        self.app.push_screen(
            PromptScreen("Save the exact bytes", value=name, act="Save"), lambda path: self._save(path, raw)
        )

    def _save(self, path: str | None, raw: bytes) -> None:
        if not path:
            return

        def work(_: threading.Event) -> str:
            from ocistore_tui.tui.saving import save_new

            return save_new(path, raw)

        self.app.desk.ask("save", work, lambda said: self.app.say(f"saved {said}"),
                          lambda error: self.app.say(str(error), kind="error", fix=error.fix))  # fmt: skip

    def bar_label(self, command: Command) -> str | None:  # noqa: ARG002 - no label depends on anything here
        """The usual labels."""
        return None

    def bar_dim(self, command: Command) -> str:
        """Why a key cannot work now."""
        return command.coming
