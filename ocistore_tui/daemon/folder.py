"""Image archives and OCI layouts of a directory, recognised by what they hold. No layer is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ocistore_tui.daemon.archive import Archive, opened
from ocistore_tui.daemon.archive_source import DockerArchiveSource
from ocistore_tui.daemon.documents import (
    CONTAINERD_NAME,
    REF_NAME,
    familiar,
    parse_archive_manifest,
    parse_layout_index,
)
from ocistore_tui.daemon.layout import LayoutDirectory, content_facts
from ocistore_tui.errors import AccessDenied, NotFound, OciStoreError, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import parse_config
from ocistore_tui.model.local import ImageFacts, LocalListing, LocalPlace, LocalRow
from ocistore_tui.model.manifest import Descriptor, Index, Manifest, parse_manifest
from ocistore_tui.model.natural import natural_key
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import counted, parse_time

_MAX_FILES = 2000
_MAX_IMAGES = 500
"""Images of one archive or layout that are listed."""
_MAX_COMPRESSED_BYTES = 256 * 1024 * 1024
"""An archive that is compressed as a whole has to be read whole to be listed."""
_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.zst")
_MAX_NAME = 300


def list_folder(place: LocalPlace, path: Path) -> LocalListing:
    """The images of every archive and OCI layout in a directory, in natural order of the file names.

    Raises:
        NotFound, UsageError, AccessDenied: it is not there, is no directory, or may not be read.
    """
    rows: list[LocalRow] = []
    archives = layouts = 0
    for child in _children(path):
        # pathlib's raise where a directory may be listed and not entered.
        if os.path.isdir(child):  # noqa: PTH112
            if os.path.isfile(child / "index.json"):  # noqa: PTH113
                layouts += 1
                rows += _of_layout(child)
        elif found := _of_file(child):
            archives += 1
            rows += found
    parts = [counted(archives, "archive")] if archives or not layouts else []
    parts += [counted(layouts, "OCI layout")] if layouts else []
    return LocalListing(place, f"folder of {' and '.join(parts)}", tuple(rows))


def list_layout(place: LocalPlace, path: Path) -> LocalListing:
    """The images of one OCI layout directory.

    Raises:
        NotFound, UsageError, AccessDenied: it is not there, is no layout, or may not be read.
        IntegrityError: its index cannot be read.
    """
    names = {child.name for child in _children(path)}
    if "index.json" not in names:
        raise NotFound(
            "no OCI layout here", where=str(path), cause="there is no index.json", fix="choose a folder of archives"
        )
    index = LayoutDirectory(path).index() or b""
    roots = parse_layout_index(index, where=str(path))
    return LocalListing(place, "OCI layout", tuple(_of_roots(roots, f"oci:{path}", path, _reader(path))))


def _children(path: Path) -> list[Path]:
    """What is in a directory; hidden files are left out."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for _, entry in zip(range(_MAX_FILES), entries, strict=False)]
    except FileNotFoundError as error:
        raise NotFound("no such directory", where=str(path), fix="choose another place") from error
    except NotADirectoryError as error:
        raise UsageError("this is no directory", where=str(path), fix="choose the directory it is in") from error
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise AccessDenied("cannot read the directory", where=str(path), cause=cause, fix="check its rights") from error
    return [path / name for name in sorted(names, key=natural_key) if not name.startswith(".")]


def _of_file(path: Path) -> list[LocalRow]:
    """The rows of an archive; none for a file that is none and does not claim to be."""
    claims = path.name.endswith(_ENDINGS)
    try:
        with opened(path) as file:
            head = file.read(512)
    except OciStoreError as error:
        # Pipes and devices are no archives whatever they are called.
        return [_broken(path, error)] if claims and not isinstance(error, UsageError) else []
    is_compressed = head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))
    if not claims and head[257:262] != b"ustar":
        return []
    try:
        if is_compressed and path.stat().st_size > _MAX_COMPRESSED_BYTES:
            raise UsageError(
                "too large to look into", where=str(path), cause="it is compressed as a whole", fix="unpack it first"
            )
        archive = Archive(path)
        texts = archive.contents().texts
        if archive.contents().text("manifest.json") is not None:
            return list(_of_docker_archive(archive))
        if "index.json" in texts:
            roots = parse_layout_index(texts["index.json"], where=str(path))
            return list(_of_roots(roots, f"oci-archive:{path}", path, archive.contents().documents.get))
        if claims:
            raise UsageError("no image archive", where=str(path), cause="it has no manifest.json and no index.json")
    except OciStoreError as error:
        return [_broken(path, error)]
    except OSError as error:
        return [_broken(path, AccessDenied("cannot read the archive", cause=error.strerror or str(error)))]
    return []


