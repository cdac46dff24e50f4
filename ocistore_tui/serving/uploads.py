"""Pushing blobs: at once, in chunks, as a stream, or from another repository (distribution-spec, "Pushing blobs")."""

from __future__ import annotations

import re
import uuid

from ocistore_tui.errors import IntegrityError, NotFound, OciStoreError, StoreMissing
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.reference import is_repository
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.intake import link, spool, take_spooled, take_straight
from ocistore_tui.serving.message import BodyBroken, Request, Response
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.routes import Route, digest_of
from ocistore_tui.serving.rules import Event, What
from ocistore_tui.serving.sessions import Session

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d{1,19}|\*))?\Z")
_ALGORITHMS = ("sha256", "sha384", "sha512")


def begin_upload(context: Context, request: Request, route: Route) -> Response:
    """POST: mount a blob, take a whole one whose digest is given, or begin a session.

    Raises:
        Problem: the digest is none, or not that of the body; there are too many sessions.
    """
    mounted = _mount(context, request, route.repository)
    if mounted is not None:
        return mounted
    if (text := request.first("digest")) is not None:
        digest = digest_of(text)
        if request.body.length is not None:
            return _take_whole(context, request, route.repository, digest)
        algorithm = digest.algorithm
    else:
        digest, algorithm = None, request.first("digest-algorithm") or "sha256"
    if algorithm not in _ALGORITHMS:
        raise Problem(400, "DIGEST_INVALID", f"digests are {', '.join(_ALGORITHMS)}")
    session = context.sessions.begin(route.repository, context.store.spool_dir, algorithm)
    context.tell(Event(What.BEGUN, route.repository, digest, upload=session.id))
    if digest is not None:
        try:
            return _finish(context, request, session, digest)
        finally:
            context.sessions.end(session)  # nobody knows how to go on with it
    return _progress(context, session, 202)


def look_at_upload(context: Context, request: Request, route: Route) -> Response:
    """GET: how far a session has come."""
    del request
    with context.sessions.taken(route.repository, route.reference) as session:
        return _progress(context, session, 204)


def add_chunk(context: Context, request: Request, route: Route) -> Response:
    """PATCH: the next bytes of a session.

    Raises:
        Problem: they are not the next ones, or not as many as announced.
    """
    with context.sessions.taken(route.repository, route.reference) as session:
        _check_range(context, request, session)
        _spool(context, request, session)
        return _progress(context, session, 202)


def finish_upload(context: Context, request: Request, route: Route) -> Response:
    """PUT: the last bytes of a session, if any are left, and the digest of all.

    Raises:
        Problem: they are not the next ones, or the digest is another.
    """
    with context.sessions.taken(route.repository, route.reference) as session:
        text = request.first("digest")
        if text is None:
            raise Problem(400, "DIGEST_INVALID", "the digest of the blob is missing")
        digest = digest_of(text)
        _check_range(context, request, session)
        if session.offset or not request.body.length:
            return _finish(context, request, session, digest)
        # All of it comes with this request: the session was only its address.
        try:
            return _take_whole(context, request, route.repository, digest, session=session)
        finally:
            context.sessions.end(session)


def cancel_upload(context: Context, request: Request, route: Route) -> Response:
    """DELETE: forget a session."""
    del request
    with context.sessions.taken(route.repository, route.reference) as session:
        context.sessions.end(session)
        context.tell(Event(What.FAILED, route.repository, upload=session.id))
        return Response(204)


def _mount(context: Context, request: Request, repository: str) -> Response | None:
    """The answer where a blob that is asked for is in the store already; None: it has to be sent."""
    text = request.first("mount")
    if text is None:
        return None
    digest, source = digest_of(text), request.first("from")
    if source is not None:
        source = source.removeprefix(context.prefix)
        if not is_repository(source):
            raise Problem(400, "NAME_INVALID", "from is no repository's name")
        try:
            if context.repository(source).resolve_layer(digest) != digest:
                return None
        except StoreMissing:
            raise
        except (NotFound, IntegrityError):
            return None
    entry = context.blobs.trusted(digest)
    if entry is None or context.seen.is_damaged(digest):
        return None
    link(context, repository, Descriptor(digest=digest, size=entry.size_bytes), What.LINKED, "")
    return _created(context, repository, digest)


def _take_whole(
    context: Context, request: Request, repository: str, digest: Digest, *, session: Session | None = None
) -> Response:
    size_bytes = request.body.length
    assert size_bytes is not None
    upload = session.id if session else str(uuid.uuid4())
    if session is None:
        context.tell(Event(What.BEGUN, repository, digest, size_bytes, upload))
    try:
        slot = context.upload_slot(size_bytes, spooled=False)
        if slot is None or slot.acquire(blocking=False):
            try:
                take_straight(context, repository, digest, size_bytes, request.body, upload)
            finally:
                if slot is not None:
                    slot.release()
        else:
            own = session or context.sessions.begin(repository, context.store.spool_dir, digest.algorithm)
            try:
                spool(context, own, request.body)
                take_spooled(context, own, digest)
            finally:
                context.sessions.end(own)
    except (Problem, OciStoreError, BodyBroken):
        context.tell(Event(What.FAILED, repository, digest, upload=upload))
        raise
    return _created(context, repository, digest)


def _finish(context: Context, request: Request, session: Session, digest: Digest) -> Response:
    """Take the rest, then store all. Whatever comes of storing it, the session is over: another try begins anew."""
    _spool(context, request, session)
    try:
        take_spooled(context, session, digest)
    except (Problem, OciStoreError):
        context.tell(Event(What.FAILED, session.repository, digest, upload=session.id))
        raise
    finally:
        context.sessions.end(session)
    return _created(context, session.repository, digest)


def _spool(context: Context, request: Request, session: Session) -> None:
    """Append the body; a session whose bytes can no longer be kept is over."""
    try:
        spool(context, session, request.body)
    except OciStoreError:
        context.sessions.end(session)
        context.tell(Event(What.FAILED, session.repository, upload=session.id))
        raise


def _check_range(context: Context, request: Request, session: Session) -> None:
    text = request.header("content-range")
    if not text:
        return
    found = _CONTENT_RANGE.match(text)
    start, end = (int(found[1]), int(found[2])) if found else (-1, -1)
    if found is None or end < start - 1:
        raise Problem(400, "BLOB_UPLOAD_INVALID", "Content-Range is first-last, both in bytes")
    if start != session.offset:
        raise Problem(
            416, "BLOB_UPLOAD_INVALID", f"the next byte is {session.offset}", headers=_place(context, session)
        )
    if request.body.length is not None and request.body.length != end - start + 1:
        raise Problem(400, "SIZE_INVALID", "Content-Range and Content-Length differ", headers=_place(context, session))


def _progress(context: Context, session: Session, status: int) -> Response:
    return Response(status, _place(context, session))


def _place(context: Context, session: Session) -> dict[str, str]:
    return {
        "Location": context.path(session.repository, f"blobs/uploads/{session.id}"),
        # As registries have always said it: nothing at all and the first byte look the same.
        "Range": f"0-{max(0, session.offset - 1)}",
        "Docker-Upload-UUID": session.id,
    }


def _created(context: Context, repository: str, digest: Digest) -> Response:
    location = context.path(repository, f"blobs/{digest}")
    return Response(201, {"Location": location, "Docker-Content-Digest": digest})
