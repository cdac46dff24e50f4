"""A push by the engine itself: it pushes to a registry of ours, which stores everything but the tag."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import closing

from msgspec.structs import replace

from ocistore_tui.engine.context import Context
from ocistore_tui.engine.damage import WatchedBlobs
from ocistore_tui.engine.intake import Intake
from ocistore_tui.engine.job import StopSignal
from ocistore_tui.engine.ports import RegistrySource
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.engine.publish import Closure, close
from ocistore_tui.engine.push_plan import Prepared
from ocistore_tui.engine.transport import PROBE_S, sends_little
from ocistore_tui.errors import Cancelled, IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, ImageFacts, SourceKind
from ocistore_tui.model.manifest import Manifest
from ocistore_tui.model.plan import PushPlan
from ocistore_tui.model.progress import LayerState
from ocistore_tui.serving.loopback import Loopback
from ocistore_tui.serving.message import BodyBroken
from ocistore_tui.serving.rules import Event, Rules, What

_LARGE_MOVES = 3
"""As many layers as engines send at once, beside small ones."""
_STATES = {What.STORED: LayerState.UPLOADED, What.LINKED: LayerState.LINKED, What.EXISTS: LayerState.EXISTS}
_WORDS = {
    "Preparing": LayerState.WAITING,
    "Waiting": LayerState.WAITING,
    "Pushing": LayerState.UPLOADING,
    "Pushed": LayerState.UPLOADED,
    "Layer already exists": LayerState.EXISTS,
}


def push_by_registry(
    context: Context,
    plan: PushPlan,
    source: RegistrySource,
    facts: ImageFacts,
    intake: Intake,
    tracker: Tracker,
    stop: StopSignal,
    *,
    probes: bool,
) -> Closure | None:
    """Let the engine push; what is to be tagged is in the store then, and what became of each blob in ``intake``.

    Args:
        context: The store and the means.
        plan: What is pushed.
        source: The engine's image.
        facts: What is known of it.
        intake: Gets the states of blobs.
        tracker: Hears of every layer.
        stop: Ends it.
        probes: Whether to give up as soon as an export is seen to be faster.

    Returns:
        What is to be tagged; None: given up.

    Raises:
        IntegrityError: it pushed another image than planned.
        OciStoreError: as engine and store say.
    """
    watch = _Watch(facts, intake, tracker, stop, is_shown=not probes)
    lacking = frozenset(layer.diff_id for layer in plan.layers if layer.action is LayerState.UPLOADED)
    rules = Rules(can_write=True, adopts=True, sets_tags=False, large_moves=_LARGE_MOVES)
    blobs = WatchedBlobs(context.store, context.cache, _known_sizes(context, plan, facts))
    with Loopback(context.store, context.cache.secret(), rules, watch.hear, blobs) as loopback:
        # Not the tag that is meant: an engine that finds it already names the image would push no manifest.
        name = f"{loopback.name(plan.reference.repository)}:{secrets.token_hex(8)}"
        try:
            with closing(source.push(name, cancel=watch)) as events:
                for event in events:
                    watch.say(event)
                    verdict = watch.is_shown or sends_little(watch.told, facts, lacking, watch.elapsed_s)
                    if verdict is False:
                        return None
                    if verdict:
                        watch.show()
            watch.show()
        except Cancelled:
            if watch.is_shown or stop.is_set():
                raise
            return None
        finally:
            watch.give_up()
    if watch.root is None:
        raise IntegrityError("the engine pushed no manifest", where=plan.source, fix="use --via archive")
    intake.states.update(watch.states)
    return _closure(context, watch.root, facts)


def _known_sizes(context: Context, plan: PushPlan, facts: ImageFacts) -> dict[Digest, int]:
    """How large blobs have to be, as far as that is known here.

    A classic engine takes the size of a blob that is there for the right one, and writes it into its manifest.
    """
    prepared: Prepared = plan.detail
    blobs = [blob for diff_id in facts.diff_ids for blob in context.cache.blobs_of(diff_id)]
    return {blob.digest: blob.size for blob in (*blobs, *(prepared.closure.blobs if prepared.closure else ()))}


class _Watch:
    """Puts together what the registry hears and what the engine says, for progress and for the result.

    While it is not decided whether this push goes on, nothing of it is shown, and no byte taken: what is given up must
    leave nothing in the store. To the engine's push it is the signal that ends it.
    """

    def __init__(
        self, facts: ImageFacts, intake: Intake, tracker: Tracker, stop: StopSignal, *, is_shown: bool
    ) -> None:
        self._intake, self._tracker, self._stop = intake, tracker, stop
        self._begun = time.monotonic()
        self._heard: dict[Digest, None] = dict.fromkeys(facts.diff_ids)
        self.states: dict[Digest, LayerState] = {}
        self.root: Digest | None = None
        """Of the manifest that came under the tag."""
        self.told: dict[str, EngineEvent] = {}
        """The last event of each layer, with the largest total there was."""
        self._is_given_up = False
        self._decided = threading.Event()
        if is_shown:
            self._decided.set()

    @property
    def is_shown(self) -> bool:
        """Whether it is decided that this push goes on."""
        return self._decided.is_set() and not self._is_given_up

    def is_set(self) -> bool:
        """Whether the engine is to stop: on request, or because it took too long to say what it would send."""
        return self._stop.is_set() or (not self.is_shown and self.elapsed_s > PROBE_S)

    def give_up(self) -> None:
        """The push goes on no more; uploads that waited for that end, too."""
        self._is_given_up = not self._decided.is_set()
        self._decided.set()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the push began."""
        return time.monotonic() - self._begun

    def hear(self, event: Event) -> None:
        """What the registry did; from any thread."""
        if event.what is What.BYTES:
            self._decided.wait()
            if self._is_given_up:
                raise BodyBroken("the push was given up")
            self._stop.is_set()  # during a pause this waits, and so does the engine that sends
            self._tracker.moved(event.size_bytes)
        if event.digest is None:
            return
        if event.what is What.TAGGED:
            self.root = event.digest
            return
        self._heard[event.digest] = None
        state = _STATES.get(event.what)
        if state is not None and self.states.get(event.digest) is not LayerState.UPLOADED:
            self.states[event.digest] = state

    def say(self, event: EngineEvent) -> None:
        """What the engine does."""
        if len(event.layer) != 12:
            return
        before = self.told.get(event.layer)
        total = max(event.total_bytes, before.total_bytes if before else 0)
        self.told[event.layer] = replace(event, total_bytes=total)
        if self.is_shown:
            self._show(self.told[event.layer])

    def show(self) -> None:
        """From now on progress shows what the engine says."""
        if not self.is_shown:
            self._decided.set()
            self._tracker.stage("uploading")
            for event in self.told.values():
                self._show(event)

    def _show(self, event: EngineEvent) -> None:
        row = next((self._intake.row(name) for name in list(self._heard) if name.encoded.startswith(event.layer)), None)
        state = _WORDS.get(event.status) or (LayerState.LINKED if event.status.startswith("Mounted") else None)
        if state is LayerState.WAITING and row is not None and self._tracker.shows(row):
            return  # the plan says more of it: what is kept would count as if it had to be moved
        if row is not None and state is not None:
            total = event.total_bytes or None
            done = min(event.done_bytes, event.total_bytes) if total else None
            self._tracker.layer(row, state, done_bytes=done, total_bytes=total)


def _closure(context: Context, root: Digest, facts: ImageFacts) -> Closure:
    closure = close(root, context.documents.below(root, may_lack=True))
    pushed = root
    if facts.kind is SourceKind.CLASSIC:
        pushed = closure.root.config.digest if isinstance(closure.root, Manifest) else root
    if pushed != facts.id:
        raise IntegrityError(
            "the engine pushed another image than planned",
            where=facts.name,
            cause=f"planned {facts.id}, got {pushed}",
            fix="use --via archive",
        )
    return closure
