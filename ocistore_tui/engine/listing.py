"""Tags with what their images tell. A broken tag keeps its row and says why; it never stops the list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocistore_tui.engine.context import Context
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout import paths
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.manifest import Index, Manifest
from ocistore_tui.model.natural import natural_key


def list_tags(context: Context, repository_name: str) -> Iterator[TagRow]:
    """Every tag of a repository in natural order, with details, looked up a few at a time as rows are taken.

    Raises:
        NotFound: the repository does not exist.
    """
    repository = Repository(context.store, repository_name)
    pushed = _tags_with_times(context, repository_name)
    if not pushed and not repository.exists():
        raise NotFound(
            "no such repository", where=f"{context.store.url}: {repository_name}", fix="list the repositories"
        )
    names = sorted(pushed, key=natural_key)
    yield from context.workers.stream(lambda name: describe_tag(context, repository, name, pushed[name]), names)


def describe_tag(context: Context, repository: Repository, name: str, pushed: float | None) -> TagRow:
    """One tag's row; a flaw is part of the row, not an error."""
    try:
        link = repository.read_tag(name)
        found = context.documents.manifest(link.digest)
        return _row(context, name, found, pushed, link.flaws)
    except (NotFound, IntegrityError) as error:
        return TagRow(name, pushed=pushed, flaw=str(error))


def _row(context: Context, name: str, found: Manifest | Index, pushed: float | None, flaws: Iterable[str]) -> TagRow:
    manifests = context.documents.image_manifests(found)
    flaw = "; ".join(flaws)
    platforms: list[str] = []
    created = ""
    kind = "index" if isinstance(found, Index) else "image"
    sizes = {found.digest: len(found.raw)}
    for manifest in manifests:
        sizes[manifest.digest] = len(manifest.raw)
        sizes.update((blob.digest, blob.size) for blob in manifest.blobs)
        if not manifest.is_image:
            kind = "artifact" if manifest is found else kind
            continue
        try:
            config = context.documents.config(manifest.config)
        except (NotFound, IntegrityError) as error:
            flaw = flaw or str(error)
            continue
        created = created or config.created
        if config.platform.is_known:
            platforms.append(str(config.platform))
    missing = 0
    if isinstance(found, Index):
        images = [child for child in found.manifests if not child.is_attestation]
        missing = len(images) - len(manifests)
        platforms = [str(child.platform) for child in images if child.platform and child.platform.is_known] or platforms
    return TagRow(
        name=name,
        digest=found.digest,
        media_type=found.media_type,
        size_bytes=sum(sizes.values()),
        created=created,
        pushed=pushed,
        platforms=tuple(dict.fromkeys(platforms)),
        kind=kind,
        image_ids=tuple(manifest.config.digest for manifest in manifests if manifest.is_image),
        missing=missing,
        flaw=flaw,
    )


def _tags_with_times(context: Context, repository_name: str) -> dict[str, float | None]:
    """One flat listing tells all names and when each tag was moved; a tag without ``current`` is listed as well."""
    prefix = paths.tags_dir(repository_name)
    found: dict[str, float | None] = {}
    for entry in context.store.list_entries(prefix):
        tag, slash, rest = entry.key[len(prefix) :].partition("/")
        if rest == "current/link":
            found[tag] = entry.modified
        elif slash:
            found.setdefault(tag, None)
    return found
