"""Tags as a screen needs them: names first, details for the few that are looked at, a count for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.backends.order import child_exists, names_in_order
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.listing import Look, describe_tag, stub
from ocistore_tui.layout import paths
from ocistore_tui.layout.link import LINK_SIZES
from ocistore_tui.layout.referrers import is_attachment_tag
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import RepositorySummary, TagRow

_IN_FLIGHT = 8
_ONE_PAGE = 1000
"""Keys of one page of a listing, on every object store."""
_POLL_S = 0.1


def tag_stubs(context: Context, repository_name: str) -> Iterator[TagRow]:
    """Name and time of every tag in byte order, as the listing's pages arrive; no tag is read.

    The time is missing for the few names that had to be asked for out of turn (see `names_in_order`).
    """
    repository = Repository(context.store, repository_name)
    if _is_directory(context):
        # A directory: one level of names, and a look at each file, is less than a walk through everything below.
        for name in repository.tag_names():
            yield stub(name, repository.tag_modified(name))
        return
    prefix = paths.tags_dir(repository_name)
    times: dict[str, float | None] = {}

    def names() -> Iterator[str]:
        for entry in context.store.list_entries(prefix):
            name, slash, rest = entry.key[len(prefix) :].partition("/")
            if slash and name not in times:  # ``current/link`` is the first key below a sound tag
                times[name] = entry.modified if rest == "current/link" else None
                yield name

    for name in names_in_order(names(), child_exists(context.store, prefix, None)):
        yield stub(name, times.get(name))


def describe_tags(
    context: Context, repository_name: str, names: Sequence[str], cancel: CancelSignal | None
) -> Iterator[TagRow]:
    """The full rows of these tags, in the order the answers come, eight looked up at once.

    A tag costs the HEADs of its link and its manifest's link and one GET, and one more for every document that this
    machine does not remember. The links of an index's manifests are not looked at; `inspect` does.
    """
    repository = Repository(context.store, repository_name)
    look = Look(lambda digest: _linked(context, repository_name, digest), children=False, extras=True)

    def describe(name: str) -> TagRow:
        return describe_tag(context, repository, name, repository.tag_modified(name), look)

    waiting = iter(dict.fromkeys(names))
    running: set[Future[TagRow]] = set()
    try:
        while cancel is None or not cancel.is_set():
            while len(running) < _IN_FLIGHT and (name := next(waiting, None)) is not None:
                running.add(context.workers.requests.submit(describe, name))
            if not running:
                return
            done, running = wait(running, timeout=_POLL_S if cancel else None, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        for future in running:
            future.cancel()


def summary(context: Context, repository_name: str) -> RepositorySummary:
    """How many tags a repository has and when the last one moved, as far as one page of a listing tells."""
    store, prefix = context.store, paths.tags_dir(repository_name)
    if _is_directory(context):
        return _summary_of_directory(context, repository_name)
    tags: set[str] = set()
    pushed: list[float] = []
    is_whole = True
    for position, entry in enumerate(store.list_entries(prefix), start=1):
        if position == _ONE_PAGE:  # not counted: it only tells that there are more
            is_whole = False
            break
        name, slash, rest = entry.key[len(prefix) :].partition("/")
        if not slash or is_attachment_tag(name):
            continue
        tags.add(name)
        if rest == "current/link" and entry.modified is not None:
            pushed.append(entry.modified)
    return RepositorySummary(repository_name, len(tags), is_whole, max(pushed, default=None))


def _summary_of_directory(context: Context, repository_name: str) -> RepositorySummary:
    repository = Repository(context.store, repository_name)
    tags, is_whole = 0, True
    pushed: list[float] = []
    for position, name in enumerate(repository.tag_names(), start=1):
        if position == _ONE_PAGE:
            is_whole = False
            break
        if is_attachment_tag(name):
            continue
        tags += 1
        moved = repository.tag_modified(name)
        if moved is not None:
            pushed.append(moved)
    return RepositorySummary(repository_name, tags, is_whole, max(pushed, default=None))


def _is_directory(context: Context) -> bool:
    can = context.store.capabilities
    return can.list_is_ordered and not can.cheap_pages


def _linked(context: Context, repository_name: str, digest: Digest) -> bool | None:
    entry = context.store.head(paths.revision_link(repository_name, digest))
    return None if entry is None else entry.size_bytes in LINK_SIZES
