"""What each verb does: ask the Service, say the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ocistore_tui.cli import documents, render
from ocistore_tui.cli.fixes import spell_out, typed_options
from ocistore_tui.cli.interrupt import Interrupted, run_interruptible
from ocistore_tui.cli.options import globals_of
from ocistore_tui.cli.output import Output
from ocistore_tui.cli.place import make_place, split_target
from ocistore_tui.cli.style import screen_width
from ocistore_tui.cli.words import INVALID_NAME
from ocistore_tui.config import Connection, config_path
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import NotFound, OciStoreError, Refused, UsageError
from ocistore_tui.model.listing import RepositoryRow
from ocistore_tui.model.plan import PullPlan, PullRequest, PullResult, PushPlan, PushRequest, PushResult
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.text import inert

if TYPE_CHECKING:
    from ocistore_tui.wiring.serve import ServeOptions

_Result = TypeVar("_Result", PushResult, PullResult)


class Run:
    """One verb on one place.

    Args:
        context: The command as parsed.
        backend: ``s3``, ``gcs``, ``azure`` or ``fs``.
        connection: The saved connection, when one was named.
        target: The target as typed; may be empty where a list of everything is meant.
    """

    def __init__(self, context: click.Context, backend: str, connection: Connection | None, target: str) -> None:
        self.output: Output = globals_of(context).output()
        self._progress = globals_of(context).progress
        self._context, self._backend, self._connection = context, backend, connection
        self._bucket, self.rest = split_target(backend, target, connection) if target else ("", "")
        self._is_embedded = False
        if not target and backend != "fs" and connection is None:
            raise UsageError("no bucket given", fix=f"write oci-store {backend} {context.info_name} BUCKET")

    @contextmanager
    def service(self) -> Iterator[Service]:
        """The opened place."""
        from ocistore_tui.wiring import open_service

        place = make_place(self._context, self._backend, self._bucket, self._connection, self.output)
        self._is_embedded = place.is_embedded
        service = open_service(place)
        try:
            self.output.detail(f"store: {inert(service.store_url, limit=300)}")
            yield service
        except Interrupted:
            # Closing waits for threads, and one may be stuck in a socket: the program ends without them.
            raise
        except BaseException as error:
            service.close()
            if isinstance(error, OciStoreError):
                store = f"@{self._connection.name}" if self._connection else self._backend
                options = typed_options(self._context, self._backend)
                spell_out(error, store, self._bucket, _repository_of(self.rest), options)
            raise
        else:
            service.close()

    def name(self, reference: object) -> str:
        """A reference with its bucket, as it is typed."""
        return f"{self._bucket}/{reference}" if self._bucket else str(reference)

    def push(self, *, image: str | None, platform: str | None, all_platforms: bool, via: str, dry_run: bool) -> None:
        """A local image into the store."""
        request = PushRequest(
            _image_reference(self.rest), _image(image), _platform(platform, all_platforms), all_platforms, via
        )
        if request.target.digest is not None:
            raise UsageError("push takes a tag, not a digest", where=self.rest, fix="write REPOSITORY:TAG")
        if self._opens_screen(request, dry_run):
            return
        if not dry_run:
            self._check_not_read_only()
        with self.service() as service:
            plan = service.plan_push(request)
            shown = self.name(plan.reference)
            if dry_run:
                self._show_plan(documents.push_plan(plan, shown), render.push_plan(plan, shown))
                return
            result = self._move(
                service.push,
                plan,
                render.push_outline(plan),
                render.push_summary,
                kept="no tag was changed; what is sent already is kept, run the same command again to go on",
            )
            self.output.document("push", documents.pushed(result, shown))
            self.output.result(f"{shown}@{result.digest}")

    def pull(self, *, image: str | None, platform: str | None, all_platforms: bool, via: str, dry_run: bool) -> None:
        """A stored image to a daemon or an archive."""
        request = PullRequest(
            _image_reference(self.rest), _image(image), _platform(platform, all_platforms), all_platforms, via
        )
        if self._opens_screen(request, dry_run):
            return
        with self.service() as service:
            plan = service.plan_pull(request)
            shown = self.name(plan.reference)
            if dry_run:
                self._show_plan(documents.pull_plan(plan, shown), render.pull_plan(plan, shown))
                return
            result = self._move(
                service.pull,
                plan,
                render.pull_outline(plan),
                render.pull_summary,
                kept=f"{inert(plan.image, limit=120)} means what it meant before",
            )
            self.output.document("pull", documents.pulled(result))
            self.output.result(f"{inert(result.image)} {result.image_id}")

    def _opens_screen(self, request: PushRequest | PullRequest, dry_run: bool) -> bool:
        """Show the plan in the terminal UI instead, where there is one and nothing was said of output."""
        state = globals_of(self._context)
        if dry_run or not state.wants_screen:
            return False
        from ocistore_tui.cli.door import open_transfer

        place = make_place(self._context, self._backend, self._bucket, self._connection, self.output)
        open_transfer(state, place, self._connection, request)
        return True

    def _show_plan(self, document: dict[str, Any], lines: Iterable[str]) -> None:
        self.output.document("plan", document)
        for line in lines:
            self.output.result(line)

    def _move(
        self,
        move: Callable[..., _Result],
        plan: PushPlan | PullPlan,
        outline: str,
        summary: Callable[[_Result], str],
        *,
        kept: str,
    ) -> _Result:
        """Do what the plan says, and tell it while it goes on and when it is done."""
        from ocistore_tui.cli.progress import choose_display  # lists and inspections do without

        display = choose_display(self._progress, self.output)
        display.plan(outline)
        self.output.detail(render.way(plan.way))
        result = run_interruptible(
            lambda cancel: move(plan, on_progress=display.show, cancel=cancel),
            tick=display.tick,
            done=display.close,
            kept=kept,
        )
        self.output.say(summary(result))
        if result.via != plan.way.via:
            self.output.detail(render.other_way(result.via))
        return result

    def ls(self) -> None:
        """Repositories of a store, or tags of a repository."""
        with self.service() as service:
            if not self.rest:
                self._repositories(service)
            else:
                self._tags(service)

    def inspect(self, *, platform: str | None) -> None:
        """Manifest, config, history and layers of one reference."""
        reference = _image_reference(self.rest)
        with self.service() as service:
            found = service.inspect(reference, platform=_platform(platform))
            shown = self.name(reference)
            self.output.document(found.kind, documents.inspection(found, shown))
            for line in render.inspection(found, shown, width=screen_width()):
                self.output.result(line)

    def serve(self, options: ServeOptions) -> None:
        """The store as a registry, until a signal comes."""
        from ocistore_tui.cli.serve import serve

        if self.rest:
            raise UsageError(
                "serve takes a whole store", where=self.name(self.rest), fix="leave the repository out of the target"
            )
        if options.can_write:
            self._check_not_read_only()
        place = make_place(self._context, self._backend, self._bucket, self._connection, self.output)
        try:
            serve(self.output, place, options)
        except OciStoreError as error:
            spell_out(error, f"@{self._connection.name}" if self._connection else self._backend, self._bucket, "")
            raise

    def _check_not_read_only(self) -> None:
        if self._connection is not None and self._connection.settings.get("mode") == "read-only":
            raise Refused(
                "this saved connection is read only",
                where=f"@{self._connection.name}",
                fix=f'write mode = "add-only" in {config_path()}, or name the store itself',
            )

    def _repositories(self, service: Service) -> None:
        rows: list[RepositoryRow] = []
        try:
            for row in service.repositories():
                rows.append(row)
                flaw = "" if row.is_valid else f"  ! {INVALID_NAME}"
                self.output.result(f"{inert(row.name, limit=300)}{flaw}")
        except NotFound:
            # Before its first push the embedded store is empty, not missing: nobody mistyped anything.
            if not self._is_embedded:
                raise
        if not rows:
            self.output.say(f"no repositories yet in {inert(service.store_url, limit=300)}")
            if not self._is_embedded and service.is_image_layout():
                self.output.say("it is an OCI image layout, not a store: push from it with --image oci:DIR[:TAG]")
        self.output.document("repositories", {"repositories": [documents.repository(row) for row in rows]})

    def _tags(self, service: Service) -> None:
        repository = self.rest.rstrip("/")
        if ":" in repository or "@" in repository:
            raise UsageError(
                "ls takes a repository, not an image",
                where=self.name(repository),
                fix="leave the tag out, or write inspect",
            )
        if not {"", ".", ".."}.isdisjoint(repository.split("/")):
            raise UsageError(
                "invalid repository name", where=self.name(repository), fix="write names joined by single slashes"
            )
        rows = list(service.tags(repository))
        self.output.document("tags", {"repository": repository, "tags": [documents.tag(row) for row in rows]})
        if rows:
            self.output.table(render.tags(rows, width=screen_width()))
        else:
            self.output.say(f"no tags in {inert(repository, limit=300)}")


def _platform(text: str | None, all_platforms: bool = False) -> Platform | None:
    if text is None:
        return None
    if all_platforms:
        raise UsageError("--platform and --all-platforms exclude one another", fix="leave one of them out")
    return Platform.parse(text)


def _image(text: str | None) -> str | None:
    if text == "":
        raise UsageError("the local image is empty text", where="--image", fix="name an image, or leave it out")
    if text is not None and _OTHER_FORM.match(text):
        raise UsageError(
            f"{text.partition(':')[0]}: is not one of the forms of a local image", where=text[:300],
            cause="there are docker-archive:FILE[:NAME:TAG], oci-archive:FILE[:TAG], oci:DIR[:TAG] and "
            "docker-daemon:NAME:TAG",
            fix=f"use one of these; a daemon image of this name is docker-daemon:{text[:300]}",
        )  # fmt: skip
    if text is not None and not text.startswith(_FILES) and not _NAMELIKE.match(text):
        raise UsageError(
            "not a usable image name", where=text[:300],
            cause="names are lower-case letters, digits and . _ - between them, parts joined by /, then :TAG",
            fix="write --image NAME:TAG",
        )  # fmt: skip
    return text


_OTHER_FORM = re.compile(r"(?:dir|containers-storage|tarball|ostree|sif):|docker://")
"""Transports of skopeo that are not here; ``docker:dind`` is an image."""
_FILES = ("docker-archive:", "oci-archive:", "oci:")
_NAMELIKE = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/@\[\]-]*\Z")
"""What engines may know an image by: a name, a digest, an ID."""


def _repository_of(target: str) -> str:
    name = target.partition("@")[0].rstrip("/")
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def _image_reference(text: str) -> Reference:
    if not text:
        raise UsageError("no repository given", fix="write REPOSITORY[:TAG] behind the bucket")
    return Reference.parse(text)
