"""The end of every push: links, manifests, one more look at every blob, then the tag (layout.md §11)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec import Struct

from ocistore_tui.backends.base import check_cancel
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.job import StopSignal
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout.referrers import add_referrer, referrer_of
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest, parse_manifest


class Closure(Struct, frozen=True):
    """Everything below one root that is to be stored."""

    root: Manifest | Index
    manifests: tuple[Manifest | Index, ...]
    """Children before parents, the root last."""
    blobs: tuple[Descriptor, ...]
    """Configs and layers of all manifests, each digest once."""
    missing: tuple[Descriptor, ...] = ()
    """Children of an index that are not there: the index is stored as partial."""


def close(root: Digest, documents: Mapping[Digest, bytes]) -> Closure:
    """Follow ``root`` through the documents at hand.

    Raises:
        IntegrityError: the root itself is missing, nothing below it is there, a manifest cannot be read, two say
            different sizes of one digest, or indexes nest without end.
    """
    ordered: dict[Digest, Manifest | Index] = {}
    blobs: dict[Digest, Descriptor] = {}
    missing: dict[Digest, Descriptor] = {}

    def check_size(said: Descriptor, size_bytes: int) -> None:
        if said.size != size_bytes:
            raise IntegrityError(
                "the image's manifests are wrong about a size",
                where=said.digest,
                cause=f"it is said to have {said.size} bytes, and {size_bytes}",
                fix="build the image again, then push",
            )

    def visit(digest: Digest, depth: int) -> None:
        if digest in ordered:
            return
        if depth > 8:
            raise IntegrityError("indexes nest too deeply", where=root, fix="push the inner images one by one")
        found = parse_manifest(documents[digest], where=digest)
        if isinstance(found, Manifest):
            for blob in found.blobs:
                blobs.setdefault(blob.digest, blob)
            for blob in (found.config, *found.layers):
                if blob.digest in blobs:
                    check_size(blob, blobs[blob.digest].size)
        else:
            for child in found.manifests:
                if child.digest in documents:
                    check_size(child, len(documents[child.digest]))
                    visit(child.digest, depth + 1)
                else:
                    missing.setdefault(child.digest, child)
        ordered[digest] = found

    if root not in documents:
        raise IntegrityError(
            "the image's manifest is missing from its source",
            where=root,
            fix="load or build the image again, then push",
        )
    visit(root, 0)
    if not blobs:
        # Registries do not see a repository without any layer link (layout.md §13).
        raise IntegrityError(
            "the index names no image that is at hand",
            where=root,
            cause=f"{len(missing)} manifests are missing" if missing else "it is empty",
            fix="pull or load the image again, then push",
        )
    return Closure(ordered[root], tuple(ordered.values()), tuple(blobs.values()), tuple(missing.values()))


def missing_blobs(context: Context, closure: Closure) -> list[Descriptor]:
    """Blobs of the closure the store does not hold with the right size."""
    present = context.workers.each(context.blobs.has, closure.blobs)
    return [blob for blob, is_there in zip(closure.blobs, present, strict=True) if not is_there]


def is_published(context: Context, repository: Repository, tag: str, closure: Closure) -> bool:
    """Whether blobs, links and manifests are all in place already; a plan may be old when it is followed."""
    checks = [partial(context.blobs.has, blob) for blob in closure.blobs]
    checks += [partial(repository.has_layer_link, blob.digest) for blob in closure.blobs]
    checks += [partial(repository.has_revision, found.digest) for found in closure.manifests]
    checks += [partial(_holds, context, found) for found in closure.manifests]
    checks.append(partial(repository.remembers, tag, closure.root.digest))
    return all(context.workers.each(lambda check: check(), checks))


def publish(context: Context, repository: Repository, closure: Closure, stop: StopSignal) -> None:
    """Make the closure pullable by digest: links, manifests, revision links, and one more look at every blob.

    Raises:
        IntegrityError: a blob has vanished meanwhile; the tag must not be written.
        Cancelled: ``stop`` was set.
    """

    def link_layer(blob: Descriptor) -> None:
        check_cancel(stop)
        repository.link_layer(blob.digest)

    def put(found: Manifest | Index) -> None:
        check_cancel(stop)
        repository.put_manifest(found.raw)

    def link_revision(found: Manifest | Index) -> None:
        check_cancel(stop)
        repository.link_revision(found.digest)

    context.workers.each(link_layer, closure.blobs)
    for write in (put, link_revision):
        # Side by side, except that every index comes behind all that it names.
        context.workers.each(write, [found for found in closure.manifests if isinstance(found, Manifest)])
        for index in closure.manifests:
            if isinstance(index, Index):
                write(index)
    gone = missing_blobs(context, closure)
    if gone:
        raise IntegrityError(
            "a blob vanished while the image was pushed",
            where=f"{repository.name}: {gone[0].digest}",
            cause="something deleted it, most likely a registry's garbage collection",
            fix="stop other writers and push again; the tag was not touched",
        )
    for found in closure.manifests:
        context.cache.keep_document(found.digest, found.raw)
        if found.subject is not None:
            add_referrer(repository, found.subject.digest, referrer_of(found, found.digest))


def _holds(context: Context, found: Manifest | Index) -> bool:
    try:
        return context.blobs.read(found.digest, max_bytes=len(found.raw)) == found.raw
    except (NotFound, IntegrityError):
        return False
