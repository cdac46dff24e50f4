"""Everything about one reference: manifest, config, history, layers, platforms."""

from __future__ import annotations

from ocistore_tui.engine.context import Context
from ocistore_tui.engine.resolve import resolve
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import MAX_CONFIG_BYTES, ImageConfig, parse_config
from ocistore_tui.model.listing import Inspection, LayerRow, PlatformRow
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference


def inspect(context: Context, reference: Reference, platform: Platform | None) -> Inspection:
    """Look at one reference; with ``platform``, at that image of an index.

    Raises:
        NotFound: no such repository, tag, digest or platform.
        IntegrityError: a broken link or manifest.
    """
    resolved = resolve(context, reference)
    found = resolved.manifest
    pushed: float | None = None
    if reference.tag is not None and reference.digest is None:
        pushed = Repository(context.store, reference.repository).tag_modified(reference.tag)
    if isinstance(found, Index) and platform is not None:
        found = _of_platform(context, found, platform, reference)
    if isinstance(found, Index):
        return _inspect_index(context, reference, found, pushed, resolved.flaws)
    return _inspect_manifest(context, reference, found, pushed, resolved.flaws)


def _inspect_index(
    context: Context, reference: Reference, index: Index, pushed: float | None, flaws: tuple[str, ...]
) -> Inspection:
    rows: list[PlatformRow] = []
    size = len(index.raw)
    seen: dict[Digest, int] = {}
    for child in index.manifests:
        stored = _stored(context, child.digest)
        if isinstance(stored, Manifest):
            seen[child.digest] = len(stored.raw)
            seen.update((blob.digest, blob.size) for blob in stored.blobs)
        label = "attestation" if child.is_attestation else str(child.platform or "") or "unknown"
        rows.append(PlatformRow(label, child, stored is not None))
    missing = sum(not row.is_stored for row in rows)
    if missing:
        flaws = (*flaws, f"partial index: {missing} of its {len(rows)} manifests are not in the store")
    return Inspection(
        kind="index",
        reference=reference,
        digest=index.digest,
        media_type=index.media_type,
        size_bytes=size + sum(seen.values()),
        manifest=index,
        config=None,
        platforms=tuple(rows),
        pushed=pushed,
        flaws=flaws,
    )


def _inspect_manifest(
    context: Context, reference: Reference, manifest: Manifest, pushed: float | None, flaws: tuple[str, ...]
) -> Inspection:
    raw: bytes | None = None
    config: ImageConfig | None = None
    try:
        if manifest.config.size <= MAX_CONFIG_BYTES:
            raw = context.documents.read(manifest.config.digest, max_bytes=MAX_CONFIG_BYTES)
        if manifest.is_image and raw is not None:
            config = parse_config(raw, where=manifest.config.digest)
    except (NotFound, IntegrityError) as error:
        flaws = (*flaws, str(error))
    diff_ids = config.diff_ids if config and len(config.diff_ids) == len(manifest.layers) else ()
    steps = config.created_by() if config and diff_ids else ()
    present = context.workers.each(context.blobs.has, manifest.blobs)
    for blob, is_there in zip(manifest.blobs, present, strict=True):
        if not is_there:
            flaws = (*flaws, f"blob missing or of another size: {blob.digest}")
    return Inspection(
        kind="image" if manifest.is_image else "artifact",
        reference=reference,
        digest=manifest.digest,
        media_type=manifest.media_type,
        size_bytes=manifest.size_bytes,
        manifest=manifest,
        config=raw,
        layers=tuple(
            LayerRow(
                layer.digest,
                diff_ids[position] if diff_ids else None,
                layer.media_type,
                layer.size,
                steps[position] if steps else "",
            )
            for position, layer in enumerate(manifest.layers)
        ),
        platforms=(PlatformRow(str(config.platform), _describe(manifest), True),) if config else (),
        pushed=pushed,
        flaws=flaws,
    )


def _describe(manifest: Manifest) -> Descriptor:
    return Descriptor(media_type=manifest.media_type, digest=manifest.digest, size=len(manifest.raw))


def _stored(context: Context, digest: Digest) -> Manifest | Index | None:
    try:
        return context.documents.manifest(digest)
    except (NotFound, IntegrityError):
        return None


def _of_platform(context: Context, index: Index, wanted: Platform, reference: Reference) -> Manifest:
    for manifest in context.documents.image_manifests(index):
        if manifest.is_image and context.documents.config(manifest.config).platform.matches(wanted):
            return manifest
    raise NotFound(f"no stored image for {wanted}", where=str(reference), fix="inspect without --platform to see them")
