"""Pull: what was planned is handed over. Every byte is verified before the target can take it as complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.job import StopSignal, run_job
from ocistore_tui.engine.ports import ImageTarget, RegistryTarget
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.engine.pull_plan import Prepared
from ocistore_tui.errors import PartialLoadRefused
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import Loaded, StoredImage
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.plan import MovedLayer, PullPlan, PullResult
from ocistore_tui.model.progress import JobSnapshot, LayerState


def pull(
    context: Context,
    plan: PullPlan,
    *,
    on_progress: Callable[[JobSnapshot], None] | None = None,
    cancel: CancelSignal | None = None,
) -> PullResult:
    """Do what the plan says.

    Raises:
        IntegrityError: a blob is damaged; the target is as before.
        Cancelled: ``cancel`` was set; the target is as before.
        OciStoreError: anything else.
    """
    tracker = Tracker("pull", plan.image, on_progress)
    return run_job(tracker, plan.notes, lambda stop: _pull(context, plan, tracker, stop), cancel)


def _pull(context: Context, plan: PullPlan, tracker: Tracker, stop: StopSignal) -> PullResult:
    prepared: Prepared = plan.detail
    image, skip = prepared.image, prepared.present
    tracker.expect(plan.download_bytes)
    for layer in plan.layers:
        assert layer.digest is not None
        state = LayerState.WAITING if layer.action is LayerState.DOWNLOADED else layer.action
        tracker.layer(layer.digest, state, total_bytes=layer.size_bytes or 0, digest=layer.digest)
    tracker.stage("downloading")
    if isinstance(prepared.target, RegistryTarget) and plan.way.via == "registry":
        from ocistore_tui.engine.pull_registry import pull_by_registry

        repository = plan.reference.repository
        loaded, skip = pull_by_registry(context, repository, prepared.target, image, tracker, stop)
    else:
        loaded, skip = _load_whole(context, prepared.target, image, skip, tracker, stop)
    for digest in loaded.recoded:
        tracker.note(f"layer {digest.short} was recompressed on the way: this engine cannot read zstd")
    if loaded.is_unpacked:
        _remember(context, image)
    layers = tuple(
        MovedLayer(
            layer.digest,
            layer.diff_id,
            layer.size_bytes or 0,
            LayerState.PRESENT if layer.digest in skip else LayerState.DOWNLOADED,
        )
        for layer in plan.layers
        if layer.digest is not None
    )
    for moved in layers:
        tracker.layer(moved.digest, moved.state, digest=moved.digest)
    return PullResult(
        image=loaded.name,
        image_id=loaded.id,
        digest=image.root.digest,
        layers=layers,
        downloaded_bytes=tracker.moved_bytes,
        duration_s=tracker.elapsed_s,
        via=plan.way.via,
        notes=tracker.notes,
    )


def _load_whole(
    context: Context,
    target: ImageTarget,
    image: StoredImage,
    skip: frozenset[Digest],
    tracker: Tracker,
    stop: StopSignal,
) -> tuple[Loaded, frozenset[Digest]]:
    """Hand over what is not in ``skip``, or everything where the target then lacks something; and what was left out."""
    try:
        return _load(context, target, image, skip, tracker, stop), skip
    except PartialLoadRefused as error:
        if not skip:
            raise
        tracker.note(f"the target wants the whole image after all: {error.cause or error.message}")
        return _load(context, target, image, frozenset(), tracker, stop), frozenset()


def _load(
    context: Context,
    target: ImageTarget,
    image: StoredImage,
    skip: frozenset[Digest],
    tracker: Tracker,
    stop: StopSignal,
) -> Loaded:
    def open_blob(blob: Descriptor) -> Iterator[bytes]:
        done = 0
        for chunk in context.blobs.open(blob, cancel=stop):
            done += len(chunk)
            tracker.moved(len(chunk))
            tracker.layer(blob.digest, LayerState.DOWNLOADING, done_bytes=done, total_bytes=blob.size)
            yield chunk

    def on_layer(digest: Digest, state: str) -> None:
        tracker.layer(digest, LayerState(state), digest=digest)
        if state == LayerState.LOADING:
            tracker.stage("loading")

    return target.load(image, skip=skip, open_blob=open_blob, on_layer=on_layer, cancel=stop)


def _remember(context: Context, image: StoredImage) -> None:
    chosen = image.chosen
    if chosen.is_image:
        context.cache.keep_blobs(image.diff_ids, chosen.layers)
        context.cache.keep_manifest_of(chosen.config.digest, chosen.digest)
