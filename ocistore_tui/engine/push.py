"""Push: look (plan), then move. Blobs first, the tag last; a push killed anywhere leaves the old tag or the new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.intake import Intake
from ocistore_tui.engine.job import StopSignal, run_job
from ocistore_tui.engine.known import find_known_layers, layers_by_diff_id
from ocistore_tui.engine.platforms import choose_platform
from ocistore_tui.engine.ports import ImageSource
from ocistore_tui.engine.presence import Presence
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.engine.publish import Closure, close, is_published, publish
from ocistore_tui.errors import IntegrityError, NotFound, StoreMissing, UsageError
from ocistore_tui.layout.repository import Repository, TagLink, Whatever
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import ClassicImage, ContentImage, ImageFacts, SourceKind
from ocistore_tui.model.manifest import Descriptor, Index, Manifest, build_manifest
from ocistore_tui.model.media_types import OCI_CONFIG, UNCOMPRESSED_LAYERS
from ocistore_tui.model.plan import MovedLayer, PlannedLayer, PushPlan, PushRequest, PushResult
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import JobSnapshot, LayerState
from ocistore_tui.model.reference import Reference


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What planning has found out, for the move."""

    source: ImageSource
    facts: ImageFacts
    tag_before: TagLink | Whatever | None
    """What the tag has to name still when it is written; anything, where its link is damaged."""
    known: Mapping[Digest, Descriptor]
    """Classic: stored blobs by diff ID."""
    closure: Closure | None
    """Complete knowledge of what will be tagged, where it exists before the move."""


def plan_push(context: Context, request: PushRequest) -> PushPlan:
    """Look at source and store and say what a push would do; writes nothing.

    Raises:
        UsageError: the target names a digest, or the transport is unknown.
        NotFound, StoreMissing, AccessDenied, Unavailable, IntegrityError: as source and store say.
    """
    target = request.target
    if target.digest is not None or target.tag is None:
        raise UsageError("push needs a tag", where=str(target), fix="write REPOSITORY:TAG")
    if request.via not in ("auto", "archive"):
        raise UsageError(
            f"transport {request.via} is not available",
            where="--via",
            cause="this version moves images by the daemon's save and load streams",
            fix="use --via archive, or leave it out",
        )
    if request.platform is not None and request.all_platforms:
        raise UsageError("--platform and --all-platforms exclude each other", fix="use one of them")
    source = context.open_source(request.image or str(target), request.platform)
    facts = source.facts()
    repository = Repository(context.store, target.repository)
    notes = list(facts.notes)
    tag_before = _read_tag(repository, target.tag, notes)
    presence = Presence(context.blobs, context.workers)
    known: Mapping[Digest, Descriptor] = {}
    if facts.kind is SourceKind.CONTENT:
        closure = _prepare_content(context, facts, request.platform)
    else:
        known, closure = _prepare_classic(context, presence, repository, facts, tag_before)
    if closure is not None and closure.missing:
        notes.append(_partial_note(closure))
    needs_export = closure is None or bool(presence.missing(closure.blobs))
    layers = _planned(context, presence, repository, facts, known, closure)
    return PushPlan(
        request=request,
        reference=target,
        source=source.label,
        image_id=facts.id,
        platforms=(str(facts.platform),) if facts.platform.is_known else (),
        layers=layers,
        digest=closure.root.digest if closure else None,
        tag_before=tag_before.digest if isinstance(tag_before, TagLink) else None,
        needs_export=needs_export,
        transfer_bytes=_transfer_bytes(facts, layers) if needs_export else 0,
        notes=tuple(notes),
        detail=_Prepared(source, facts, tag_before, known, closure),
    )


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
    prepared: _Prepared = plan.detail
    repository = Repository(context.store, plan.reference.repository)
    intake = Intake(context, tracker, stop, repository=repository, planned=plan.layers, known=prepared.known)
    closure = prepared.closure
    if plan.needs_export:
        tracker.stage("exporting")
        tracker.expect(plan.transfer_bytes or 0)
        _show_planned(plan, prepared.facts, tracker)
        with closing(prepared.source.export(skip=intake.can_skip, cancel=stop)) as export:
            end = intake.take(export)
        closure = _closure_of_export(context, prepared.facts, end, intake, stop)
        if closure.missing:
            tracker.note(_partial_note(closure))
        if raw_bytes := _uncompressed_bytes(closure):
            tracker.note(f"{raw_bytes / 1e6:.1f} MB of layers are stored uncompressed, as the source has them")
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
        via="archive",
        notes=tracker.notes,
    )


