"""The right list: repositories as they are found, tags when they are unfolded, details for what is on the screen.

Nothing here is in proportion to the bucket. Repositories are taken a page at a time, the next page when the list is
scrolled to its end (or a filter needs it). What was seen before is shown at once, with its age, and mended afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from ocistore_tui.errors import NotFound, OciStoreError, StoreMissing
from ocistore_tui.model.listing import Remembered, RepositoryRow, RepositorySummary, TagRow
from ocistore_tui.tui.desk import Desk
from ocistore_tui.tui.rows.bucket import BucketRows
from ocistore_tui.tui.session import Session

PAGE = 200
"""Repositories asked for at once."""
_BATCH = 500
"""Tag names handed over at once."""
_LOOKERS = 4
"""Questions about repositories side by side; tags are looked up eight at a time by the engine itself."""
SMALL_STORE_TAGS = 300
"""A store of no more tags is read whole by itself, so that sums and comparisons are exact."""


class BucketFeed:
    """Fills `BucketRows`.

    Args:
        desk: Runs what blocks.
        session: The open store.
        rows: What is filled.
        changed: Called in the UI's thread whenever there is something new to show.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        desk: Desk,
        session: Session,
        rows: BucketRows,
        changed: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._desk, self._session, self._rows, self._changed, self._clock = desk, session, rows, changed, clock
        self._repositories: Iterator[RepositoryRow] | None = None
        self._seen: set[str] = set()
        self._order: list[RepositoryRow] = []
        self._tags: dict[str, dict[str, TagRow]] = {}
        self._summaries: dict[str, RepositorySummary] = {}
        self._whole_tags: set[str] = set()
        self._asked: set[str] = set()
        self._visible: tuple[tuple[str, str | None], ...] = ()
        self.error: OciStoreError | None = None
        self.is_loading = False
        self.is_whole = False
        """Whether all repositories are known."""
        self._is_read = False
        """Whether the tags of a small store were asked for as a whole, since its repositories were listed."""
        self.seen_at: float | None = None
        """When what is shown was true: None while nothing is shown."""
        self._remembered: dict[str, Mapping[str, tuple[TagRow, ...]]] = {}
        """By repository: where its remembered tags are, while nobody asked for them."""
        self.is_remembered = False
        """Whether what is shown comes from this machine's memory."""

    # repositories

    def start(self) -> None:
        """Show what is remembered, then ask the store."""
        self.is_loading = True
        self._desk.ask("remembered", lambda _: self._session.service.remembered(), self._recall, lambda _: self.again())

    def _recall(self, remembered: Remembered | None) -> None:
        if remembered is not None and not self._order:
            self.is_remembered, self.seen_at = True, remembered.moment
            self._rows.add_repositories(remembered.repositories)
            self._remembered = dict.fromkeys(remembered.tags, remembered.tags)
            self._changed()
        self.again()

    def again(self) -> None:
        """Ask the store anew; what is shown stays until the answer differs."""
        self.is_loading, self.is_whole = True, False
        self._repositories = None
        self._order, self._seen, self._asked, self._summaries = [], set(), set(), {}
        self._is_read = False
        self.more()

    def more(self, count: int = PAGE) -> None:
        """Take the next page of repositories, unless all are known."""
        if self.is_whole:
            return
        self.is_loading = True
        service = self._session.service

        def work(_: threading.Event) -> list[RepositoryRow]:
            if self._repositories is None:
                self._repositories = service.repositories()
            return list(islice(self._repositories, count))

        self._desk.ask("repositories", work, lambda page: self._page(page, count), self._failed)

    def _page(self, page: list[RepositoryRow], count: int) -> None:
        is_first = not self._order
        self.is_loading, self.error = False, None
        self.is_whole = len(page) < count
        if is_first and self.is_remembered:
            self.is_remembered = False
        self.seen_at = self._clock()
        self._order += page
        self._seen.update(row.name for row in page)
        if any(row.name not in self._rows.nodes for row in page):
            self._rows.is_complete = self._session.comparison.is_complete = False
        self._rows.add_repositories(page)
        if self.is_whole:
            self._rows.keep_only(self._seen)
            self._rows.is_whole = True
        for repository in self._rows.unfolded():
            if repository in self._seen and repository not in self._whole_tags:
                self.unfold(repository)
        self._changed()
        self.look(self._visible)
        self._read_small_store()

    def _failed(self, error: OciStoreError) -> None:
        if isinstance(error, NotFound) and self._session.store.origin in ("embedded", "demo"):
            self._page([], 1)  # the first push makes it
            return
        self.is_loading, self.error = False, error
        self._repositories = None
        self._changed()

    # tags

    def unfold(self, repository: str) -> None:
        """List the tags of one repository, as they are found."""
        service = self._session.service

        def work(cancel: threading.Event) -> list[TagRow]:
            stubs = service.tag_stubs(repository)
            found: list[TagRow] = []
            while not cancel.is_set() and (batch := list(islice(stubs, _BATCH))):
                found += batch
                self._desk.tell(partial(self._stubs, repository, batch))
            return found

        self._desk.ask(
            f"tags {repository}", work, lambda found: self._listed(repository, found), self._tags_failed(repository)
        )

    def _stubs(self, repository: str, batch: Sequence[TagRow]) -> None:
        self._rows.add_stubs(repository, batch, is_whole=False)
        self._changed()

    def _listed(self, repository: str, found: list[TagRow]) -> None:
        self._whole_tags.add(repository)
        known = self._tags.setdefault(repository, {})
        for name in known.keys() - {row.name for row in found}:
            del known[name]
            self._session.comparison.drop_tag(repository, name)
        self._rows.add_stubs(repository, found, is_whole=True)
        self._changed()
        self.look(self._visible)

    def _tags_failed(self, repository: str) -> Callable[[OciStoreError], None]:
        def failed(error: OciStoreError) -> None:
            self._rows.set_failure(repository, error)
            self._changed()

        return failed

    def touch(self, repository: str, tag: str | None) -> None:
        """Something of ours changed this tag: look at it again."""
        if repository not in self._seen:
            self._rows.add_repositories([RepositoryRow(repository, is_valid=True)])
            self._order.append(RepositoryRow(repository, is_valid=True))
            self._seen.add(repository)
        self._asked.discard(repository)
        if repository in self._rows.unfolded() or repository in self._whole_tags:
            self.unfold(repository)
        if tag is not None:
            self._describe(f"touch {repository}", {repository: [tag]})
        self._ask_summaries([repository])

    def _remember(self, repositories: Iterable[str]) -> None:
        """Show the tags that are remembered of these, until the store tells."""
        for repository in repositories:
            tags = self._remembered.pop(repository, None)
            if tags is None or repository in self._whole_tags:
                continue
            rows = tags[repository]
            self._rows.add_stubs(repository, rows, is_whole=True)
            for row in rows:
                self._session.comparison.set_tag(repository, row)
            self._changed()

    def remember_all(self) -> None:
        """The same of all repositories: a filter or the flat list looks at every tag."""
        self._remember(list(self._remembered))

    # what is on the screen

    def look(self, visible: Sequence[tuple[str, str | None]]) -> None:
        """Ask for details of these rows (repository, tag or None); what scrolled away is dropped."""
        self._visible = tuple(visible)
        self._remember({repository for repository, _ in self._visible})
        wanted: dict[str, list[str]] = {}
        for repository, tag in self._visible:
            if tag is not None and tag not in self._tags.get(repository, {}):
                wanted.setdefault(repository, []).append(tag)
        if wanted:
            self._describe("look", wanted)
        self._ask_summaries([name for name, tag in self._visible if tag is None and name in self._seen])

    def _describe(self, topic: str, wanted: dict[str, list[str]]) -> None:
        service = self._session.service

        def work(cancel: threading.Event) -> None:
            for repository, tags in wanted.items():
                for row in service.describe_tags(repository, tags, cancel=cancel):
                    self._desk.tell(partial(self._described, repository, row))

        self._desk.ask(topic, work, lambda _: self._changed(), self._offline)

    def _described(self, repository: str, row: TagRow) -> None:
        self._tags.setdefault(repository, {})[row.name] = row
        self._rows.set_tag(repository, row)
        self._session.comparison.set_tag(repository, row)
        self._changed()

    def _ask_summaries(self, names: Sequence[str]) -> None:
        wanted = [name for name in names if name not in self._asked]
        self._asked.update(wanted)
        service = self._session.service
        for share in (wanted[start::_LOOKERS] for start in range(_LOOKERS)):
            if not share:
                continue

            def work(_: threading.Event, share: list[str] = share) -> None:
                for name in share:
                    summary = service.summary(name)
                    self._desk.tell(partial(self._summed, summary))

            self._desk.ask(f"summary {share[0]}", work, lambda _: self._read_small_store(), self._offline)

    def _summed(self, summary: RepositorySummary) -> None:
        self._summaries[summary.name] = summary
        self._rows.set_summary(summary)
        self._changed()

    def _offline(self, error: OciStoreError) -> None:
        """The store did not answer; that something in it is gone is no reason to say so."""
        if not isinstance(error, NotFound) or isinstance(error, StoreMissing):
            self.error = error
        self._changed()

    # a small store is read whole

    def _read_small_store(self) -> None:
        """Once all repositories are summed and their tags are few: read the rest, so that sums are exact."""
        if not self.is_whole or self._is_read or self.error is not None:
            return
        missing = [row.name for row in self._order if row.name not in self._summaries]
        if len(self._order) > SMALL_STORE_TAGS:
            return
        if missing:
            self._ask_summaries(missing)
            return
        if sum(summary.tags for summary in self._summaries.values()) > SMALL_STORE_TAGS:
            return
        service, names = self._session.service, [row.name for row in self._order]
        self._is_read = True

        def work(cancel: threading.Event) -> dict[str, list[TagRow]]:
            whole: dict[str, list[TagRow]] = {}
            for name in names:
                if cancel.is_set():
                    break
                stubs = list(service.tag_stubs(name))
                whole[name] = list(service.describe_tags(name, [row.name for row in stubs], cancel=cancel))
            return whole

        self._desk.ask("whole store", work, self._read, self._offline)

    def _read(self, whole: dict[str, list[TagRow]]) -> None:
        for repository, rows in whole.items():
            self._whole_tags.add(repository)
            self._tags[repository] = {row.name: row for row in rows}
            self._rows.add_stubs(repository, rows, is_whole=True)
            for row in rows:
                self._rows.set_tag(repository, row)
                self._session.comparison.set_tag(repository, row)
        self._rows.is_complete = True
        self._session.comparison.is_complete = True
        self._changed()
        self.keep()

    def keep(self) -> None:
        """Remember what is known, for the next start."""
        if not self._order:
            return
        service = self._session.service
        remembered = Remembered(
            self.seen_at or self._clock(), tuple(self._order), self.is_whole,
            {name: tuple(rows.values()) for name, rows in self._tags.items() if name in self._whole_tags},
        )  # fmt: skip
        self._desk.ask("remember", lambda _: service.remember(remembered), lambda _: None)
