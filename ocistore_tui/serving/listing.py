"""What there is: tags, repositories, referrers (distribution-spec, "Content Discovery")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import quote

from ocistore_tui.errors import NotFound, StoreMissing
from ocistore_tui.layout.catalog import repositories
from ocistore_tui.layout.referrers import list_referrers
from ocistore_tui.model import media_types
from ocistore_tui.model.manifest import build_index
from ocistore_tui.model.reference import is_repository, is_tag
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.message import Request, Response
from ocistore_tui.serving.problem import Problem, json_response
from ocistore_tui.serving.routes import Route

_CATALOG_PAGE = 1000
"""Repositories in one answer where the client does not say how many; finding them costs requests to the store."""


def list_tags(context: Context, request: Request, route: Route) -> Response:
    """A page of a repository's tags in byte order.

    Raises:
        Problem: there is no such repository.
    """
    wanted, last = _page(request, context.rules.max_page, context.rules.max_page)
    repository = context.repository(route.repository)
    names = (name for name in repository.tag_names(start_after=last) if is_tag(name))
    tags, has_more = _take(names, wanted)
    if not tags and not repository.exists():
        raise Problem(404, "NAME_UNKNOWN", "no such repository")
    path = context.path(route.repository, "tags/list")
    return json_response({"name": f"{context.prefix}{route.repository}", "tags": tags},
                         headers=_link(path, wanted, tags, has_more))  # fmt: skip


def list_repositories(context: Context, request: Request, route: Route) -> Response:
    """A page of the catalog (distribution, "Listing Repositories"), component by component in byte order."""
    del route
    wanted, last = _page(request, _CATALOG_PAGE, context.rules.max_page)
    last = last.removeprefix(context.prefix) if last else None
    if last and not is_repository(last):
        raise Problem(400, "NAME_INVALID", "last is no repository's name")
    found = (entry.name for entry in repositories(context.store, start_after=last) if entry.valid)
    try:
        names, has_more = _take(found, wanted)
    except StoreMissing:
        raise
    except NotFound:  # a directory that the first push is to make
        names, has_more = [], False
    path = f"/v2/{context.prefix}_catalog"
    return json_response({"repositories": [f"{context.prefix}{name}" for name in names]},
                         headers=_link(path, wanted, names, has_more))  # fmt: skip


def list_attached(context: Context, request: Request, route: Route) -> Response:
    """What refers to a manifest, as an index; what is listed under the fallback tag counts when it really does."""
    wanted_type = request.first("artifactType")
    found = list_referrers(context.repository(route.repository), route.digest, each=context.each)
    headers = {"Content-Type": media_types.OCI_INDEX}
    if wanted_type is not None:
        found = tuple(one for one in found if one.artifact_type == wanted_type)
        headers["OCI-Filters-Applied"] = "artifactType"
    return Response(200, headers, build_index(found))


def _take(names: Iterator[str], wanted: int) -> tuple[list[str], bool]:
    """Up to ``wanted`` names, and whether there are more; none where none are wanted."""
    if not wanted:
        return [], False
    taken = list(islice(names, wanted + 1))
    return taken[:wanted], len(taken) > wanted


def _page(request: Request, usual: int, most: int) -> tuple[int, str | None]:
    """How many names are wanted, and after which one."""
    text = request.first("n")
    if text is None:
        return usual, request.first("last") or None
    if not (text.isascii() and text.isdigit()):
        raise Problem(400, "UNSUPPORTED", "n is not a number of names")
    return min(int(text[:9]), most), request.first("last") or None


def _link(path: str, wanted: int, names: Iterable[str], has_more: bool) -> dict[str, str]:
    """Where the next page is (RFC 5988)."""
    if not has_more:
        return {}
    *_, last = names
    return {"Link": f'<{path}?n={wanted}&last={quote(last, safe="")}>; rel="next"'}