def _of_docker_archive(archive: Archive) -> Iterator[LocalRow]:
    path = str(archive.path)
    images = parse_archive_manifest(archive.contents().text("manifest.json") or b"", where=path)
    for image in images[:_MAX_IMAGES]:
        if not image.names and len(images) > 1:
            yield LocalRow("", f"docker-archive:{path}", flaw="one of several images without a name: give it one")
            continue
        for name in image.names[:_MAX_IMAGES] or (None,):
            chosen = f"docker-archive:{path}" if name is None else f"docker-archive:{path}:{name}"
            shown = _shown(familiar(name).removeprefix("localhost/")) if name else ""
            source = DockerArchiveSource(archive, name, None)
            yield _row(shown, chosen, archive.path, source.facts)


def _of_layout(path: Path) -> list[LocalRow]:
    try:
        index = LayoutDirectory(path).index() or b""
        return list(_of_roots(parse_layout_index(index, where=str(path)), f"oci:{path}", path, _reader(path)))
    except OciStoreError as error:
        return [_broken(path, error, form="oci")]


def _of_roots(
    roots: tuple[Descriptor, ...], form: str, path: Path, read: Callable[[Digest], bytes | None]
) -> Iterator[LocalRow]:
    for root in roots[:_MAX_IMAGES]:
        annotations = root.annotations or {}
        tag, full = annotations.get(REF_NAME, ""), annotations.get(CONTAINERD_NAME, "")
        if not (tag or full) and len(roots) > 1:
            yield LocalRow("", form, ids=frozenset({root.digest}), flaw="one of several images without a name")
            continue
        name = familiar(full) if full else tag if ":" in tag or "/" in tag else f"{_stem(path)}:{tag}" if tag else ""
        chosen = f"{form}:{tag or full}" if tag or full else form

        def facts(root: Descriptor = root) -> ImageFacts:
            return content_facts(root, read, None, where=str(path))

        yield _row(_shown(name), chosen, path, facts)


def _row(name: str, image: str, path: Path, facts: Callable[[], ImageFacts]) -> LocalRow:
    try:
        found = facts()
    except OciStoreError as error:
        return LocalRow(name, image, flaw=_words(error))
    told = _Told()
    told.read(found.id, found.documents)
    return LocalRow(
        name=name,
        image=image,
        ids=frozenset(told.ids),
        size_bytes=found.size_bytes,
        created=told.created or _modified(path),
        platforms=tuple(dict.fromkeys(told.platforms)),
    )


class _Told:
    """What the documents of an image tell; attestations, whose configs are alike everywhere, are left out."""

    def __init__(self) -> None:
        self.ids: set[Digest] = set()
        self.platforms: list[str] = []
        self.created: float | None = None

    def read(self, root: Digest, documents: Mapping[Digest, bytes]) -> None:
        """Walk down from ``root``, which is an index, a manifest, or (of a classic archive) a config."""
        self.ids.add(root)
        raw = documents.get(root)
        if raw is None:
            return
        try:
            found = parse_manifest(raw)
        except OciStoreError:
            self._read_config(raw)
            return
        pending: list[Manifest | Index] = [found]
        while pending:
            found = pending.pop(0)
            self.ids.add(found.digest)
            if isinstance(found, Manifest):
                if found.is_image:
                    self.ids.add(found.config.digest)
                    self._read_config(documents.get(found.config.digest))
                continue
            for child in found.manifests:
                if not child.is_attestation and child.digest in documents and child.digest not in self.ids:
                    with suppress(OciStoreError):
                        pending.append(parse_manifest(documents[child.digest]))
                        self.ids.add(child.digest)

    def _read_config(self, raw: bytes | None) -> None:
        if raw is None:
            return
        with suppress(OciStoreError):
            config = parse_config(raw)
            if config.platform.is_known:
                self.platforms.append(inert(str(config.platform), limit=100))
            self.created = self.created or parse_time(config.created) or None


def _reader(path: Path) -> Callable[[Digest], bytes | None]:
    return LayoutDirectory(path).document


def _broken(path: Path, error: OciStoreError, *, form: str = "docker-archive") -> LocalRow:
    return LocalRow(_shown(path.name), f"{form}:{path}", flaw=_words(error))


def _words(error: OciStoreError) -> str:
    said = f"{error.message}: {error.cause}" if error.cause else error.message
    return inert(said, limit=_MAX_NAME)


def _shown(name: str) -> str:
    return inert(name, limit=_MAX_NAME)


def _stem(path: Path) -> str:
    name = path.name
    ending = next((ending for ending in sorted(_ENDINGS, key=len, reverse=True) if name.endswith(ending)), "")
    return name[: len(name) - len(ending)] or name


def _modified(path: Path) -> float | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None
