"""Which blob a raw layer already is: what the target repository's own images tell, and what this machine remembers.

A known layer is neither compressed nor sent again, and keeps its digest (docker-api.md §8, "map").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from ocistore_tui.engine.context import Context
from ocistore_tui.engine.presence import Presence
from ocistore_tui.errors import IntegrityError, NotFound, StoreMissing
from ocistore_tui.layout import paths
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Manifest

_TAG_KEYS_LOOKED_AT = 4000
_RECENT_TAGS = 16


def find_known_layers(
    context: Context, presence: Presence, repository: Repository, tagged: Digest | None, diff_ids: Iterable[Digest]
) -> dict[Digest, Descriptor]:
    """Blobs of the store these layers are, by diff ID; each was seen to exist with its size.

    Looked at in turn, until every layer is known: what the target tag names (``tagged``), this machine's memory, the
    repository's most recently moved tags.
    """
    known: dict[Digest, Descriptor] = {}
    missing = set(diff_ids)

    def take(found: dict[Digest, Descriptor]) -> None:
        candidates = [(diff_id, blob) for diff_id, blob in found.items() if diff_id in missing]
        absent = {blob.digest for blob in presence.missing(blob for _, blob in candidates)}
        for diff_id, blob in candidates:
            if blob.digest not in absent:
                known[diff_id] = blob
                missing.discard(diff_id)

    if missing and tagged is not None:
        take(_layers_of(context, [_manifests_below(context, tagged)]))
    if missing:
        remembered = {diff_id: context.cache.blobs_of(diff_id) for diff_id in missing}
        for depth in range(max(map(len, remembered.values()), default=0)):
            take({diff_id: blobs[depth] for diff_id, blobs in remembered.items() if depth < len(blobs)})
    if missing:
        tags = _recent_tags(context, repository)
        take(_layers_of(context, context.workers.each(lambda tag: _manifests_of_tag(context, repository, tag), tags)))
    return known


def layers_by_diff_id(context: Context, manifest: Manifest) -> dict[Digest, Descriptor]:
    """The layers of a stored image by diff ID; empty when its config does not tell."""
    if not manifest.is_image:
        return {}
    diff_ids = context.documents.config(manifest.config).diff_ids
    if len(diff_ids) != len(manifest.layers):
        return {}
    pairs = zip(diff_ids, manifest.layers, strict=True)
    return {diff_id: layer for diff_id, layer in pairs if not media_types.is_foreign(layer.media_type)}


def _layers_of(context: Context, images: Iterable[Sequence[Manifest]]) -> dict[Digest, Descriptor]:
    found: dict[Digest, Descriptor] = {}
    for manifests in images:
        for manifest in manifests:
            try:
                pairs = layers_by_diff_id(context, manifest)
            except StoreMissing:
                raise
            except (NotFound, IntegrityError):
                continue
            for diff_id, layer in pairs.items():
                found.setdefault(diff_id, layer)
    return found


def _manifests_of_tag(context: Context, repository: Repository, tag: str) -> list[Manifest]:
    # A damaged tag is no reason not to push: it only teaches nothing.
    try:
        digest = repository.read_tag(tag).digest
    except StoreMissing:
        raise
    except (NotFound, IntegrityError):
        return []
    return _manifests_below(context, digest)


def _manifests_below(context: Context, digest: Digest) -> list[Manifest]:
    try:
        found = context.documents.manifest(digest)
    except StoreMissing:
        raise
    except (NotFound, IntegrityError):
        return []
    return context.documents.image_manifests(found, limit=8)


def _recent_tags(context: Context, repository: Repository) -> list[str]:
    prefix = paths.tags_dir(repository.name)
    moved: list[tuple[float, str]] = []
    try:
        for entry in islice(context.store.list_entries(prefix), _TAG_KEYS_LOOKED_AT):
            tag, _, rest = entry.key[len(prefix) :].partition("/")
            if rest == "current/link":
                moved.append((entry.modified or 0.0, tag))
    except StoreMissing:
        raise
    except NotFound:  # a directory that the first push will make
        return []
    return [tag for _, tag in sorted(moved, reverse=True)[:_RECENT_TAGS]]
