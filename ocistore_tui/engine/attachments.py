"""What is attached to an image and its platforms: signatures, SBOMs, attestations, and what is attached to those.

Four ways lead to them: the referrers fallback tag, cosign's tags, attestations in the index itself, and manifests that
name their ``subject`` and have no tag. The last way is a search through the repository's manifests, so it is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from msgspec import Struct

from ocistore_tui.engine.context import Context
from ocistore_tui.engine.resolve import Child, look_at, resolve
from ocistore_tui.errors import IntegrityError, NotFound, StoreMissing, UsageError
from ocistore_tui.layout.referrers import attachment_tags, kind_of, predicate_of, texts_of
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.reference import Reference

_MAX_PLATFORMS = 32
_MAX_ROWS = 500
_MAX_DEPTH = 3
_MAX_REVISIONS = 300
"""Manifests of a repository that are read in search of a ``subject``."""
_MAX_ANNOTATIONS = 50
_MAX_TEXT = 1000
_REFERENCE = "vnd.docker.reference.digest"


class _Subject(Struct, frozen=True):
    digest: Digest
    platform: str
    depth: int


@dataclass(slots=True)
class _Search:
    """One look at everything attached to a reference."""

    context: Context
    repository: Repository
    beside: dict[Digest, list[AttachmentRow]] = field(default_factory=lambda: defaultdict(list))
    """Attestations of the index, by the manifest they are about."""
    untagged: dict[Digest, list[Descriptor]] = field(default_factory=lambda: defaultdict(list))
    """Manifests that name a subject, by that."""
    seen: set[Digest] = field(default_factory=set)
    """What has a row or needs none."""
    asked: set[Digest] = field(default_factory=set)
    """Attachments whose own attachments were looked for."""
    rows: list[AttachmentRow] = field(default_factory=list)


def attachments(context: Context, reference: Reference) -> tuple[AttachmentRow, ...]:
    """Everything attached to a reference as a tree, parents before children; what cannot be read says why.

    Raises:
        NotFound: no such repository, tag or digest.
        IntegrityError: the reference's own manifest cannot be read.
    """
    root = resolve(context, reference).manifest
    search = _Search(context, Repository(context.store, reference.repository), seen={root.digest})
    subjects = [_Subject(root.digest, "", 0)]
    if isinstance(root, Index):
        images = [child for child in root.manifests if not child.is_attestation][:_MAX_PLATFORMS]
        subjects += [_Subject(child.digest, str(child.platform or ""), 0) for child in images]
        search.seen.update(subject.digest for subject in subjects)
        _look_beside(search, root, {subject.digest: subject.platform for subject in subjects})
    _look_for_subjects(search)
    for subject in subjects:
        _add(search, subject, _tagged(search, subject))
    return tuple(search.rows)


def _add(search: _Search, subject: _Subject, tagged: list[AttachmentRow]) -> None:
    """Rows of all that is attached to ``subject``, each followed by what is attached to it."""
    for row in search.beside.pop(subject.digest, ()):
        _take(search, row, subject)
    looks = (look_at(search.context, known) for known in search.untagged.get(subject.digest, ()))
    for row in (*tagged, *(_row(subject, "subject", look) for look in looks)):
        if row.digest not in search.seen:
            search.seen.add(row.digest)
            _take(search, row, subject)


def _take(search: _Search, row: AttachmentRow, subject: _Subject) -> None:
    if len(search.rows) >= _MAX_ROWS:
        return
    search.rows.append(row)
    if subject.depth + 1 < _MAX_DEPTH and not row.flaw and row.digest not in search.asked:
        search.asked.add(row.digest)
        inner = _Subject(row.digest, subject.platform, subject.depth + 1)
        _add(search, inner, _tagged(search, inner))


def _row(subject: _Subject, found_by: str, look: Child) -> AttachmentRow:
    descriptor, found = look.descriptor, look.found
    annotations = dict(descriptor.annotations or {})
    artifact_type, size_bytes = descriptor.artifact_type, descriptor.size
    texts = [artifact_type, *annotations.values()]
    if found is not None:
        annotations |= found.annotations
        texts.append(found.artifact_type)
        artifact_type = artifact_type or found.artifact_type
        size_bytes = len(found.raw)
    if isinstance(found, Manifest):
        texts += texts_of(found)
        artifact_type = artifact_type or next(map(predicate_of, found.layers), found.config.media_type)
        size_bytes = found.size_bytes
    missing = "" if found is not None or look.flaw else "named, but not in the store"
    return AttachmentRow(
        kind=kind_of(*texts, name=found_by),
        digest=descriptor.digest,
        artifact_type=artifact_type[:_MAX_TEXT],
        size_bytes=size_bytes,
        found_by=found_by,
        subject=subject.digest,
        depth=subject.depth,
        platform=subject.platform,
        annotations=_short(annotations),
        flaw=look.flaw or missing,
    )


def _tagged(search: _Search, subject: _Subject) -> list[AttachmentRow]:
    """What the tags that belong to ``subject`` lead to."""
    return [row for tag in attachment_tags(subject.digest) for row in _of_tag(search, subject, tag)]


def _of_tag(search: _Search, subject: _Subject, tag: str) -> list[AttachmentRow]:
    context, repository = search.context, search.repository
    try:
        link = repository.read_tag(tag)
    except StoreMissing:
        raise
    except NotFound:
        return []
    except IntegrityError as error:
        # Nothing tells what it would lead to: the tag's own subject stands for it, so that the row is shown.
        row = _row(subject, tag, Child(Descriptor(digest=subject.digest, size=0), None, str(error)))
        search.rows.append(row)
        return []
    named = Descriptor(digest=link.digest, size=0)
    try:
        if link.digest.algorithm == "sha256":
            found = context.documents.manifest(link.digest, must_be_stored=True)
        else:
            found = repository.read_manifest(link.digest)
    except StoreMissing:
        raise
    except NotFound:
        return [_row(subject, tag, Child(named, None))]
    except (IntegrityError, UsageError) as error:
        return [_row(subject, tag, Child(named, None, str(error)))]
    if isinstance(found, Manifest):
        return [_row(subject, tag, Child(named, found, "; ".join(link.flaws)))]
    listed = found.manifests[:_MAX_ROWS]
    looks = context.workers.stream(lambda child: _row(subject, tag, look_at(context, child)), listed, ahead=8)
    return list(looks)


def _look_beside(search: _Search, index: Index, platforms: dict[Digest, str]) -> None:
    """The attestations of an index: one row for each statement in each of them."""
    children = [child for child in index.manifests if child.is_attestation][:_MAX_PLATFORMS]
    for look in search.context.workers.stream(lambda child: look_at(search.context, child), children, ahead=8):
        child = look.descriptor
        search.seen.add(child.digest)
        subject = _subject_of(child, platforms) or index.digest
        where = _Subject(subject, platforms.get(subject, ""), 0)
        if not isinstance(look.found, Manifest) or not look.found.layers:
            search.beside[subject].append(_row(where, "index", look))
            continue
        for layer in look.found.layers[:_MAX_PLATFORMS]:
            predicate = predicate_of(layer)
            search.beside[subject].append(
                AttachmentRow(
                    kind=kind_of(predicate),
                    digest=child.digest,
                    artifact_type=predicate[:_MAX_TEXT],
                    size_bytes=layer.size,
                    found_by="index",
                    subject=subject,
                    platform=where.platform,
                    annotations=_short({**(child.annotations or {}), **(layer.annotations or {})}),
                )
            )


def _subject_of(child: Descriptor, platforms: dict[Digest, str]) -> Digest | None:
    try:
        subject = Digest.parse((child.annotations or {}).get(_REFERENCE, ""))
    except ValueError:
        return None
    return subject if subject in platforms else None


def _look_for_subjects(search: _Search) -> None:
    """Read a bounded number of the repository's manifests and note which name a subject."""
    context = search.context
    digests = (digest for digest in search.repository.revisions() if digest.algorithm == "sha256")
    wanted = [digest for digest in islice(digests, _MAX_REVISIONS) if digest not in search.seen]
    subjects = context.workers.stream(lambda digest: _subject_named(context, digest), wanted, ahead=8)
    for digest, subject in zip(wanted, subjects, strict=True):
        if subject is not None:
            search.untagged[subject].append(Descriptor(digest=digest, size=0))


def _subject_named(context: Context, digest: Digest) -> Digest | None:
    found = look_at(context, Descriptor(digest=digest, size=0)).found
    return found.subject.digest if found is not None and found.subject is not None else None


def _short(annotations: Mapping[str, str]) -> dict[str, str]:
    """As much of them as people read: together hostile ones would fill the memory."""
    return {key[:_MAX_TEXT]: text[:_MAX_TEXT] for key, text in islice(annotations.items(), _MAX_ANNOTATIONS)}
