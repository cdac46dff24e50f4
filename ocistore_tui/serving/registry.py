"""A registry over a store: one request in, one answer out, whatever server carries them."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TypeAlias

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.errors import IntegrityError, OciStoreError
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.serving.access import Access, Anyone
from ocistore_tui.serving.blobs import delete_blob, read_blob
from ocistore_tui.serving.context import Context
from ocistore_tui.serving.listing import list_attached, list_repositories, list_tags
from ocistore_tui.serving.manifests import read_manifest
from ocistore_tui.serving.message import Request, Response
from ocistore_tui.serving.problem import Problem, json_response, problem_of
from ocistore_tui.serving.publish import delete_manifest, write_manifest
from ocistore_tui.serving.routes import METHODS, Kind, Route, route_of
from ocistore_tui.serving.rules import Listener, Rules
from ocistore_tui.serving.uploads import add_chunk, begin_upload, cancel_upload, finish_upload, look_at_upload

_Work: TypeAlias = Callable[[Context, Request, Route], Response]


def _version(context: Context, request: Request, route: Route) -> Response:
    del context, request, route
    return json_response({})


_READS: dict[Kind, _Work] = {
    Kind.VERSION: _version,
    Kind.CATALOG: list_repositories,
    Kind.BLOB: read_blob,
    Kind.MANIFEST: read_manifest,
    Kind.TAGS: list_tags,
    Kind.REFERRERS: list_attached,
}
_WRITES: dict[tuple[Kind, str], _Work] = {
    (Kind.UPLOADS, "POST"): begin_upload,
    (Kind.UPLOAD, "GET"): look_at_upload,
    (Kind.UPLOAD, "HEAD"): look_at_upload,
    (Kind.UPLOAD, "PATCH"): add_chunk,
    (Kind.UPLOAD, "PUT"): finish_upload,
    (Kind.UPLOAD, "DELETE"): cancel_upload,
    (Kind.MANIFEST, "PUT"): write_manifest,
}
_DELETES: dict[Kind, _Work] = {Kind.BLOB: delete_blob, Kind.MANIFEST: delete_manifest}
_ALWAYS = {"Docker-Distribution-Api-Version": "registry/2.0", "X-Content-Type-Options": "nosniff"}


class Registry:
    """The OCI distribution API 1.1 over one store.

    Any thread may call `answer`; each call does its work in the caller's thread.

    Args:
        store: Where everything is; stays the caller's.
        rules: What clients may do; by default only read.
        access: Who they have to be.
        prefix: Path components that every repository's name begins with for clients, and not in the store. One that
            cannot be guessed keeps everybody else out.
        listener: Hears of blobs and tags as they come and go.
        blobs: The blobs of the store, from an owner who knows of damage among them: what is damaged is not there for
            a client that would push it.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        rules: Rules | None = None,
        access: Access | None = None,
        prefix: str = "",
        listener: Listener | None = None,
        blobs: Blobs | None = None,
    ) -> None:
        self.access = access or Anyone()
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._context = Context(store, rules or Rules(), listener, self._prefix, blobs or Blobs(store))

    @property
    def rules(self) -> Rules:
        """What clients may do."""
        return self._context.rules

    def answer(self, request: Request) -> Response:
        """The answer to a request that was admitted; a refusal is an answer, too.

        Raises:
            BodyBroken: the client went away before the request was whole.
        """
        try:
            response = self._work(request)
        except Problem as problem:
            response = problem.response()
        except OciStoreError as error:
            response = self._problem_of(error, request).response()
            if response.status >= 500 or isinstance(error, IntegrityError):
                response.trouble = f"{error}: {error.cause}" if error.cause else str(error)
        response.headers |= _ALWAYS
        return response

    def tidy(self) -> int:
        """Forget uploads that nobody goes on with; how many are under way then. To be called now and then."""
        return self._context.sessions.tidy()

    def cut_off(self) -> None:
        """Let uploads that are on their way into the store come to nothing, soon."""
        self._context.is_cut_off.set()

    def close(self) -> None:
        """Forget all uploads under way, and let the threads end."""
        self._context.close()

    def _work(self, request: Request) -> Response:
        route = route_of(self._without_secret(request.path), prefix=self._prefix)
        allowed = METHODS[route.kind]
        if request.method not in allowed:
            raise _not_allowed(f"{request.method} does nothing here", allowed)
        work = self._choose(route.kind, request.method)
        return work(self._context, request, route)

    def _choose(self, kind: Kind, method: str) -> _Work:
        rules = self._context.rules
        if method in ("GET", "HEAD") and kind in _READS:
            return _READS[kind]
        if not rules.can_write:
            raise _not_allowed("this registry is read only", ("GET", "HEAD"))
        if method == "DELETE" and kind in _DELETES:
            if not rules.can_delete:
                raise _not_allowed("deleting is not allowed here", ("GET", "HEAD", "PUT", "POST", "PATCH"))
            return _DELETES[kind]
        return _WRITES[kind, method]

    def _problem_of(self, error: OciStoreError, request: Request) -> Problem:
        """What an error means to a client; who asks by HEAD what need not be pushed is to push what is damaged."""
        if isinstance(error, IntegrityError) and request.method == "HEAD" and self.rules.can_write:
            return Problem(404, "UNKNOWN", error.message)
        return problem_of(error)

    def _without_secret(self, path: str) -> str:
        """``path``, unless it begins with something else than the prefix, which is compared without telling."""
        begin = f"/v2/{self._prefix}"
        given = path[: len(begin)]
        if self._prefix and path not in ("/v2", "/v2/") and not hmac.compare_digest(given.encode(), begin.encode()):
            raise Problem(404, "NAME_UNKNOWN", "no such repository")
        return path


def _not_allowed(message: str, allowed: tuple[str, ...]) -> Problem:
    return Problem(405, "UNSUPPORTED", message, headers={"Allow": ", ".join(allowed)})
