"""Everything about one tag, in tabs; each asks for what it shows when it is first looked at."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Static

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.plan import PullRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.text import inert
from ocistore_tui.tui.command_line import command_line
from ocistore_tui.tui.commands import BY_ID, Command, bindings_of
from ocistore_tui.tui.detail import document, overview, tabs
from ocistore_tui.tui.detail.facts import Beside, Known
from ocistore_tui.tui.detail.subject import Page, Subject
from ocistore_tui.tui.feeds.detail import DetailFeed
from ocistore_tui.tui.format import fit
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.targets import pull_image
from ocistore_tui.tui.widgets.covered import is_left
from ocistore_tui.tui.widgets.header import StatusHeader
from ocistore_tui.tui.widgets.inspector import Inspector
from ocistore_tui.tui.widgets.key_bar import KeyBar
from ocistore_tui.tui.widgets.row_list import RowList
from ocistore_tui.tui.widgets.tab_strip import TabStrip

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

SLOW_S = 5.0
"""After this long the screen says that it still waits."""
_COMING = ("inside", "compare", "retag", "verify", "delete")
"""Commands of the lists that will be here, too; until then they say so."""
_LEAST_NAME = 20


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
        Binding("escape", "back", "Back"),
        Binding("enter", "open", "Whole value", show=False),
        Binding("r", "look_again", "Refresh", show=False),
        *(Binding(BY_ID[name].keys, BY_ID[name].action, BY_ID[name].label, show=False) for name in _COMING),
    ]
    bar_places = ("detail", "app")
    app: OcistoreApp

    rows_list = query_one("RowList", RowList)

    def __init__(self, session: Session, reference: Reference, row: TagRow | None, *, tab: str = "overview") -> None:
        super().__init__()
        self.session, self.reference, self.tab = session, reference, tab
        self.subject = Subject(row=row)
        self.feed: DetailFeed
        self._is_platform_chosen = False
        self._views: dict[str, int] = {}
        self._page: Page | None = None

    def compose(self) -> ComposeResult:
        """Header, what it is, tabs, the tab's rows, a line beneath, keys."""
        yield StatusHeader()
        yield Static(id="detail-title", markup=False)
        yield TabStrip(self._tabs())
        yield RowList((), signs=True)
        yield Static(id="detail-beneath", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what is known at once; ask for the rest."""
        rows = self.app.main_screen.bucket.model if self.app.main_screen is not None else None
        if rows is not None:
            if self.subject.row is None and self.reference.digest is None:
                self.subject.row = rows.tag((self.reference.repository, self.reference.tag))
            if rows.is_complete:
                self.subject.sharing = rows.sharing
        self.feed = DetailFeed(
            self.app.desk, self.session.service, self.reference, self.subject,
            tags=self._every_tag, pull_of=self._pull_to_engine, asked=self._asked, changed=self._learnt,
        )  # fmt: skip
        self._show_tab(self.tab)
        self.rows_list.focus()

    def on_unmount(self) -> None:
        """Answers that still come find nobody."""
        self.feed.stop()

    # what is asked

    def _asked(self, about: str) -> None:
        self.set_timer(SLOW_S, partial(self._is_overdue, about))

    def _is_overdue(self, about: str) -> None:
        if self.feed.overdue(about):
            self._draw()

    def _learnt(self) -> None:
        self.feed.want(self.tab)
        subject, main, row = self.subject, self.app.main_screen, self.subject.row
        if main is not None and row is not None and (subject.timeline or subject.attachments is not None):
            for inspector in main.query(Inspector):
                inspector.learn(self.reference.repository, row, Known(subject.timeline, subject.attachments))
        self._draw()

    def _every_tag(self) -> Sequence[tuple[str, TagRow]] | None:
        main = self.app.main_screen
        if main is None or not main.bucket.model.is_complete:
            return None
        nodes = main.bucket.model.nodes.values()
        return [(node.name, row) for node in nodes for row in node.tags.values()]

    def _pull_to_engine(self, platform: str) -> PullRequest | None:
        if self.session.place is not None and self.session.place.kind != "engine":
            return None
        return self._request(self.reference, platform)

    # showing

    def _tabs(self) -> Sequence[tuple[str, str]]:
        root, row = self.subject.root, self.subject.row
        kind = root.kind if root is not None else row.kind if row is not None else ""
        return [tab for tab in tabs.TABS if tab[0] != "platforms" or kind in ("index", "") or self.tab == "platforms"]

    def _show_tab(self, tab: str) -> None:
        self.tab = tab
        self.feed.want(tab)
        self.rows_list.clear_cursor()
        self._draw()

    def _draw(self) -> None:
        self.query_one(TabStrip).choose(self.tab, self._tabs())
        self._draw_title()
        page = self._page = self._make_page()
        self.rows_list.set_columns(page.columns)
        self.rows_list.show(page.source, empty=page.empty)
        late = self.feed.is_late_for(self.tab)
        beneath = page.brief if page.brief and len(page.beneath) > self.app.size.width - 2 else page.beneath
        if late:
            beneath = f"still waiting for {inert(self.session.store.name, limit=30)}: {late}; Esc gives up"
        self.query_one("#detail-beneath", Static).update(Content(f" {inert(beneath)}"), layout=False)
        self.query_one(KeyBar).refresh()

    def _draw_title(self) -> None:
        subject, width = self.subject, self.app.size.width
        store = f" · {inert(self.session.store.name, limit=40)}"
        what = f"   {overview.headline(subject)}"
        platform = f"   platform ‹ {inert(subject.platform, limit=40)} ›" if subject.platform else ""
        name = inert(str(self.reference), limit=300)
        room = width - len(what) - len(platform) - 2
        if room - len(store) < min(len(name), _LEAST_NAME * 2):
            store = ""  # the header names it
        room -= len(store)
        if room < min(len(name), _LEAST_NAME):
            room, what = room + len(what), ""
        name = fit(name, min(len(name), max(1, room)))
        title = Content.assemble((f" {name}", "bold"), (store, "$text-muted"), what, (platform, "$text-accent"))
        self.query_one("#detail-title", Static).update(title, layout=False)

    def on_resize(self) -> None:
        """Titles are cut, and documents go on in the next line, by the width there is."""
        self.call_after_refresh(self._draw_if_shown)

    def _draw_if_shown(self) -> None:
        if not is_left(self) and self._page is not None:
            self._draw()

    def _make_page(self) -> Page:
        if self.tab in tabs.DOCUMENTS:
            width = self.rows_list.size.width - document.BESIDE_COLUMNS
            return document.document_page(self.subject, self.tab, self._views.get(self.tab, 0), width)
        if self.tab == "overview":
            return overview.overview_page(self.reference, self.subject, self._beside())
        return tabs.listed(self.tab, self.subject, self.app.clock())

    def _beside(self) -> Beside:
        subject, row = self.subject, self.subject.row
        return Beside(
            self.session.comparison, self.app.clock(), sharing=subject.sharing, extras=row.extras if row else (),
            known=Known(subject.timeline, subject.attachments),
        )  # fmt: skip

    # commands

    def action_back(self) -> None:
        """To the list."""
        self.dismiss()

    def action_look_again(self) -> None:
        """Ask everything anew; the list's row stays until then."""
        self.feed.again()
        platform, sharing, row = self.subject.platform, self.subject.sharing, self.subject.row
        fresh = Subject(row=row, platform=platform, sharing=sharing)
        for name in Subject.__slots__:
            setattr(self.subject, name, getattr(fresh, name))
        self.feed.want(self.tab)
        self._draw()

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
        names = [name for name, _ in self._tabs()]
        self._show_tab(names[(names.index(self.tab) + by) % len(names)])

    def action_platform_next(self) -> None:
        """The next platform."""
        self._choose_platform(1)

    def action_platform_previous(self) -> None:
        """The platform before."""
        self._choose_platform(-1)

    def _choose_platform(self, by: int) -> None:
        names = self.subject.platforms
        if len(names) < 2:
            self.app.say(f"there is only {names[0]}" if names else "this is one image: there is no other platform")
            return
        self.subject.platform = names[(names.index(self.subject.platform) + by) % len(names)]
        self._is_platform_chosen = True
        self.feed.want(self.tab)
        self._draw()

    def action_detail_timeline(self) -> None:
        """The timeline."""
        self._show_tab("timeline")

    def action_detail_view(self) -> None:
        """Another view of the document."""
        if self.tab in tabs.DOCUMENTS:
            self._views[self.tab] = self._views.get(self.tab, 0) + 1
            self.rows_list.clear_cursor()
            self._draw()
        else:
            self.app.say(f". {self._why_dim('detail-view')}")

    @on(RowList.Opened)
    def action_open(self) -> None:
        """The whole value."""
        from ocistore_tui.tui.screens.value import ValueScreen

        text = self._value()
        if text:
            self.app.push_screen(ValueScreen(dict(tabs.TABS)[self.tab], text))

    def _value(self) -> str:
        return self._page.full.get(self.rows_list.cursor_key, "") if self._page is not None else ""

    def _here(self) -> Reference:
        """The digest under the cursor of the timeline; else the tag itself."""
        key = self.rows_list.cursor_key
        if self.tab == "timeline" and isinstance(key, Digest):
            return Reference(self.reference.repository, None, key)
        return self.reference

    def _request(self, reference: Reference, platform: str) -> PullRequest:
        place = self.session.place
        image = pull_image(reference, place)
        return PullRequest(
            reference,
            image=image,
            platform=Platform.parse(platform) if platform else None,
            all_platforms=bool(image and self.subject.platforms and not platform),
            docker_host=place.address or None if place is not None and place.kind == "engine" else None,
        )

    def _pull_here(self) -> PullRequest:
        """Pull what is under the cursor; a platform only where somebody chose one."""
        here = self._here()
        is_chosen = self._is_platform_chosen and here == self.reference
        return self._request(here, self.subject.platform if is_chosen else "")

    def action_detail_pull(self) -> None:
        """Pull this."""
        self.app.send([self._pull_here()])

    def action_detail_copy(self) -> None:
        """Copy what names this."""
        from ocistore_tui.tui.screens.copy import CopyScreen

        here = self._here()
        digest = here.digest or self.subject.digest
        items = [("reference", str(here))]
        if digest is not None:
            items += [("with its digest", f"{here.repository}@{digest}")] if here.digest is None else []
            items.append(("digest", str(digest)))
        image, value = self.subject.image, self._value()
        if here == self.reference and image is not None and image.kind == "image" and image.config is not None:
            items.append(("image id", str(Digest.of(image.config))))
        if value and here == self.reference:
            items.append(("this row", value.splitlines()[0]))
        if self.session.served_at:
            items.append(("docker pull", f"docker pull {self.session.served_at}/{here}"))
        items.append(("pull command", command_line(self._pull_here(), self.session.store)))
        self.app.push_screen(CopyScreen(items))

    def action_detail_save(self) -> None:
        """Save the exact bytes of the document."""
        from ocistore_tui.tui.screens.prompt import PromptScreen

        raw = document.raw_of(self.subject, self.tab)
        if raw is None:
            self.app.say(f"e {self._why_dim('detail-save')}")
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

    def bar_dim(self, command: Command) -> str:
        """Why a key cannot work now."""
        return command.coming or self._why_dim(command.id)

    def _why_dim(self, command_id: str) -> str:
        if self.tab in tabs.DOCUMENTS:
            is_there = document.raw_of(self.subject, self.tab) is not None
            return "" if is_there else "needs a document, and there is none (yet)"
        return {
            "detail-view": "shows other views of the Manifest and Config tabs",
            "detail-save": "saves the document of the Manifest and Config tabs",
        }.get(command_id, "")
