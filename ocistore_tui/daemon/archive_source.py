"""Image archives as sources: ``docker save`` files and OCI archives."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.daemon.archive import Archive, Contents
from ocistore_tui.daemon.blobs import blob_digest
from ocistore_tui.daemon.documents import (
    ArchivedImage,
    choose_archived,
    choose_root,
    parse_archive_manifest,
    parse_layout_index,
)
from ocistore_tui.daemon.export import classic_items
from ocistore_tui.daemon.layout import content_export, content_facts
from ocistore_tui.daemon.tar import TarEntry
from ocistore_tui.errors import IntegrityError, NotFound, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import ImageConfig, parse_config
from ocistore_tui.model.local import ExportItem, ImageFacts, SourceKind, StoredBlob
from ocistore_tui.model.manifest import Descriptor, Index, Manifest, parse_manifest
from ocistore_tui.model.media_types import compression
from ocistore_tui.model.platform import Platform


class OciArchiveSource:
    """An image in an OCI archive: a tar file of an OCI layout.

    Args:
        archive: The file.
        tag: Which image; None: the only one.
        platform: Which manifest of an index; None: the whole index.
    """

    def __init__(self, archive: Archive, tag: str | None, platform: Platform | None) -> None:
        self._archive, self._tag, self._platform = archive, tag, platform

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"OCI archive {self._archive.path}"

    def facts(self) -> ImageFacts:
        """See `ImageSource.facts`."""
        path = str(self._archive.path)
        index = self._archive.contents().texts.get("index.json")
        if index is None:
            fix = "write docker-archive:FILE" if "manifest.json" in self._archive.contents().texts else "check the file"
            raise UsageError("this is no OCI archive", where=path, cause="it has no index.json", fix=fix)
        root = choose_root(parse_layout_index(index, where=path), self._tag, where=path)
        return content_facts(root, self._archive.contents().documents.get, self._platform, where=path)

    def export(self, *, skip: Callable[[Digest], bool], cancel: CancelSignal | None = None) -> Generator[ExportItem]:
        """See `ImageSource.export`."""
        return _blobs_of(self._archive, self.facts(), skip, cancel)


class DockerArchiveSource:
    """An image in a docker archive.

    Archives of containerd stores (and of this program) hold the image's own manifest with compressed layers beside
    ``manifest.json``: then that is kept byte for byte. A manifest that only describes raw layers was made up by the
    export (docker-api.md §3), and is not.

    Args:
        archive: The file.
        name: Which image; None: the only one.
        platform: What it has to be for; None: anything.
    """

    def __init__(self, archive: Archive, name: str | None, platform: Platform | None) -> None:
        self._archive, self._name, self._platform = archive, name, platform

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"docker archive {self._archive.path}"

    def facts(self) -> ImageFacts:
        """See `ImageSource.facts`."""
        path, contents = str(self._archive.path), self._archive.contents()
        image = self._image(contents)
        raw = contents.text(image.config)
        if raw is None:
            raise IntegrityError(
                "the archive lacks an image's config", where=f"{path}: {image.config}", fix="make the archive again"
            )
        config = parse_config(raw, where=f"{path}: {image.config}")
        if blob_digest(contents.resolved(image.config)) not in (None, config.digest):
            raise IntegrityError(
                "the image's config is not what its name says",
                where=f"{path}: {image.config}",
                cause=f"its digest is {config.digest}",
                fix="make the archive again",
            )
        own = _own_manifest(contents, config.digest, path)
        if own is not None:
            return content_facts(own, contents.documents.get, self._platform, where=path)
        if len(image.layers) != len(config.diff_ids):
            raise IntegrityError(
                "manifest.json and config disagree",
                where=f"{path}: {image.config}",
                cause=f"{len(image.layers)} layers, {len(config.diff_ids)} diff IDs",
                fix="make the archive again",
            )
        self._check_platform(config, path)
        sizes = {
            diff_id: contents.sizes.get(contents.resolved(layer), 0)
            for diff_id, layer in zip(config.diff_ids, image.layers, strict=True)
        }
        return ImageFacts(
            name=self._name or next(iter(image.names), image.config),
            id=config.digest,
            kind=SourceKind.CLASSIC,
            platform=config.platform,
            diff_ids=config.diff_ids,
            size_bytes=sum(sizes.values()),
            documents={config.digest: raw},
            layer_sizes=sizes,
        )

    def export(self, *, skip: Callable[[Digest], bool], cancel: CancelSignal | None = None) -> Generator[ExportItem]:
        """See `ImageSource.export`."""
        facts = self.facts()
        if facts.kind is SourceKind.CONTENT:
            return _blobs_of(self._archive, facts, skip, cancel)
        return self._layers(facts, skip, cancel)

    def _layers(
        self, facts: ImageFacts, skip: Callable[[Digest], bool], cancel: CancelSignal | None
    ) -> Generator[ExportItem]:
        contents = self._archive.contents()
        named = zip(self._image(contents).layers, facts.diff_ids, strict=True)
        claims = {contents.resolved(path): diff_id for path, diff_id in named}
        with self._archive.entries(cancel=cancel) as entries:
            yield from classic_items(
                entries,
                facts,
                layer_at=lambda path: (path in claims, claims.get(path)),
                config_at=frozenset(),
                skip=skip,
            )

    def _image(self, contents: Contents) -> ArchivedImage:
        path = str(self._archive.path)
        manifest = contents.text("manifest.json")
        if manifest is None:
            fix = "write oci-archive:FILE" if "index.json" in contents.texts else "make it with docker save"
            raise UsageError("this is no docker archive", where=path, cause="it has no manifest.json", fix=fix)
        return choose_archived(parse_archive_manifest(manifest, where=path), self._name, where=path)

    def _check_platform(self, config: ImageConfig, path: str) -> None:
        if self._platform is not None and config.platform.is_known and not config.platform.matches(self._platform):
            raise NotFound(
                f"the image is for {config.platform}, not {self._platform}",
                where=path,
                fix="leave --platform out, or use another archive",
            )


def _own_manifest(contents: Contents, config: Digest, path: str) -> Descriptor | None:
    """The root of the layout beside ``manifest.json`` that holds the config with compressed layers, if there is one."""
    raw = contents.texts.get("index.json")
    if raw is None:
        return None
    for root in parse_layout_index(raw, where=path):
        if any(
            manifest.config.digest == config and manifest.layers and all(map(_is_compressed, manifest.layers))
            for manifest in _manifests_below(contents, root.digest)
        ):
            return root
    return None


def _manifests_below(contents: Contents, root: Digest) -> Iterator[Manifest]:
    seen: set[Digest] = set()
    pending = [root]
    while pending:
        digest = pending.pop()
        raw = contents.documents.get(digest)
        if raw is None or digest in seen:
            continue
        seen.add(digest)
        found = parse_manifest(raw, where=digest)
        if isinstance(found, Index):
            pending += [child.digest for child in found.manifests]
        else:
            yield found


def _is_compressed(layer: Descriptor) -> bool:
    return bool(compression(layer.media_type))


def _blobs_of(
    archive: Archive, facts: ImageFacts, skip: Callable[[Digest], bool], cancel: CancelSignal | None
) -> Generator[ExportItem]:
    def handed_out(entries: Iterator[TarEntry], wanted: set[Digest]) -> Iterator[StoredBlob]:
        for entry in entries:
            digest = blob_digest(entry.name)
            if entry.type == "file" and digest in wanted:
                assert digest is not None
                wanted.discard(digest)
                yield StoredBlob(digest, entry.size_bytes, entry.pieces())

    def blobs(wanted: set[Digest]) -> Iterator[StoredBlob]:
        with archive.entries(cancel=cancel) as entries:
            yield from handed_out(entries, wanted)

    return content_export(facts, blobs, skip)
