"""What an engine's export or an archive holds, in one pass and in whatever order it comes (docker-api.md §3)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from ocistore_tui.daemon.blobs import HeldDocuments, blob_digest, is_document, raw_layer
from ocistore_tui.daemon.documents import gather
from ocistore_tui.daemon.tar import TarEntry
from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import MAX_CONFIG_BYTES
from ocistore_tui.model.local import ClassicImage, ContentImage, ExportItem, ImageFacts, RawLayer, StoredBlob
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES, Descriptor, Manifest, parse_manifest

Skip = Callable[[Digest], bool]


def classic_items(
    entries: Iterable[TarEntry],
    facts: ImageFacts,
    *,
    layer_at: Callable[[str], tuple[bool, Digest | None]],
    config_at: frozenset[str],
    skip: Skip,
    untold: Digest | None = None,
) -> Generator[ExportItem]:
    """Raw layers as they pass by, then what they make together.

    Args:
        entries: The members of the archive.
        facts: The image that is meant.
        layer_at: Whether a path is a layer, and its diff ID where the path tells; claims are verified by who reads.
        config_at: Paths the config may have.
        skip: Diff IDs that need not be handed out.
        untold: The diff ID of the one layer whose path does not tell it.

    Raises:
        IntegrityError: the archive is damaged or lacks the config.
    """
    config = facts.documents.get(facts.id)
    for entry in entries:
        if entry.type != "file":
            continue  # a link stands for a layer that comes under its own name
        if entry.name in config_at:
            config = entry.read(max_bytes=MAX_CONFIG_BYTES)
            continue
        is_layer, diff_id = layer_at(entry.name)
        if is_layer and not (diff_id and skip(diff_id)):
            _, chunks = raw_layer(entry.pieces())
            yield RawLayer(diff_id, entry.size_bytes, chunks, untold if diff_id is None else None)
    if config is None:
        raise IntegrityError("the export lacks the image's config", where=facts.name, fix="load it again, then push")
    yield ClassicImage(config, facts.diff_ids)


def content_items(
    entries: Iterable[TarEntry], *, choose: Callable[[bytes, HeldDocuments], Descriptor], where: str
) -> Generator[ExportItem]:
    """Blobs as they pass by, byte for byte, then the root with every document below it.

    ``index.json`` comes after the blobs, so what could be a document is held until it is known to be one.

    Args:
        entries: The members of the archive.
        choose: Which root is meant, from the bytes of ``index.json`` and the documents met.
        where: The source, for errors.

    Raises:
        IntegrityError: the archive is damaged, or lacks its index or root.
    """
    documents = HeldDocuments()
    index: bytes | None = None
    for entry in entries:
        if entry.type != "file":
            continue
        if entry.name == "index.json":
            index = entry.read(max_bytes=MAX_MANIFEST_BYTES)
            continue
        digest = blob_digest(entry.name)
        if digest is None:
            continue
        if entry.size_bytes > MAX_MANIFEST_BYTES:
            yield StoredBlob(digest, entry.size_bytes, entry.pieces())
            continue
        raw = entry.read(max_bytes=MAX_MANIFEST_BYTES)
        if is_document(raw):
            documents.keep(digest, raw)
        else:
            yield StoredBlob(digest, len(raw), iter([raw]))
    if index is None:
        raise IntegrityError("the export lacks its index.json", where=where, fix="export or load the image again")
    root = choose(index, documents)
    below = gather(root, documents.get, where=where)
    for layer in layers_below(below):
        # An artifact may well have a document as its layer.
        if layer.digest in documents and layer.digest not in below:
            raw = documents[layer.digest]
            yield StoredBlob(layer.digest, len(raw), iter([raw]))
    yield ContentImage(root, below)


def layers_below(documents: dict[Digest, bytes]) -> list[Descriptor]:
    """The layers of all manifests among ``documents`` that must have a blob, each digest once."""
    found: dict[Digest, Descriptor] = {}
    for raw in documents.values():
        if b'"layers"' not in raw:
            continue
        try:
            manifest = parse_manifest(raw)
        except IntegrityError:
            continue  # a config that speaks of layers
        if isinstance(manifest, Manifest):
            found.update((blob.digest, blob) for blob in manifest.blobs if blob.digest != manifest.config.digest)
    return list(found.values())
