"""Manifests coming and going (distribution-spec, "Pushing Manifests", "Deleting Manifests").

The order is that of every push here (layout.md §11): everything a manifest names has to be there and linked already,
then come its bytes, its revision link, one more look at every blob, the list of its subject, and the tag last. So a
client can vanish, and this process be killed, at any point: a tag names what it named before, or something whole.
"""

from __future__ import annotations

import hashlib

from ocistore_tui.errors import IntegrityError, NotFound, Refused, StoreMissing
from ocistore_tui.layout.referrers import add_referrer, referrer_of, remove_referrer
from ocistore_tui.layout.repository import Repository, TagLink, Whatever
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES, Descriptor, Index, Manifest, parse_manifest
from ocistore_tui.model.reference import is_tag
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.manifests import find_manifest
from ocistore_tui.serving.message import BodyBroken, Request, Response
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.routes import Route, tag_or_digest
from ocistore_tui.serving.rules import Event, What

_MAX_TAGS = 50
_EMPTY = b"{}"
"""The smallest blob there is a name for (image-spec, "Guidance for an Empty Descriptor")."""


def write_manifest(context: Context, request: Request, route: Route) -> Response:
    """PUT: store a manifest, and let a tag name it.

    Raises:
        Problem: it is no manifest, too large, not what its digest says, or names what is not there; or the tag is
            another one than the client said it has to be.
    """
    named = tag_or_digest(route.reference)
    tags = [named] if not isinstance(named, Digest) else _more_tags(request)
    raw = _read(request)
    found = _parse(raw, request)
    digest = _checked(raw, named if isinstance(named, Digest) else None)
    repository = context.repository(route.repository)
    expected = _expected(repository, request, tags)
    _check_complete(context, repository, found)
    _store(context, repository, found, digest)
    _check_blobs(context, found)
    if found.subject is not None:
        add_referrer(repository, found.subject.digest, referrer_of(found, digest))
    for tag in tags:
        if context.rules.sets_tags:
            _tag(repository, tag, digest, expected)
        context.tell(Event(What.TAGGED, repository.name, digest, tag=tag))
    location = context.path(route.repository, f"manifests/{route.reference}")
    headers = {"Location": location, "Docker-Content-Digest": str(digest)}
    if found.subject is not None:
        headers["OCI-Subject"] = found.subject.digest
    if isinstance(named, Digest) and tags:
        headers["OCI-Tag"] = ", ".join(tags)
    return Response(201, headers)


def delete_manifest(context: Context, request: Request, route: Route) -> Response:
    """DELETE: a tag alone, or a manifest with every tag that names it.

    Raises:
        Problem: there is no such thing.
    """
    del request
    repository, named = context.repository(route.repository), tag_or_digest(route.reference)
    if not isinstance(named, Digest):
        _delete_tag(repository, named)
        return Response(202)
    found = None
    try:
        _, found = find_manifest(repository, named)
    except (Problem, IntegrityError):
        if not repository.has_revision(named):  # a link to something damaged or gone may go, too
            raise
    for link in context.each(lambda tag: _read_tag(repository, tag), repository.tag_names()):
        if link is not None and link.digest == named:
            repository.delete_tag(link.tag, expected=link)
    repository.unlink_revision(named)
    if found is not None and found.subject is not None:
        remove_referrer(repository, found.subject.digest, named)
    return Response(202)


def _more_tags(request: Request) -> list[str]:
    tags = list(dict.fromkeys(request.query.get("tag", ())))
    if len(tags) > _MAX_TAGS:
        raise Problem(414, "UNSUPPORTED", f"more than {_MAX_TAGS} tags at once")
    for tag in tags:
        if not is_tag(tag):
            raise Problem(400, "MANIFEST_INVALID", f"not a tag: {tag[:160]!r}")
    return tags


def _read(request: Request) -> bytes:
    too_large = Problem(413, "SIZE_INVALID", f"a manifest has at most {MAX_MANIFEST_BYTES} bytes")
    if (request.body.length or 0) > MAX_MANIFEST_BYTES:
        raise too_large
    raw = request.body.read(MAX_MANIFEST_BYTES + 1)
    if len(raw) > MAX_MANIFEST_BYTES:
        raise too_large
    if request.body.length not in (None, len(raw)):
        raise BodyBroken(f"{len(raw)} of {request.body.length} bytes came")
    return raw


