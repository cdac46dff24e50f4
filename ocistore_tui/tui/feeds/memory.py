"""What was seen of a store the last time, and what is kept of it for the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ocistore_tui.engine.service import Service
from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow
from ocistore_tui.tui.desk import Desk, give_way

if TYPE_CHECKING:
    from ocistore_tui.tui.rows.bucket import BucketRows

LONGEST_S = 1.0
"""How long the end of the program may take for it."""

Tags = Mapping[str, tuple[TagRow, ...]]


class Memory:
    """Remembers one store's listing.

    Args:
        desk: Runs what blocks.
        service: The open store.
        rows: What is known of it.
    """

    def __init__(self, desk: Desk, service: Service, rows: BucketRows) -> None:
        self._desk, self._service, self._rows = desk, service, rows
        self._unread: dict[str, Tags] = {}
        """By repository: where its remembered tags are, while nobody asked for them."""
        self._is_new = False
        """Whether something was learnt that is not kept yet."""

    def recall(self, remembered: Remembered) -> None:
        """Have what was remembered at hand."""
        self._unread = dict.fromkeys(remembered.tags, remembered.tags)

    def take(self, repository: str) -> tuple[TagRow, ...] | None:
        """The remembered tags of a repository; once: they are the list's from then on."""
        tags = self._unread.pop(repository, None)
        return None if tags is None else tags[repository]

    @property
    def unread(self) -> list[str]:
        """Repositories whose remembered tags nobody looked at."""
        return list(self._unread)

    def forget(self, repositories: Iterable[str]) -> None:
        """They are gone."""
        for repository in repositories:
            self._unread.pop(repository, None)

    def learnt(self) -> None:
        """Something was: it is worth keeping."""
        self._is_new = True

    def keep(self, moment: float, *, is_whole: bool, at_the_end: bool = False) -> None:
        """Keep what is known, unless that was done.

        Args:
            moment: When it was true, seconds since 1970, UTC.
            is_whole: Whether all repositories are known.
            at_the_end: Wait for it, but not long: nothing runs afterwards.
        """
        if not self._is_new:
            return
        self._is_new = False
        nodes = self._rows.nodes
        repositories = tuple(RepositoryRow(node.name, node.is_valid) for node in nodes.values())
        seen = {
            name: (*node.tags.values(), *(row for rows in node.attached.values() for row in rows))
            for name, node in nodes.items()
            if node.is_listed and node.failure is None
        }
        unread = {name: tags for name, tags in self._unread.items() if name in nodes and name not in seen}
        work = _keeping(self._service, Remembered(moment, repositories, is_whole, _Both(seen, unread)))
        if at_the_end:
            self._desk.finish("remember", work, within_s=LONGEST_S)
        else:
            self._desk.ask("remember", lambda _: work(), lambda _: None)


def _keeping(service: Service, remembered: Remembered) -> Callable[[], None]:
    def work() -> None:
        give_way()
        service.remember(remembered)

    return work


class _Both(Mapping[str, tuple[TagRow, ...]]):
    """What was seen, and what is still as it was remembered; rows of the latter are made when they are asked for."""

    def __init__(self, seen: Tags, unread: Mapping[str, Tags]) -> None:
        self._seen, self._unread = seen, unread

    def __getitem__(self, repository: str) -> tuple[TagRow, ...]:
        found = self._seen.get(repository)
        return self._unread[repository][repository] if found is None else found

    def __iter__(self) -> Iterator[str]:
        yield from self._seen
        yield from self._unread

    def __len__(self) -> int:
        return len(self._seen) + len(self._unread)
