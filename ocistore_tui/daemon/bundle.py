"""Image archives as they are written: an OCI layout with, where an engine shall read it, ``manifest.json`` beside it.

The hybrid is what every engine takes, complete or partial (docker-api.md §8, "Pull: one archive for all").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from ocistore_tui.daemon.documents import CONTAINERD_NAME, LAYOUT_FILE, REF_NAME, familiar, normalised
from ocistore_tui.daemon.recode import OpenBlob, Recoder
from ocistore_tui.daemon.tar import TAR_END, tar_header, tar_padding
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import StoredImage
from ocistore_tui.model.manifest import Descriptor


class Bundle(Struct, frozen=True):
    """What goes into one archive.

    Args:
        image: The image, with all its documents.
        name: Its name, such as ``app:1``; empty: engines shall give it none.
        tag: What the OCI layout calls it.
        with_manifest_json: For engines: also say it in the docker archive's words.
        with_layout: Also say it in the OCI layout's words.
        skip: Layers left out.
        recoder: Changes the coding of layers the engine cannot read; None: all go as the store has them.
    """

    image: StoredImage
    name: str
    tag: str
    with_manifest_json: bool = True
    with_layout: bool = True
    skip: frozenset[Digest] = frozenset()
    recoder: Recoder | None = None

    def chunks(
        self,
        open_blob: OpenBlob,
        on_layer: Callable[[Digest, str], None],
    ) -> Iterator[bytes]:
        """The archive: small files first, then the layers straight from the store; the same image, the same bytes."""
        if self.with_layout:
            yield from _member("oci-layout", LAYOUT_FILE)
            yield from _member("index.json", _json(self._index()))
            for digest, raw in self.image.documents.items():
                yield from _member(_path(digest), raw)
        if self.with_manifest_json and self.image.chosen.is_image:
            yield from _member("manifest.json", _json(self._manifest_json()))
            if not self.with_layout:
                config = self.image.chosen.config.digest
                yield from _member(_path(config), self.image.documents[config])
        for layer in self._layers():
            on_layer(layer.digest, "downloading")
            if self.recoder is not None and self.recoder.changes(layer):
                with self.recoder.recode(layer, open_blob) as (size_bytes, chunks):
                    yield from _stream(self._path_of(layer), size_bytes, chunks)
            else:
                yield from _stream(self._path_of(layer), layer.size, open_blob(layer))
            on_layer(layer.digest, "downloaded")
        yield TAR_END

    def _layers(self) -> list[Descriptor]:
        """Everything that is not a document, each digest once."""
        blobs = {blob.digest: blob for manifest in self.image.manifests for blob in manifest.blobs}
        left_out = self.skip | self.image.documents.keys()
        return [blob for digest, blob in blobs.items() if digest not in left_out]

    def _index(self) -> dict[str, Any]:
        root = self.image.root
        annotations = {REF_NAME: self.tag}
        if self.name:
            annotations = {CONTAINERD_NAME: normalised(self.name), **annotations}
        entry = {"mediaType": root.media_type, "digest": root.digest, "size": root.size, "annotations": annotations}
        return {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        }

    def _manifest_json(self) -> list[dict[str, Any]]:
        layers = [self._path_of(layer) for layer in self.image.chosen.layers]
        config = _path(self.image.chosen.config.digest)
        return [{"Config": config, "RepoTags": [familiar(self.name)], "Layers": layers}]

    def _path_of(self, layer: Descriptor) -> str:
        recoded = self.recoder is not None and self.recoder.changes(layer)
        return f"{_path(layer.digest)}.tar.gz" if recoded else _path(layer.digest)


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.encoded}"


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _member(name: str, data: bytes) -> Iterator[bytes]:
    yield tar_header(name, len(data)) + data + tar_padding(len(data))


def _stream(name: str, size_bytes: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield tar_header(name, size_bytes)
    yield from chunks
    yield tar_padding(size_bytes)
