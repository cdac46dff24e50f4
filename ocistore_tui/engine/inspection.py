"""Everything about one reference: manifest, config, history, layers, platforms."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ocistore_tui.engine.context import Context
from ocistore_tui.engine.platforms import choose_platform
from ocistore_tui.engine.resolve import Child, look_at, resolve
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import MAX_CONFIG_BYTES, ImageConfig, parse_config
from ocistore_tui.model.listing import Inspection, LayerRow, PlatformRow
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference

_any_json = msgspec.json.Decoder(msgspec.Raw)
"""Checks JSON without building it."""
_MAX_FLAWS = 100
_MAX_CHILDREN = 1000
"""Entries of an index that are looked up; a hostile one can name 30,000."""


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
        found = choose_platform(context, found, platform, where=str(reference))
    if isinstance(found, Index):
        return _inspect_index(context, reference, found, pushed, resolved.flaws)
    return _inspect_manifest(context, reference, found, pushed, resolved.flaws)


def _inspect_index(
    context: Context, reference: Reference, index: Index, pushed: float | None, flaws: tuple[str, ...]
) -> Inspection:
    repository = Repository(context.store, reference.repository)
    sizes: dict[Digest, int] = {}
    rows: list[PlatformRow] = []
    broken: list[str] = []
    missing = 0
    # Taken as they come: a thousand manifests may hold gigabytes.
    for child in context.workers.stream(
        lambda descriptor: _stored(context, repository, descriptor), index.manifests[:_MAX_CHILDREN], ahead=16
    ):
        descriptor, found = child.descriptor, child.found
        if child.flaw:
            broken.append(child.flaw)
        elif found is None:
            missing += 1
        if isinstance(found, Manifest):
            sizes[found.digest] = len(found.raw)
            sizes.update((blob.digest, blob.size) for blob in found.blobs)
        label = "attestation" if descriptor.is_attestation else str(descriptor.platform or "") or "unknown"
        rows.append(PlatformRow(label, descriptor, found is not None))
    flaws = (*flaws, *_first(broken))
    if missing:
        flaws = (*flaws, f"partial index: {missing} of its {len(rows)} manifests are not in the store")
    if len(index.manifests) > _MAX_CHILDREN:
        flaws = (*flaws, f"only the first {_MAX_CHILDREN} of its {len(index.manifests)} manifests were looked up")
    return Inspection(
        kind="index",
        reference=reference,
        digest=index.digest,
        media_type=index.media_type,
        size_bytes=len(index.raw) + sum(sizes.values()),
        manifest=index,
        config=None,
        platforms=tuple(rows),
        pushed=pushed,
        flaws=flaws,
    )


def _inspect_manifest(
    context: Context, reference: Reference, manifest: Manifest, pushed: float | None, flaws: tuple[str, ...]
) -> Inspection:
    raw, config, flaw = _config(context, manifest)
    flaws = (*flaws, flaw) if flaw else flaws
    diff_ids = config.diff_ids if config and len(config.diff_ids) == len(manifest.layers) else ()
    steps = config.created_by() if config and diff_ids else ()
    present = context.workers.each(context.blobs.has, manifest.blobs)
    absent = [blob.digest for blob, is_there in zip(manifest.blobs, present, strict=True) if not is_there]
    flaws = (*flaws, *_first([f"blob missing or of another size: {digest}" for digest in absent]))
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


def _config(context: Context, manifest: Manifest) -> tuple[bytes | None, ImageConfig | None, str]:
    """The config's bytes if they are JSON, what an image's config says, and why there is none."""
    if not manifest.is_image and manifest.config.size > MAX_CONFIG_BYTES:
        return None, None, ""
    try:
        raw = context.documents.read(manifest.config.digest, max_bytes=MAX_CONFIG_BYTES)
    except (NotFound, IntegrityError) as error:
        return None, None, str(error)
    try:
        _any_json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        if not manifest.is_image:
            return None, None, ""
        return None, None, f"the config is not JSON ({manifest.config.digest})"
    if not manifest.is_image:
        return raw, None, ""
    try:
        return raw, parse_config(raw, where=manifest.config.digest), ""
    except IntegrityError as error:
        return raw, None, str(error)


def _first(flaws: list[str]) -> list[str]:
    more = len(flaws) - _MAX_FLAWS
    return [*flaws[:_MAX_FLAWS], f"and {more} more like these"] if more > 0 else flaws


def _describe(manifest: Manifest) -> Descriptor:
    return Descriptor(media_type=manifest.media_type, digest=manifest.digest, size=len(manifest.raw))


def _stored(context: Context, repository: Repository, descriptor: Descriptor) -> Child:
    """An entry of an index as the store has it now: what the cache remembers may be gone."""
    if context.blobs.stat(descriptor.digest) is None:
        return Child(descriptor, None)
    child = look_at(context, descriptor)
    if not child.flaw and not repository.has_revision(descriptor.digest):
        return replace(child, flaw=f"stored but not linked here: registries answer 404 ({descriptor.digest})")
    return child
