"""Progress of one transfer on stderr: live on a terminal, plain lines elsewhere, or JSON events."""

from __future__ import annotations

import datetime as dt
import sys
import threading
import time
from collections.abc import Callable
from math import inf
from typing import Protocol

from ocistore_tui.cli.live import Live
from ocistore_tui.cli.output import Output
from ocistore_tui.cli.style import is_live
from ocistore_tui.cli.words import KEPT, layer_name, total_line
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerProgress, LayerState
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import size

TOTAL_EVERY_S = 10.0
FASTEST_S = 1.0


class Display(Protocol):
    """Shows one job. ``show`` comes from the transfer's threads, ``tick`` and ``close`` from the main one."""

    def plan(self, text: str) -> None:
        """What will be done."""

    def show(self, snapshot: JobSnapshot) -> None:
        """The job as it is now."""

    def tick(self) -> None:
        """Time has passed, whether or not anything has happened."""

    def close(self) -> None:
        """Nothing more will come; a live display is erased."""


def choose_display(mode: str, output: Output) -> Display:
    """The display for a mode; ``auto`` is live on a terminal and plain elsewhere."""
    if mode == "json":
        return JsonEvents(output)
    if mode == "none" or output.quiet:
        return Silent()
    if mode == "tty" or (mode == "auto" and is_live(sys.stderr)):
        return Live(output)
    return PlainLines(output)


class Silent:
    """Shows nothing."""

    def plan(self, text: str) -> None:
        """Nothing."""

    def show(self, snapshot: JobSnapshot) -> None:
        """Nothing."""

    def tick(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class JsonEvents:
    """One JSON object a line: layers that changed, and the job as a whole."""

    def __init__(self, output: Output, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._output, self._clock = output, clock
        self._lock = threading.Lock()
        self._seen: dict[str, LayerProgress] = {}
        self._notes = 0
        self._snapshot: JobSnapshot | None = None
        self._last = clock()

    def plan(self, text: str) -> None:
        """One event."""
        self._output.event("plan", {"message": text})

    def show(self, snapshot: JobSnapshot) -> None:
        """What changed since the last snapshot."""
        with self._lock:
            for layer in snapshot.layers:
                if self._seen.get(layer.id) != layer:
                    self._seen[layer.id] = layer
                    self._output.event("layer", _layer_event(snapshot.verb, layer))
            for note in snapshot.notes[self._notes :]:
                self._output.event("note", {"message": note})
            self._notes = len(snapshot.notes)
            self._total(snapshot)

    def tick(self) -> None:
        """The total again, when nothing has been said for long."""
        with self._lock:
            if self._snapshot is not None and self._clock() - self._last >= TOTAL_EVERY_S:
                self._total(self._snapshot)

    def close(self) -> None:
        """Nothing to erase."""

    def _total(self, snapshot: JobSnapshot) -> None:
        self._snapshot, self._last = snapshot, self._clock()
        self._output.event(
            "progress" if snapshot.state is JobState.RUNNING else "end",
            {
                "verb": snapshot.verb,
                "subject": snapshot.subject,
                "state": snapshot.state.value,
                "stage": snapshot.stage,
                "done_bytes": snapshot.done_bytes,
                "total_bytes": snapshot.total_bytes,
                "moved_bytes": snapshot.moved_bytes,
                "rate_bytes_s": int(snapshot.rate_bytes_s),
                "eta_s": None if snapshot.eta_s is None else round(snapshot.eta_s, 1),
            },
        )


def _layer_event(verb: str, layer: LayerProgress) -> dict[str, object]:
    # A raw layer has no digest before it is compressed: its diff ID joins what is told of it before and after.
    is_raw = verb == "push" and layer.id.startswith("sha256:") and layer.id != layer.digest
    return {
        "digest": layer.digest or layer.id,
        "state": layer.state.value,
        "done_bytes": layer.done_bytes,
        "total_bytes": layer.total_bytes,
        **({"diff_id": layer.id} if is_raw else {}),
    }


class PlainLines:
    """A line when a layer starts or ends, and a total at least every 10 s; written once a second at most."""

    def __init__(
        self,
        output: Output,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._output, self._clock, self._now = output, clock, now
        self._lock = threading.Lock()
        self._states: dict[str, LayerState] = {}
        self._ended: set[str] = set()
        self._waiting: list[str] = []
        self._last = -inf
        self._last_total = clock()
        self._notes = 0
        self._snapshot: JobSnapshot | None = None

    def plan(self, text: str) -> None:
        """One line."""
        with self._lock:
            self._add("plan", text)
            self._flush()

    def show(self, snapshot: JobSnapshot) -> None:
        """Lines for what began or ended."""
        with self._lock:
            self._snapshot = snapshot
            for layer in snapshot.layers:
                self._note_change(snapshot.verb, layer)
            for note in snapshot.notes[self._notes :]:
                self._add("note", inert(note))
            self._notes = len(snapshot.notes)
            self._write_if_due()

    def tick(self) -> None:
        """What waits, and the total, when their time has come."""
        with self._lock:
            self._write_if_due()

    def close(self) -> None:
        """The last lines."""
        with self._lock:
            self._flush()

    def _note_change(self, verb: str, layer: LayerProgress) -> None:
        old = self._states.get(layer.id)
        has_ended = old is not None and old.is_final
        if old is layer.state or has_ended or layer.state in (LayerState.WAITING, *KEPT):
            return
        self._states[layer.id] = layer.state
        digest = layer.digest or layer.id
        # A blob two rows turned out to be is one to people.
        if digest in self._ended:
            return
        if layer.state.is_final:
            self._ended.add(digest)
        if layer.state.is_final or old in (None, LayerState.WAITING):
            amount = f"  {size(layer.total_bytes)}" if layer.total_bytes else ""
            stored_as = f"  as {digest.partition(':')[2][:12]}" if layer.state.is_final and digest != layer.id else ""
            self._add(verb, f"{layer_name(layer)}  {layer.state.value}{amount}{stored_as}")

    def _write_if_due(self) -> None:
        snapshot, now = self._snapshot, self._clock()
        if snapshot is None:
            return
        ended = snapshot.state is not JobState.RUNNING
        if now - self._last < FASTEST_S and not ended:
            return
        if not ended and now - self._last_total >= TOTAL_EVERY_S:
            self._add(snapshot.verb, total_line(snapshot))
            self._last_total = now
        self._flush()

    def _add(self, word: str, text: str) -> None:
        self._waiting.append(f"{self._now():%H:%M:%SZ} {word}  {text}")

    def _flush(self) -> None:
        if self._waiting:
            self._output.say("\n".join(self._waiting))
            self._waiting.clear()
            self._last = self._clock()
