"""Progress on stderr: live on a terminal, plain lines elsewhere, or JSON events (ux.md §4, cli.md "Output")."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Protocol

from ocistore_tui.cli.output import Output, encode_json
from ocistore_tui.cli.words import duration, size
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerProgress, LayerState
from ocistore_tui.model.text import inert

MODES = ("auto", "tty", "plain", "json", "none")
_KEPT = (LayerState.EXISTS, LayerState.LINKED, LayerState.PRESENT)
_MAX_LINES = 8
_TOTAL_EVERY_S = 10.0
_FASTEST_S = 1.0


class Display(Protocol):
    """Shows the snapshots of one job."""

    def show(self, snapshot: JobSnapshot) -> None:
        """The job as it is now."""

    def close(self) -> None:
        """Nothing more will come; a live display is erased."""


def choose_display(mode: str, output: Output, *, clock: Callable[[], float] = time.monotonic) -> Display:
    """The display for a mode; ``auto`` is live on a terminal and plain elsewhere."""
    if mode == "json":
        return JsonEvents(output)
    if mode == "none" or output.quiet:
        return Silent()
    if mode == "tty" or (mode == "auto" and sys.stderr.isatty()):
        return Live(output)
    return PlainLines(output, clock=clock)


class Silent:
    """Shows nothing."""

    def show(self, snapshot: JobSnapshot) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class JsonEvents:
    """One JSON object a line: layer changes, and the job as a whole."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._seen: dict[str, LayerProgress] = {}
        self._notes = 0

    def show(self, snapshot: JobSnapshot) -> None:
        """What changed since the last snapshot."""
        events: list[dict[str, object]] = []
        for layer in snapshot.layers:
            if self._seen.get(layer.id) != layer:
                self._seen[layer.id] = layer
                events.append(
                    {
                        "event": "layer",
                        "digest": layer.digest or layer.id,
                        "state": layer.state.value,
                        "done_bytes": layer.done_bytes,
                        "total_bytes": layer.total_bytes,
                    }
                )
        events += [{"event": "note", "message": note} for note in snapshot.notes[self._notes :]]
        self._notes = len(snapshot.notes)
        events.append(
            {
                "event": "progress" if snapshot.state is JobState.RUNNING else "end",
                "verb": snapshot.verb,
                "subject": snapshot.subject,
                "state": snapshot.state.value,
                "stage": snapshot.stage,
                "done_bytes": snapshot.done_bytes,
                "total_bytes": snapshot.total_bytes,
                "moved_bytes": snapshot.moved_bytes,
                "rate_bytes_s": int(snapshot.rate_bytes_s),
                "eta_s": snapshot.eta_s and round(snapshot.eta_s, 1),
            }
        )
        self._output.raw_error("".join(encode_json({"v": 1, **event}) + "\n" for event in events))

    def close(self) -> None:
        """Nothing to end."""


class PlainLines:
    """A line when a layer starts or ends, and a total at least every 10 s; never more than one batch a second."""

    def __init__(self, output: Output, *, clock: Callable[[], float]) -> None:
        self._output, self._clock = output, clock
        self._states: dict[str, LayerState] = {}
        self._waiting: list[str] = []
        self._last = -_FASTEST_S
        self._last_total = clock()
        self._notes = 0

    def show(self, snapshot: JobSnapshot) -> None:
        """Lines for what began or ended."""
        for layer in snapshot.layers:
            old = self._states.get(layer.id)
            self._states[layer.id] = layer.state
            starts = old in (None, LayerState.WAITING) and layer.state not in (LayerState.WAITING, *_KEPT)
            if old is not layer.state and (starts or layer.state.is_final) and layer.state not in _KEPT:
                amount = f"  {size(layer.total_bytes)}" if layer.total_bytes else ""
                self._waiting.append(f"{snapshot.verb}  {_name(layer)}  {layer.state.value}{amount}")
        self._waiting += [f"note: {inert(note)}" for note in snapshot.notes[self._notes :]]
        self._notes = len(snapshot.notes)
        now = self._clock()
        ended = snapshot.state is not JobState.RUNNING
        if now - self._last < _FASTEST_S and not ended:
            return
        if ended:
            kept = [layer for layer in snapshot.layers if layer.state in _KEPT]
            if kept:
                self._waiting.append(f"{snapshot.verb}  {len(kept)} layers kept, nothing moved for them")
        elif now - self._last_total >= _TOTAL_EVERY_S:
            self._waiting.append(_total_line(snapshot))
            self._last_total = now
        if self._waiting:
            self._output.say("\n".join(self._waiting))
            self._waiting.clear()
            self._last = now

    def close(self) -> None:
        """Nothing to erase."""


class Live:
    """At most eight lines, redrawn in place and erased at the end: the total first, layers below."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._drawn = 0
        self._notes: tuple[str, ...] = ()

    def show(self, snapshot: JobSnapshot) -> None:
        """Redraw."""
        width = shutil.get_terminal_size((80, 24)).columns - 1
        active = [layer for layer in snapshot.layers if layer.state not in (LayerState.WAITING, *_KEPT)]
        active.sort(key=lambda layer: layer.state.is_final)
        kept = sum(layer.state in _KEPT for layer in snapshot.layers)
        waiting = sum(layer.state is LayerState.WAITING for layer in snapshot.layers)
        lines = [_total_line(snapshot, width=width)]
        room = _MAX_LINES - 2
        for layer in active[:room]:
            bar = _bar(layer.done_bytes, layer.total_bytes, 20)
            amount = f"{size(layer.done_bytes)} of {size(layer.total_bytes)}" if layer.total_bytes else ""
            lines.append(f"  {layer.state.value:12} {_name(layer):14} {bar} {amount}")
        folded = [f"{kept} kept" if kept else "", f"{waiting} waiting" if waiting else ""]
        folded.append(f"{len(active) - room} more" if len(active) > room else "")
        rest = ", ".join(filter(None, folded))
        if rest:
            lines.append(f"  {rest}")
        self._notes = snapshot.notes
        self._redraw([line[:width] for line in lines])

    def close(self) -> None:
        """Erase, and leave the notes behind."""
        self._redraw([])
        for note in self._notes:
            self._output.say(f"note: {inert(note)}")
        self._notes = ()

    def _redraw(self, lines: list[str]) -> None:
        back = f"\x1b[{self._drawn}F" if self._drawn else ""
        text = "".join(f"{line}\x1b[K\n" for line in lines)
        self._output.raw_error(f"{back}{text}\x1b[J" if back or text else "")
        self._drawn = len(lines)


def _total_line(snapshot: JobSnapshot, *, width: int = 0) -> str:
    done, total = snapshot.done_bytes, snapshot.total_bytes
    percent = f"{done * 100 // total:3d}%" if total else "   "
    bar = f"{_bar(done, total, max(10, min(30, width - 70)))} " if width else ""
    rate = f"  {size(int(snapshot.rate_bytes_s))}/s" if snapshot.rate_bytes_s >= 1 else ""
    eta = f"  {duration(snapshot.eta_s)} left" if snapshot.eta_s else ""
    amount = f"{size(done)} of {size(total)}" if total else ""
    subject = inert(snapshot.subject, limit=60)
    return f"{snapshot.verb} {subject}  {snapshot.stage}  {bar}{percent}  {amount}{rate}{eta}".rstrip()


def _name(layer: LayerProgress) -> str:
    text = layer.digest or layer.id
    return text.partition(":")[2][:12] if text.startswith("sha") else inert(text, limit=30)


def _bar(done: int, total: int, width: int) -> str:
    filled = width * done // total if total else 0
    return "#" * filled + "-" * (width - filled)
