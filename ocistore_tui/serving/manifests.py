"""Manifests, by tag and by digest (distribution-spec, "Pulling manifests")."""

from __future__ import annotations

from ocistore_tui.errors import NotFound, StoreMissing
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Index, Manifest
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.message import Request, Response
from ocistore_tui.serving.problem import Problem
from ocistore_tui.serving.routes import Route, tag_or_digest


def read_manifest(context: Context, request: Request, route: Route) -> Response:
    """GET and HEAD of a manifest, in the exact bytes it was stored with, whatever ``Accept`` says.

    Raises:
        Problem: there is no such manifest.
    """
    repository = context.repository(route.repository)
    digest, found = find_manifest(repository, route.reference)
    etag = f'"{digest}"'
    headers = {"Content-Type": found.media_type, "Docker-Content-Digest": digest, "ETag": etag}
    if etag in request.header("if-none-match"):
        return Response(304, headers)
    return Response(200, headers, found.raw)


def find_manifest(repository: Repository, reference: str) -> tuple[Digest, Manifest | Index]:
    """A manifest by tag or digest, and what it is called.

    Raises:
        Problem: there is none.
    """
    unknown = Problem(404, "MANIFEST_UNKNOWN", "the repository has no such manifest")
    try:
        named = tag_or_digest(reference)
    except Problem as problem:
        raise unknown if ":" not in reference else problem from None
    try:
        digest = named if isinstance(named, Digest) else repository.read_tag(named).digest
        return digest, repository.read_manifest(digest)
    except StoreMissing:
        raise
    except NotFound as error:
        raise unknown from error
