"""An image of a container engine as a source: what inspect tells, and its export stream (docker-api.md §3, §8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.daemon.blobs import HeldDocuments, blob_digest
from ocistore_tui.daemon.client import EngineClient
from ocistore_tui.daemon.documents import choose_platform, parse_layout_index
from ocistore_tui.daemon.export import classic_items, content_items
from ocistore_tui.daemon.legacy import v1_names
from ocistore_tui.daemon.registry import named, obstacle
from ocistore_tui.daemon.streams import ChunkStream
from ocistore_tui.daemon.tar import read_tar
from ocistore_tui.daemon.wire import not_an_engine
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, ExportItem, ImageFacts, SourceKind
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.platform import Platform

_V1_LAYER = re.compile(r"([0-9a-f]{64})/layer\.tar\Z")
_PODMAN_LAYER = re.compile(r"([0-9a-f]{64})\.tar\Z")
_EXPORTS_ONE_PLATFORM = (1, 48)


class EngineSource:
    """One image an engine holds.

    Args:
        client: The engine.
        name: A name, id or id prefix, as the engine understands it.
        platform: Which manifest of an index; None: all that the engine has.
    """

    def __init__(self, client: EngineClient, name: str, platform: Platform | None) -> None:
        self._client, self._name, self._platform = client, name, platform
        self._facts: ImageFacts | None = None
        self._is_named = False

    @property
    def label(self) -> str:
        """Name, version and address of the engine."""
        return self._client.label

    def facts(self) -> ImageFacts:
        """See `ImageSource.facts`."""
        if self._facts is None:
            found = self._client.inspect(self._name)
            try:
                self._facts = self._facts_of(found)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                said = f"its answer about an image cannot be used: {error}"
                raise not_an_engine(self._client.address, said) from error
        return self._facts

    def export(self, *, skip: Callable[[Digest], bool], cancel: CancelSignal | None = None) -> Generator[ExportItem]:
        """See `ImageSource.export`. By id, so that a name that moves meanwhile changes nothing."""
        try:
            yield from self._items(skip, cancel)
        except IntegrityError as error:
            error.where = error.where or f"{self._name} in {self._client.address}"
            raise

    def obstacle(self) -> str:
        """See `RegistrySource.obstacle`."""
        self.facts()
        if self._platform is not None and self._client.has_containerd_store:
            return "the engine pushes all platforms of an image at once"
        if not self._is_named:
            return "an image without a name would go with the one it is pushed under"
        return obstacle(self._client)

    def push(self, name: str, *, cancel: CancelSignal | None = None) -> Generator[EngineEvent]:
        """See `RegistrySource.push`."""
        with named(self._client, name):
            self._client.tag(self.facts().id, name)
            yield from self._client.push(name, cancel=cancel)

    def _items(self, skip: Callable[[Digest], bool], cancel: CancelSignal | None) -> Generator[ExportItem]:
        facts = self.facts()
        one = self._platform if self._client.api >= _EXPORTS_ONE_PLATFORM else None
        where = f"{facts.name} in {self._client.address}"
        # Closing hangs up, which ends the export on the engine's side.
        with closing(self._client.export(facts.id, platform=one, cancel=cancel)) as chunks:
            entries = read_tar(ChunkStream(chunks, where=where, from_engine=True))
            if facts.kind is SourceKind.CONTENT:
                yield from content_items(entries, choose=self._choose, where=where)
                return
            names = v1_names(facts.diff_ids)
            known = frozenset(facts.diff_ids)
            encoded = facts.id.encoded
            yield from classic_items(
                entries,
                facts,
                layer_at=lambda path: _layer_at(path, names, known),
                config_at=frozenset({f"{encoded}.json", f"blobs/sha256/{encoded}"}),
                skip=skip,
                untold=facts.diff_ids[-1] if facts.diff_ids else None,
            )

    def _facts_of(self, found: Mapping[str, Any]) -> ImageFacts:
        image_id = Digest.parse(str(found["Id"]))
        self._is_named = any("<none>" not in str(name) for name in found.get("RepoTags") or ())
        layers = (found.get("RootFS") or {}).get("Layers") or ()
        of = Platform(
            os=str(found.get("Os") or ""),
            architecture=str(found.get("Architecture") or ""),
            variant=str(found.get("Variant") or ""),
        )
        is_content = self._client.has_containerd_store
        if self._platform is not None and not is_content and not of.matches(self._platform):
            raise NotFound(
                f"the image is for {of}, not {self._platform}",
                where=f"{self._name} in {self._client.address}",
                fix="leave --platform out, or pull that platform first",
            )
        return ImageFacts(
            name=self._name,
            id=image_id,
            kind=SourceKind.CONTENT if is_content else SourceKind.CLASSIC,
            platform=of,
            diff_ids=tuple(Digest.parse(str(layer)) for layer in layers),
            size_bytes=int(found.get("Size") or 0),
        )

    def _choose(self, index: bytes, documents: HeldDocuments) -> Descriptor:
        facts = self.facts()
        where = f"{facts.name} in {self._client.address}"
        roots = parse_layout_index(index, where=where)
        # Asked for one platform, an engine may name that platform's manifest instead of the index.
        other = roots[0] if len(roots) == 1 and self._platform is not None else None
        root = next((child for child in roots if child.digest == facts.id), other)
        if root is None:
            raise IntegrityError("the export is of another image", where=where, fix="push again")
        if self._platform is not None and root.digest in documents:
            return choose_platform(root, documents, self._platform, where=where)
        return root


def _layer_at(path: str, v1: Mapping[str, Digest], known: frozenset[Digest]) -> tuple[bool, Digest | None]:
    """Whether a path of an export is a layer, and which: engines up to 24, podman, and engines from 25."""
    if found := _V1_LAYER.match(path):
        return True, v1.get(found[1])
    digest = Digest.from_hex(found[1]) if (found := _PODMAN_LAYER.match(path)) else blob_digest(path)
    return digest in known, digest
