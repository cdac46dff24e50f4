"""Bytes of a blob on their way into the store.

Where digest and size are known before the first byte, they go straight to the blob's own key; otherwise they are
spooled while they are hashed, and go there at the end. Either way nothing is visible before digest and size fit, and
the repository's link comes last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

from ocistore_tui.backends.base import checked_chunks
from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.message import Body
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.rules import Event, What
from ocistore_tui.serving.sessions import Session

_PIECE_BYTES = 256 * 1024
"""Few enough to be hashed and written while the processor has them at hand."""


def take_straight(context: Context, repository: str, digest: Digest, size_bytes: int, body: Body, upload: str) -> None:
    """Store a blob whose digest and size are known, as it comes in; see `Context.upload_slot`.

    Raises:
        Problem: the bytes are others.
        BodyBroken: the client went away.
    """
    blob = Descriptor(digest=digest, size=size_bytes)
    try:
        chunks = _told(context, repository, body, upload)
        if context.blobs.has(blob) and not context.seen.is_damaged(digest):
            # The same bytes once more. They have to be right all the same: knowing a digest is not having the blob.
            for _ in checked_chunks(chunks, size_bytes=size_bytes, digest=digest, where=digest):
                pass
            what = What.EXISTS
        else:
            # Replaced, should another client have brought it meanwhile: what comes here has to be read to its end.
            context.seen.sound(digest, context.blobs.upload(blob, chunks, replace=True, cancel=context.is_cut_off))
            what = What.STORED
    except IntegrityError as error:
        raise mismatch(error) from error
    link(context, repository, blob, what, upload)


def take_spooled(context: Context, session: Session, digest: Digest) -> None:
    """Store what a session has gathered.

    Raises:
        Problem: the bytes are others.
    """
    found = session.finish(digest.algorithm)
    if found != digest:
        raise Problem(400, "DIGEST_INVALID", f"the {session.offset} bytes that came are {found}")
    blob = Descriptor(digest=digest, size=session.offset)
    what = What.EXISTS
    if context.seen.is_damaged(digest) or not context.blobs.has(blob):
        what = What.STORED
        cancel = context.is_cut_off
        if session.path is None:
            token = context.blobs.upload(blob, session.chunks(), replace=True, cancel=cancel)
        else:
            with context.upload_slot(blob.size, spooled=True) or nullcontext():
                token = context.blobs.upload_file(blob, session.path, cancel=cancel)
        context.seen.sound(digest, token)
    link(context, session.repository, blob, what, session.id)


def spool(context: Context, session: Session, body: Body) -> None:
    """Append a body to a session. What came before it broke off stays, so that the client may go on from there.

    Raises:
        BodyBroken: the client went away.
        NoSpace: the disk is full.
    """
    for chunk in _told(context, session.repository, body, session.id):
        session.write(chunk)


def link(context: Context, repository: str, blob: Descriptor, what: What, upload: str) -> None:
    """Let the repository have a blob that is in the store."""
    context.repository(repository).link_layer(blob.digest)
    context.tell(Event(what, repository, blob.digest, blob.size, upload))


def mismatch(error: IntegrityError) -> Problem:
    """The answer where the bytes that came are not those that were announced."""
    code = "SIZE_INVALID" if "size" in error.message else "DIGEST_INVALID"
    return Problem(400, code, f"{error.message}: {error.cause}")


def _told(context: Context, repository: str, body: Body, upload: str) -> Iterator[bytes]:
    while chunk := body.read(_PIECE_BYTES):
        yield chunk
        context.tell(Event(What.BYTES, repository, size_bytes=len(chunk), upload=upload))
