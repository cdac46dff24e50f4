"""Attachments of an image: signatures, SBOMs, attestations (distribution-spec, "Referrers Tag Schema")."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec.structs import replace

from ocistore_tui.errors import IntegrityError, NotFound, Refused, StoreMissing
from ocistore_tui.layout.repository import Repository, TagLink, Whatever
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES, Descriptor, Index, Manifest, build_index

_ATTACHMENT = re.compile(r"sha(?:256|384|512)-[0-9a-f]{32,128}(?:\.(?:sig|att|sbom))?\Z")
_SUBJECT = re.compile(r"(sha256|sha384|sha512)-([0-9a-f]+)(?:\.(?:sig|att|sbom))?\Z")
_PREDICATES = ("in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType")
"""Where BuildKit, cosign and sigstore bundles say what an attestation is about."""
_WORDS = (
    ("sbom", ("sbom", "spdx", "cyclonedx", "syft")),
    ("provenance", ("provenance", "slsa")),
    ("signature", ("signature", "simplesigning", ".sig.", "message-signature")),
)
_MAX_LAYERS = 16
_ATTEMPTS = 20


def is_attachment_tag(tag: str) -> bool:
    """Whether a tag belongs to another image: the referrers fallback, or cosign's own scheme."""
    return bool(_ATTACHMENT.match(tag))


def subject_of_tag(tag: str) -> Digest | None:
    """The image such a tag belongs to; None for any other tag, and where the name cuts the digest short."""
    found = _SUBJECT.match(tag)
    try:
        return Digest.parse(f"{found[1]}:{found[2]}") if found else None
    except ValueError:
        return None


def attachment_tags(subject: Digest) -> tuple[str, ...]:
    """The tags under which something attached to ``subject`` is found: the referrers fallback, then cosign's own."""
    base = f"{subject.algorithm}-{subject.encoded}"
    return (fallback_tag(subject), *(f"{base}.{ending}" for ending in ("sig", "att", "sbom")))


def kind_of(*texts: str, name: str = "") -> str:
    """``signature``, ``sbom``, ``provenance`` or ``other``: a guess from what an attachment says of itself.

    Args:
        texts: Its artifact type, predicate types, media types: whatever may tell.
        name: Its tag, which counts where these are silent.
    """
    said = " ".join(texts).lower()
    for kind, words in _WORDS:
        if any(word in said for word in words):
            return kind
    return {"sig": "signature", "sbom": "sbom"}.get(name.rpartition(".")[2], "other")


def predicate_of(layer: Descriptor) -> str:
    """What an attestation's layer says it is about, such as ``https://slsa.dev/provenance/v1``; else its media type."""
    annotations = layer.annotations or {}
    return next((annotations[key] for key in _PREDICATES if annotations.get(key)), layer.media_type)


def texts_of(manifest: Manifest) -> tuple[str, ...]:
    """Everything in an attachment's manifest that tells what it is."""
    annotated = (manifest.annotations[key] for key in _PREDICATES if key in manifest.annotations)
    return (*annotated, *(predicate_of(layer) for layer in manifest.layers[:_MAX_LAYERS]), manifest.config.media_type)


def fallback_tag(subject: Digest) -> str:
    """The tag under which referrers of ``subject`` are listed: algorithm cut to 32, hex cut to 64 characters."""
    return f"{subject.algorithm[:32]}-{subject.encoded[:64]}"


def add_referrer(repository: Repository, subject: Digest, referrer: Descriptor) -> None:
    """List ``referrer`` in the subject's fallback index, keeping what others have listed there.

    Raises:
        Refused: others kept changing the index, or an image of another kind has its tag.
    """

    def with_it(listed: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
        is_listed = any(known.digest == referrer.digest for known in listed)
        return listed if is_listed else (*listed, referrer)

    _change(repository, subject, with_it)


def referrer_of(found: Manifest | Index, digest: Digest) -> Descriptor:
    """How a list of referrers names a manifest (distribution-spec, "Pushing Manifests with Subject").

    Args:
        found: The manifest.
        digest: What the repository links it by, which need not be its SHA-256.
    """
    return Descriptor(
        media_type=found.media_type,
        digest=digest,
        size=len(found.raw),
        artifact_type=found.stated_type if isinstance(found, Manifest) else found.artifact_type,
        annotations=found.annotations or None,
    )


def list_referrers(
    repository: Repository, subject: Digest, *, each: Callable[..., list[Descriptor | None]]
) -> tuple[Descriptor, ...]:
    """What refers to ``subject``: of what its fallback index lists, the manifests that are there and really do.

    Args:
        repository: Where.
        subject: The manifest they are attached to; it need not be there.
        each: Calls a function on every item of a list, several at once.

    Raises:
        OciStoreError: the store cannot be asked; a broken list is an empty one.
    """
    try:
        _, listed = _read(repository, fallback_tag(subject))
    except Refused:
        return ()

    def look(named: Descriptor) -> Descriptor | None:
        try:
            found = repository.read_manifest(named.digest)
        except StoreMissing:
            raise
        except (NotFound, IntegrityError):
            return None
        if found.subject is None or found.subject.digest != subject:
            return None
        return referrer_of(found, named.digest)

    unique = {named.digest: named for named in listed}
    return tuple(one for one in each(look, unique.values()) if one is not None)


def remove_referrer(repository: Repository, subject: Digest, referrer: Digest) -> None:
    """Take ``referrer`` off the subject's fallback index, and an emptied index off its tag; not listed is fine.

    Raises:
        Refused: others kept changing the index, or an image of another kind has its tag.
    """
    _change(repository, subject, lambda listed: tuple(known for known in listed if known.digest != referrer))


def _change(
    repository: Repository, subject: Digest, change: Callable[[tuple[Descriptor, ...]], tuple[Descriptor, ...]]
) -> None:
    """Let the fallback index list what ``change`` makes of its list; again when others changed it meanwhile."""
    tag = fallback_tag(subject)
    for attempt in range(_ATTEMPTS):
        before, listed = _read(repository, tag)
        wanted = change(listed)
        if wanted == listed:
            return
        try:
            if wanted:
                digest = repository.put_manifest(_index_of(wanted))
                repository.link_revision(digest)
                repository.set_tag(tag, digest, expected=before)
            elif isinstance(before, TagLink):
                repository.delete_tag(tag, expected=before)
        except Refused:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _index_of(listed: tuple[Descriptor, ...]) -> bytes:
    """The index that lists them; without their annotations, which their manifests have, where it would be too large."""
    raw = build_index(listed)
    if len(raw) <= MAX_MANIFEST_BYTES:
        return raw
    return build_index(tuple(replace(one, annotations=None) for one in listed))


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
