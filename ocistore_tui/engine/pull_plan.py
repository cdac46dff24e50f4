"""What a pull would do: looks at store and target, changes nothing. ``--dry-run`` prints it, and the move does it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from ocistore_tui.backends.base import CancelSignal, Entry, check_cancel
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.platforms import choose_platform, stored_manifest
from ocistore_tui.engine.ports import ImageTarget
from ocistore_tui.engine.publish import close
from ocistore_tui.engine.resolve import resolve
from ocistore_tui.engine.transport import way_of_pull
from ocistore_tui.errors import IntegrityError, NotFound, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import MAX_CONFIG_BYTES, parse_config
from ocistore_tui.model.local import StoredImage
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.media_types import is_foreign
from ocistore_tui.model.plan import PlannedLayer, PullPlan, PullRequest, check_request
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import LayerState

_MAX_MANIFESTS = 1000
_MAX_DOCUMENTS_BYTES = 32 * 1024 * 1024
"""Manifests of one index handed over at once: they are held in memory, and a hostile index can name 30,000."""


class Prepared(Struct, frozen=True):
    """What planning has found out, for the move."""

    target: ImageTarget
    image: StoredImage
    present: frozenset[Digest]


def plan_pull(context: Context, request: PullRequest, cancel: CancelSignal | None = None) -> PullPlan:
    """Look at store and target and say what a pull would do; changes nothing.

    Raises:
        NotFound: no such repository, tag or platform, or a blob of it is missing.
        IntegrityError: a document or a blob's size is not what it must be.
        UsageError: the transport is unknown, or the target cannot take this.
        Cancelled: ``cancel`` was set; it is looked at between requests.
    """
    check_request(request)
    name = request.image or request.source.image_name
    target = context.open_target(name, request.source.image_name, request.docker_host)
    check_cancel(cancel)
    resolved = resolve(context, request.source)
    check_cancel(cancel)
    image, notes = _stored_image(context, resolved.manifest, request, target)
    check_cancel(cancel)
    present = target.present(
        image, remembered=context.cache.document, read=lambda digest: _known_document(context, digest)
    )
    layers = _planned(context, image, present, cancel)
    return PullPlan(
        request=request,
        reference=request.source,
        target=target.label,
        image=name,
        digest=image.root.digest,
        platform=str(image.platform) if image.platform.is_known else "",
        layers=layers,
        way=way_of_pull(request, target),
        download_bytes=sum(layer.size_bytes or 0 for layer in layers if layer.action is LayerState.DOWNLOADED),
        notes=(*resolved.flaws, *notes),
        detail=Prepared(target, image, present),
    )


def _stored_image(
    context: Context, root: Manifest | Index, request: PullRequest, target: ImageTarget
) -> tuple[StoredImage, list[str]]:
    notes: list[str] = []
    descriptor = Descriptor(media_type=root.media_type, digest=root.digest, size=len(root.raw))
    if isinstance(root, Manifest):
        if request.platform:
            choose_platform(context, root, request.platform, where=str(request.source))
        return _with_documents(context, descriptor, None, (root,)), notes
    if request.all_platforms:
        if not target.takes_index:
            raise UsageError(
                "this target takes one platform",
                where=target.label,
                fix="use --platform, or pull into oci:DIR or oci-archive:FILE",
            )
        documents = _below(context, root)
        closure = close(root.digest, documents)
        if closure.missing:
            notes.append(f"the stored index is partial: {len(closure.missing)} of its manifests are not in the store")
        manifests = [found for found in closure.manifests if isinstance(found, Manifest)]
        manifests.sort(key=lambda manifest: not manifest.is_image)
        return _with_documents(context, descriptor, root, tuple(manifests), documents), notes
    wanted = request.platform or target.default_platform
    chosen = choose_platform(context, root, wanted, where=str(request.source))
    if target.keeps_index:
        return _with_documents(context, descriptor, root, (chosen,)), notes
    single = Descriptor(media_type=chosen.media_type, digest=chosen.digest, size=len(chosen.raw))
    return _with_documents(context, single, None, (chosen,)), notes


def _below(context: Context, root: Index) -> dict[Digest, bytes]:
    """The index and every manifest below it that is in the store."""
    documents = {root.digest: root.raw}
    held_bytes = len(root.raw)
    level = [root]
    while level:
        named = dict.fromkeys(child.digest for index in level for child in index.manifests)
        names = [digest for digest in named if digest not in documents]
        level = []
        answers = context.workers.stream(lambda digest: stored_manifest(context, digest), names, ahead=16)
        for digest, found in zip(names, answers, strict=True):
            if found is not None:
                documents[digest] = found.raw
                held_bytes += len(found.raw)
            if len(names) > _MAX_MANIFESTS or held_bytes > _MAX_DOCUMENTS_BYTES:
                raise IntegrityError(
                    "the index names more than can be handed over at once",
                    where=root.digest,
                    cause=f"over {_MAX_MANIFESTS} manifests, or {_MAX_DOCUMENTS_BYTES} bytes of them",
                    fix="pull its platforms one by one with --platform",
                )
            if isinstance(found, Index):
                level.append(found)
    if len(documents) == 1:
        raise NotFound("none of the index's manifests is in the store", where=root.digest, fix="push the image again")
    return documents


def _with_documents(
    context: Context,
    root: Descriptor,
    index: Index | None,
    manifests: tuple[Manifest, ...],
    more: Mapping[Digest, bytes] | None = None,
) -> StoredImage:
    documents = {**(more or {}), **{manifest.digest: manifest.raw for manifest in manifests}}
    if index is not None:
        documents[index.digest] = index.raw
    configs = {manifest.config.digest: manifest.config for manifest in manifests}
    small = [config for config in configs.values() if config.size <= MAX_CONFIG_BYTES]
    read = context.workers.each(lambda config: _config(context, config), small)
    documents.update((config.digest, raw) for config, raw in zip(small, read, strict=True))
    image = StoredImage(root, index, manifests, documents, (), Platform())
    chosen = image.chosen
    if not chosen.is_image:
        return image
    config = parse_config(documents.get(chosen.config.digest, b""), where=chosen.config.digest)
    if len(config.diff_ids) != len(chosen.layers):
        raise IntegrityError(
            "the image's config and manifest disagree",
            where=chosen.digest,
            cause=f"{len(config.diff_ids)} diff IDs, {len(chosen.layers)} layers",
            fix="push the image again",
        )
    return replace(image, diff_ids=config.diff_ids, platform=config.platform)


def _config(context: Context, config: Descriptor) -> bytes:
    raw = context.documents.read(config.digest, max_bytes=MAX_CONFIG_BYTES, must_be_stored=True)
    if len(raw) != config.size:
        raise IntegrityError(
            "the image's config has another size than its manifest says",
            where=config.digest,
            cause=f"{len(raw)} bytes instead of {config.size}",
            fix="push the image again",
        )
    return raw


def _planned(
    context: Context, image: StoredImage, present: frozenset[Digest], cancel: CancelSignal | None
) -> tuple[PlannedLayer, ...]:
    """Every layer once; those to download were seen to be there with their size."""
    by_digest: dict[Digest, tuple[Descriptor, Digest | None]] = {}
    for manifest in image.manifests:
        diff_ids = image.diff_ids if manifest is image.chosen else ()
        for position, layer in enumerate(manifest.layers):
            if not (layer.urls and is_foreign(layer.media_type)):
                diff_id = diff_ids[position] if position < len(diff_ids) else None
                by_digest.setdefault(layer.digest, (layer, diff_id))
    needed = [layer for layer, _ in by_digest.values() if layer.digest not in present]

    def stat(layer: Descriptor) -> Entry | None:
        check_cancel(cancel)
        return context.blobs.stat(layer.digest)

    entries = context.workers.each(stat, needed)
    for layer, entry in zip(needed, entries, strict=True):
        if entry is None or entry.size_bytes != layer.size:
            cause = "it is not there" if entry is None else f"it has {entry.size_bytes} bytes instead of {layer.size}"
            raise IntegrityError(
                "a layer of the image is damaged in the store",
                where=layer.digest,
                cause=cause,
                fix="push the image again: that repairs it",
            )
    return tuple(
        PlannedLayer(
            LayerState.PRESENT if layer.digest in present else LayerState.DOWNLOADED,
            layer.size, layer.digest, diff_id, layer.media_type,
        )
        for layer, diff_id in by_digest.values()
    )  # fmt: skip


def _known_document(context: Context, digest: Digest) -> bytes | None:
    try:
        return context.documents.read(digest)
    except (NotFound, IntegrityError):
        return None
