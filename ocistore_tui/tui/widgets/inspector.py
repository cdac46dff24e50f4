"""The inspector: what is known of the row under the cursor."""

from __future__ import annotations

import textwrap
import threading
from typing import TYPE_CHECKING

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import RepositorySummary, TagRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.model.plan import PullRequest
from ocistore_tui.model.reference import Reference, is_repository, is_tag
from ocistore_tui.model.text import inert
from ocistore_tui.tui.command_line import command_line
from ocistore_tui.tui.detail.facts import (
    NOTHING,
    Beside,
    Fact,
    Known,
    joined,
    local_facts,
    repository_facts,
    tag_facts,
)
from ocistore_tui.tui.detail.moments import since
from ocistore_tui.tui.format import fit, short_digest, short_size
from ocistore_tui.tui.session import Session

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

REST_S = 0.3
"""How long the cursor rests on a row before anything is asked about it."""
_STYLES = {"bold": "bold", "good": "$text-success", "warn": "$text-warning", "bad": "$text-error", "dim": "$text-muted"}
_LABEL = 11
_ROOM_FOR_JOINED = 96
"""Columns from which several facts share a line."""
_MOST = 6
_Key = tuple[str, str, Digest]
"""Repository, tag and digest: a tag that moves is another subject."""


class Inspector(Static):
    """Facts about one row.

    Args:
        session: The open store.
        full: Whether there is room for everything: then more is asked, too.
    """

    app: OcistoreApp

    def __init__(self, session: Session, *, full: bool = False, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.session = session
        self._full = full
        self._subject: object = None
        self._timer: Timer | None = None
        self._known: dict[_Key, Known] = {}
        self._asked: set[_Key] = set()
        """Never twice: what failed is not asked again by every row that arrives."""
        self._is_shown = False
        self.border_title = Content("3 Inspector")

    def show(self, subject: object) -> None:
        """Show what is known of ``subject``: a repository and its tag, a repository's summary, or a local image."""
        before = self._key()
        self._subject = subject
        if not self._is_shown:
            return
        self._draw()
        if self._key() != before:
            self._rest()

    def learn(self, repository: str, row: TagRow, known: Known) -> None:
        """Somebody asked about a tag."""
        if row.digest is not None:
            self._known[repository, row.name, row.digest] = known
            if self._is_shown:
                self._draw()

    def on_show(self) -> None:
        """Nothing is drawn or asked for an inspector nobody sees."""
        self._is_shown = True
        self._draw()
        self._rest()

    def on_hide(self) -> None:
        """Nobody sees it."""
        self._is_shown = False
        self._stop()

    def on_resize(self) -> None:
        """Other widths, other lines."""
        if self._is_shown:
            self._draw()

    # asking

    def _key(self) -> _Key | None:
        if not isinstance(self._subject, tuple):
            return None
        repository, row = self._subject
        is_nameable = is_repository(repository) and is_tag(row.name)
        return (repository, row.name, row.digest) if is_nameable and row.digest is not None else None

    def _rest(self) -> None:
        """The cursor came to a row: ask about it when it stays there."""
        self._stop()
        key = self._key()
        if self._full and key is not None and key not in self._asked and key not in self._known:
            self._timer = self.set_timer(REST_S, self._ask)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _ask(self) -> None:
        key = self._key()
        if key is None or key in self._known:
            return
        self._asked.add(key)
        repository, tag, digest = key
        service = self.session.service

        def work(cancel: threading.Event) -> Known:
            timeline = service.timeline(repository, tag)
            if cancel.is_set():
                return Known(timeline)
            return Known(timeline, service.attachments(Reference(repository, tag)))

        def told(known: Known) -> None:
            for inspector in self.screen.query(Inspector) if self.is_attached else ():
                inspector.learn(repository, TagRow(tag, digest), known)

        # Should it fail, what the row tells stays; Enter says why.
        self.app.desk.ask(f"inspector {repository}:{tag}", work, told)

    # showing

    def _draw(self) -> None:
        width = self.content_size.width
        facts = self._facts()
        is_joined = not self._full and width >= _ROOM_FOR_JOINED
        shown = joined(facts) if is_joined else facts
        lines = [line for fact in shown for line in self._lines(fact, width, is_joined)]
        is_auto = bool(self.styles.height and self.styles.height.is_auto)  # the overlay of small terminals
        self.update(Content("\n").join(lines) if lines else Content(""), layout=is_auto)

    def _lines(self, fact: Fact, width: int, is_joined: bool) -> list[Content]:
        """A fact with its label; what is too long goes on below its text, or is cut where every line counts."""
        style = _STYLES.get(fact.style, "")
        room = max(10, width - _LABEL)
        texts = [fit(fact.text, room).rstrip()] if is_joined else textwrap.wrap(fact.text, room) or [""]
        labels = [fact.label, *[""] * (len(texts) - 1)]
        return [
            Content.assemble((f"{label:<{_LABEL}}", "$text-muted"), (text, style) if style else text)
            for label, text in zip(labels, texts, strict=True)
        ]

    def _facts(self) -> list[Fact]:
        subject, comparison, now = self._subject, self.session.comparison, self.app.clock()
        if isinstance(subject, LocalRow):
            return local_facts(subject, comparison, now)
        main = self.app.main_screen
        if main is None or main is not self.screen:  # another store is being opened: its lists are not there yet
            return []
        rows = main.bucket.model
        if isinstance(subject, RepositorySummary):
            node = rows.nodes.get(subject.name)
            return repository_facts(subject, rows.painter.size_of(node)[0] if node else None, now)
        if not isinstance(subject, tuple):
            return []
        repository, row = subject
        node = rows.nodes.get(repository)
        key = self._key()
        known = self._known.get(key, NOTHING) if key is not None else NOTHING
        same: list[str] = []
        if node is not None and row.digest is not None:
            same = [tag for tag in node.names_of(row.digest) if tag != row.name]
        beside = Beside(
            comparison, now, sharing=rows.sharing if rows.is_complete else None,
            extras=rows.painter.extras(node, row) if node else row.extras, aliases=same, known=known,
        )  # fmt: skip
        facts = tag_facts(repository, row, beside)
        return facts + self._more(repository, row, known) if self._full else facts

    def _more(self, repository: str, row: TagRow, known: Known) -> list[Fact]:
        """What only a column has room for."""
        facts: list[Fact] = []
        if len(row.platforms) > 1:
            facts += [Fact("", ""), *(Fact("platform", inert(text, limit=40)) for text in row.platforms[: _MOST * 2])]
        if known.attachments:
            facts.append(Fact("", ""))
            for attached in known.attachments[:_MOST]:
                text = f"{short_digest(attached.digest)}  {short_size(attached.size_bytes)}"
                facts.append(Fact(inert(attached.kind, limit=10), text))
        if known.timeline:
            facts.append(Fact("", ""))
            for number, moment in enumerate(known.timeline[:_MOST]):
                brought = "" if moment.brought_bytes is None else f"  +{short_size(moment.brought_bytes)}"
                state = "  now" if moment.is_current else ""
                text = f"{short_digest(moment.digest)}  {since(moment.moment, self.app.clock())}{brought}{state}"
                facts.append(Fact("" if number else "timeline", text, "good" if moment.is_current else ""))
        if is_repository(repository) and is_tag(row.name):
            line = command_line(PullRequest(Reference(repository, row.name)), self.session.store)
            facts += [Fact("", ""), Fact("as command", inert(line, limit=600), "dim")]
        return facts
