"""Attachments of an image: signatures, SBOMs, attestations (distribution-spec, "Referrers Tag Schema")."""

from __future__ import annotations

import re

from ocistore_tui.errors import IntegrityError, NotFound, Refused
from ocistore_tui.layout.repository import Repository, TagLink, Whatever
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, build_index

_ATTACHMENT = re.compile(r"sha(?:256|384|512)-[0-9a-f]{32,128}(?:\.(?:sig|att|sbom))?\Z")
_ATTEMPTS = 20


def is_attachment_tag(tag: str) -> bool:
    """Whether a tag belongs to another image: the referrers fallback, or cosign's own scheme."""
    return bool(_ATTACHMENT.match(tag))


def fallback_tag(subject: Digest) -> str:
    """The tag under which referrers of ``subject`` are listed: algorithm cut to 32, hex cut to 64 characters."""
    return f"{subject.algorithm[:32]}-{subject.encoded[:64]}"


def add_referrer(repository: Repository, subject: Digest, referrer: Descriptor) -> None:
    """List ``referrer`` in the subject's fallback index, keeping what others have listed there.

    Raises:
        Refused: others kept changing the index, or an image of another kind has its tag.
    """
    tag = fallback_tag(subject)
    for attempt in range(_ATTEMPTS):
        before, listed = _read(repository, tag)
        if any(known.digest == referrer.digest for known in listed):
            return
        digest = repository.put_manifest(build_index((*listed, referrer)))
        repository.link_revision(digest)
        try:
            repository.set_tag(tag, digest, expected=before)
        except Refused:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _read(repository: Repository, tag: str) -> tuple[TagLink | Whatever | None, tuple[Descriptor, ...]]:
    """The tag and what its index lists; what cannot be read is begun anew."""
    try:
        before = repository.read_tag(tag)
    except NotFound:
        return None, ()
    except IntegrityError:
        return Whatever.ANY, ()
    try:
        found = repository.read_manifest(before.digest)
    except (NotFound, IntegrityError):
        return before, ()
    if not isinstance(found, Index):
        raise Refused(
            "the tag that lists attachments is taken by an image",
            where=f"{repository.name}:{tag}",
            cause="such a tag is an index (distribution-spec, Referrers Tag Schema)",
            fix="give that image another tag and remove this one, then push again",
        )
    return before, found.manifests
