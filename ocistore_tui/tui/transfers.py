"""One transfer: what it is and how far, without threads and without a terminal."""

from __future__ import annotations

from enum import StrEnum

from ocistore_tui.errors import OciStoreError, Refused
from ocistore_tui.model.plan import PullPlan, PullRequest, PullResult, PushPlan, PushRequest, PushResult
from ocistore_tui.model.progress import JobSnapshot, LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.session import Session

Request = PushRequest | PullRequest
Plan = PushPlan | PullPlan
Result = PushResult | PullResult

STALLED_S = 5.0
"""So long without a byte is worth a word."""
MOVING_STAGES = frozenset({"reading", "uploading", "downloading"})
"""Stages in which bytes pass all the time; in the others an engine prepares or unpacks, for long and in silence."""


class State(StrEnum):
    """Where a transfer is."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """Stopped when the program ended an earlier time; goes on when somebody says so."""

    @property
    def is_unfinished(self) -> bool:
        """Whether it still runs, or will."""
        return self in _UNFINISHED


_UNFINISHED = frozenset({State.WAITING, State.RUNNING, State.PAUSED, State.CANCELLING})


class MoveUnasked(Refused):
    """A tag would come to mean another image, and nobody was shown that."""

    def __init__(self, plan: PushPlan) -> None:
        super().__init__(
            "the tag names another image, and nobody has allowed it to move", where=str(plan.reference),
            cause="it did not, or it was another one, when this push was confirmed", fix="decide whether it may move",
        )  # fmt: skip


class Transfer:
    """One push or pull, from the moment it is asked for until it is taken off the list.

    Args:
        number: Names it within the program.
        session: The store it began with, whatever is opened later.
        request: What was asked for.
        plan: What will be done; None: planned when it starts.
    """

    def __init__(self, number: int, session: Session, request: Request, plan: Plan | None = None) -> None:
        self.id = number
        self.session = session
        self.request = request
        self.plan = plan
        self.state = State.WAITING
        self.snapshot: JobSnapshot | None = None
        self.error: OciStoreError | None = None
        self.result: Result | None = None
        self.started: float | None = None
        self.ended: float | None = None
        self.has_begun = False
        """Whether a worker has it: a pause then holds the worker."""
        self.wants_on = False
        """Paused, told to go on, and waiting for a free slot."""
        self.starts_again = False
        """Run it again as soon as it has stopped."""
        self.is_seen = False
        """Whether its failure was looked at."""
        self.attempt = 0
        self.batch = 0
        self._before_bytes = 0
        self._done_bytes = 0
        self._fraction = 0.0
        self._moved_at: float | None = None
        self._shown_total: int | None = None

    # what it is

    @property
    def verb(self) -> str:
        """``push`` or ``pull``."""
        return "push" if isinstance(self.request, PushRequest) else "pull"

    @property
    def reference(self) -> Reference:
        """The image's place in the store."""
        return self.request.target if isinstance(self.request, PushRequest) else self.request.source

    @property
    def target(self) -> tuple[str, ...]:
        """What it writes: two transfers of one target never run at once."""
        if isinstance(self.request, PushRequest):
            return ("push", *self.session.store.place, str(self.request.target))
        return ("pull", self.request.docker_host or "", self.request.image or str(self.request.source))

    # progress

    def planned(self, plan: Plan) -> None:
        """There is a plan now; what earlier attempts brought stays brought, unless it is another image."""
        if self.plan is not None and _image_of(self.plan) != _image_of(plan):
            self._before_bytes = self._done_bytes = 0
            self._fraction, self._shown_total = 0.0, None
        elif self._shown_total is not None:
            self._before_bytes = max(0, self._shown_total - (_bytes_of(plan) or 0))
        self.plan = plan

    def report(self, snapshot: JobSnapshot, now: float) -> None:
        """The worker told how far it is."""
        before = self.snapshot
        self.snapshot = snapshot
        if (
            before is None
            or snapshot.moved_bytes > before.moved_bytes
            or snapshot.done_bytes > before.done_bytes
            or snapshot.stage != before.stage
        ):
            self._moved_at = now
        self._done_bytes = max(self._done_bytes, self._before_bytes + snapshot.done_bytes)
        if not snapshot.total_bytes and self._shown_total is not None:
            return  # an attempt that has not counted yet: what is done of the one before is not all there is
        self._shown_total = max(self._done_bytes, self._before_bytes + snapshot.total_bytes)
        if self._shown_total:
            self._fraction = max(self._fraction, self._done_bytes / self._shown_total)

    @property
    def done_bytes(self) -> int:
        """Bytes that have passed, those of earlier attempts too; never goes back."""
        return self._done_bytes

    @property
    def total_bytes(self) -> int | None:
        """Bytes that have to pass; None: not known yet."""
        if self._shown_total is not None:
            return self._shown_total
        return _bytes_of(self.plan) if self.plan is not None else None

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1; never goes back while it is the same image."""
        return 1.0 if self.state is State.DONE else self._fraction

    def stalled_s(self, now: float) -> float | None:
        """Seconds without a byte, when that is worth a word."""
        if self.state is not State.RUNNING or self.snapshot is None or self._moved_at is None:
            return None
        if self.snapshot.stage not in MOVING_STAGES or not self.snapshot.done_bytes:
            return None
        silent_s = now - self._moved_at
        return silent_s if silent_s >= STALLED_S else None

    def rate_bytes_s(self, now: float) -> float:
        """Bytes a second at present."""
        if self.state is not State.RUNNING or self.snapshot is None or self.stalled_s(now) is not None:
            return 0.0
        return self.snapshot.rate_bytes_s

    def eta_s(self, now: float) -> float | None:
        """Seconds to go; None while it would be a guess."""
        if self.state is not State.RUNNING or self.snapshot is None or self.stalled_s(now) is not None:
            return None
        return self.snapshot.eta_s

    def bytes_in(self, *states: LayerState) -> int:
        """Bytes of its layers that are in one of these states."""
        layers = self.snapshot.layers if self.snapshot else ()
        return sum(layer.total_bytes for layer in layers if layer.state in states)

    # changes

    def begin(self, now: float) -> None:
        """A worker takes it."""
        self.state, self.has_begun = State.RUNNING, True
        self.attempt += 1
        self.started = now if self.started is None else self.started
        self._moved_at = now

    def end(
        self, state: State, now: float, *, result: Result | None = None, error: OciStoreError | None = None
    ) -> None:
        """It is over."""
        self.state, self.ended, self.result, self.error = state, now, result, error
        self.has_begun = self.wants_on = False

    def again(self) -> None:
        """Back into the queue; the source and the tag may have changed, so it is planned anew."""
        # The old plan stays until then: it tells whether it is still the same image.
        self.state, self.error, self.result, self.ended = State.WAITING, None, None, None
        self.has_begun = self.wants_on = self.starts_again = self.is_seen = False

    def check_consent(self, plan: Plan) -> None:
        """Hold a plan nobody looked at against the one before it, which somebody did where it moves a tag.

        Raises:
            MoveUnasked: it moves a tag, and neither from what was shown nor to what was shown.
        """
        if not isinstance(plan, PushPlan) or plan.tag_before in (None, plan.digest):
            return
        seen = self.plan
        if not isinstance(seen, PushPlan) or (seen.tag_before, seen.image_id) != (plan.tag_before, plan.image_id):
            raise MoveUnasked(plan)

    @property
    def needs_a_look(self) -> bool:
        """Whether it goes on only through its plan: that moves a tag nobody has allowed to move."""
        return isinstance(self.error, MoveUnasked)

    @property
    def has_fresh_plan(self) -> bool:
        """Whether the plan was made for the attempt that comes."""
        return self.plan is not None and self.attempt <= 1


def _image_of(plan: Plan) -> object:
    return plan.image_id if isinstance(plan, PushPlan) else plan.digest


def _bytes_of(plan: Plan) -> int | None:
    return plan.transfer_bytes if isinstance(plan, PushPlan) else plan.download_bytes
