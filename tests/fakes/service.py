"""The engine's `Service` in memory: gated, scripted, and with real documents behind every tag."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

from msgspec.structs import replace

from ocistore_tui.backends.base import CancelSignal, Report
from ocistore_tui.errors import NotFound, OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import (
    AttachmentRow,
    Inspection,
    LayerRow,
    PlatformRow,
    Remembered,
    RepositoryRow,
    RepositorySummary,
    TagRow,
    TimelineRow,
)
from ocistore_tui.model.local import LocalListing, LocalPlace, LocalRow
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.natural import natural_key
from ocistore_tui.model.plan import (
    MovedLayer,
    PlannedLayer,
    PullPlan,
    PullRequest,
    PullResult,
    PushPlan,
    PushRequest,
    PushResult,
    Way,
)
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerState
from ocistore_tui.model.reference import Reference, is_repository
from tests.fakes.gates import Gates
from tests.fakes.moves import Move, progress_of
from tests.fakes.stored import Stored, make_image

NOW = 1_795_600_000.0
"""The moment tags are pushed at, unless a test says another."""


class FakeService(Gates):
    """One opened store. A push that ends adds its tag, a pull its local row.

    Gates by method: ``repositories`` (subject: the row that is about to come), ``tag_stubs`` (the repository, or
    ``repository:tag``), ``describe_tags`` (``repository:tag``), ``tags``, ``tag_names``, ``summary`` (the repository),
    ``inspect``, ``attachments``, ``plan_push``, ``push``, ``plan_pull``, ``pull`` (the reference), ``timeline``
    (``repository:tag``), ``local_images``, ``remembered``, ``check``.
    """

    def __init__(self, store_url: str = "s3://acme-oci/registry") -> None:
        super().__init__()
        self.store_url = store_url
        self.way = Way("archive", "it is a fake")
        self.stored: dict[str, dict[str, Stored]] = {}
        self.rows: dict[str, dict[str, TagRow]] = {}
        self.listings: dict[LocalPlace | None, LocalListing] = {
            None: LocalListing(LocalPlace("engine"), "docker 27.3", ())
        }
        self.local_stored: dict[str, Stored] = {}
        """Local images by name, as ``plan_push`` finds them."""
        self.timelines: dict[tuple[str, str], tuple[TimelineRow, ...]] = {}
        self.attached: dict[str, tuple[AttachmentRow, ...]] = {}  # by reference, as text
        self.kept: Remembered | None = None
        self.report = Report()
        self.moves: dict[str, Move] = {}  # the last of each reference, as text
        self.is_closed, self.is_registry, self.is_layout = False, True, False
        self._lock = threading.RLock()

    # what a test puts in

    def add_tag(
        self,
        repository: str,
        tag: str,
        image: Stored | None = None,
        *,
        pushed: float | None = NOW,
        extras: tuple[str, ...] = (),
        flaw: str = "",
        **row: object,
    ) -> TagRow:
        """Have a tag; ``row`` are further fields of its `TagRow`."""
        image = image or make_image(f"{repository}:{tag}")
        made = TagRow(
            name=tag,
            digest=image.digest,
            media_type=image.root.media_type,
            size_bytes=sum(image.blobs.values()),
            created="2025-11-23T10:00:00Z",
            pushed=pushed,
            platforms=tuple(found.platform for found in image.images),
            kind="index" if image.index else "image",
            image_ids=tuple(found.manifest.config.digest for found in image.images),
            manifests=tuple(dict.fromkeys([image.digest, *(found.manifest.digest for found in image.images)])),
            blobs=image.blobs,
            extras=extras,
            flaw=flaw,
        )
        made = replace(made, **row)
        with self._lock:
            self.stored.setdefault(repository, {})[tag] = image
            self.rows.setdefault(repository, {})[tag] = made
        return made

    def drop_tag(self, repository: str, tag: str) -> None:
        """Somebody else deletes it."""
        del self.rows[repository][tag], self.stored[repository][tag]

    def add_local(
        self, name: str, image: Stored | None = None, *, place: LocalPlace | None = None, label: str = "", **row: object
    ) -> LocalRow:
        """Have a local image; ``row`` are further fields of its `LocalRow`."""
        image = image or make_image(name)
        made = LocalRow(
            name=name,
            image=name or sorted(image.ids)[0],
            ids=image.ids,
            size_bytes=sum(image.blobs.values()) * 3,
            created=NOW - 7200,
            platforms=tuple(found.platform for found in image.images),
        )
        made = replace(made, **row)
        with self._lock:
            old = self.listings.get(place) or LocalListing(place or LocalPlace("engine"), label or "docker 27.3", ())
            rows = (*(known for known in old.rows if not name or known.name != name), made)
            self.listings[place] = LocalListing(old.place, label or old.label, rows)
            self.local_stored[made.image] = image
        return made

    # reading

    def repositories(self, *, start_after: str | None = None) -> Iterator[RepositoryRow]:
        self.arrive("repositories")
        names = sorted(self.rows, key=lambda name: name.split("/"))
        for name in names:
            if start_after is None or name.split("/") > start_after.split("/"):
                self.wait("repositories", name)
                yield RepositoryRow(name, is_repository(name))

    def has_layout(self) -> bool:
        self.arrive("has_layout")
        return self.is_registry

    def is_image_layout(self) -> bool:
        self.arrive("is_image_layout")
        return self.is_layout

    def tag_names(self, repository: str) -> Iterator[str]:
        self.arrive("tag_names", repository)
        yield from sorted(self._repository(repository))

    def tag_stubs(self, repository: str) -> Iterator[TagRow]:
        self.arrive("tag_stubs", repository)
        for name, row in sorted(self._repository(repository).items()):
            self.wait("tag_stubs", f"{repository}:{name}")
            yield TagRow(name, pushed=row.pushed, subject=row.subject, kind="artifact" if row.subject else "")

    def describe_tags(
        self, repository: str, names: Iterable[str], *, cancel: CancelSignal | None = None
    ) -> Iterator[TagRow]:
        self.arrive("describe_tags", repository)
        for name in names:
            if cancel is not None and cancel.is_set():
                return
            self.arrive("describe_tags", f"{repository}:{name}")
            row = self.rows.get(repository, {}).get(name)
            yield row or TagRow(name, flaw=f"no such tag ({repository}:{name})", is_gone=True)

    def tags(self, repository: str) -> Iterator[TagRow]:
        self.arrive("tags", repository)
        yield from sorted(self._repository(repository).values(), key=lambda row: natural_key(row.name))

    def summary(self, repository: str) -> RepositorySummary:
        self.arrive("summary", repository)
        rows = self._repository(repository).values()
        moments = [row.pushed for row in rows if row.pushed is not None]
        count = sum(row.subject is None for row in rows)
        return RepositorySummary(repository, count, True, max(moments, default=None))

    def inspect(self, reference: Reference, *, platform: Platform | None = None) -> Inspection:
        self.arrive("inspect", str(reference))
        image = self._find(reference)
        row = self.rows[reference.repository].get(reference.tag or "")
        common = {
            "reference": reference,
            "pushed": row.pushed if row else None,
            "flaws": (row.flaw,) if row and row.flaw else (),
            "documents": image.documents,
        }
        if image.index is not None and platform is None:
            return Inspection(
                kind="index", digest=image.digest, media_type=image.index.media_type,
                size_bytes=sum(image.blobs.values()), manifest=image.index, config=None,
                platforms=tuple(
                    PlatformRow(str(child.platform or "unknown"), child, True) for child in image.index.manifests
                ),
                **common,
            )  # fmt: skip
        found = next((one for one in image.images if platform is None or one.platform == str(platform)), None)
        if found is None:
            raise NotFound(f"no image for {platform}", where=str(reference), fix="choose another platform")
        manifest = found.manifest
        described = Descriptor(media_type=manifest.media_type, digest=manifest.digest, size=len(manifest.raw))
        return Inspection(
            kind="image", digest=manifest.digest, media_type=manifest.media_type, size_bytes=manifest.size_bytes,
            manifest=manifest, config=found.config,
            layers=tuple(
                LayerRow(layer.digest, diff_id, layer.media_type, layer.size, step)
                for layer, diff_id, step in zip(manifest.layers, found.diff_ids, found.created_by, strict=True)
            ),
            platforms=(PlatformRow(found.platform, described, True),),
            **common,
        )  # fmt: skip

    def attachments(self, reference: Reference) -> tuple[AttachmentRow, ...]:
        self.arrive("attachments", str(reference))
        return self.attached.get(str(reference), ())

    def unpacked_sizes(self, layers: Sequence[LayerRow]) -> dict[Digest, int]:
        self.arrive("unpacked_sizes", str(len(layers)))
        return {layer.digest: layer.size_bytes * 3 for layer in layers}

    def timeline(self, repository: str, tag: str) -> tuple[TimelineRow, ...]:
        self.arrive("timeline", f"{repository}:{tag}")
        row = self._repository(repository).get(tag)
        if row is None:
            raise NotFound("no such tag", where=f"{repository}:{tag}", fix="list the tags")
        now = TimelineRow(row.digest or Digest.of(b""), row.pushed, True, row.kind, row.size_bytes, row.size_bytes)
        return self.timelines.get((repository, tag), (now,))

    def local_images(self, place: LocalPlace | None = None) -> LocalListing:
        self.arrive("local_images", place.name if place else "")
        return self.listings.get(place) or LocalListing(place or LocalPlace("engine"), "nothing", ())

    def remembered(self) -> Remembered | None:
        self.arrive("remembered")
        return self.kept

    def remember(self, seen: Remembered) -> None:
        self.arrive("remember")
        self.kept = seen

    def check(self, *, write: bool = False) -> Report:
        self.arrive("check", "write" if write else "")
        return self.report

    # moving

    def plan_push(self, request: PushRequest, *, cancel: CancelSignal | None = None) -> PushPlan:
        self.arrive("plan_push", str(request.target), cancel)
        image = self.local_stored.get(request.image or str(request.target))
        if image is None:
            raise NotFound("no such image", where=request.image or str(request.target), fix="list the images")
        before = self.rows.get(request.target.repository, {}).get(request.target.tag or "")
        here = {blob for row in self.rows.get(request.target.repository, {}).values() for blob in row.blobs}
        anywhere = {blob for rows in self.rows.values() for row in rows.values() for blob in row.blobs}

        def action(digest: Digest) -> LayerState:
            if digest in here:
                return LayerState.EXISTS
            return LayerState.LINKED if digest in anywhere else LayerState.UPLOADED

        layers = self._planned(image, action)
        sends = sum(layer.size_bytes or 0 for layer in layers if layer.action is LayerState.UPLOADED)
        return PushPlan(
            request=request,
            reference=request.target,
            source="docker 27.3",
            image_id=image.images[0].manifest.config.digest,
            platforms=tuple(one.platform for one in image.images),
            layers=layers,
            digest=image.digest,
            tag_before=before.digest if before else None,
            needs_export=sends > 0,
            transfer_bytes=sends,
            way=self.way,
            detail=image,
        )

    def plan_pull(self, request: PullRequest, *, cancel: CancelSignal | None = None) -> PullPlan:
        self.arrive("plan_pull", str(request.source), cancel)
        image = self._find(request.source)
        present = {
            blob for row in self.listings[None].rows if row.image in self.local_stored
            for blob in self.local_stored[row.image].blobs
        }  # fmt: skip
        layers = self._planned(image, lambda digest: LayerState.PRESENT if digest in present else LayerState.DOWNLOADED)
        return PullPlan(
            request=request,
            reference=request.source,
            target="docker 27.3",
            image=request.image or str(Reference(request.source.repository, request.source.tag or "latest")),
            digest=image.digest,
            platform=image.images[0].platform,
            layers=layers,
            download_bytes=sum(layer.size_bytes or 0 for layer in layers if layer.action is LayerState.DOWNLOADED),
            way=self.way,
            detail=image,
        )

    def push(
        self,
        plan: PushPlan,
        *,
        on_progress: Callable[[JobSnapshot], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> PushResult:
        move = self._move("push", plan.reference, plan.layers, plan.transfer_bytes or 0, on_progress, cancel)
        image: Stored = plan.detail
        self.add_tag(plan.reference.repository, plan.reference.tag or "latest", image)
        return PushResult(plan.reference, image.digest, self._moved(plan.layers), move.total_bytes, 12.1, "archive")

    def pull(
        self,
        plan: PullPlan,
        *,
        on_progress: Callable[[JobSnapshot], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> PullResult:
        move = self._move("pull", plan.reference, plan.layers, plan.download_bytes, on_progress, cancel)
        image: Stored = plan.detail
        self.add_local(plan.image, image)
        config = image.images[0].manifest.config.digest
        return PullResult(plan.image, config, image.digest, self._moved(plan.layers), move.total_bytes, 12.1, "archive")

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _move(
        self,
        verb: str,
        reference: Reference,
        planned: Sequence[PlannedLayer],
        total_bytes: int,
        on_progress: Callable[[JobSnapshot], None] | None,
        cancel: CancelSignal | None,
    ) -> Move:
        rows = tuple(progress_of(layer, LayerState.WAITING) for layer in planned)
        move = Move(str(reference), verb, rows, total_bytes, on_progress, cancel)
        self.moves[str(reference)] = move
        move.show(0)
        try:
            self.arrive(verb, str(reference), cancel)
        except OciStoreError as error:
            state = JobState.CANCELLED if error.kind == "cancelled" else JobState.FAILED
            move.show(0, state=state, stage=state.value)
            raise
        ended = tuple(progress_of(layer, layer.action, is_done=True) for layer in planned)
        move.show(total_bytes, state=JobState.DONE, stage="done", layers=ended)
        return move

    def _repository(self, name: str) -> dict[str, TagRow]:
        if name not in self.rows:
            raise NotFound("no such repository", where=f"{self.store_url}: {name}", fix="list the repositories")
        return dict(self.rows[name])

    def _find(self, reference: Reference) -> Stored:
        tags = self.stored.get(reference.repository, {})
        found = tags.get(reference.tag or "") or next(
            (image for image in tags.values() if reference.digest in image.documents), None
        )
        if found is None:
            raise NotFound("no such tag", where=str(reference), fix="list the tags")
        return found

    @staticmethod
    def _planned(image: Stored, action: Callable[[Digest], LayerState]) -> tuple[PlannedLayer, ...]:
        rows: dict[Digest, PlannedLayer] = {}
        for found in image.images:
            for layer, diff_id in zip(found.manifest.layers, found.diff_ids, strict=True):
                made = PlannedLayer(action(layer.digest), layer.size, layer.digest, diff_id, layer.media_type)
                rows.setdefault(layer.digest, made)
        return tuple(rows.values())

    @staticmethod
    def _moved(planned: Sequence[PlannedLayer]) -> tuple[MovedLayer, ...]:
        return tuple(
            MovedLayer(layer.digest, layer.diff_id, layer.size_bytes or 0, layer.action)
            for layer in planned
            if layer.digest is not None
        )
