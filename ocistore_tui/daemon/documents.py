"""The small JSON files of image archives: ``manifest.json`` and ``index.json``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from ocistore_tui.errors import IntegrityError, NotFound, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import parse_config
from ocistore_tui.model.manifest import (
    MAX_MANIFEST_BYTES,
    Descriptor,
    Index,
    Manifest,
    descriptor_decoder,
    parse_manifest,
)
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.text import inert

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
_MAKE_AGAIN = "make the archive or layout again, or load the image again"
LAYOUT_FILE = b'{"imageLayoutVersion":"1.0.0"}'
"""The bytes of ``oci-layout`` (image-spec image-layout.md)."""


class ArchivedImage(Struct, frozen=True):
    """One entry of a docker archive's ``manifest.json`` (moby image/tarexport)."""

    config: str
    names: tuple[str, ...]
    layers: tuple[str, ...]


class _Entry(msgspec.Struct, frozen=True, rename="pascal"):
    config: str
    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...] | None = None


_entries = msgspec.json.Decoder(tuple[_Entry, ...])


def parse_archive_manifest(raw: bytes, *, where: str) -> tuple[ArchivedImage, ...]:
    """The images a docker archive says it holds.

    Raises:
        IntegrityError: it is not JSON of this form, or names none.
    """
    try:
        found = _entries.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise IntegrityError(
            "manifest.json cannot be read", where=where, cause=str(error), fix="make the archive again"
        ) from error
    if not found:
        raise IntegrityError("the archive's manifest.json names no image", where=where, fix="make the archive again")
    return tuple(ArchivedImage(entry.config, entry.repo_tags or (), entry.layers or ()) for entry in found)


def choose_archived(images: tuple[ArchivedImage, ...], name: str | None, *, where: str) -> ArchivedImage:
    """The image of that name; without one, the only image there is."""
    if name is None:
        if len(images) == 1:
            return images[0]
        names = ", ".join(inert(tag, limit=80) for image in images for tag in image.names)
        raise UsageError(
            "the archive holds several images", where=where, cause=names, fix="write docker-archive:FILE:NAME:TAG"
        )
    # Podman puts localhost/ before names without a registry.
    for called in (familiar, lambda tag: familiar(tag).removeprefix("localhost/")):
        for image in images:
            if called(name) in map(called, image.names):
                return image
    names = ", ".join(inert(tag, limit=80) for image in images for tag in image.names) or "none has a name"
    raise NotFound(f"the archive holds no image {name}", where=where, cause=f"it holds: {names}")


class _LayoutIndex(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int
    manifests: tuple[Descriptor, ...] | None = None


_layout_index = descriptor_decoder(_LayoutIndex)


def parse_layout_index(raw: bytes, *, where: str) -> tuple[Descriptor, ...]:
    """What the ``index.json`` of an OCI layout names (image-spec image-layout.md); umoci's empty one says ``null``.

    Raises:
        IntegrityError: too large, not JSON, or no index.
    """
    cause = f"{len(raw)} bytes is over the limit of {MAX_MANIFEST_BYTES}" if len(raw) > MAX_MANIFEST_BYTES else ""
    try:
        found = _layout_index.decode(raw if not cause else b"{}")
        if found.schema_version == 2:
            return found.manifests or ()
        cause = f"schema version {found.schema_version}"
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        cause = cause or ("nested too deeply" if isinstance(error, RecursionError) else str(error))
    raise IntegrityError("index.json is no index", where=where, cause=cause, fix="make it again")


def choose_root(roots: Sequence[Descriptor], tag: str | None, *, where: str) -> Descriptor:
    """What a tag of an OCI layout names; without one, the only thing there is."""
    names = ", ".join(sorted(filter(None, map(name_of, roots)))) or "none has a name"
    if tag is None:
        if len(roots) == 1:
            return roots[0]
        raise UsageError(
            f"the layout holds {len(roots)} images", where=where, cause=names, fix="write the tag behind the path"
        )
    for child in roots:
        annotations = child.annotations or {}
        if tag in (annotations.get(REF_NAME), annotations.get(CONTAINERD_NAME)):
            return child
    raise NotFound(f"the layout holds no tag {tag}", where=where, cause=f"it holds: {names}")


def name_of(child: Descriptor) -> str:
    """How an OCI layout calls one of its images, inert."""
    return inert((child.annotations or {}).get(REF_NAME, ""), limit=128)


def gather(root: Descriptor, read: Callable[[Digest], bytes | None], *, where: str) -> dict[Digest, bytes]:
    """Root, manifests and configs below ``root``, as far as they are there; each verified against its digest.

    Raises:
        IntegrityError: the root is missing, or a document is not what its digest says.
    """
    documents: dict[Digest, bytes] = {}
    pending = [root.digest]
    while pending:
        digest = pending.pop()
        raw = _verified(digest, read, where) if digest not in documents else None
        if raw is None:
            if digest == root.digest:
                raise IntegrityError("the image's manifest is missing", where=f"{where}: {digest}", fix=_MAKE_AGAIN)
            continue
        documents[digest] = raw
        found = parse_manifest(raw, where=f"{where}: {digest}")
        if isinstance(found, Index):
            pending += [child.digest for child in found.manifests if child.digest not in documents]
        else:
            config = _verified(found.config.digest, read, where)
            if config is not None:
                documents[found.config.digest] = config
    return documents


def choose_platform(root: Descriptor, documents: Mapping[Digest, bytes], wanted: Platform, *, where: str) -> Descriptor:
    """The manifest of one platform below ``root``.

    Raises:
        NotFound: there is none for it.
    """
    found = parse_manifest(documents[root.digest], where=where)
    children = found.manifests if isinstance(found, Index) else (root,)
    offered: list[str] = []
    for child in children:
        platform = child.platform or _platform_of(child, documents)
        if child.is_attestation or (child.platform is not None and not platform.is_known):
            continue
        # What says nothing about its platform, such as an artifact, fits everywhere when it is alone.
        fits = platform.matches(wanted) if platform.is_known else child is root
        if fits and child.digest in documents:
            return child
        offered.append(str(platform) or "none")
    raise NotFound(
        f"no image for {wanted} in the source",
        where=where,
        cause=f"it is for {', '.join(map(inert, offered)) or 'no platform'}",
        fix="choose another with --platform, or leave it out",
    )


def _platform_of(child: Descriptor, documents: Mapping[Digest, bytes]) -> Platform:
    """What a manifest's own config says, as far as it is at hand."""
    raw = documents.get(child.digest)
    found = parse_manifest(raw) if raw is not None else None
    config = documents.get(found.config.digest) if isinstance(found, Manifest) and found.is_image else None
    return parse_config(config).platform if config is not None else Platform()


def familiar(name: str) -> str:
    """``docker.io/library/app:1`` as docker shows it: ``app:1``; a missing tag is ``latest``."""
    name = name.removeprefix("docker.io/library/").removeprefix("docker.io/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def normalised(name: str) -> str:
    """``app:1`` as containerd wants it: ``docker.io/library/app:1`` (distribution "ParseNormalizedNamed")."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _verified(digest: Digest, read: Callable[[Digest], bytes | None], where: str) -> bytes | None:
    raw = read(digest)
    if raw is not None and hashlib.new(digest.algorithm, raw).hexdigest() != digest.encoded:
        raise IntegrityError("a document is not what its digest says", where=f"{where}: {digest}", fix=_MAKE_AGAIN)
    return raw
