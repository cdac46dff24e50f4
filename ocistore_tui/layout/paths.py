"""Every key of the registry's storage layout, and its inverse (distribution, registry/storage/paths.go; layout.md §1).

::

    docker/registry/v2/
    ├── blobs/<alg>/<hex[0:2]>/<hex>/data                      layers, configs, manifests
    └── repositories/<name>/
        ├── _layers/<alg>/<hex>/link                            the repository may read this blob
        ├── _manifests/revisions/<alg>/<hex>/link               the repository holds this manifest
        ├── _manifests/tags/<tag>/current/link                  what the tag names
        ├── _manifests/tags/<tag>/index/<alg>/<hex>/link        every digest the tag ever named
        └── _uploads/<uuid>/…                                     a registry's unfinished uploads; never written here

A link holds the bare digest text, no newline. Its content may differ from its path; readers follow the content.
"""

from __future__ import annotations

import re
from enum import Enum

from msgspec import Struct

from ocistore_tui.model.digest import Digest

ROOT = "docker/registry/v2/"
BLOBS = ROOT + "blobs/"
REPOSITORIES = ROOT + "repositories/"


class Kind(Enum):
    """What a key is."""

    BLOB = "blob"
    LAYER_LINK = "layer link"
    REVISION_LINK = "revision link"
    TAG_CURRENT = "tag current link"
    TAG_INDEX = "tag index link"
    UPLOAD = "upload"


class ParsedKey(Struct, frozen=True):
    """A key of the layout, taken apart."""

    kind: Kind
    repository: str = ""
    tag: str = ""
    digest: Digest | None = None


def blob(digest: Digest) -> str:
    """Where a blob's bytes are."""
    return f"{BLOBS}{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}/data"


def layers_dir(repository: str) -> str:
    """Above all layer links of a repository."""
    return f"{REPOSITORIES}{repository}/_layers/"


def layer_link(repository: str, digest: Digest) -> str:
    """The link that lets a repository serve a blob."""
    return f"{layers_dir(repository)}{digest.algorithm}/{digest.encoded}/link"


def manifests_dir(repository: str) -> str:
    """Above revisions and tags of a repository."""
    return f"{REPOSITORIES}{repository}/_manifests/"


def revisions_dir(repository: str) -> str:
    """Above all revision links of a repository."""
    return f"{manifests_dir(repository)}revisions/"


def revision_link(repository: str, digest: Digest) -> str:
    """The link that lets a repository serve a manifest."""
    return f"{revisions_dir(repository)}{digest.algorithm}/{digest.encoded}/link"


def tags_dir(repository: str) -> str:
    """Above all tags of a repository."""
    return f"{manifests_dir(repository)}tags/"


def tag_dir(repository: str, tag: str) -> str:
    """Above everything of one tag."""
    return f"{tags_dir(repository)}{tag}/"


def tag_current(repository: str, tag: str) -> str:
    """The link a tag is: the commit point of a push."""
    return f"{tag_dir(repository, tag)}current/link"


def tag_index_dir(repository: str, tag: str) -> str:
    """Above the links of all digests a tag ever named."""
    return f"{tag_dir(repository, tag)}index/"


def tag_index(repository: str, tag: str, digest: Digest) -> str:
    """The link that remembers that a tag named a digest."""
    return f"{tag_index_dir(repository, tag)}{digest.algorithm}/{digest.encoded}/link"


_DIGEST = r"(?P<alg>sha256|sha384|sha512)/(?P<hex>[0-9a-f]+)"
_BLOB = re.compile(r"(?P<alg>sha256|sha384|sha512)/(?P<two>[0-9a-f]{2})/(?P<hex>[0-9a-f]+)/data\Z")
_IN_REPOSITORY = re.compile(
    rf"(?P<name>(?s:.+?))/(?:_layers/(?P<layer>{_DIGEST})/link|_uploads/[^/]+/(?s:.+)|_manifests/(?:"
    rf"revisions/(?P<revision>{_DIGEST.replace('alg', 'alg2').replace('hex', 'hex2')})/link"
    rf"|tags/(?P<tag>[^/]+)/(?:(?P<current>current)"
    rf"|index/(?P<index>{_DIGEST.replace('alg', 'alg3').replace('hex', 'hex3')}))/link))\Z"
)


def parse(key: str) -> ParsedKey | None:
    """What a key is; None for anything that is not of the layout."""
    if key.startswith(BLOBS):
        found = _BLOB.match(key[len(BLOBS) :])
        digest = found and _digest(found["alg"], found["hex"])
        if found is None or digest is None or not digest.encoded.startswith(found["two"]):
            return None
        return ParsedKey(Kind.BLOB, digest=digest)
    if not key.startswith(REPOSITORIES):
        return None
    found = _IN_REPOSITORY.match(key[len(REPOSITORIES) :])
    # Registries pass over directories that begin with "_", and so does whoever walks names.
    if found is None or any(not part or part.startswith("_") for part in found["name"].split("/")):
        return None
    name, tag = found["name"], found["tag"] or ""
    if found["layer"]:
        return _linked(Kind.LAYER_LINK, name, "", found["alg"], found["hex"])
    if found["revision"]:
        return _linked(Kind.REVISION_LINK, name, "", found["alg2"], found["hex2"])
    if found["index"]:
        return _linked(Kind.TAG_INDEX, name, tag, found["alg3"], found["hex3"])
    return ParsedKey(Kind.TAG_CURRENT if found["current"] else Kind.UPLOAD, name, tag)


def _linked(kind: Kind, name: str, tag: str, algorithm: str, encoded: str) -> ParsedKey | None:
    digest = _digest(algorithm, encoded)
    return ParsedKey(kind, name, tag, digest) if digest else None


def _digest(algorithm: str, encoded: str) -> Digest | None:
    try:
        return Digest.parse(f"{algorithm}:{encoded}")
    except ValueError:
        return None
