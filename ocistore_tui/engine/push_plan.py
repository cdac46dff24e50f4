"""What a push would do: looks at source and store, writes nothing. ``--dry-run`` prints it, and the move does it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from msgspec import Struct

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.known import find_known_layers, layers_by_diff_id
from ocistore_tui.engine.platforms import choose_platform
from ocistore_tui.engine.ports import ImageSource
from ocistore_tui.engine.presence import Presence
from ocistore_tui.engine.publish import Closure, close
from ocistore_tui.engine.transport import way_of_push
from ocistore_tui.errors import IntegrityError, NotFound, StoreMissing, UsageError
from ocistore_tui.layout.repository import Repository, TagLink, Whatever
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import ImageFacts, SourceKind
from ocistore_tui.model.manifest import Descriptor, Manifest, build_manifest
from ocistore_tui.model.media_types import OCI_CONFIG
from ocistore_tui.model.plan import PlannedLayer, PushPlan, PushRequest, check_request
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import LayerState


class Prepared(Struct, frozen=True):
    """What planning has found out, for the move."""

    source: ImageSource
    facts: ImageFacts
    tag_before: TagLink | Whatever | None
    """What the tag has to name still when it is written; anything, where its link is damaged."""
    known: Mapping[Digest, Descriptor]
    """Classic: stored blobs by diff ID."""
    closure: Closure | None
    """Complete knowledge of what will be tagged, where it exists before the move."""


def plan_push(context: Context, request: PushRequest, cancel: CancelSignal | None = None) -> PushPlan:
    """Look at source and store and say what a push would do; writes nothing.

    Raises:
        UsageError: the target names a digest, or the transport is unknown.
        NotFound, StoreMissing, AccessDenied, Unavailable, IntegrityError: as source and store say.
        Cancelled: ``cancel`` was set; it is looked at between requests.
    """
    target = request.target
    if target.digest is not None or target.tag is None:
        raise UsageError("push needs a tag", where=str(target), fix="write REPOSITORY:TAG")
    check_request(request)
    source = context.open_source(request.image or str(target), request.platform, request.docker_host)
    facts = source.facts()
    check_cancel(cancel)
    repository = Repository(context.store, target.repository)
    notes = list(facts.notes)
    tag_before = _read_tag(repository, target.tag, notes)
    presence = Presence(context.blobs, context.workers, cancel)
    check_cancel(cancel)
    known: Mapping[Digest, Descriptor] = {}
    if facts.kind is SourceKind.CONTENT:
        closure = _prepare_content(context, facts, request.platform)
    else:
        known, closure = _prepare_classic(context, presence, repository, facts, tag_before)
    if closure is not None and closure.missing:
        notes.append(partial_note(closure))
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
        way=way_of_push(request, source, facts, moves=needs_export),
        notes=tuple(notes),
        detail=Prepared(source, facts, tag_before, known, closure),
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
    root = facts.id
    try:
        if wanted is not None and root not in facts.documents:
            root = choose_platform(context, context.documents.manifest(root), wanted, where=facts.name).digest
        documents = context.documents.below(root, known=facts.documents)
    except (NotFound, IntegrityError):
        # The source may hold what the store lacks: only an export can tell.
        return None
    return close(root, documents)


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


def partial_note(closure: Closure) -> str:
    """What people should know of an index of which not all is at hand."""
    names = ", ".join(str(child.platform) if child.platform else child.digest.short for child in closure.missing)
    return f"the index is stored as partial: not at hand were {names}"
