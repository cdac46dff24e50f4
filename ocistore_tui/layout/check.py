"""Whether a repository keeps the rules every registry relies on (layout.md §13), without reading layers."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from msgspec import Struct

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout import paths
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.layout.link import LINK_SIZES, MAX_LINK_BYTES, Link, decode_link
from ocistore_tui.layout.paths import Kind
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.reference import is_repository, is_tag

_PUSH = "push the image again"


class Flaw(Struct, frozen=True):
    """One rule a repository breaks."""

    where: str
    """The key concerned, or what it would be."""
    what: str
    fix: str = _PUSH
    is_harmless: bool = False
    """Whether every image can be pulled all the same, as after a push that was killed at its very end."""


@dataclass(slots=True)
class _Tag:
    has_current: bool = False
    remembered: set[Digest] = field(default_factory=set)


def check_repository(store: ObjectStore, name: str) -> Iterator[Flaw]:
    """Every flaw of one repository; nothing for one that is sound or not there.

    Reads links and manifests; of layers and configs it asks presence and size. Memory grows with the repository's keys.
    """
    yield from _Check(store, name).run()


class _Check:
    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store, self._name = store, name
        self._blobs, self._repository = Blobs(store), Repository(store, name)
        self._layers: dict[Digest, Link] = {}
        self._revisions: set[Digest] = set()
        self._tags: dict[str, _Tag] = {}
        self._seen: set[tuple[Digest, int]] = set()

    def run(self) -> Iterator[Flaw]:
        yield from self._keys()
        if (self._layers or self._revisions or self._tags) and not is_repository(self._name):
            yield Flaw(self._name, "no registry serves this name, and its garbage collection stops at it", "rename it")
        if self._revisions and not self._layers:
            yield Flaw(
                paths.layers_dir(self._name),
                "no layer link at all: registries 2.8 do not see the repository and sweep it",
            )
        for digest in sorted(self._revisions):
            yield from self._revision(digest)
        for tag, found in sorted(self._tags.items()):
            yield from self._tag(tag, found)

    def _keys(self) -> Iterator[Flaw]:
        for prefix in (paths.layers_dir(self._name), paths.manifests_dir(self._name)):
            for entry in self._store.list_entries(prefix):
                parsed = paths.parse(entry.key)
                if parsed is None:
                    yield Flaw(entry.key, "nothing of a registry's layout", "remove it", is_harmless=True)
                elif parsed.kind is Kind.TAG_CURRENT:
                    self._tags.setdefault(parsed.tag, _Tag()).has_current = True
                elif parsed.digest is None:
                    continue
                elif parsed.kind is Kind.TAG_INDEX:
                    self._tags.setdefault(parsed.tag, _Tag()).remembered.add(parsed.digest)
                    if entry.size_bytes not in LINK_SIZES:
                        yield Flaw(entry.key, "a damaged link of a tag's past", is_harmless=True)
                elif parsed.kind is Kind.REVISION_LINK:
                    self._revisions.add(parsed.digest)
                elif link := (yield from self._link(entry.key, parsed.digest)):
                    self._layers[parsed.digest] = link
        for tag in self._repository.tag_names():
            self._tags.setdefault(tag, _Tag())  # an empty directory, or one with nothing but strays

    def _link(self, key: str, named: Digest | None) -> Generator[Flaw, None, Link | None]:
        try:
            link = decode_link(*self._store.get(key, max_bytes=MAX_LINK_BYTES), where=key)
        except NotFound:  # removed while we look
            return None
        except IntegrityError as error:
            yield Flaw(key, _told(error))
            return None
        for flaw in link.flaws:
            yield Flaw(key, flaw)
        if named is not None and named.algorithm == link.digest.algorithm and named != link.digest:
            yield Flaw(key, f"the link leads to another digest: {link.digest}")
        return link

    def _revision(self, digest: Digest) -> Iterator[Flaw]:
        key = paths.revision_link(self._name, digest)
        try:
            found, flaws = self._repository.read_revision(digest)
        except (NotFound, IntegrityError) as error:
            yield Flaw(key, _told(error))
            return
        for flaw in flaws:
            yield Flaw(key, flaw)
        if isinstance(found, Manifest):
            for blob in found.blobs:
                yield from self._blob(blob, found)
        else:
            yield from self._index(found)

    def _blob(self, blob: Descriptor, manifest: Manifest) -> Iterator[Flaw]:
        if (blob.digest, blob.size) in self._seen:
            return
        self._seen.add((blob.digest, blob.size))
        link = self._layers.get(blob.digest)
        if link is None:
            key = paths.layer_link(self._name, blob.digest)
            yield Flaw(key, f"no sound layer link, which {manifest.digest} needs: registries answer 404")
        stored = link.digest if link else blob.digest  # sha512 names may lead to sha256 ones
        entry = self._blobs.stat(stored)
        if entry is None:
            yield Flaw(paths.blob(stored), f"a blob of {manifest.digest} is missing")
        elif entry.size_bytes != blob.size:
            yield Flaw(paths.blob(stored), f"a blob has {entry.size_bytes} bytes instead of {blob.size}")

    def _index(self, index: Index) -> Iterator[Flaw]:
        """Children that are nowhere make a partial index, which is sound; those that are stored must be linked."""
        for child in index.manifests:
            if child.digest not in self._revisions and self._blobs.stat(child.digest) is not None:
                key = paths.revision_link(self._name, child.digest)
                yield Flaw(key, f"a manifest of index {index.digest} is stored but not linked: registries answer 404")

    def _tag(self, tag: str, found: _Tag) -> Iterator[Flaw]:
        key = paths.tag_current(self._name, tag)
        if not is_tag(tag):
            yield Flaw(key, "no registry serves a tag of this name", "remove the tag")
        if not found.has_current:
            yield Flaw(key, "a tag without its link: registries list it and answer 404", "remove the tag, or push it")
            return
        link = yield from self._link(key, None)
        if link is None:
            return
        if link.digest not in self._revisions:
            yield Flaw(key, f"the tag names a manifest the repository does not link: {link.digest}")
        if link.digest not in found.remembered:
            index = paths.tag_index(self._name, tag, link.digest)
            yield Flaw(index, "the tag does not remember what it names", is_harmless=True)


def _told(error: NotFound | IntegrityError) -> str:
    return f"{error.message}: {error.cause}" if error.cause else error.message
