"""Tags with what their images tell. A broken tag keeps its row and says why; it never stops the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ocistore_tui.engine.context import Context
from ocistore_tui.engine.resolve import look_at
from ocistore_tui.errors import IntegrityError, NotFound, StoreMissing, UsageError
from ocistore_tui.layout import paths
from ocistore_tui.layout.link import LINK_SIZES
from ocistore_tui.layout.referrers import is_attachment_tag, kind_of, predicate_of, subject_of_tag, texts_of
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import parse_config
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.manifest import Index, Manifest
from ocistore_tui.model.natural import natural_key
from ocistore_tui.model.text import inert

_MAX_IMAGES = 64
"""Images of one index that a row looks into; the largest public indexes have about twenty."""
_MAX_CONFIG_BYTES = 1024 * 1024
"""Several configs are read at once for a list, and parsed they take thirty times their size; real ones are small."""
_MAX_SHOWN = 100

_MAX_ATTESTATIONS = 4
"""Attestations of one index that a row looks into: there is one a platform, and they tell the same."""

Linked = Callable[[Digest], bool | None]
"""Whether a repository's link of a manifest is as long as it must be; None: it does not link it."""


class Look(Struct, frozen=True):
    """How much a row looks at."""

    linked: Linked
    children: bool = True
    """Whether the links of an index's manifests are looked at, not only that of the index."""
    extras: bool = False
    """Whether attestations are read to tell what they are."""


def list_tags(context: Context, repository_name: str) -> Iterator[TagRow]:
    """Every tag of a repository in natural order, with details, looked up a few at a time as rows are taken.

    Raises:
        NotFound: the repository does not exist.
    """
    repository = Repository(context.store, repository_name)
    listed = context.workers.requests.submit(_linked, context, repository_name)
    named = context.workers.requests.submit(lambda: list(repository.tag_names()))
    pushed = _times(context, repository_name)
    pushed |= {name: None for name in named.result() if name not in pushed}  # an empty directory is listed, too
    linked = listed.result()
    if not pushed and not repository.exists():
        raise NotFound(
            "no such repository", where=f"{context.store.url}: {repository_name}", fix="list the repositories"
        )
    names = sorted(pushed, key=natural_key)
    look = Look(linked.get)
    yield from context.workers.stream(lambda name: describe_tag(context, repository, name, pushed[name], look), names)


def describe_tag(context: Context, repository: Repository, name: str, pushed: float | None, look: Look) -> TagRow:
    """One tag's row; a flaw is part of the row, not an error."""
    try:
        link = repository.read_tag(name)
    except StoreMissing:
        raise
    except NotFound as error:
        return replace(stub(name, pushed), flaw=str(error), is_gone=True)
    except (IntegrityError, UsageError) as error:  # some names of others no store of ours has keys for
        return replace(stub(name, pushed), flaw=str(error))
    try:
        if link.digest.algorithm == "sha256":
            found = context.documents.manifest(link.digest)
        else:  # another name of bytes that are stored by their sha256
            found = repository.read_manifest(link.digest)
    except (NotFound, IntegrityError) as error:
        return replace(stub(name, pushed), flaw=str(error))
    flaws = [*link.flaws]
    is_linked = look.linked(link.digest)
    if is_linked is None:
        flaws.append("the repository does not link the tag's manifest: registries answer 404")
    elif not is_linked:
        flaws.append("the link of the tag's manifest is damaged: registries answer 500")
    return _row(context, name, found, pushed, look, flaws)


def stub(name: str, pushed: float | None) -> TagRow:
    """A tag's row from its name alone."""
    if not is_attachment_tag(name):
        return TagRow(name, pushed=pushed)
    return TagRow(name, pushed=pushed, kind="artifact", subject=subject_of_tag(name))