def _parse(raw: bytes, request: Request) -> Manifest | Index:
    try:
        found = parse_manifest(raw)
    except IntegrityError as error:
        raise Problem(400, "MANIFEST_INVALID", f"{error.message}: {error.cause}") from error
    said = request.header("content-type").partition(";")[0].strip().lower()
    if said.startswith("application/vnd.") and said != found.media_type:
        message = f"the manifest is {found.media_type}, and Content-Type says {said}"
        raise Problem(400, "MANIFEST_INVALID", message)
    return found


def _checked(raw: bytes, named: Digest | None) -> Digest:
    """What the manifest is called: by its SHA-256, or as the client calls it when that is right."""
    if named is None:
        return Digest.of(raw)
    if hashlib.new(named.algorithm, raw).hexdigest() != named.encoded:
        raise Problem(400, "DIGEST_INVALID", f"the {len(raw)} bytes that came are {Digest.of(raw)}")
    return named


def _expected(repository: Repository, request: Request, tags: list[str]) -> TagLink | Whatever | None:
    """What the tag has to name still (RFC 9110, "Conditional Requests").

    Raises:
        Problem: it names something else already.
    """
    wanted, unwanted = request.header("if-match"), request.header("if-none-match")
    if not (wanted or unwanted) or len(tags) != 1:
        return Whatever.ANY
    link = _read_tag(repository, tags[0])
    etag = f'"{link.digest}"' if link is not None else ""
    met = (wanted == "*" or etag in wanted) and link is not None if wanted else True
    if unwanted:
        met = met and (link is None or (unwanted != "*" and etag not in unwanted))
    if not met:
        raise _moved(tags[0])
    return link


def _check_complete(context: Context, repository: Repository, found: Manifest | Index) -> None:
    """Everything the manifest names has to be in this repository, and in the store with its size."""

    def lacks(named: Descriptor) -> bool:
        if isinstance(found, Index):
            return not repository.has_revision(named.digest)
        return not _has_blob(context, repository, named)

    named = found.manifests if isinstance(found, Index) else found.blobs
    if isinstance(found, Index) and context.rules.takes_partial:
        return
    _raise_missing([one for one, missing in zip(named, context.each(lacks, named), strict=True) if missing])


def _check_blobs(context: Context, found: Manifest | Index) -> None:
    """One more look at every blob, for a registry's garbage collection takes no notice of who is writing."""
    if isinstance(found, Manifest):
        present = context.each(context.blobs.stat, (blob.digest for blob in found.blobs))
        _raise_missing([blob for blob, there in zip(found.blobs, present, strict=True) if there is None])


def _has_blob(context: Context, repository: Repository, named: Descriptor) -> bool:
    try:
        entry = context.blobs.stat(repository.resolve_layer(named.digest))
    except StoreMissing:
        raise
    except (NotFound, IntegrityError):
        return False
    return entry is not None and entry.size_bytes == named.size


def _raise_missing(missing: list[Descriptor]) -> None:
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        message = f"the repository does not have {missing[0].digest} with {missing[0].size} bytes{others}"
        raise Problem(400, "MANIFEST_BLOB_UNKNOWN", message)


def _store(context: Context, repository: Repository, found: Manifest | Index, digest: Digest) -> None:
    if isinstance(found, Index) and (context.rules.takes_partial or not found.manifests):
        # Registries do not see a repository without any layer link, and collect what it holds (layout.md §13).
        repository.link_layer(context.blobs.put(_EMPTY))
    repository.put_manifest(found.raw, digest)
    repository.link_revision(digest)


def _tag(repository: Repository, tag: str, digest: Digest, expected: TagLink | Whatever | None) -> None:
    try:
        repository.set_tag(tag, digest, expected=expected)
    except Refused as error:
        raise _moved(tag) from error


def _moved(tag: str) -> Problem:
    return Problem(412, "DENIED", f"{tag} is not what the request says it has to be")


def _delete_tag(repository: Repository, tag: str) -> None:
    known = Problem(404, "MANIFEST_UNKNOWN", "the repository has no such tag")
    try:
        repository.read_tag(tag)
    except StoreMissing:
        raise
    except NotFound as error:
        raise known from error
    except IntegrityError:
        pass  # a damaged one may go
    repository.delete_tag(tag)


def _read_tag(repository: Repository, tag: str) -> TagLink | None:
    """What a tag names; None for none, and for one that is broken."""
    try:
        return repository.read_tag(tag)
    except StoreMissing:
        raise
    except (NotFound, IntegrityError):
        return None