def _prepare_classic(
    context: Context,
    presence: Presence,
    repository: Repository,
    facts: ImageFacts,
    tag_before: TagLink | Whatever | None,
) -> tuple[Mapping[Digest, Descriptor], Closure | None]:
    """A classic image has no manifest: find the one it was stored under before, or make it from known layers."""
    tagged = tag_before.digest if isinstance(tag_before, TagLink) else None
    for digest in (tagged, context.cache.manifest_of(facts.id)):
        manifest = _manifest_of_image(context, digest, facts.id) if digest else None
        if manifest is None or presence.missing(manifest.blobs):
            continue
        known = layers_by_diff_id(context, manifest)
        # Whoever wrote it may have left layers out, or told wrong sizes: such a manifest is replaced, not kept.
        with suppress(IntegrityError):
            closure = close(manifest.digest, {manifest.digest: manifest.raw})
            if all(diff_id in known for diff_id in facts.diff_ids):
                return known, closure
    known = find_known_layers(context, presence, repository, tagged, facts.diff_ids)
    if any(diff_id not in known for diff_id in facts.diff_ids):
        return known, None
    raw = facts.documents.get(facts.id)
    size = len(raw) if raw is not None else None
    stored = context.blobs.stat(facts.id)
    if stored is None:
        return known, None
    config = Descriptor(media_type=OCI_CONFIG, digest=facts.id, size=size if size is not None else stored.size_bytes)
    if not presence.has(config) or context.documents.config(config).diff_ids != facts.diff_ids:
        return known, None
    manifest = build_manifest(config, tuple(known[diff_id] for diff_id in facts.diff_ids))
    return known, Closure(manifest, (manifest,), manifest.blobs)


def _prepare_content(context: Context, facts: ImageFacts, wanted: Platform | None) -> Closure | None:
    """A content image brings its manifests: from the source itself, or from the store that has them already."""
    documents = dict(facts.documents)
    root = facts.id
    if wanted is not None and root not in documents:
        try:
            root = choose_platform(context, context.documents.manifest(root), wanted, where=facts.name).digest
        except (NotFound, IntegrityError):
            # The source looks itself when it exports.
            return None
    pending = [] if root in documents else [root]
    while pending:
        try:
            found = context.documents.manifest(pending.pop())
        except (NotFound, IntegrityError):
            # The source may hold a child that the store lacks: only an export can tell.
            return None
        documents[found.digest] = found.raw
        if isinstance(found, Index):
            pending += [child.digest for child in found.manifests if child.digest not in documents]
    return close(root, documents)


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


def _manifest_of_image(context: Context, digest: Digest, image_id: Digest) -> Manifest | None:
    try:
        found = context.documents.manifest(digest)
        for manifest in context.documents.image_manifests(found, limit=16):
            if manifest.config.digest == image_id:
                return manifest
    except (NotFound, IntegrityError):
        pass
    return None


def _read_tag(repository: Repository, tag: str, notes: list[str]) -> TagLink | Whatever | None:
    try:
        return repository.read_tag(tag)
    except StoreMissing:
        raise  # now, not after the export
    except NotFound:
        return None
    except IntegrityError as error:
        notes.append(f"the tag's link is broken ({error.message}); this push replaces it")
        return Whatever.ANY


def _planned(
    context: Context,
    presence: Presence,
    repository: Repository,
    facts: ImageFacts,
    known: Mapping[Digest, Descriptor],
    closure: Closure | None,
) -> tuple[PlannedLayer, ...]:
    if closure is not None:
        described: list[tuple[Digest | None, Descriptor | None]] = [
            (diff_id, layer)
            for found in closure.manifests
            if isinstance(found, Manifest)
            for diff_id, layer in _with_diff_ids(facts, found)
        ]
    else:
        described = [(diff_id, known.get(diff_id)) for diff_id in facts.diff_ids]

    def plan_one(pair: tuple[Digest | None, Descriptor | None]) -> PlannedLayer:
        diff_id, blob = pair
        if blob is None:
            return PlannedLayer(LayerState.UPLOADED, None, None, diff_id)
        if not presence.has(blob):
            action = LayerState.UPLOADED
        else:
            action = LayerState.EXISTS if repository.has_layer_link(blob.digest) else LayerState.LINKED
        return PlannedLayer(action, blob.size, blob.digest, diff_id, blob.media_type)

    unique = {(diff_id, blob.digest if blob else diff_id): (diff_id, blob) for diff_id, blob in described}
    return tuple(context.workers.each(plan_one, unique.values()))


def _with_diff_ids(facts: ImageFacts, manifest: Manifest) -> list[tuple[Digest | None, Descriptor | None]]:
    diff_ids = facts.diff_ids
    if len(diff_ids) != len(manifest.layers):
        return [(None, layer) for layer in manifest.layers]
    return list(zip(diff_ids, manifest.layers, strict=True))


def _transfer_bytes(facts: ImageFacts, layers: tuple[PlannedLayer, ...]) -> int:
    sizes = [
        facts.layer_sizes.get(layer.diff_id, layer.size_bytes) if layer.diff_id else layer.size_bytes
        for layer in layers
        if layer.action is LayerState.UPLOADED
    ]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else facts.size_bytes


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


def _partial_note(closure: Closure) -> str:
    names = ", ".join(str(child.platform) if child.platform else child.digest.short for child in closure.missing)
    return f"the index is stored as partial: not at hand were {names}"
