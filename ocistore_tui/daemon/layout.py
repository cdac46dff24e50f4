"""OCI layout directories (image-spec image-layout.md): as sources, and as targets that other tools can read."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable, Generator, Iterator
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, BinaryIO

from ocistore_tui.backends.base import CancelSignal, check_cancel, checked_chunks
from ocistore_tui.daemon.documents import (
    LAYOUT_FILE,
    REF_NAME,
    choose_platform,
    choose_root,
    gather,
    parse_layout_index,
)
from ocistore_tui.daemon.export import layers_below
from ocistore_tui.errors import AccessDenied, IntegrityError, NoSpace, NotFound, OciStoreError, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import MAX_CONFIG_BYTES, parse_config
from ocistore_tui.model.local import (
    ContentImage,
    ExportItem,
    ImageFacts,
    Loaded,
    SourceKind,
    StoredBlob,
    StoredImage,
)
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES, Descriptor, Manifest, parse_manifest
from ocistore_tui.model.platform import Platform

_PIECE_BYTES = 1024 * 1024


def content_facts(
    root: Descriptor, read: Callable[[Digest], bytes | None], platform: Platform | None, *, where: str
) -> ImageFacts:
    """What is known of an image whose documents can all be read.

    Raises:
        IntegrityError: the root is missing, or a document is damaged.
        NotFound: there is no manifest for ``platform``.
    """
    documents = gather(root, read, where=where)
    if platform is not None:
        root = choose_platform(root, documents, platform, where=where)
        documents = gather(root, read, where=where)
    found = parse_manifest(documents[root.digest], where=where)
    diff_ids: tuple[Digest, ...] = ()
    of = Platform()
    if isinstance(found, Manifest) and found.is_image and found.config.digest in documents:
        config = parse_config(documents[found.config.digest], where=f"{where}: {found.config.digest}")
        diff_ids, of = config.diff_ids, config.platform
    return ImageFacts(
        name=where,
        id=root.digest,
        kind=SourceKind.CONTENT,
        platform=of,
        diff_ids=diff_ids,
        size_bytes=sum(layer.size for layer in layers_below(documents)),
        documents=documents,
    )


def content_export(
    facts: ImageFacts, blobs: Callable[[set[Digest]], Iterator[StoredBlob]], skip: Callable[[Digest], bool]
) -> Generator[ExportItem]:
    """The blobs of an image that are not documents, then the image; ``blobs`` hands out those asked for."""
    wanted = {layer.digest for layer in layers_below(dict(facts.documents)) if not skip(layer.digest)}
    wanted |= _plain_configs(facts)
    yield from blobs(wanted)
    root = parse_manifest(facts.documents[facts.id])
    yield ContentImage(
        Descriptor(media_type=root.media_type, digest=root.digest, size=len(root.raw)), dict(facts.documents)
    )


def _plain_configs(facts: ImageFacts) -> set[Digest]:
    """Configs that are no documents by their form, such as an artifact's."""
    found: set[Digest] = set()
    for raw in facts.documents.values():
        with contextlib.suppress(Exception):
            manifest = parse_manifest(raw)
            if isinstance(manifest, Manifest) and manifest.config.digest not in facts.documents:
                found.add(manifest.config.digest)
    return found


