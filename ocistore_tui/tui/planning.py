"""Several pushes and pulls on their way to a plan: rows, what may be started, totals. No terminal, no threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec.structs import replace

from ocistore_tui.errors import OciStoreError, UsageError
from ocistore_tui.model.plan import PullPlan, PullRequest, PushPlan, PushRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.feeds.plan import Looked
from ocistore_tui.tui.targets import UNNAMED, parse_local, suggested

Request = PushRequest | PullRequest
Plan = PushPlan | PullPlan


class Stage(Enum):
    """Where a row is."""

    EDITED = "edited"
    """Its target is being typed: not to be asked for yet."""
    WAITING = "waiting"
    CHECKING = "checking"
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(slots=True)
class PlanRow:
    """One push or pull."""

    request: Request
    text: str
    """The target as typed: ``REPOSITORY:TAG`` for a push, a local name for a pull."""
    stage: Stage = Stage.WAITING
    looked: Looked | None = None
    error: OciStoreError | None = None
    is_sound: bool = True
    """Whether the target is of a form that can be one."""
    version: int = 0
    """Grows with every change; an answer to an earlier one is dropped."""

    @property
    def is_push(self) -> bool:
        """Whether it goes to the store."""
        return isinstance(self.request, PushRequest)

    @property
    def plan(self) -> Plan | None:
        """The plan that counts now."""
        return self.looked.plan if self.looked is not None and self.stage is Stage.PLANNED else None

    @property
    def is_noop(self) -> bool:
        """Whether there is nothing to do."""
        plan = self.plan
        if isinstance(plan, PushPlan):
            return plan.is_noop
        return plan is not None and self.looked is not None and self.looked.is_here

    @property
    def moves_tag(self) -> bool:
        """Whether it makes an existing tag mean another image."""
        plan = self.plan
        return isinstance(plan, PushPlan) and plan.tag_before is not None and plan.tag_before != plan.digest


@dataclass(frozen=True, slots=True)
class Totals:
    """What all rows come to."""

    rows: int
    checking: int
    ready: int
    """Planned, with something to do."""
    noops: int
    failed: int
    pushes: int
    """Of the ready ones."""
    pulls: int
    moves: tuple[str, ...]
    """Tags that would mean another image."""
    upload_bytes: int
    is_estimate: bool
    """Whether compressing tells how much it really is."""
    download_bytes: int


class Planning:
    """The rows of one dialog.

    Args:
        requests: What is wanted; one that has no name yet is `targets.UNNAMED`.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self.rows = [_row(request) for request in requests]
        self._first: dict[tuple[str, ...], PlanRow] | None = None

    # changes

    def next_waiting(self) -> int | None:
        """The row to ask for now; None: none, or one is being asked for."""
        if any(row.stage is Stage.CHECKING for row in self.rows):
            return None
        return next((index for index, row in enumerate(self.rows) if row.stage is Stage.WAITING), None)

    def answered(self, index: int, version: int, looked: Looked) -> None:
        """A plan is there; dropped when the row has changed since it was asked for."""
        self._first = None
        row = self.rows[index]
        if row.version == version:
            row.looked, row.error, row.stage = looked, None, Stage.PLANNED

    def failed(self, index: int, version: int, error: OciStoreError) -> None:
        """There is no plan, and why."""
        row = self.rows[index]
        if row.version == version:
            row.error, row.stage = error, Stage.FAILED

    def type(self, index: int, text: str) -> None:
        """Another target; it is checked by its form at once, by the store when `settle` is called."""
        row = self.rows[index]
        row.text = text
        row.version += 1
        self._first = None
        try:
            row.request = _with_target(row.request, text)
        except OciStoreError as error:
            row.error, row.stage, row.is_sound = error, Stage.FAILED, False
        else:
            row.error, row.stage, row.is_sound = None, Stage.EDITED, True

    def settle(self, index: int) -> bool:
        """The target is typed; whether the row has to be asked for."""
        row = self.rows[index]
        if row.stage is Stage.EDITED:
            row.stage = Stage.WAITING
        return row.stage is Stage.WAITING

    def choose_platform(self, index: int, platform: str | None, *, all_platforms: bool = False) -> None:
        """Another platform of an index, or all of them."""
        row = self.rows[index]
        wanted = Platform.parse(platform) if platform and not all_platforms else None
        row.request = replace(row.request, platform=wanted, all_platforms=all_platforms)
        self._again(row)

    def again(self) -> None:
        """Look again at what failed."""
        for index, row in enumerate(self.rows):
            if row.stage is Stage.FAILED:
                self.type(index, row.text)
                self.settle(index)

    def _again(self, row: PlanRow) -> None:
        row.version += 1
        row.error, row.stage = None, Stage.WAITING
        self._first = None

    # answers

    def error_of(self, row: PlanRow) -> OciStoreError | None:
        """Why a row cannot be done: its own failure, or another row that writes the same."""
        if row.error is not None or row.plan is None:
            return row.error
        if self._first is None:
            self._first = {_goal(one.plan): one for one in reversed(self.rows) if one.plan is not None}
        if self._first[_goal(row.plan)] is row:
            return None
        return UsageError(
            "two of these would get the same name", where=_goal(row.plan)[-1], fix="press e and write another name"
        )

    def ready(self) -> list[PlanRow]:
        """Rows that can be started and have something to do."""
        return [row for row in self.rows if row.plan is not None and not row.is_noop and self.error_of(row) is None]

    def plans(self) -> list[Plan]:
        """Their plans."""
        return [row.plan for row in self.ready() if row.plan is not None]

    def totals(self) -> Totals:
        """What all rows come to."""
        ready = self.ready()
        pushes = [row.plan for row in ready if isinstance(row.plan, PushPlan)]
        pulls = [row.plan for row in ready if isinstance(row.plan, PullPlan)]
        return Totals(
            rows=len(self.rows),
            checking=sum(row.stage in (Stage.WAITING, Stage.CHECKING, Stage.EDITED) for row in self.rows),
            ready=len(ready),
            noops=sum(row.is_noop and self.error_of(row) is None for row in self.rows),
            failed=sum(self.error_of(row) is not None for row in self.rows),
            pushes=len(pushes),
            pulls=len(pulls),
            moves=tuple(str(row.plan.reference) for row in ready if row.moves_tag and row.plan is not None),
            upload_bytes=sum(upload_bytes(plan) for plan in pushes),
            is_estimate=any(is_estimate(plan) for plan in pushes),
            download_bytes=sum(plan.download_bytes for plan in pulls),
        )


