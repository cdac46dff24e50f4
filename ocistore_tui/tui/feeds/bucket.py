"""The right list: repositories as they are found, tags when they are unfolded, details for what is on the screen.

Nothing here is in proportion to the bucket. Repositories are taken a page at a time, the next page when the list is
scrolled to its end (or a filter needs it). What was seen before is shown at once, with its age, and mended afterwards.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import NotFound, OciStoreError, StoreMissing, Unavailable
from ocistore_tui.model.listing import Remembered, RepositoryRow, RepositorySummary, TagRow
from ocistore_tui.tui.desk import Desk
from ocistore_tui.tui.feeds.lookups import Lookups
from ocistore_tui.tui.feeds.memory import Memory
from ocistore_tui.tui.feeds.tags import TagKey, described, is_as_listed
from ocistore_tui.tui.rows.bucket import BucketRows
from ocistore_tui.tui.session import Session

PAGE = 200
"""Repositories asked for at once."""
_BATCH = 500
"""Tag names handed over at once."""
_SIDE_BY_SIDE = 4
"""Questions about repositories at once; tags are looked up eight at a time by the engine itself."""
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
        self._pages: Iterator[RepositoryRow] | None = None
        self._last: str | None = None
        """The repository the listing got to."""
        self._seen: dict[str, None] = {}
        """Repositories that were found since the store was last asked anew."""
        self._tags: dict[str, dict[str, TagRow]] = {}
        """Tags that need not be looked up, by repository."""
        self._summaries: dict[str, RepositorySummary] = {}
        self._listed: set[str] = set()
        """Repositories whose tags were listed since then."""
        self._listing: set[str] = set()
        self._to_list: deque[str] = deque()
        self._visible: tuple[tuple[str, str | None], ...] = ()
        self._is_read: bool | None = False
        """Whether the tags of a small store were read as a whole since then; None: that was asked for."""
        self._is_listing_broken = False
        self._has_begun = False
        """Whether anything was asked: a list that is painted before would ask for its first page too early."""
        self.memory = Memory(desk, session.service, rows)
        self.error: OciStoreError | None = None
        self.asked_at: float | None = None
        """Since when a page of repositories is waited for; None: none is."""
        self.is_whole = False
        """Whether all repositories are known."""
        self.has_layout: bool | None = None
        """Of a store without repositories: whether a registry's directories are there; None: not known."""
        self.is_image_layout = False
        """Whether it is an OCI image layout, opened as a store."""
        self.seen_at: float | None = None
        """When what is shown was true: None while nothing is shown."""
        self._tag_lookups: Lookups[TagKey, TagRow] = Lookups(desk, "look", self._describe, self._described, self._over)
        self._summary_lookups: Lookups[str, RepositorySummary] = Lookups(
            desk, "summary", self._summarize, self._summed, self._over, side_by_side=_SIDE_BY_SIDE
        )

    @property
    def is_loading(self) -> bool:
        """Whether a page of repositories is waited for."""
        return self.asked_at is not None

    @property
    def _service(self) -> Service:
        return self._session.service

    # repositories

    def start(self) -> None:
        """Show what is remembered, then ask the store."""
        self.asked_at = self._clock()
        self._desk.ask("remembered", lambda _: self._service.remembered(), self._recall, lambda _: self.again())

    def _recall(self, remembered: Remembered | None) -> None:
        if remembered is not None and not self._seen:
            self.seen_at = remembered.moment
            self._rows.add_repositories(remembered.repositories)
            self.memory.recall(remembered)
            self._changed()
        self.again()

    def again(self) -> None:
        """Ask the store anew; what is shown stays until the answer differs."""
        self.is_whole = self._is_read = self._is_listing_broken = False
        self._has_begun = True
        self._pages = self._last = None
        self._seen, self._summaries, self._listed = {}, {}, set()
        self._tag_lookups.retry()
        self._summary_lookups.retry()
        self.more()

    def more(self) -> None:
        """Take the next page of repositories, unless all are known."""
        if self.is_whole or not self._has_begun:
            return
        self.asked_at = self._clock()
        service, after = self._service, self._last
        if self._pages is None:
            self._pages = _lazily(lambda: service.repositories(start_after=after))
        pages = self._pages
        self._desk.ask("repositories", lambda _: list(islice(pages, PAGE)), self._page, self._failed)

    def _page(self, page: list[RepositoryRow]) -> None:
        self.asked_at, self.error, self._is_listing_broken = None, None, False
        self._session.comparison.is_unanswered = False
        self.is_whole = len(page) < PAGE
        self.seen_at = self._clock()
        if page:
            self._last = page[-1].name
        self._seen.update(dict.fromkeys(row.name for row in page))
        if any(row.name not in self._rows.nodes for row in page):
            self._rows.is_complete = self._session.comparison.is_complete = False
        self._rows.add_repositories(page)
        if self.is_whole:
            self._forget(self._rows.nodes.keys() - self._seen.keys())
            self._rows.is_whole = True
            if not self._seen:
                self._desk.ask("layout", lambda _: self._layouts(), self._told_layout)
        self.memory.learnt()
        for repository in self._rows.unfolded():
            if repository in self._seen:
                self.show(repository)
        self._changed()
        self.look(self._visible)
        self._read_small_store()

    def _forget(self, gone: Iterable[str]) -> None:
        gone = set(gone)
        for repository in gone:
            for tag in {*self._rows.nodes[repository].tags, *self._tags.pop(repository, ())}:
                self._session.comparison.drop_tag(repository, tag)
        self.memory.forget(gone)
        self._rows.keep_only(set(self._seen))

    def _layouts(self) -> tuple[bool, bool]:
        has_layout = self._service.has_layout()
        return has_layout, not has_layout and self._service.is_image_layout()

    def _told_layout(self, found: tuple[bool, bool]) -> None:
        self.has_layout, self.is_image_layout = found
        self._changed()

    def _failed(self, error: OciStoreError) -> None:
        if isinstance(error, NotFound) and self._session.store.origin in ("embedded", "demo"):
            self._page([])  # the first push makes it
            return
        self.asked_at, self.error, self._is_listing_broken = None, error, True
        self._pages, self._session.comparison.is_unanswered = None, True
        self._changed()

    # tags

    def show(self, repository: str) -> None:
        """A repository's tags are shown: list them, unless that was done since the store was asked anew."""
        if repository not in self._listed or self._is_broken(repository):
            self.unfold(repository)

    def unfold(self, repository: str) -> None:
        """List the tags of one repository, as they are found; a few repositories at a time."""
        self._listed.add(repository)
        if repository not in self._listing and repository not in self._to_list:
            self._to_list.append(repository)
            self._list_next()

    def _is_broken(self, repository: str) -> bool:
        node = self._rows.nodes.get(repository)
        return node is not None and node.failure is not None

    def _list_next(self) -> None:
        while self._to_list and len(self._listing) < _SIDE_BY_SIDE:
            repository = self._to_list.popleft()
            self._listing.add(repository)
            self._list(repository)

    def _list(self, repository: str) -> None:
        service = self._service

        def work(cancel: threading.Event) -> list[TagRow]:
            stubs = service.tag_stubs(repository)
            found: list[TagRow] = []
            while not cancel.is_set() and (batch := list(islice(stubs, _BATCH))):
                found += batch
                self._desk.tell(partial(self._stubs, repository, batch))
            return found

        topic = f"tags {repository}"
        self._desk.ask(topic, work, partial(self._listed_whole, repository), partial(self._tags_failed, repository))

    def _stubs(self, repository: str, batch: Sequence[TagRow]) -> None:
        self._rows.add_stubs(repository, batch, is_whole=False)
        self._changed()

    def _listed_whole(self, repository: str, found: list[TagRow]) -> None:
        node = self._rows.nodes.get(repository)
        shown = dict(node.tags) if node is not None else {}
        known = self._tags.setdefault(repository, {})
        for name in {*known, *shown} - {row.name for row in found}:
            known.pop(name, None)
            self._session.comparison.drop_tag(repository, name)
        for row in found:
            before = known.get(row.name) or shown.get(row.name)
            if before is not None and is_as_listed(before, row):
                known[row.name] = before
            else:
                known.pop(row.name, None)  # it is looked up anew when it is on the screen
        self._rows.add_stubs(repository, found, is_whole=True)
        self.memory.learnt()
        self._list_ended(repository)

    def _tags_failed(self, repository: str, error: OciStoreError) -> None:
        node = self._rows.nodes.get(repository)
        if isinstance(error, Unavailable):  # of the whole store; what is remembered of this repository stays
            self.error = error
            self._listed.discard(repository)
        if not isinstance(error, Unavailable) or (node is not None and not node.is_listed):
            self._rows.set_failure(repository, error)
        self._list_ended(repository)

    def _list_ended(self, repository: str) -> None:
        self._listing.discard(repository)
        self._list_next()
        self._changed()
        self.look(self._visible)

    def touch(self, repository: str, tag: str | None) -> None:
        """Something of ours changed this tag, so the store is there: show it, and ask anew what may be from before."""
        if self._is_listing_broken:
            self.again()
        self._rows.add_repositories([RepositoryRow(repository, is_valid=True)])
        self._rows.fold(repository, is_open=True)
        self._seen.setdefault(repository)
        self._summaries.pop(repository, None)
        self._listed.discard(repository)
        if repository in self._listing:
            self._list(repository)
        self._tag_lookups.retry()
        self._desk.forget("whole store")
        self._is_read = bool(self._is_read)
        if repository in self._rows.unfolded():
            self.unfold(repository)
        if tag is not None:
            keys = [(repository, tag)]
            topic = f"touch {repository}:{tag}"
            self._desk.ask(topic, lambda cancel: list(self._describe(keys, cancel)), self._touched, self._over)
        self.look(self._visible)

    def _touched(self, rows: Iterable[tuple[TagKey, TagRow]]) -> None:
        for key, row in rows:
            self._described(key, row)

    def _remember(self, repositories: Iterable[str]) -> None:
        """Show the tags that are remembered of these, until the store tells."""
        for repository in repositories:
            rows = None if repository in self._listed else self.memory.take(repository)
            if rows is None:
                continue
            fresh = self._tags.get(repository, {})
            rows = tuple(fresh.get(row.name, row) for row in rows)
            self._rows.add_stubs(repository, rows, is_whole=True)
            for row in rows:
                self._session.comparison.set_tag(repository, row)
            self._changed()

    def remember_all(self) -> None:
        """The same of all repositories: a filter or the flat list looks at every tag."""
        self._remember(self.memory.unread)

    # what is on the screen

    def look(self, visible: Sequence[tuple[str, str | None]]) -> None:
        """Ask for details of these rows (repository, tag or None); what scrolled away is dropped."""
        self._visible = tuple(visible)
        self._remember({repository: None for repository, _ in self._visible})
        self._tag_lookups.want(
            [(name, tag) for name, tag in self._visible if tag is not None and tag not in self._tags.get(name, {})]
        )
        wanted = [name for name, tag in self._visible if tag is None and name in self._seen]
        if self.is_whole and len(self._seen) <= SMALL_STORE_TAGS:
            wanted += self._seen
        self._summary_lookups.want([name for name in wanted if name not in self._summaries])

    def _describe(self, keys: Sequence[TagKey], cancel: threading.Event) -> Iterator[tuple[TagKey, TagRow]]:
        return described(self._service, keys, cancel)

    def _described(self, key: TagKey, row: TagRow) -> None:
        self._tags.setdefault(key[0], {})[row.name] = row
        self._rows.set_tag(key[0], row)
        self._session.comparison.set_tag(key[0], row)
        self._alive()

    def _summarize(self, names: Sequence[str], cancel: threading.Event) -> Iterator[tuple[str, RepositorySummary]]:
        for name in names:
            if cancel.is_set():
                return
            yield name, self._service.summary(name)

    def _summed(self, name: str, summary: RepositorySummary) -> None:
        self._summaries[name] = summary
        self._rows.set_summary(summary)
        self._alive()

    def _alive(self) -> None:
        """The store answered, so what a look-up failed with is over; a listing has to be asked for again."""
        if not self._is_listing_broken:
            self.error = None
        self.memory.learnt()
        self._changed()

    def _over(self, error: OciStoreError | None = None) -> None:
        """A look-up is over. That something in the store is gone is no reason to say that it does not answer."""
        if error is not None and (not isinstance(error, NotFound) or isinstance(error, StoreMissing)):
            self.error = error
        self._changed()
        self._read_small_store()

    # a small store is read whole

    def _read_small_store(self) -> None:
        """Once all repositories are summed and their tags are few: read the rest, so that sums are exact."""
        if not self.is_whole or self._is_read is not False or self.error is not None:
            return
        is_small = len(self._seen) <= SMALL_STORE_TAGS
        if is_small and any(name not in self._summaries for name in self._seen):
            return
        is_small = is_small and sum(summary.tags for summary in self._summaries.values()) <= SMALL_STORE_TAGS
        if not is_small:
            self._rows.is_complete = self._session.comparison.is_complete = False
            return
        self._is_read = None
        service, names = self._service, list(self._seen)

        def work(cancel: threading.Event) -> dict[str, list[TagRow]]:
            whole: dict[str, list[TagRow]] = {}
            for name in names:
                if cancel.is_set():
                    break
                stubs = list(service.tag_stubs(name))
                whole[name] = list(service.describe_tags(name, [row.name for row in stubs], cancel=cancel))
            return whole

        self._desk.ask("whole store", work, self._read, self._over)

    def _read(self, whole: dict[str, list[TagRow]]) -> None:
        self._is_read = True
        comparison = self._session.comparison
        for repository, rows in whole.items():
            self._listed.add(repository)
            node = self._rows.nodes.get(repository)
            for tag in {*self._tags.get(repository, ()), *(node.tags if node is not None else ())}:
                comparison.drop_tag(repository, tag)
            self._tags[repository] = {row.name: row for row in rows}
            self._rows.add_stubs(repository, [row for row in rows if not row.is_gone], is_whole=True)
            for row in rows:
                self._rows.set_tag(repository, row)
                comparison.set_tag(repository, row)
        self._rows.is_complete = comparison.is_complete = True
        self.memory.learnt()
        self._changed()

    def keep(self, *, at_the_end: bool = False) -> None:
        """Remember what is known, for the next start."""
        if self.seen_at is not None:
            self.memory.keep(self.seen_at, is_whole=self.is_whole, at_the_end=at_the_end)


def _lazily(make: Callable[[], Iterator[RepositoryRow]]) -> Iterator[RepositoryRow]:
    """In a thread: not even the first look at the store is made before the first row is taken."""
    yield from make()
