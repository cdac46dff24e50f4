"""What each verb does: ask the Service, say the result."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ocistore_tui.cli import documents, render
from ocistore_tui.cli.interrupt import Interrupted, run_interruptible
from ocistore_tui.cli.options import globals_of
from ocistore_tui.cli.output import Output
from ocistore_tui.cli.place import make_place, split_target
from ocistore_tui.config import Connection
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import NotFound, UsageError
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.text import inert

if TYPE_CHECKING:
    from ocistore_tui.cli.progress import Display


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
            raise UsageError("no bucket given", fix=f"write oci-store {backend} ls BUCKET")

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
        except BaseException:
            service.close()
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
        with self.service() as service:
            plan = service.plan_push(request)
            shown = self.name(plan.reference)
            if dry_run:
                self.output.document("plan", documents.push_plan(plan, shown))
                for line in render.push_plan(plan, shown):
                    self.output.result(line)
                return
            display = self._display()
            display.plan(render.push_outline(plan))
            result = run_interruptible(
                lambda cancel: service.push(plan, on_progress=display.show, cancel=cancel),
                tick=display.tick,
                done=display.close,
                kept="no tag was changed; what is sent already is kept, run the same command again to go on",
            )
            self.output.say(render.push_summary(result))
            self.output.document("push", documents.pushed(result, shown))
            self.output.result(f"{shown}@{result.digest}")

    def pull(self, *, image: str | None, platform: str | None, all_platforms: bool, via: str, dry_run: bool) -> None:
        """A stored image to a daemon or an archive."""
        request = PullRequest(
            _image_reference(self.rest), _image(image), _platform(platform, all_platforms), all_platforms, via
        )
        with self.service() as service:
            plan = service.plan_pull(request)
            shown = self.name(plan.reference)
            if dry_run:
                self.output.document("plan", documents.pull_plan(plan, shown))
                for line in render.pull_plan(plan, shown):
                    self.output.result(line)
                return
            display = self._display()
            display.plan(render.pull_outline(plan))
            result = run_interruptible(
                lambda cancel: service.pull(plan, on_progress=display.show, cancel=cancel),
                tick=display.tick,
                done=display.close,
                kept=f"{inert(plan.image, limit=120)} means what it meant before",
            )
            self.output.say(render.pull_summary(result))
            self.output.document("pull", documents.pulled(result))
            self.output.result(f"{inert(result.image)} {result.image_id}")

    def _display(self) -> Display:
        from ocistore_tui.cli.progress import choose_display  # lists and inspections do without

        return choose_display(self._progress, self.output)

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
            for line in render.inspection(found, shown, width=_width()):
                self.output.result(line)

    def _repositories(self, service: Service) -> None:
        names: list[str] = []
        try:
            for row in service.repositories():
                names.append(row.name)
                flaw = "" if row.is_valid else "  ! invalid name: registries cannot serve it"
                self.output.result(f"{inert(row.name, limit=300)}{flaw}")
        except NotFound:
            # Before its first push the embedded store is empty, not missing: nobody mistyped anything.
            if not self._is_embedded:
                raise
        if not names:
            self.output.say(f"no repositories yet in {inert(service.store_url, limit=300)}")
        self.output.document("repositories", {"repositories": [{"name": name} for name in names]})

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
            self.output.table(render.tags(rows))
        else:
            self.output.say(f"no tags in {inert(repository, limit=300)}")


def _width() -> int:
    """How wide lines may be; without a terminal, as wide as they are."""
    if sys.stdout is None or not sys.stdout.isatty():
        return 1000
    return shutil.get_terminal_size((80, 24)).columns


def _platform(text: str | None, all_platforms: bool = False) -> Platform | None:
    if text is None:
        return None
    if all_platforms:
        raise UsageError("--platform and --all-platforms exclude one another", fix="leave one of them out")
    return Platform.parse(text)


def _image(text: str | None) -> str | None:
    if text == "":
        raise UsageError("the local image is empty text", where="--image", fix="name an image, or leave it out")
    return text


def _image_reference(text: str) -> Reference:
    if not text:
        raise UsageError("no repository given", fix="write REPOSITORY[:TAG] behind the bucket")
    return Reference.parse(text)
