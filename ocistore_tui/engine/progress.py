"""Turns what threads report into whole-job snapshots: at most ten a second, and always the last one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerProgress, LayerState

_INTERVAL_S = 0.1
_WINDOW_S = 10.0


class Tracker:
    """Collects progress of one job.

    Args:
        verb: ``push`` or ``pull``.
        subject: What is moved, for people.
        on_snapshot: Gets every snapshot, from whatever thread caused it, never two at once.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        verb: str,
        subject: str,
        on_snapshot: Callable[[JobSnapshot], None] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verb, self._subject = verb, subject
        self._on_snapshot = on_snapshot
        self._clock = clock
        self._lock = threading.RLock()
        self._started = clock()
        self._last_sent = -1.0
        self._layers: dict[str, LayerProgress] = {}
        self._expected_bytes = 0
        self._high_done = 0
        self._first_byte: float | None = None
        self._moved_bytes = 0
        self._history: deque[tuple[float, int]] = deque([(self._started, 0)])
        self._stage = "planning"
        self._state = JobState.RUNNING
        self._notes: list[str] = []
        self._is_over = False
        self._paused_at: float | None = None

    def expect(self, total_bytes: int) -> None:
        """What will pass at least, known before the layers are."""
        with self._lock:
            self._expected_bytes = total_bytes

    def stage(self, stage: str) -> None:
        """One word for what the job does now."""
        with self._lock:
            if stage != self._stage:
                self._stage = stage
                self._emit(force=True)

    def note(self, text: str) -> None:
        """Something people should know; kept to the end, each once."""
        with self._lock:
            if text not in self._notes:
                self._notes.append(text)

    def shows(self, layer_id: str) -> bool:
        """Whether anything was told of this layer."""
        return layer_id in self._layers

    def layer(
        self,
        layer_id: str,
        state: LayerState,
        *,
        done_bytes: int | None = None,
        total_bytes: int | None = None,
        digest: Digest | None = None,
    ) -> None:
        """A layer changed its state, or got further in it; what is uploaded stays so, whatever late reports say."""
        with self._lock:
            known = self._layers.get(layer_id)
            old = known or LayerProgress(layer_id, state)
            if old.state is LayerState.UPLOADED:
                state = LayerState.UPLOADED
            new = LayerProgress(
                layer_id,
                state,
                max(old.done_bytes, done_bytes) if done_bytes is not None else old.done_bytes,
                total_bytes if total_bytes is not None else old.total_bytes,
                digest or old.digest,
            )
            if state in (LayerState.UPLOADED, LayerState.DOWNLOADED):
                new = replace(new, done_bytes=new.total_bytes)
            self._layers[layer_id] = new
            self._emit(force=known is None or state is not old.state)

    def moved(self, count_bytes: int) -> None:
        """Bytes just sent to or read from the store."""
        with self._lock:
            self._moved_bytes += count_bytes
            self._emit()

    def pause(self, is_paused: bool) -> None:
        """The job is held, or goes on: meanwhile there is no rate and no estimate."""
        with self._lock:
            if is_paused == (self._paused_at is not None):
                return
            now = self._clock()
            since, self._paused_at = self._paused_at, now if is_paused else None
            self.skip(now - since if since is not None else 0.0)

    def skip(self, held_s: float) -> None:
        """So many seconds up to now do not count: rate and estimate begin anew."""
        with self._lock:
            now = self._clock()
            if self._first_byte is not None:
                self._first_byte = min(now, self._first_byte + held_s)
            self._history = deque([(now, self._moved_bytes)])
            self._emit(force=True)

    @property
    def moved_bytes(self) -> int:
        """Bytes sent to or read from the store so far."""
        return self._moved_bytes

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes so far."""
        return tuple(self._notes)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the job began."""
        return self._clock() - self._started

    def finish(self, state: JobState) -> None:
        """The job ended; the last snapshot goes out whatever the clock says."""
        with self._lock:
            self._state = state
            self._stage = state.value
            if state is not JobState.DONE:
                gone = LayerState.CANCELLED if state is JobState.CANCELLED else LayerState.FAILED
                for key, layer in self._layers.items():
                    if not layer.state.is_final:
                        self._layers[key] = replace(layer, state=gone)
            self._emit(force=True)
            # What was left behind in a hanging request may still report.
            self._is_over = True

    def snapshot(self) -> JobSnapshot:
        """The job as it is now."""
        with self._lock:
            now = self._clock()
            moving = [layer for layer in self._layers.values() if layer.state not in _NOT_MOVING]
            done = sum(layer.done_bytes for layer in moving)
            total = max(sum(layer.total_bytes for layer in moving), self._expected_bytes, done)
            if self._state is JobState.DONE:
                done = total = max(self._high_done, done)
            self._high_done = max(self._high_done, done)
            total = max(total, self._high_done)
            if done and self._first_byte is None:
                self._first_byte = now
            self._history.append((now, self._moved_bytes))
            while len(self._history) > 2 and now - self._history[0][0] > _WINDOW_S:
                self._history.popleft()
            since, at = self._history[0]
            rate = (self._moved_bytes - at) / (now - since) if now > since else 0.0
            elapsed = now - self._started
            return JobSnapshot(
                verb=self._verb,
                subject=self._subject,
                state=self._state,
                stage=self._stage,
                layers=tuple(self._layers.values()),
                done_bytes=self._high_done,
                total_bytes=total,
                moved_bytes=self._moved_bytes,
                rate_bytes_s=rate if self._paused_at is None else 0.0,
                eta_s=self._eta(now, total),
                elapsed_s=elapsed,
                notes=tuple(self._notes),
            )

    def _eta(self, now: float, total: int) -> float | None:
        # Counted from the first byte: an engine may prepare its export for long before it. A guess before 3 s and 2 %
        # would only jump about (ux.md §4).
        if self._state is not JobState.RUNNING or self._first_byte is None or self._paused_at is not None:
            return None
        moving_s = now - self._first_byte
        if moving_s < 3 or not self._high_done or self._high_done * 50 < total:
            return None
        return (total - self._high_done) * moving_s / self._high_done

    def _emit(self, *, force: bool = False) -> None:
        if self._on_snapshot is None or self._is_over:
            return
        now = self._clock()
        if force or now - self._last_sent >= _INTERVAL_S:
            self._last_sent = now
            self._on_snapshot(self.snapshot())


_NOT_MOVING = frozenset({LayerState.EXISTS, LayerState.LINKED, LayerState.PRESENT})