def upload_bytes(plan: PushPlan) -> int:
    """What will be sent: stored sizes where they are known, else at most what has to be read."""
    if not plan.needs_export:
        return 0
    sizes = [layer.size_bytes for layer in plan.layers if layer.action is LayerState.UPLOADED]
    known = [size for size in sizes if size is not None]
    return sum(known) if sizes and len(known) == len(sizes) else plan.transfer_bytes or 0


def is_estimate(plan: PushPlan) -> bool:
    """Whether only compressing tells how much is sent."""
    if not plan.needs_export:
        return False
    sizes = [layer.size_bytes for layer in plan.layers if layer.action is LayerState.UPLOADED]
    return not sizes or None in sizes


def counts(plan: Plan) -> dict[LayerState, tuple[int, int | None]]:
    """Layers by what happens to them: how many, and their bytes as far as they are known."""
    found: dict[LayerState, tuple[int, int | None]] = {}
    for layer in plan.layers:
        number, size = found.get(layer.action, (0, 0))
        more = layer.size_bytes
        found[layer.action] = (number + 1, None if size is None or more is None else size + more)
    return found


def _row(request: Request) -> PlanRow:
    if isinstance(request, PullRequest):
        return PlanRow(request, request.image or request.source.image_name)
    if request.target != UNNAMED:
        return PlanRow(request, str(request.target))
    error = UsageError(
        "this image has no name that a registry can serve", where=request.image or "",
        fix="write where it goes: REPOSITORY:TAG",
    )  # fmt: skip
    return PlanRow(request, suggested(request.image), Stage.FAILED, error=error, is_sound=False)


def _with_target(request: Request, text: str) -> Request:
    if isinstance(request, PullRequest):
        return replace(request, image=None if text.strip() == request.source.image_name else parse_local(text))
    target = Reference.parse(text.strip())
    if target.digest is not None:
        raise UsageError("a push takes a tag, not a digest", where=text, fix="write REPOSITORY:TAG")
    return replace(request, target=target)


def _goal(plan: Plan) -> tuple[str, ...]:
    if isinstance(plan, PushPlan):
        return ("push", str(plan.reference))
    return ("pull", plan.request.docker_host or "", plan.image)
