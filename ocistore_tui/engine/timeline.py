"""What a tag has named over time, and what each of it brought."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from ocistore_tui.engine.context import Context
from ocistore_tui.errors import IntegrityError, NotFound, StoreMissing, UsageError
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TimelineRow
from ocistore_tui.model.manifest import Manifest

_MAX_READ = 256
"""Entries whose manifests are read: the newest. If there are older ones, what the first of these brought is unknown."""


class _Held(Struct, frozen=True):
    kind: str = ""
    blobs: Mapping[Digest, int] = field(default_factory=dict)
    image_ids: tuple[Digest, ...] = ()
    is_there: bool = False
    flaw: str = ""


def timeline(context: Context, repository_name: str, tag: str) -> tuple[TimelineRow, ...]:
    """Every digest the tag has named, newest first; one whose manifest is gone keeps its row and says so.

    Raises:
        NotFound: the tag is not there, and never was.
    """
    repository = Repository(context.store, repository_name)
    moves = repository.timeline(tag)
    current: Digest | None = None
    try:
        current = repository.read_tag(tag).digest
    except StoreMissing:
        raise
    except (NotFound, IntegrityError):
        # A tag whose link is gone or damaged has a past all the same.
        if not moves:
            raise
    if current is not None and all(digest != current for digest, _ in moves):
        # A push that was killed right behind its commit point left it out.
        moves = [(current, repository.tag_modified(tag)), *moves]
    read, unread = moves[:_MAX_READ], moves[_MAX_READ:]
    held = list(context.workers.stream(lambda move: _look(context, repository, move[0]), read, ahead=8))
    brought = _brought(held, is_whole=not unread)
    rows = [
        TimelineRow(
            digest=digest,
            moment=moment,
            is_current=digest == current,
            kind=found.kind,
            size_bytes=sum(found.blobs.values()) if found.is_there else None,
            brought_bytes=new,
            image_ids=found.image_ids,
            flaw=found.flaw,
        )
        for (digest, moment), found, new in zip(read, held, brought, strict=True)
    ]
    rows += [TimelineRow(digest, moment, digest == current) for digest, moment in unread]
    return tuple(rows)


def _brought(held: list[_Held], *, is_whole: bool) -> list[int | None]:
    """Bytes of each entry that no older one holds, for entries newest first."""
    known: set[Digest] = set()
    brought: list[int | None] = []
    for position, found in enumerate(reversed(held)):
        new = sum(size for digest, size in found.blobs.items() if digest not in known)
        brought.append(new if found.is_there and (is_whole or position > 0) else None)
        known.update(found.blobs)
    return brought[::-1]


def _look(context: Context, repository: Repository, digest: Digest) -> _Held:
    try:
        if digest.algorithm == "sha256":
            found = context.documents.manifest(digest, must_be_stored=True)
        else:
            found = repository.read_manifest(digest)
        flaw = "" if repository.has_revision(digest) else "stored but not linked here: registries answer 404"
    except StoreMissing:
        raise
    except NotFound:
        return _Held(flaw="its manifest is gone")
    except (IntegrityError, UsageError) as error:
        return _Held(flaw=str(error))
    sizes = {found.digest: len(found.raw)}
    manifests = context.documents.image_manifests(found)
    for manifest in manifests:
        sizes[manifest.digest] = len(manifest.raw)
        sizes.update((blob.digest, blob.size) for blob in manifest.blobs)
    images = [manifest for manifest in manifests if manifest.is_image]
    kind = "index"
    if isinstance(found, Manifest):
        kind = "image" if found.is_image else "artifact"
    return _Held(kind, sizes, tuple(manifest.config.digest for manifest in images), is_there=True, flaw=flaw)
