"""Reading, finding and unlinking blobs (distribution-spec, "Pulling blobs", "Deleting Blobs")."""

from __future__ import annotations

from ocistore_tui.backends.base import MIB, Entry
from ocistore_tui.errors import IntegrityError, NotFound, StoreMissing
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.download import Download
from ocistore_tui.serving.message import Request, Response
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.ranges import range_of
from ocistore_tui.serving.routes import Route
from ocistore_tui.serving.rules import Event, What

_FOREVER = "max-age=31536000"


def read_blob(context: Context, request: Request, route: Route) -> Response:
    """GET and HEAD of a blob.

    Raises:
        Problem: it is not in this repository, or the range lies outside.
    """
    digest = route.digest
    entry, what = _find(context, route.repository, digest)
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "ETag": f'"{digest}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": _FOREVER,
    }
    if request.method == "HEAD":
        if context.rules.can_write and context.seen.is_damaged(digest):
            raise Problem(404, "BLOB_UNKNOWN", "the blob is damaged: push it again")
        context.tell(Event(what, route.repository, digest, entry.size_bytes))
        return Response(200, headers, length=entry.size_bytes)
    if f'"{digest}"' in request.header("if-none-match"):
        return Response(304, headers)
    asked = request.header("range") if request.header("if-range") in ("", f'"{digest}"') else ""
    part = range_of(asked, entry.size_bytes)
    start, length = part or (0, entry.size_bytes)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{entry.size_bytes}"
    return Response(206 if part else 200, headers, _body(context, route, digest, entry, start, length))


def delete_blob(context: Context, request: Request, route: Route) -> Response:
    """Let a repository forget a blob; its bytes stay for the others, and for garbage collection.

    Raises:
        Problem: the repository does not have it.
    """
    del request
    target, digest = context.repository(route.repository), route.digest
    try:
        target.resolve_layer(digest)
    except IntegrityError:
        pass  # a damaged link may go
    except StoreMissing:
        raise
    except NotFound as error:
        raise Problem(404, "BLOB_UNKNOWN", "the repository has no such blob") from error
    target.unlink_layer(digest)
    return Response(202)


def _find(context: Context, repository: str, digest: Digest) -> tuple[Entry, What]:
    """Where the store keeps a blob of a repository, and whether it is the repository's only now.

    Raises:
        Problem: the repository does not have it, or its bytes are gone.
    """
    unknown = Problem(404, "BLOB_UNKNOWN", "the repository has no such blob")
    target = context.repository(repository)
    try:
        stored_as = target.resolve_layer(digest)
    except StoreMissing:
        raise
    except NotFound as error:
        if not (context.rules.adopts and context.rules.can_write):
            raise unknown from error
        stored_as = digest
        entry = context.blobs.trusted(digest)
        if entry is not None:
            target.link_layer(digest)
            return entry, What.LINKED
    entry = context.blobs.trusted(stored_as)
    if entry is None:
        raise unknown
    return entry, What.EXISTS


def _body(context: Context, route: Route, digest: Digest, entry: Entry, start: int, length: int) -> bytes | Download:
    try:
        download = Download(context, route.repository, digest, entry, start=start, length=length)
    except NotFound as error:
        raise Problem(404, "BLOB_UNKNOWN", "the blob is gone") from error
    if length > MIB:
        return download
    # Small enough to know that it is right before anything is said about it.
    try:
        raw = b"".join(download.chunks())
    finally:
        download.close()
    download.sent(len(raw))
    return raw
