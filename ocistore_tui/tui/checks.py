"""A live check of a store: asked in a thread, told step by step, in words a person can act on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from ocistore_tui.errors import AccessDenied, OciStoreError
from ocistore_tui.model.stores import CheckStep, StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.glyphs import Glyphs

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_GAP = "   "


@dataclass(slots=True)
class Check:
    """What is known of one store so far."""

    row: StoreRow
    steps: list[CheckStep] = field(default_factory=list)
    is_running: bool = True
    error: OciStoreError | None = None
    """Why it could not be tried at all."""

    @property
    def failed(self) -> OciStoreError | None:
        """The first thing that does not work; None: nothing so far."""
        if self.error is not None:
            return self.error
        step = next((step for step in self.steps if step.ok is False), None)
        return None if step is None else step.error or OciStoreError(f"{step.step} failed", cause=step.detail)

    @property
    def is_denied(self) -> bool:
        """Whether a right is missing, so that a policy helps."""
        return any(step.ok is False and isinstance(step.error, AccessDenied) for step in self.steps)


def start_check(
    app: OcistoreApp,
    topic: str,
    row: StoreRow,
    changed: Callable[[Check, CheckStep | None], None],
    *,
    write: bool = False,
) -> Check:
    """Check ``row`` in a thread.

    Args:
        app: Whose desk is asked.
        topic: One check runs per topic; a newer one silences the older.
        row: The store.
        changed: Called in the UI's thread for each step, and with None at the end.
        write: Also put one object and delete it again.
    """
    check = Check(row)
    stores, desk = app.stores, app.desk

    def work(cancel: threading.Event) -> None:
        def arrived(step: CheckStep) -> None:
            if not cancel.is_set():  # set in this thread when a newer check began
                check.steps.append(step)
                changed(check, step)

        for step in stores.check(row, write=write):
            if cancel.is_set():
                return
            desk.tell(partial(arrived, step))

    def ended(error: OciStoreError | None) -> None:
        check.is_running, check.error = False, error
        changed(check, None)

    desk.ask(topic, work, lambda _: ended(None), ended)
    return check


def told(check: Check, glyphs: Glyphs) -> Content:
    """The check in words: what works on one line, what does not with its cause and fix below."""
    passed: list[Content] = []
    below: list[Content] = []
    for step in check.steps:
        if step.ok is False:
            below += _told_failure(step.step, step.error, step.detail, glyphs)
        else:
            passed.append(_told_step(step, glyphs))
    if check.is_running:
        passed.append(Content.styled(f"{glyphs.waiting} checking{glyphs.cut}", "$text-muted"))
    if check.error is not None:
        below += _told_failure("", check.error, "", glyphs)
    if check.is_denied:
        below.append(Content.styled("  y copies the policy with the rights this needs", "$text-muted"))
    lines = [Content(_GAP).join(passed)] if passed else []
    return Content("\n").join([*lines, *below])


def _told_step(step: CheckStep, glyphs: Glyphs) -> Content:
    words = inert(f"{step.step} {step.detail}".strip(), limit=200)
    if step.ok:
        return Content.assemble((glyphs.done, "$text-success"), f" {words}")
    return Content.styled(f"{glyphs.waiting} {words if step.detail else words + ' not tested'}", "$text-muted")


def told_error(error: OciStoreError, glyphs: Glyphs) -> Content:
    """An error with where, cause and fix, each on a line of its own."""
    return Content("\n").join(_told_failure("", error, "", glyphs))


def _told_failure(step: str, error: OciStoreError | None, detail: str, glyphs: Glyphs) -> list[Content]:
    message = str(error) if error is not None else detail or "it does not work"
    begin = f"{step}: " if step else ""
    lines = [Content.styled(f"{glyphs.failed} {inert(begin + message, limit=300)}", "bold $text-error")]
    if error is not None:
        for word, text in (("why", error.cause), ("fix", error.fix)):
            if text:
                lines.append(Content.assemble((f"  {word} ", "$text-muted"), inert(text, limit=400)))
    return lines
