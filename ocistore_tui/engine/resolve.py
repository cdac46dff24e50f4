"""From a reference to its manifest, with what was wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass

from ocistore_tui.engine.context import Context
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Index, Manifest
from ocistore_tui.model.reference import Reference


@dataclass(frozen=True, slots=True)
class Resolved:
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
    manifest = repository.read_manifest(digest)
    context.cache.keep_document(manifest.digest, manifest.raw)
    return Resolved(manifest, flaws)
