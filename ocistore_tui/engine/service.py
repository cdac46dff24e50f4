"""The engine's one door: everything the command line and the terminal UI call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ocistore_tui.backends.base import CancelSignal, ObjectStore, Report
from ocistore_tui.engine.cache import Cache
from ocistore_tui.engine.context import Context, ListLocal, OpenSource, OpenTarget
from ocistore_tui.engine.damage import WatchedBlobs
from ocistore_tui.engine.documents import Documents
from ocistore_tui.engine.workers import Workers
from ocistore_tui.errors import OciStoreError, Unavailable
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import (
    AttachmentRow,
    Inspection,
    LayerRow,
    Remembered,
    RepositoryRow,
    RepositorySummary,
    TagRow,
    TimelineRow,
)
from ocistore_tui.model.local import LocalListing, LocalPlace
from ocistore_tui.model.plan import PullPlan, PullRequest, PullResult, PushPlan, PushRequest, PushResult
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import JobSnapshot
from ocistore_tui.model.reference import Reference

if TYPE_CHECKING:
    from ocistore_tui.layout.check import Flaw

# Each verb is imported by its method: a short command pays for its own only.


class Service:
    """One opened store, with the local images beside it. Safe to call from several threads.

    Args:
        store: Where images are kept; closed with the service.
        open_source: Opens a local image for reading.
        open_target: Opens a local place for writing.
        list_local: Lists the images of a local place; None where there is none.
        identity: Tells this store from others of the same URL, such as its endpoint; only ever hashed.
        cache_dir: Where immutable documents and the last listing are remembered; None: nowhere.
        concurrency: Large moves at once.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        open_source: OpenSource,
        open_target: OpenTarget,
        list_local: ListLocal | None = None,
        identity: str = "",
        cache_dir: Path | None = None,
        concurrency: int = 4,
    ) -> None:
        cache = Cache(cache_dir)
        blobs = WatchedBlobs(store, cache)
        self._list_local = list_local
        self._identity = f"{store.url}\n{identity}"
        self._cache_dir = cache_dir
        self._context = Context(
            store, blobs, Documents(blobs, cache), cache, Workers(concurrency), open_source, open_target
        )

    @property
    def store_url(self) -> str:
        """The store, for people; holds no secret."""
        return self._context.store.url

    def repositories(self, *, start_after: str | None = None) -> Iterator[RepositoryRow]:
        """Repositories in byte order of their path components (``a``, ``a/b``, ``a-b``), as they are found."""
        from ocistore_tui.layout.catalog import repositories

        for found in repositories(self._context.store, start_after=start_after):
            yield RepositoryRow(found.name, found.valid)

    def has_layout(self) -> bool:
        """Whether anything is where registries keep repositories; one short look. False: no registry wrote here yet."""
        from ocistore_tui.layout import paths

        return next(self._context.store.list_dirs(paths.ROOT), None) is not None

    def is_image_layout(self) -> bool:
        """Whether this is an OCI image layout: no store, but a local place that images can be pushed from.

        False as well where that cannot be told: it is only asked to say more of an empty listing.
        """
        with suppress(OciStoreError):
            return self._context.store.head("oci-layout") is not None
        return False

    def tag_names(self, repository: str) -> Iterator[str]:
        """Only the names of a repository's tags, in byte order, as they are found."""
        return Repository(self._context.store, repository).tag_names()

    def tags(self, repository: str) -> Iterator[TagRow]:
        """A repository's tags in natural order, with details; `NotFound` when there is no such repository."""
        from ocistore_tui.engine.listing import list_tags

        return list_tags(self._context, repository)

    def tag_stubs(self, repository: str) -> Iterator[TagRow]:
        """Names of a repository's tags and when each was moved, in byte order, as they are found; no tag is read."""
        from ocistore_tui.engine.tags import tag_stubs

        return tag_stubs(self._context, repository)

    def describe_tags(
        self, repository: str, names: Sequence[str], *, cancel: CancelSignal | None = None
    ) -> Iterator[TagRow]:
        """The full rows of these tags as answers arrive; a tag that is gone or broken has a row with a flaw.

        Stops soon once ``cancel`` is set, without an error.
        """
        from ocistore_tui.engine.tags import describe_tags

        return describe_tags(self._context, repository, names, cancel)

    def summary(self, repository: str) -> RepositorySummary:
        """One bounded look at how many tags a repository has, and when the last one moved."""
        from ocistore_tui.engine.tags import summary

        return summary(self._context, repository)

    def timeline(self, repository: str, tag: str) -> tuple[TimelineRow, ...]:
        """Every digest a tag has named, newest first; `NotFound` when there never was such a tag."""
        from ocistore_tui.engine.timeline import timeline

        return timeline(self._context, repository, tag)

    def attachments(self, reference: Reference) -> tuple[AttachmentRow, ...]:
        """What is attached to an image and its platforms, parents before children."""
        from ocistore_tui.engine.attachments import attachments

        return attachments(self._context, reference)

    def remembered(self) -> Remembered | None:
        """The store's listing as this machine last saw it; None where nothing usable is remembered."""
        from ocistore_tui.engine.remembered import recall

        return recall(self._cache_dir, self._identity)

    def remember(self, seen: Remembered) -> None:
        """Keep a listing for the next start, readable by this user alone."""
        from ocistore_tui.engine.remembered import keep

        keep(self._cache_dir, self._identity, seen)

    def inspect(self, reference: Reference, *, platform: Platform | None = None) -> Inspection:
        """Everything about one reference."""
        from ocistore_tui.engine.inspection import inspect

        return inspect(self._context, reference, platform)

    def unpacked_sizes(self, layers: Sequence[LayerRow]) -> dict[Digest, int]:
        """Unpacked bytes by layer digest, as far as the blobs tell; for show only."""
        from ocistore_tui.engine.unpacked import unpacked_sizes

        return unpacked_sizes(self._context, layers)

    def plan_push(self, request: PushRequest, *, cancel: CancelSignal | None = None) -> PushPlan:
        """What a push would do; writes nothing."""
        from ocistore_tui.engine.push_plan import plan_push

        return plan_push(self._context, request, cancel)

    def push(
        self,
        plan: PushPlan,
        *,
        on_progress: Callable[[JobSnapshot], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> PushResult:
        """Do what the plan says; the last snapshot always arrives, also on failure."""
        from ocistore_tui.engine.push import push

        return push(self._context, plan, on_progress=on_progress, cancel=cancel)

    def plan_pull(self, request: PullRequest, *, cancel: CancelSignal | None = None) -> PullPlan:
        """What a pull would do; changes nothing."""
        from ocistore_tui.engine.pull_plan import plan_pull

        return plan_pull(self._context, request, cancel)

    def pull(
        self,
        plan: PullPlan,
        *,
        on_progress: Callable[[JobSnapshot], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> PullResult:
        """Do what the plan says; the last snapshot always arrives, also on failure."""
        from ocistore_tui.engine.pull import pull

        return pull(self._context, plan, on_progress=on_progress, cancel=cancel)

    def local_images(self, place: LocalPlace | None = None) -> LocalListing:
        """What a local place holds; None: the usual container engine.

        Raises:
            Unavailable: no engine answers there.
            AccessDenied: its socket or directory may not be used.
            NotFound: there is no such directory.
        """
        if self._list_local is None:
            raise Unavailable("no container engine is configured", fix="start Docker, or name one with --docker-host")
        return self._list_local(place)

    def flaws(self, repository: str) -> Iterator[Flaw]:
        """What is wrong with a repository, without reading its layers; nothing when it is sound."""
        from ocistore_tui.layout.check import check_repository

        return check_repository(self._context.store, repository)

    def check(self, *, write: bool = False) -> Report:
        """The store's self-test."""
        return self._context.store.check(write=write)

    def close(self) -> None:
        """Let threads and connections go."""
        self._context.workers.close()
        self._context.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