class LayoutDirectory:
    """An OCI layout on disk; it need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def index(self) -> bytes | None:
        """The bytes of ``index.json``; None: there is none yet."""
        try:
            with self._open(self.path / "index.json") as file:
                return file.read(MAX_MANIFEST_BYTES + 1)
        except NotFound:
            return None

    def document(self, digest: Digest) -> bytes | None:
        """A small blob; None: it is not there, or too large to be a document."""
        try:
            with self._open(self.blob_path(digest)) as file:
                raw = file.read(MAX_CONFIG_BYTES + 1)
        except NotFound:
            return None
        return raw if len(raw) <= MAX_CONFIG_BYTES else None

    def blob_path(self, digest: Digest) -> Path:
        """Where a blob lies."""
        return self.path / "blobs" / digest.algorithm / digest.encoded

    def size_of(self, digest: Digest) -> int | None:
        """Bytes of a blob; None: it is not there."""
        try:
            found = self.blob_path(digest).stat()
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def blob(self, digest: Digest, cancel: CancelSignal | None) -> Iterator[bytes]:
        """The bytes of a blob."""
        with self._open(self.blob_path(digest)) as file:
            while piece := file.read(_PIECE_BYTES):
                check_cancel(cancel, where=str(self.path))
                yield piece

    def write_blob(self, digest: Digest, chunks: Iterator[bytes]) -> None:
        """Store a blob whose chunks raise when they are not what the digest says; appears whole or not at all."""
        self._write(self.blob_path(digest), chunks)

    def write_index(self, document: dict[str, Any]) -> None:
        """Replace ``index.json``; this is what makes an image visible."""
        if not (self.path / "oci-layout").exists():
            self._write(self.path / "oci-layout", iter([LAYOUT_FILE]))
        self._write(self.path / "index.json", iter([json.dumps(document).encode()]))

    @contextlib.contextmanager
    def _open(self, path: Path) -> Iterator[BinaryIO]:
        try:
            # Not blocking: a named pipe in somebody's layout must not hold us.
            file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound("no such blob in the layout", where=str(path), fix="make the layout again") from error
        except OSError as error:
            raise self._denied(path, error) from error
        with file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError("not a regular file", where=str(path), fix="make the layout again")
            yield file

    def _write(self, path: Path, chunks: Iterator[bytes]) -> None:
        temporary = path.with_name(f".{path.name[:16]}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
            temporary.replace(path)
        except OSError as error:
            raise self._denied(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    @staticmethod
    def _denied(path: Path, error: OSError) -> OciStoreError:
        kind = NoSpace if error.errno in (ENOSPC, EDQUOT) else AccessDenied
        return kind("cannot use the layout", where=str(path), cause=error.strerror or str(error), fix="check the path")


class LayoutSource:
    """An image in an OCI layout directory.

    Args:
        directory: The layout.
        tag: Which image; None: the only one.
        platform: Which manifest of an index; None: the whole index.
    """

    def __init__(self, directory: LayoutDirectory, tag: str | None, platform: Platform | None) -> None:
        self._directory, self._tag, self._platform = directory, tag, platform
        self._facts: ImageFacts | None = None

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"OCI layout {self._directory.path}"

    def facts(self) -> ImageFacts:
        """See `ImageSource.facts`. Looked at once, so that a tag that moves meanwhile changes nothing."""
        if self._facts is None:
            self._facts = self._look()
        return self._facts

    def _look(self) -> ImageFacts:
        path = str(self._directory.path)
        index = self._directory.index()
        if index is None:
            raise NotFound("no OCI layout here", where=path, cause="there is no index.json", fix="check the path")
        root = choose_root(parse_layout_index(index, where=path), self._tag, where=path)
        return content_facts(root, self._directory.document, self._platform, where=path)

    def export(self, *, skip: Callable[[Digest], bool], cancel: CancelSignal | None = None) -> Generator[ExportItem]:
        """See `ImageSource.export`."""

        def blobs(wanted: set[Digest]) -> Iterator[StoredBlob]:
            for digest in sorted(wanted):
                size = self._directory.size_of(digest)
                if size is not None:
                    yield StoredBlob(digest, size, self._directory.blob(digest, cancel))

        return content_export(self.facts(), blobs, skip)


class LayoutTarget:
    """A tag in an OCI layout directory. Blobs already there are kept, and ``index.json`` is written last.

    Args:
        directory: The layout; made when it is not there.
        tag: The name the image gets there.
    """

    takes_index = True
    keeps_index = False

    def __init__(self, directory: LayoutDirectory, tag: str) -> None:
        self._directory, self._tag = directory, tag

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"OCI layout {self._directory.path}"

    @property
    def default_platform(self) -> Platform:
        """This machine's."""
        return Platform.host()

    def present(
        self,
        image: StoredImage,
        *,
        remembered: Callable[[Digest], bytes | None],
        read: Callable[[Digest], bytes | None],
    ) -> frozenset[Digest]:
        """Layers that are there and sound: hashing them is quicker than fetching them."""
        del remembered, read
        layers = {layer.digest: layer for manifest in image.manifests for layer in manifest.layers}
        return frozenset(layer.digest for layer in layers.values() if self._holds(layer))

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
        index = self._index()
        done = set(skip)
        for manifest in image.manifests:
            for blob in manifest.blobs:
                if blob.digest in done or blob.digest in image.documents:
                    continue
                check_cancel(cancel, where=self.label)
                done.add(blob.digest)
                on_layer(blob.digest, "downloading")
                self._directory.write_blob(blob.digest, open_blob(blob))
                on_layer(blob.digest, "downloaded")
        for digest, raw in image.documents.items():
            if self._directory.size_of(digest) != len(raw) or self._directory.document(digest) != raw:
                self._directory.write_blob(digest, iter([raw]))
        entry = {
            "mediaType": image.root.media_type,
            "digest": image.root.digest,
            "size": image.root.size,
            "annotations": {REF_NAME: self._tag},
        }
        others = [child for child in index.get("manifests") or () if not self._is_ours(child)]
        check_cancel(cancel, where=self.label)
        self._directory.write_index({**index, "manifests": [*others, entry]})
        return Loaded(f"oci:{self._directory.path}:{self._tag}", image.root.digest)

    def _holds(self, blob: Descriptor) -> bool:
        if self._directory.size_of(blob.digest) != blob.size:
            return False
        chunks = self._directory.blob(blob.digest, None)
        try:
            for _ in checked_chunks(chunks, size_bytes=blob.size, digest=blob.digest, where=blob.digest):
                pass
        except IntegrityError:
            return False
        return True

    def _index(self) -> dict[str, Any]:
        raw = self._directory.index()
        if raw is None:
            return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
        parse_layout_index(raw, where=str(self._directory.path))
        found: dict[str, Any] = json.loads(raw)
        return found

    def _is_ours(self, child: dict[str, Any]) -> bool:
        annotations = child.get("annotations")
        return isinstance(annotations, dict) and annotations.get(REF_NAME) == self._tag
