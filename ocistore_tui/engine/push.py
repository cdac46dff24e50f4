"""Push: what was planned is moved. Blobs first, the tag last: killed anywhere, it leaves the old tag or the new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.intake import Intake
from ocistore_tui.engine.job import StopSignal, run_job
from ocistore_tui.engine.known import layers_by_diff_id
from ocistore_tui.engine.ports import RegistrySource
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.engine.publish import Closure, close, is_published, publish
from ocistore_tui.engine.push_plan import Prepared, partial_note
from ocistore_tui.errors import Cancelled, IntegrityError, OciStoreError
from ocistore_tui.layout.repository import Repository, TagLink
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import ClassicImage, ContentImage, ImageFacts, SourceKind
from ocistore_tui.model.manifest import Descriptor, Manifest, build_manifest
from ocistore_tui.model.media_types import OCI_CONFIG, UNCOMPRESSED_LAYERS
from ocistore_tui.model.plan import MovedLayer, PushPlan, PushResult
from ocistore_tui.model.progress import JobSnapshot, LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.words import size


def push(
    context: Context,
    plan: PushPlan,
    *,
    on_progress: Callable[[JobSnapshot], None] | None = None,
    cancel: CancelSignal | None = None,
) -> PushResult:
    """Do what the plan says.

    Raises:
        Refused: the tag moved since the plan was made; blobs stay, the tag is untouched.
        Cancelled: ``cancel`` was set; finished blobs are kept for the next push.
        OciStoreError: anything else; the tag is untouched.
    """
    tracker = Tracker("push", str(plan.reference), on_progress)
    return run_job(tracker, plan.notes, lambda stop: _push(context, plan, tracker, stop), cancel)


def _push(context: Context, plan: PushPlan, tracker: Tracker, stop: StopSignal) -> PushResult:
    prepared: Prepared = plan.detail
    repository = Repository(context.store, plan.reference.repository)
    intake = Intake(context, tracker, stop, repository=repository, planned=plan.layers, known=prepared.known)
    closure, via = prepared.closure, plan.way.via
    if plan.needs_export:
        closure, via = _move(context, plan, prepared, intake, tracker, stop)
        if closure.missing:
            tracker.note(partial_note(closure))
        if raw_bytes := _uncompressed_bytes(closure):
            tracker.note(f"{size(raw_bytes)} of layers are stored uncompressed, as the source has them")
    assert closure is not None
    tag = plan.reference.tag
    assert tag is not None
    sound = plan.is_noop and isinstance(prepared.tag_before, TagLink) and not prepared.tag_before.flaws
    if not (sound and is_published(context, repository, tag, closure)):
        tracker.stage("verifying")
        publish(context, repository, closure, stop)
        check_cancel(stop)
        repository.set_tag(tag, closure.root.digest, expected=prepared.tag_before)
    if prepared.facts.kind is SourceKind.CLASSIC:
        # Only layers that somebody unpacked: what a config says of blobs nobody looked into must not spread.
        _remember(context, closure)
    layers = _moved(context, closure, intake.states)
    for layer in layers:
        for row in intake.rows(layer):
            tracker.layer(row, layer.state, digest=layer.digest)
    return PushResult(
        reference=Reference(plan.reference.repository, plan.reference.tag),
        digest=closure.root.digest,
        layers=layers,
        uploaded_bytes=tracker.moved_bytes,
        duration_s=tracker.elapsed_s,
        via=via,
        notes=tracker.notes,
    )


def _move(
    context: Context, plan: PushPlan, prepared: Prepared, intake: Intake, tracker: Tracker, stop: StopSignal
) -> tuple[Closure, str]:
    """Bring everything into the store but what `publish` does; what is to be tagged, and how it came."""
    tracker.expect(plan.transfer_bytes or 0)
    _show_planned(plan, prepared.facts, tracker)
    source, way = prepared.source, plan.way
    if isinstance(source, RegistrySource) and (way.via == "registry" or way.tries_registry):
        from ocistore_tui.engine.push_registry import push_by_registry

        tracker.stage("asking the engine" if way.tries_registry else "uploading")
        try:
            closure = push_by_registry(
                context, plan, source, prepared.facts, intake, tracker, stop, probes=way.tries_registry
            )
        except Cancelled:
            raise
        except OciStoreError as error:
            if plan.request.via != "auto":
                raise
            tracker.note(f"moved as an archive, since the engine's own push failed: {error.cause or error.message}")
        else:
            if closure is not None:
                return closure, "registry"
        check_cancel(stop)
    tracker.stage("exporting")
    with closing(source.export(skip=intake.can_skip, cancel=stop)) as export:
        end = intake.take(export)
    return _closure_of_export(context, prepared.facts, end, intake, stop), "archive"


def _closure_of_export(
    context: Context, facts: ImageFacts, end: ClassicImage | ContentImage, intake: Intake, stop: StopSignal
) -> Closure:
    if isinstance(end, ContentImage):
        closure = close(end.root.digest, end.documents)
        intake.check_complete(closure.blobs, end.documents)
        return closure
    if facts.id != Digest.of(end.config):
        raise IntegrityError(
            "the export is of another image than planned",
            where=facts.name,
            cause=f"planned {facts.id}, got {Digest.of(end.config)}: the name was moved meanwhile",
            fix="push again",
        )
    unknown = [diff_id for diff_id in end.diff_ids if diff_id not in intake.layers]
    if unknown:
        raise IntegrityError(
            "the export lacks a layer",
            where=f"{facts.name}: {unknown[0]}",
            fix="load or build the image again, then push",
        )
    layers = tuple(intake.layers[diff_id] for diff_id in end.diff_ids)
    config = Descriptor(media_type=OCI_CONFIG, digest=facts.id, size=len(end.config))
    check_cancel(stop)
    context.blobs.put(end.config)
    context.cache.keep_document(config.digest, end.config)
    manifest = build_manifest(config, layers)
    return Closure(manifest, (manifest,), manifest.blobs)


def _show_planned(plan: PushPlan, facts: ImageFacts, tracker: Tracker) -> None:
    for layer in plan.layers:
        # Without its manifest, an export of blobs does not tell which layer a blob is: it is shown as it comes.
        layer_id = layer.digest or (layer.diff_id if facts.kind is SourceKind.CLASSIC else None)
        if layer_id is not None:
            state = LayerState.WAITING if layer.action is LayerState.UPLOADED else layer.action
            tracker.layer(layer_id, state, total_bytes=layer.size_bytes or 0, digest=layer.digest)


def _moved(context: Context, closure: Closure, states: Mapping[Digest, LayerState]) -> tuple[MovedLayer, ...]:
    rows: dict[Digest, MovedLayer] = {}
    for manifest in closure.manifests:
        if not isinstance(manifest, Manifest):
            continue
        by_diff_id = {layer.digest: diff_id for diff_id, layer in layers_by_diff_id(context, manifest).items()}
        for layer in manifest.layers:
            state = states.get(layer.digest, LayerState.LINKED)
            rows.setdefault(layer.digest, MovedLayer(layer.digest, by_diff_id.get(layer.digest), layer.size, state))
    return tuple(rows.values())


def _remember(context: Context, closure: Closure) -> None:
    for manifest in closure.manifests:
        if isinstance(manifest, Manifest) and manifest.is_image:
            pairs = layers_by_diff_id(context, manifest)
            context.cache.keep_blobs(pairs.keys(), pairs.values())
            context.cache.keep_manifest_of(manifest.config.digest, manifest.digest)


def _uncompressed_bytes(closure: Closure) -> int:
    layers = {
        layer.digest: layer.size
        for found in closure.manifests
        if isinstance(found, Manifest) and found.is_image
        for layer in found.layers
        if layer.media_type in UNCOMPRESSED_LAYERS
    }
    return sum(layers.values())
