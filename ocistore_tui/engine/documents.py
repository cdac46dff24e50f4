"""Manifests and configs by digest: from the cache where possible, else from the store, always verified."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from ocistore_tui.engine.cache import Cache
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import MAX_CONFIG_BYTES, ImageConfig, parse_config
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES, Descriptor, Index, Manifest, parse_manifest


class Documents:
    """Small immutable blobs of one store.

    What the cache answers may be gone from the store meanwhile: whoever writes or hands out looks at the blobs.
    """

    def __init__(self, blobs: Blobs, cache: Cache) -> None:
        self._blobs, self._cache = blobs, cache

    def read(self, digest: Digest, *, max_bytes: int = MAX_MANIFEST_BYTES, must_be_stored: bool = False) -> bytes:
        """The bytes of a document.

        Args:
            digest: Its digest.
            max_bytes: A larger one is refused before it is read.
            must_be_stored: Do not answer from the cache what the store does not have.

        Raises:
            NotFound: neither cache nor store has it.
            IntegrityError: too large, or damaged in the store.
        """
        raw = self._cache.document(digest)
        if raw is not None and must_be_stored and not self._blobs.has(Descriptor(digest=digest, size=len(raw))):
            raw = None
        if raw is None:
            raw = self._blobs.read(digest, max_bytes=max_bytes)
            self._cache.keep_document(digest, raw)
        return raw

    def manifest(self, digest: Digest, *, must_be_stored: bool = False) -> Manifest | Index:
        """A manifest or index, parsed."""
        return parse_manifest(self.read(digest, must_be_stored=must_be_stored), where=digest)

    def config(self, descriptor: Descriptor) -> ImageConfig:
        """An image configuration, parsed."""
        return parse_config(self.read(descriptor.digest, max_bytes=MAX_CONFIG_BYTES), where=descriptor.digest)

    def below(
        self, root: Digest, *, known: Mapping[Digest, bytes] | None = None, may_lack: bool = False
    ) -> dict[Digest, bytes]:
        """The bytes of a manifest and of every manifest below it, beside what is known already.

        Args:
            root: A manifest or index.
            known: Documents at hand; nothing is looked for below them.
            may_lack: Leave out what is not there: an index may be partial.

        Raises:
            NotFound: one is not there, and ``may_lack`` is not set.
            IntegrityError: one is damaged, or no manifest.
        """
        documents = dict(known or {})
        pending = [root]
        while pending:
            digest = pending.pop()
            if digest in documents:
                continue
            try:
                found = self.manifest(digest)
            except NotFound:
                if not may_lack:
                    raise
                continue
            documents[digest] = found.raw
            if isinstance(found, Index):
                pending += [child.digest for child in found.manifests]
        return documents

    def image_manifests(self, found: Manifest | Index, *, limit: int = 64) -> list[Manifest]:
        """``found`` itself, or the image manifests of an index that are there; attestations are left out."""
        if isinstance(found, Manifest):
            return [found]
        manifests: list[Manifest] = []
        for child in islice((child for child in found.manifests if not child.is_attestation), limit):
            try:
                manifest = self.manifest(child.digest)
            except (NotFound, IntegrityError):
                continue
            if isinstance(manifest, Manifest):
                manifests.append(manifest)
        return manifests
