"""The inspector: what is known of the row under the cursor."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import RepositorySummary, TagRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.model.reference import Reference, is_repository, is_tag
from ocistore_tui.tui.command_line import command_line
from ocistore_tui.tui.detail.facts import Fact, Known, local_facts, repository_facts, tag_facts
from ocistore_tui.tui.format import short_digest, short_size
from ocistore_tui.tui.session import Session

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

REST_S = 0.3
"""How long the cursor rests on a row before anything is asked about it."""
_STYLES = {"bold": "bold", "good": "$text-success", "warn": "$text-warning", "bad": "$text-error", "dim": "$text-muted"}


class Inspector(Static):
    """Facts about one row.

    Args:
        session: The open store.
        full: Whether there is room for everything: then more is asked, too.
    """

    app: OcistoreApp

    def __init__(self, session: Session, *, full: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False)
        self.session = session
        self._full = full
        self._subject: object = None
        self._timer: Timer | None = None
        self._known: dict[Digest, Known] = {}
        self.border_title = Content("3 Inspector")

    def show(self, subject: object) -> None:
        """Show what is known of ``subject``: a repository and its tag, a repository's summary, or a local image."""
        self._subject = subject
        self._draw()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._full and self.display and self._to_ask() is not None:
            self._timer = self.set_timer(REST_S, self._ask)

    def _to_ask(self) -> tuple[str, TagRow] | None:
        if not isinstance(self._subject, tuple):
            return None
        repository, row = self._subject
        is_nameable = is_repository(repository) and is_tag(row.name)
        return (repository, row) if is_nameable and row.digest is not None and row.digest not in self._known else None

    def _ask(self) -> None:
        subject = self._to_ask()
        if subject is None:
            return
        repository, row = subject
        service = self.session.service

        def work(_: threading.Event) -> Known:
            return Known(service.timeline(repository, row.name), service.attachments(Reference(repository, row.name)))

        def told(known: Known) -> None:
            assert row.digest is not None
            self._known[row.digest] = known
            self._draw()

        self.app.desk.ask("inspector", work, told)

    def _draw(self) -> None:
        lines = [self._line(fact) for fact in self._facts()]
        self.update(Content("\n").join(lines) if lines else Content(""), layout=False)  # its size never depends on it

    def _line(self, fact: Fact) -> Content:
        style = _STYLES.get(fact.style, "")
        return Content.assemble((f"{fact.label:<11}", "$text-muted"), (fact.text, style) if style else fact.text)

    def _facts(self) -> list[Fact]:
        subject, comparison = self._subject, self.session.comparison
        if isinstance(subject, LocalRow):
            return local_facts(subject, comparison)
        main = self.app.main_screen
        if main is None:
            return []
        rows = main.bucket.model
        if isinstance(subject, RepositorySummary):
            node = rows.nodes.get(subject.name)
            return repository_facts(subject, rows.painter.size_of(node)[0] if node else None)
        if not isinstance(subject, tuple):
            return []
        repository, row = subject
        node = rows.nodes.get(repository)
        known = self._known.get(row.digest) if row.digest is not None else None
        same = [] if node is None or row.digest is None else [
            name for name, other in node.tags.items() if other.digest == row.digest and name != row.name
        ]  # fmt: skip
        facts = tag_facts(
            repository, row, comparison, sharing=rows.sharing if rows.is_complete else None,
            extras=rows.painter.extras(node, row) if node else row.extras, aliases=same, known=known,
        )  # fmt: skip
        return facts + self._more(repository, row, known) if self._full else facts

    def _more(self, repository: str, row: TagRow, known: Known | None) -> list[Fact]:
        """What only a column has room for."""
        facts = [Fact("", ""), *(Fact("platform", text) for text in row.platforms[:12])]
        if known is not None:
            facts += [
                Fact(attached.kind, f"{short_digest(attached.digest)}  {short_size(attached.size_bytes)}")
                for attached in (known.attachments or ())[:6]
            ]
            for moment in (known.timeline or ())[:6]:
                sign = "now" if moment.is_current else ""
                facts.append(
                    Fact("timeline", f"{short_digest(moment.digest)}  {short_size(moment.size_bytes)}  {sign}")
                )
        if is_repository(repository) and is_tag(row.name):
            from ocistore_tui.model.plan import PullRequest

            line = command_line(PullRequest(Reference(repository, row.name)), self.session.store)
            facts += [Fact("", ""), Fact("as command", line, "dim")]
        return facts
