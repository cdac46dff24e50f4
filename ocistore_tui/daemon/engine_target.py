"""A container engine as a target: one hybrid archive for every engine, partial where it surely has the rest.

Procedures: docker-api.md §4 and §8.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.daemon.blobs import blob_digest
from ocistore_tui.daemon.bundle import Bundle
from ocistore_tui.daemon.client import EngineClient, engine_is_full
from ocistore_tui.daemon.documents import familiar
from ocistore_tui.daemon.recode import Recoder
from ocistore_tui.daemon.registry import kept_name, named, obstacle
from ocistore_tui.daemon.streams import ChunkStream
from ocistore_tui.daemon.tar import read_tar
from ocistore_tui.errors import (
    Cancelled,
    IntegrityError,
    NotFound,
    OciStoreError,
    PartialLoadRefused,
    Unavailable,
    UsageError,
)
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, Loaded, StoredImage
from ocistore_tui.model.manifest import Descriptor, Manifest, parse_manifest
from ocistore_tui.model.media_types import compression
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.text import inert

_MAX_PLATFORMS = 32
_PATIENT_S = 60.0
_HURRIED_S = 3.0
"""How long an engine may take over each question after a cancel."""


class EngineTarget:
    """A name in an engine.

    Args:
        client: The engine.
        name: What the image will be called there.
    """

    def __init__(self, client: EngineClient, name: str) -> None:
        self._client, self._name = client, familiar(name)

    @property
    def label(self) -> str:
        """Name, version and address of the engine."""
        return self._client.label

    @property
    def default_platform(self) -> Platform:
        """What the engine's containers run on."""
        return self._client.platform

    @property
    def takes_index(self) -> bool:
        """Only containerd stores hold several platforms under one name."""
        return self._client.has_containerd_store

    @property
    def keeps_index(self) -> bool:
        """On containerd stores the id of an image is the digest of its index."""
        return self._client.has_containerd_store

    def present(
        self,
        image: StoredImage,
        *,
        remembered: Callable[[Digest], bytes | None],
        read: Callable[[Digest], bytes | None],
    ) -> frozenset[Digest]:
        """See `ImageTarget.present`: by chains of diff IDs on classic stores, by blobs on containerd stores."""
        if not image.chosen.is_image:
            raise UsageError(
                "this is an artifact, not an image",
                where=image.chosen.stated_type,
                cause="container engines hold images only",
                fix="pull it into oci:DIR or oci-archive:FILE",
            )
        if self._client.is_podman or not image.diff_ids:
            return frozenset()
        if self._client.has_containerd_store:
            return self._blobs_there(image, remembered, read)
        chains = (chain for _, chain in self._client.chains())
        common = max((_common_prefix(image.diff_ids, chain) for chain in chains), default=0)
        layers = image.chosen.layers
        # A layer that stands again above the common part has to be in the archive.
        return frozenset(layer.digest for layer in layers[:common]) - {layer.digest for layer in layers[common:]}

    def load(
        self,
        image: StoredImage,
        *,
        skip: frozenset[Digest],
        open_blob: Callable[[Descriptor], Iterator[bytes]],
        on_layer: Callable[[Digest, str], None],
        cancel: CancelSignal | None = None,
    ) -> Loaded:
        """See `ImageTarget.load`."""
        needs_recoding = not self._client.reads_zstd and any(
            compression(layer.media_type) == "zstd" for layer in image.chosen.layers
        )
        recoder = Recoder() if needs_recoding else None
        tag = self._name.rpartition(":")[2]
        bundle = Bundle(image, self._name, tag, with_layout=recoder is None, skip=skip, recoder=recoder)
        with self._name_restored():
            lines = self._client.load(self._archive(bundle, open_blob, on_layer), cancel=cancel)
            self._check_said(lines, partial=bool(skip))
            loaded = self._check_loaded(image, partial=bool(skip), cancel=cancel)
        return Loaded(self._name, loaded, tuple(recoder.recoded) if recoder else (), is_unpacked=True)

    def obstacle(self) -> str:
        """See `RegistryTarget.obstacle`."""
        return obstacle(self._client)

    def pull(
        self, name: str, image: StoredImage, *, cancel: CancelSignal | None = None
    ) -> Generator[EngineEvent, None, Loaded]:
        """See `RegistryTarget.pull`."""
        source = f"{name}@{image.root.digest}"
        with self._name_restored(), named(self._client, source):
            yield from self._client.pull(source, image.platform, cancel=cancel)
            self._client.tag(source, self._name)
            loaded = self._check_loaded(image, partial=False, cancel=cancel)
        return Loaded(self._name, loaded, is_unpacked=True)

    def _archive(
        self,
        bundle: Bundle,
        open_blob: Callable[[Descriptor], Iterator[bytes]],
        on_layer: Callable[[Digest, str], None],
    ) -> Iterator[bytes]:
        yield from bundle.chunks(open_blob, on_layer)
        # From here on the engine unpacks; it says nothing more until it is done.
        for layer in bundle.image.chosen.layers:
            if layer.digest not in bundle.skip:
                on_layer(layer.digest, "loading")

    def _check_said(self, lines: Sequence[Mapping[str, Any]], *, partial: bool) -> None:
        said = ""
        loaded = False
        for line in lines:
            detail = line.get("errorDetail")
            text = str(detail.get("message") or "") if isinstance(detail, dict) else ""
            if detail or line.get("error"):
                said = said or text or str(line.get("error") or "it failed without a reason")
            stream = str(line.get("stream") or "")
            # From 27.3 on a failed unpacking is only told in the stream (docker-api.md §4).
            said = said or (stream if stream.startswith("Error unpacking image") else "")
            loaded = loaded or stream.startswith("Loaded image")
        if not said and loaded:
            return
        said = inert(said.strip(), limit=300)
        if partial:
            raise PartialLoadRefused("the engine wants the whole image", where=self.label, cause=said)
        if "no space left" in said:
            raise engine_is_full(self.label, said)
        raise Unavailable(
            "the engine could not load the image",
            where=self.label,
            cause=said or "it did not say that it loaded anything",
            fix="look at the engine's log",
        )

    def _check_loaded(self, image: StoredImage, *, partial: bool, cancel: CancelSignal | None) -> Digest:
        found = self._client.find(self._name)
        is_content = self._client.has_containerd_store
        wanted = image.root.digest if is_content else image.chosen.config.digest
        if found != wanted:
            raise Unavailable(
                "the engine holds another image than was loaded",
                where=f"{self._name} in {self.label}",
                cause=f"it has {found or 'nothing under this name'}, expected {wanted}",
                fix="see whether somebody else loads images there, then pull again",
            )
        if is_content and partial and not self._is_complete(image, cancel):
            raise PartialLoadRefused(
                "the engine lacks content it seemed to have",
                where=self.label,
                cause="it holds the same layers unpacked, from other blobs",
            )
        return wanted

    def _is_complete(self, image: StoredImage, cancel: CancelSignal | None) -> bool:
        """Whether a containerd store has all blobs of the image.

        It leaves out all of them from an export when one is missing, so the first names of one tell; hanging up then
        costs nothing (docker-api.md §3).
        """
        blobs = {blob.digest for blob in image.chosen.blobs}
        export = self._client.export(image.root.digest, cancel=cancel)
        with contextlib.closing(export):
            return any(blob_digest(entry.name) in blobs for entry in read_tar(ChunkStream(export, from_engine=True)))

    def _blobs_there(
        self,
        image: StoredImage,
        remembered: Callable[[Digest], bytes | None],
        read: Callable[[Digest], bytes | None],
    ) -> frozenset[Digest]:
        """Layers of local images whose manifest is known; `load` checks the result.

        What this machine has moved before it remembers. Only where that tells nothing, the images that share a layer
        are looked up in the store: that costs a look at every image of the engine.
        """
        ours, diff_ids = {layer.digest for layer in image.chosen.layers}, set(image.diff_ids)
        there = ours & _layers_of((local.id for local in self._client.images()), remembered)
        if not there:
            chains = self._client.chains()
            there = ours & _layers_of((root for root, chain in chains if not diff_ids.isdisjoint(chain)), read)
        return frozenset(there)

    @contextlib.contextmanager
    def _name_restored(self) -> Iterator[None]:
        """Let the name mean what it meant when what happens inside fails (docker-api.md §4).

        A failed load can leave it on a broken image. Meanwhile a containerd store forgets an image that lost its last
        name, so the old one has a second name until all is over.
        """
        before = self._client.find(self._name)
        kept = ""
        if before is not None and self._client.has_containerd_store:
            kept = kept_name(before)
            with contextlib.suppress(NotFound):
                self._client.tag(before, kept)
        client = self._client
        try:
            yield
        except BaseException as error:
            client = EngineClient(client.address, answer_s=_HURRIED_S if isinstance(error, Cancelled) else _PATIENT_S)
            with contextlib.suppress(OciStoreError):
                if client.find(self._name) != before:
                    if before is None:
                        client.untag(self._name)
                    else:
                        client.tag(before, self._name)
            raise
        finally:
            if kept:
                with contextlib.suppress(OciStoreError):
                    client.untag(kept)


def _layers_of(roots: Iterable[Digest], look: Callable[[Digest], bytes | None]) -> set[Digest]:
    """The layers of these manifests, and of those these indexes name, as far as they are known."""
    layers: set[Digest] = set()
    for root in roots:
        pending = [root]
        for digest in pending:
            with contextlib.suppress(IntegrityError):
                found = parse_manifest(look(digest) or b"")
                if isinstance(found, Manifest):
                    layers.update(layer.digest for layer in found.layers)
                elif digest == root:
                    pending += [child.digest for child in found.manifests if not child.is_attestation][:_MAX_PLATFORMS]
    return layers


def _common_prefix(ours: Sequence[Digest], theirs: Sequence[Digest]) -> int:
    for position, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return position
    return min(len(ours), len(theirs))
