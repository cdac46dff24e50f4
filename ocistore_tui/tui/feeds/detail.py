"""Asks what the screen of one tag shows, each thing once and only when it is looked at."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow, Inspection, TagRow, TimelineRow
from ocistore_tui.model.plan import PullPlan, PullRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.desk import Desk
from ocistore_tui.tui.detail.layers import uses_of
from ocistore_tui.tui.detail.platforms import choosable, preferred
from ocistore_tui.tui.detail.subject import Subject

_T = TypeVar("_T")
_numbers = itertools.count()
NEEDS: dict[str, tuple[str, ...]] = {
    "overview": ("root", "image", "row", "timeline", "attachments"), "layers": ("root", "image", "unpacked", "here"),
    "history": ("root", "image"), "platforms": ("root",), "extras": ("attachments",), "timeline": ("timeline",),
    "manifest": ("root",), "config": ("root", "image"),
}  # fmt: skip
"""What each tab waits for."""
WORDS = {
    "root": "the manifest", "image": "the image", "row": "the tag", "timeline": "the tag's history",
    "attachments": "attachments", "unpacked": "sizes of layers", "here": "the local engine",
}  # fmt: skip
"""What is asked, in words."""


class DetailFeed:
    """Fills a `Subject`.

    Args:
        desk: Runs the questions.
        service: Answers them.
        reference: The tag, or a digest.
        subject: Is filled.
        tags: Repository and row of every tag of the store; None: not all are known.
        pull_of: The pull of a platform into the local engine; None: the local side is no engine.
        asked: Called when something is asked, with what it is.
        changed: Called when something became known.
    """

    def __init__(
        self,
        desk: Desk,
        service: Service,
        reference: Reference,
        subject: Subject,
        *,
        tags: Callable[[], Sequence[tuple[str, TagRow]] | None],
        pull_of: Callable[[str], PullRequest | None],
        asked: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._desk, self._service, self._reference, self._subject = desk, service, reference, subject
        self._tags, self._pull_of, self._told_asked, self._changed = tags, pull_of, asked, changed
        self._name = f"detail {next(_numbers)}"
        self._asked: set[str] = set()
        self._topics: set[str] = set()
        self._pending: dict[str, str] = {}
        self._is_again = False
        self.late: set[str] = set()
        """What is awaited for so long that it is worth a word."""

    def want(self, tab: str) -> None:
        """Ask what a tab shows and nobody asked yet."""
        needs, tag = NEEDS[tab], self._reference.tag
        self._ask("root", "root", lambda: self._service.inspect(self._reference), self._inspected)
        if "row" in needs and tag is not None and self._needs_row:
            self._ask("row", "row", lambda: self._describe(tag), self._described)
        if "timeline" in needs and tag is not None:
            repository = self._reference.repository
            self._ask("timeline", "timeline", lambda: self._service.timeline(repository, tag), self._timed)
        elif tag is None:
            self._subject.timeline = ()  # a digest never moves
        if "attachments" in needs:
            reference = self._reference
            self._ask("attachments", "attachments", lambda: self._service.attachments(reference), self._attached)
        if "image" in needs:
            self._want_image()
        if tab == "layers":
            self._want_layers()

    def is_late_for(self, tab: str) -> str:
        """What a tab waits for too long, in words; empty: nothing."""
        return next((WORDS[about] for about in NEEDS[tab] if about in self.late), "")

    def overdue(self, about: str) -> bool:
        """Time is up for what was asked; False: it was answered."""
        if about not in self._pending.values():
            return False
        self.late.add(about)
        return True

    def stop(self) -> None:
        """Nobody looks any more: answers that still come are dropped."""
        for topic in self._topics:
            self._desk.forget(topic)
        self._pending.clear()
        self.late.clear()

    def again(self) -> None:
        """Forget that anything was asked."""
        self.stop()
        self._asked.clear()
        self._is_again = True

    # the single questions

    def _ask(self, about: str, key: str, work: Callable[[], _T], then: Callable[[_T], object]) -> None:
        if key in self._asked:
            return
        self._asked.add(key)
        topic = f"{self._name} {key}"
        self._topics.add(topic)
        self._pending[key] = about

        def settled() -> None:
            self._pending.pop(key, None)
            if about not in self._pending.values():
                self.late.discard(about)
            self._changed()

        def told(value: _T) -> None:
            then(value)
            settled()

        def failed(error: OciStoreError) -> None:
            self._failed(about, key, error)
            settled()

        def run(_: threading.Event) -> _T:
            return work()

        self._desk.ask(topic, run, told, failed)
        self._told_asked(about)

    def _failed(self, about: str, key: str, error: OciStoreError) -> None:
        platform = key.partition(" ")[2]
        if about == "image":
            self._subject.image_errors[platform] = error
        elif about == "here":
            self._subject.here[platform] = None
        elif about == "unpacked":
            self._subject.unpacked_of.add(platform)
        else:
            self._subject.errors[about] = error

    @property
    def _needs_row(self) -> bool:
        row, root = self._subject.row, self._subject.root
        is_old = row is not None and root is not None and row.digest != root.digest
        return row is None or not row.is_described or is_old or self._is_again

    def _describe(self, tag: str) -> TagRow | None:
        return next(iter(self._service.describe_tags(self._reference.repository, [tag])), None)

    def _described(self, row: TagRow | None) -> None:
        if row is not None and not row.is_gone:
            self._subject.row = row

    def _timed(self, rows: Sequence[TimelineRow]) -> None:
        self._subject.timeline = rows

    def _attached(self, rows: Sequence[AttachmentRow]) -> None:
        self._subject.attachments = rows

    def _inspected(self, root: Inspection) -> None:
        subject = self._subject
        subject.root = root
        if root.kind != "index":
            subject.images[""] = root
            return
        subject.platforms = choosable(root)
        if subject.platform not in subject.platforms:
            subject.platform = preferred(subject.platforms)

    def _want_image(self) -> None:
        subject, name = self._subject, self._subject.platform
        if subject.root is None or not name or name in subject.images:
            return
        # By the digest: the tag may be moved between the two questions.
        reference = Reference(self._reference.repository, None, subject.root.digest)

        def work() -> Inspection:
            return self._service.inspect(reference, platform=Platform.parse(name))

        self._ask("image", f"image {name}", work, lambda image: subject.images.__setitem__(name, image))

    def _want_layers(self) -> None:
        subject, name, image = self._subject, self._subject.platform, self._subject.image
        if image is None or not image.layers:
            return

        def told(sizes: dict[Digest, int]) -> None:
            subject.unpacked.update(sizes)
            subject.unpacked_of.add(name)

        self._ask("unpacked", f"unpacked {name}", lambda: self._service.unpacked_sizes(image.layers), told)
        tags = None if f"uses {name}" in self._asked else self._tags()
        if tags is not None:
            self._ask("uses", f"uses {name}", lambda: uses_of(image.layers, tags), subject.uses.update)
        request = self._pull_of(name)
        if request is None or image.kind != "image":
            subject.here[name] = None
            return

        def planned(plan: PullPlan) -> None:
            subject.here[name] = {
                layer.digest: layer.action is LayerState.PRESENT for layer in plan.layers if layer.digest is not None
            }

        self._ask("here", f"here {name}", lambda: self._service.plan_pull(request), planned)
