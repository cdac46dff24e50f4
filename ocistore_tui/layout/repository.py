"""One repository: its tags, manifests and links."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from ocistore_tui.backends.base import ObjectStore, checked_chunks
from ocistore_tui.errors import (
    IntegrityError,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    Refused,
    StoreMissing,
    UsageError,
)
from ocistore_tui.layout import paths
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.layout.link import MAX_LINK_BYTES, Link, decode_link, encode_link
from ocistore_tui.layout.looking import own_dirs
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES, Index, Manifest, parse_manifest
from ocistore_tui.model.reference import is_repository, is_tag


class TagLink(Struct, frozen=True):
    """What a tag names."""

    tag: str
    digest: Digest
    token: str
    flaws: tuple[str, ...] = ()


class Whatever(Enum):
    """Says that a tag may name whatever it does."""

    ANY = "any"


class Repository:
    """A repository of a store, whether or not it exists yet. Reading tolerates any name, writing only valid ones."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._blobs = Blobs(store)
        self.name = name

    def exists(self) -> bool:
        """Whether anything of it is there, as either generation of registries sees it (layout.md §5)."""
        if self.name.startswith("_") or "/_" in self.name:
            return False
        own = own_dirs(self._store, f"{paths.REPOSITORIES}{self.name}/")
        return any(name in ("_layers", "_manifests") for name in own)

    def tag_names(self, *, start_after: str | None = None) -> Iterator[str]:
        """Names below ``tags/`` in byte order, lazily; some of them may be broken."""
        return self._store.list_dirs(paths.tags_dir(self.name), start_after=start_after)

    def read_tag(self, tag: str) -> TagLink:
        """What a tag names.

        Raises:
            NotFound: no such tag, or a tag without its link.
            StoreMissing: no such store.
            IntegrityError: its link is damaged.
        """
        where = f"{self.name}:{tag}"
        try:
            link = self._read_link(paths.tag_current(self.name, tag), where=where)
        except StoreMissing:
            raise
        except NotFound as error:
            raise NotFound(
                "no such tag",
                where=f"{self._store.url}: {where}",
                cause=error.cause,
                fix=f"list the tags of {self.name}",
            ) from error
        return TagLink(tag, link.digest, link.token, link.flaws)

    def tag_modified(self, tag: str) -> float | None:
        """When the tag was last moved, seconds since 1970, UTC; None when it is not there."""
        entry = self._store.head(paths.tag_current(self.name, tag))
        return entry.modified if entry else None

    def read_manifest(self, digest: Digest) -> Manifest | Index:
        """A manifest of this repository, verified; see `read_revision`."""
        return self.read_revision(digest)[0]

    def read_revision(self, digest: Digest) -> tuple[Manifest | Index, tuple[str, ...]]:
        """A manifest of this repository, verified, and what a registry would stumble over in its link.

        A link may lead to another algorithm's name of the same bytes, never to other bytes.

        Raises:
            NotFound: the repository does not link it, or its blob is missing.
            StoreMissing: no such store.
            IntegrityError: link or blob is damaged.
        """
        where = f"{self.name}@{digest}"
        try:
            link = self._read_link(paths.revision_link(self.name, digest), where=where)
        except StoreMissing:
            raise
        except NotFound as error:
            raise NotFound(
                "no such manifest in this repository",
                where=f"{self._store.url}: {where}",
                cause="the repository does not link it",
                fix="list the tags; a tag whose manifest is gone is repaired by pushing it again",
            ) from error
        raw = self._blobs.read(link.digest, max_bytes=MAX_MANIFEST_BYTES)
        if link.digest != digest:
            for _ in checked_chunks([raw], size_bytes=len(raw), digest=digest, where=where):
                pass
        return parse_manifest(raw, where=where), link.flaws

    def has_layer_link(self, digest: Digest) -> bool:
        """Whether this repository may serve the blob."""
        return self._links_to(paths.layer_link(self.name, digest), digest)

    def resolve_layer(self, digest: Digest) -> Digest:
        """The name under which the store keeps a blob of this repository: mostly ``digest`` itself.

        A link may lead to another algorithm's name of the same bytes (layout.md §1); whoever reads them has to check.

        Raises:
            NotFound: the repository does not link it.
            StoreMissing: no such store.
            IntegrityError: its link is damaged.
        """
        return self._read_link(paths.layer_link(self.name, digest), where=f"{self.name}@{digest}").digest

    def has_revision(self, digest: Digest) -> bool:
        """Whether this repository holds the manifest."""
        return self._links_to(paths.revision_link(self.name, digest), digest)

    def link_layer(self, digest: Digest) -> None:
        """Let this repository serve the blob; writes nothing when it may already."""
        self._link(paths.layer_link(self.name, digest), digest)

    def link_revision(self, digest: Digest) -> None:
        """Let this repository serve the manifest; writes nothing when it may already."""
        self._link(paths.revision_link(self.name, digest), digest)

    def unlink_layer(self, digest: Digest) -> None:
        """Let this repository no longer serve the blob, whose bytes stay; one that it does not serve is fine."""
        self._raise_first(self._store.delete([paths.layer_link(self.name, digest)]))

    def unlink_revision(self, digest: Digest) -> None:
        """Let this repository no longer serve the manifest; tags that name it have to go first (layout.md §11)."""
        self._raise_first(self._store.delete([paths.revision_link(self.name, digest)]))

    def put_manifest(self, raw: bytes, digest: Digest | None = None) -> Digest:
        """Store the exact bytes of a manifest; linking it is another step.

        Args:
            raw: Its bytes.
            digest: Its name, which the caller has checked; None: its SHA-256.

        Raises:
            IntegrityError: it is none that registries can hold.
        """
        parse_manifest(raw, where=self.name)
        return self._blobs.put(raw, digest)

    def set_tag(self, tag: str, digest: Digest, *, expected: TagLink | Whatever | None = Whatever.ANY) -> None:
        """Let a tag name a manifest: its ``current`` link, which is the commit point, then the memory of it.

        Args:
            tag: The tag.
            digest: A manifest that is already linked.
            expected: What the tag has to name still: a link read before, None for "it must be new", or anything.

        Raises:
            UsageError: no valid repository or tag name.
            Refused: the tag names something else by now; it is untouched.
        """
        self._check_names(tag)
        key, data = paths.tag_current(self.name, tag), encode_link(digest)
        try:
            if isinstance(expected, TagLink):
                self._store.put(key, data, if_token=expected.token)
            else:
                self._store.put(key, data, if_absent=expected is None)
        except PreconditionFailed as error:
            raise self._moved(tag, expected) from error
        self._link(paths.tag_index(self.name, tag, digest), digest)

    def remembers(self, tag: str, digest: Digest) -> bool:
        """Whether the tag's timeline knows the manifest; a push killed right behind the commit point left it out."""
        return self._links_to(paths.tag_index(self.name, tag, digest), digest)

    def delete_tag(self, tag: str, *, expected: TagLink | None = None) -> None:
        """Remove a tag; its link goes last, so that an interrupted removal leaves a working tag (layout.md §11).

        Everything below the tag goes, also of a broken one. A tag that is not there is fine.

        Raises:
            UsageError: no name a tag can have in a store.
            Refused: ``expected`` was given and the tag names something else by now; it is untouched.
        """
        if tag in ("", ".", "..") or "/" in tag:
            raise UsageError("invalid tag", where=tag[:300], fix="list the tags")
        current = paths.tag_current(self.name, tag)
        if expected is not None:
            there = self._store.head(current)
            if there is not None and there.token != expected.token:
                raise self._moved(tag, expected)
        below = [entry.key for entry in self._store.list_entries(paths.tag_dir(self.name, tag))]
        self._raise_first(self._store.delete([key for key in below if key != current]))
        try:
            self._raise_first(self._store.delete([current], if_token=expected.token if expected else None))
        except PreconditionFailed as error:
            raise self._moved(tag, expected) from error

    def timeline(self, tag: str) -> list[tuple[Digest, float | None]]:
        """Every digest the tag ever named and when it first did, newest first."""
        moves: list[tuple[Digest, float | None]] = []
        for entry in self._store.list_entries(paths.tag_index_dir(self.name, tag)):
            parsed = paths.parse(entry.key)
            if parsed is not None and parsed.digest is not None:
                moves.append((parsed.digest, entry.modified))
        return sorted(moves, key=lambda move: move[1] or 0.0, reverse=True)

    def revisions(self) -> Iterator[Digest]:
        """Manifests the repository links, tagged or not."""
        return self._linked_below(paths.revisions_dir(self.name))

    def layers(self) -> Iterator[Digest]:
        """Blobs the repository links."""
        return self._linked_below(paths.layers_dir(self.name))

    def _linked_below(self, prefix: str) -> Iterator[Digest]:
        for entry in self._store.list_entries(prefix):
            parsed = paths.parse(entry.key)
            if parsed is not None and parsed.digest is not None:
                yield parsed.digest

    def _read_link(self, key: str, *, where: str) -> Link:
        raw, token = self._store.get(key, max_bytes=MAX_LINK_BYTES)
        return decode_link(raw, token, where=where)

    def _links_to(self, key: str, digest: Digest) -> bool:
        # No dearer than a HEAD, and a damaged link is written again whatever its size.
        try:
            return self._store.get(key, max_bytes=MAX_LINK_BYTES)[0] == encode_link(digest)
        except StoreMissing:
            raise
        except (NotFound, IntegrityError):
            return False

    def _link(self, key: str, digest: Digest) -> None:
        self._check_names()
        if not self._links_to(key, digest):
            self._store.put(key, encode_link(digest))

    def _check_names(self, tag: str | None = None) -> None:
        if not is_repository(self.name):
            raise UsageError(
                "invalid repository name", where=self.name[:300], fix="use lower-case letters, digits, . _ - and /"
            )
        if tag is not None and not is_tag(tag):
            raise UsageError("invalid tag", where=tag[:300], fix="use up to 128 letters, digits, _ . and -")

    def _moved(self, tag: str, expected: TagLink | Whatever | None) -> Refused:
        before = expected.digest if isinstance(expected, TagLink) else "nothing"
        try:
            cause = f"it named {before} then and names {self.read_tag(tag).digest} now"
        except OciStoreError:
            cause = f"it named {before} then and is gone or damaged now"
        return Refused(
            "the tag moved since the plan was made",
            where=f"{self.name}:{tag}",
            cause=cause,
            fix="look at what was pushed meanwhile, then try again",
        )

    @staticmethod
    def _raise_first(errors: list[tuple[str, OciStoreError]]) -> None:
        for _, error in errors:
            raise error
