"""From a reference to its manifest, and from an index to those below it, with what was wrong on the way."""

from __future__ import annotations

from msgspec import Struct

from ocistore_tui.engine.context import Context
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.reference import Reference


class Resolved(Struct, frozen=True):
    """What a reference names."""

    manifest: Manifest | Index
    flaws: tuple[str, ...]


def resolve(context: Context, reference: Reference) -> Resolved:
    """Read what ``reference`` names, from the store itself and verified.

    Raises:
        NotFound: no such repository, tag or digest.
        IntegrityError: a broken link or manifest.
    """
    repository = Repository(context.store, reference.repository)
    flaws: tuple[str, ...] = ()
    digest: Digest
    if reference.digest is not None:
        digest = reference.digest
    else:
        assert reference.tag is not None
        link = repository.read_tag(reference.tag)
        digest, flaws = link.digest, link.flaws
    manifest, more = repository.read_revision(digest)
    context.cache.keep_document(manifest.digest, manifest.raw)
    return Resolved(manifest, (*flaws, *more))


class Child(Struct, frozen=True):
    """What an index names."""

    descriptor: Descriptor
    found: Manifest | Index | None
    flaw: str = ""
    """Why it cannot be read although it is there."""


def look_at(context: Context, descriptor: Descriptor) -> Child:
    """One entry of an index; never an error for what it is, or for its absence."""
    try:
        return Child(descriptor, context.documents.manifest(descriptor.digest))
    except NotFound:
        return Child(descriptor, None)
    except IntegrityError as error:
        return Child(descriptor, None, str(error))