def _row(
    context: Context, name: str, found: Manifest | Index, pushed: float | None, look: Look, flaws: list[str]
) -> TagRow:
    manifests, missing = [found] if isinstance(found, Manifest) else [], 0
    platforms: list[str] = []
    if isinstance(found, Index):
        manifests, missing = _images_of(context, found, look, flaws)
        described = (child.platform for child in found.manifests if not child.is_attestation)
        platforms = [str(platform) for platform in described if platform and platform.is_known]
    sizes = {found.digest: len(found.raw)}
    created = ""
    names_platforms = bool(platforms)
    for manifest in manifests:
        sizes[manifest.digest] = len(manifest.raw)
        sizes.update((blob.digest, blob.size) for blob in manifest.blobs)
        if not manifest.is_image:
            continue
        try:
            config = parse_config(
                context.documents.read(manifest.config.digest, max_bytes=_MAX_CONFIG_BYTES),
                where=manifest.config.digest,
            )
        except (NotFound, IntegrityError) as error:
            flaws.append(str(error))
            continue
        created = created or config.created
        if config.platform.is_known and not names_platforms:
            platforms.append(str(config.platform))
    return TagRow(
        name=name,
        digest=found.digest,
        media_type=found.media_type,
        size_bytes=sum(sizes.values()),
        created=inert(created, limit=_MAX_SHOWN),
        pushed=pushed,
        platforms=tuple(inert(platform, limit=_MAX_SHOWN) for platform in _first(platforms)),
        kind=_kind(name, found),
        artifact_type=_artifact_type(found),
        image_ids=tuple(manifest.config.digest for manifest in manifests if manifest.is_image),
        manifests=tuple(dict.fromkeys([found.digest, *(manifest.digest for manifest in manifests)])),
        blobs=sizes,
        extras=_extras(context, name, found) if look.extras else (),
        subject=subject_of_tag(name),
        missing=missing,
        flaw="; ".join(_first(flaws)),
    )


def _images_of(context: Context, index: Index, look: Look, flaws: list[str]) -> tuple[list[Manifest], int]:
    """The manifests of an index that are there, and how many are not; attestations are left out."""
    manifests: list[Manifest] = []
    missing = 0
    images = [child for child in index.manifests if not child.is_attestation]
    for descriptor in images[:_MAX_IMAGES]:
        child = look_at(context, descriptor)
        if child.flaw:
            flaws.append(child.flaw)
        elif child.found is None:
            missing += 1
        elif look.children and look.linked(descriptor.digest) is None:
            flaws.append(f"a manifest of the index is not linked: registries answer 404 ({descriptor.digest})")
        if isinstance(child.found, Manifest):
            manifests.append(child.found)
    if len(images) > _MAX_IMAGES:
        flaws.append(f"only the first {_MAX_IMAGES} of its {len(images)} manifests were looked into")
    return manifests, missing


def _extras(context: Context, name: str, found: Manifest | Index) -> tuple[str, ...]:
    """What an index has beside its images; of a tag that belongs to another image, what it brings to that."""
    if is_attachment_tag(name):
        if isinstance(found, Manifest):
            return (kind_of(found.artifact_type, *texts_of(found), name=name),)
        told = (kind_of(child.artifact_type, *(child.annotations or {}).values()) for child in found.manifests)
        return tuple(dict.fromkeys(told))
    kinds: dict[str, None] = {}
    if isinstance(found, Index):
        attestations = [child for child in found.manifests if child.is_attestation][:_MAX_ATTESTATIONS]
        for child in attestations:
            manifest = look_at(context, child).found
            layers = manifest.layers if isinstance(manifest, Manifest) else ()
            kinds |= dict.fromkeys(kind_of(predicate_of(layer)) for layer in layers)
    return tuple(kinds)


def _kind(name: str, found: Manifest | Index) -> str:
    if is_attachment_tag(name) or (isinstance(found, Manifest) and not found.is_image):
        return "artifact"
    return "index" if isinstance(found, Index) else "image"


def _artifact_type(found: Manifest | Index) -> str:
    if isinstance(found, Index) or found.is_image:
        return ""
    return inert(found.stated_type, limit=_MAX_SHOWN)


def _first(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:_MAX_IMAGES]


def _times(context: Context, repository_name: str) -> dict[str, float | None]:
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


def _linked(context: Context, repository_name: str) -> dict[Digest, bool]:
    found: dict[Digest, bool] = {}
    for entry in context.store.list_entries(paths.revisions_dir(repository_name)):
        parsed = paths.parse(entry.key)
        if parsed is not None and parsed.digest is not None:
            found[parsed.digest] = entry.size_bytes in LINK_SIZES
    return found
