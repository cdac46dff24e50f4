"""Which thing a path means (distribution-spec, "Endpoints"); what is no valid name never gets near a key."""

from __future__ import annotations

import re
from enum import Enum

from msgspec import Struct

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.reference import MAX_REPOSITORY_CHARS, is_repository, is_tag
from ocistore_tui.serving.problem import Problem


class Kind(Enum):
    """What a path is about."""

    VERSION = "version"
    CATALOG = "catalog"
    BLOB = "blob"
    UPLOADS = "uploads"
    UPLOAD = "upload"
    MANIFEST = "manifest"
    TAGS = "tags"
    REFERRERS = "referrers"


METHODS = {
    Kind.VERSION: ("GET", "HEAD"),
    Kind.CATALOG: ("GET", "HEAD"),
    Kind.BLOB: ("GET", "HEAD", "DELETE"),
    Kind.UPLOADS: ("POST",),
    Kind.UPLOAD: ("GET", "HEAD", "PATCH", "PUT", "DELETE"),
    Kind.MANIFEST: ("GET", "HEAD", "PUT", "DELETE"),
    Kind.TAGS: ("GET", "HEAD"),
    Kind.REFERRERS: ("GET", "HEAD"),
}
_ROUTE = re.compile(
    r"/v2/(?P<name>.+)/(?:(?P<uploads>blobs/uploads/?)|blobs/uploads/(?P<upload>[^/]+)|blobs/(?P<blob>[^/]+)"
    r"|manifests/(?P<manifest>[^/]+)|(?P<tags>tags/list)|referrers/(?P<referrers>[^/]+))\Z"
)
_LONGEST_REFERENCE = 160


class Route(Struct, frozen=True):
    """A path taken apart."""

    kind: Kind
    repository: str = ""
    reference: str = ""
    """The digest, tag or upload, as written."""

    @property
    def digest(self) -> Digest:
        """The reference, which has to be a digest.

        Raises:
            Problem: it is none.
        """
        return digest_of(self.reference)


def route_of(path: str, *, prefix: str = "") -> Route:
    """What ``path`` means.

    Args:
        path: Decoded.
        prefix: What every repository's name begins with here, with a slash at its end, and in the store does not.

    Raises:
        Problem: nothing, or a repository that cannot be.
    """
    if path in ("/v2", "/v2/"):
        return Route(Kind.VERSION)
    if path == f"/v2/{prefix}_catalog":
        return Route(Kind.CATALOG)
    found = _ROUTE.match(path)
    if found is None or not found["name"].startswith(prefix):
        raise Problem(404, "UNSUPPORTED", "there is nothing at this path")
    name = found["name"][len(prefix) :]
    if not is_repository(name):
        allowed = f"up to {MAX_REPOSITORY_CHARS} lower-case letters, digits and single . _ - between them"
        raise Problem(400, "NAME_INVALID", f"not a repository's name; it is {allowed}, parts joined by /")
    if found["uploads"]:
        return Route(Kind.UPLOADS, name)
    if found["tags"]:
        return Route(Kind.TAGS, name)
    for kind in (Kind.UPLOAD, Kind.BLOB, Kind.MANIFEST, Kind.REFERRERS):
        if reference := found[kind.value]:
            return Route(kind, name, reference)
    raise AssertionError(path)


def digest_of(text: str) -> Digest:
    """A digest as a client writes it.

    Raises:
        Problem: it is none.
    """
    try:
        return Digest.parse(text)
    except ValueError as error:
        raise Problem(400, "DIGEST_INVALID", "not a digest; it is sha256: and 64 lower-case hex digits") from error


def tag_or_digest(reference: str) -> str | Digest:
    """What a manifest is asked for by.

    Raises:
        Problem: it is neither; nothing can be stored under it.
    """
    if ":" in reference:
        return digest_of(reference)
    if not is_tag(reference):
        message = f"not a tag: {reference[:_LONGEST_REFERENCE]!r}; it is up to 128 letters, digits, _ . and -"
        raise Problem(400, "MANIFEST_INVALID", message)
    return reference
