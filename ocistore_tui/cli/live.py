"""The live display of one transfer: a few lines redrawn in place, the total first, erased at the end."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from math import inf

from msgspec.structs import replace

from ocistore_tui.cli.output import Output
from ocistore_tui.cli.style import draws_unicode, style_of
from ocistore_tui.cli.words import KEPT, cut, is_silent, layer_name, total_line
from ocistore_tui.model.progress import JobSnapshot, LayerProgress, LayerState
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import duration, size

MAX_LINES = 8
STALLED_AFTER_S = 5.0
_FASTEST_S = 0.1
_GLYPHS = {
    LayerState.READING: ("«", "<"),
    LayerState.COMPRESSING: ("%", "%"),
    LayerState.UPLOADING: ("↑", "^"),
    LayerState.DOWNLOADING: ("↓", "v"),
    LayerState.VERIFYING: ("?", "?"),
    LayerState.LOADING: (">", ">"),
    LayerState.UPLOADED: ("✓", "+"),
    LayerState.DOWNLOADED: ("✓", "+"),
    LayerState.FAILED: ("!", "!"),
    LayerState.CANCELLED: ("x", "x"),
}


class Live:
    """Draws snapshots over one another.

    Args:
        output: Where to.
        clock: Monotonic seconds.
    """

    def __init__(self, output: Output, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._output, self._clock = output, clock
        self._lock = threading.Lock()
        self._unicode = draws_unicode(sys.stderr)
        self._style = style_of(sys.stderr)
        self._snapshot: JobSnapshot | None = None
        self._drawn = 0
        self._drawn_at = -inf
        self._moved_at = clock()

    def plan(self, text: str) -> None:
        """Not shown: the display tells it."""

    def show(self, snapshot: JobSnapshot) -> None:
        """Draw, unless the last drawing is too fresh; the next tick does then."""
        with self._lock:
            old, self._snapshot = self._snapshot, snapshot
            if old is None or _amounts(old) != _amounts(snapshot):
                self._moved_at = self._clock()
            if self._clock() - self._drawn_at >= _FASTEST_S:
                self._draw()

    def tick(self) -> None:
        """Draw again: what waited, and how long nothing has moved."""
        with self._lock:
            self._draw()

    def close(self) -> None:
        """Erase, and leave the notes behind."""
        with self._lock:
            snapshot, self._snapshot = self._snapshot, None
            self._put([])
            for note in snapshot.notes if snapshot else ():
                self._output.say(f"note: {inert(note)}")

    def _draw(self) -> None:
        if self._snapshot is not None:
            self._drawn_at = self._clock()
            self._put(self._lines(self._snapshot))

    def _lines(self, snapshot: JobSnapshot) -> list[str]:
        size_of_screen = shutil.get_terminal_size((80, 24))
        width = max(20, size_of_screen.columns - 1)
        still = self._clock() - self._moved_at
        stalled = ""
        if still >= STALLED_AFTER_S:
            stalled = f"  {'' if is_silent(snapshot) else 'stalled '}{duration(still)}"
            snapshot = replace(snapshot, rate_bytes_s=0.0, eta_s=None)
        active = [layer for layer in snapshot.layers if layer.state not in (LayerState.WAITING, *KEPT)]
        # Stable: what runs stays where it was, what is done goes below.
        active.sort(key=lambda layer: layer.state.is_final)
        room = max(0, min(MAX_LINES, size_of_screen.lines - 1) - 3)
        lines = [self._style.bold(cut(total_line(snapshot, width=width - len(stalled)) + stalled, width))]
        lines.append(self._bar(snapshot.done_bytes, snapshot.total_bytes, width))
        lines += [self._layer(layer, width) for layer in active[:room]]
        kept = sum(layer.state in KEPT for layer in snapshot.layers)
        waiting = sum(layer.state is LayerState.WAITING for layer in snapshot.layers)
        folded = [
            f"{kept} kept" if kept else "",
            f"{waiting} waiting" if waiting else "",
            f"{len(active) - room} more" if len(active) > room else "",
        ]
        rest = ", ".join(filter(None, folded))
        return [*lines, self._style.dim(cut(f"  {rest}", width))] if rest else lines

    def _layer(self, layer: LayerProgress, width: int) -> str:
        glyph = _GLYPHS.get(layer.state, ("·", "."))[not self._unicode]
        name = f"  {glyph} {layer.state.value:11}  {layer_name(layer):12}  "
        amount = f"  {size(layer.done_bytes)} of {size(layer.total_bytes)}" if layer.total_bytes else ""
        if layer.state.is_final:
            return cut(f"{name.rstrip()}  {size(layer.total_bytes) if layer.total_bytes else ''}".rstrip(), width)
        room = width - len(name) - 23
        if room < 8:
            return cut(name + amount.lstrip(), width)
        return name + self._bar(layer.done_bytes, layer.total_bytes, room) + amount

    def _bar(self, done: int, total: int, width: int) -> str:
        full, empty = ("━", "─") if self._unicode else ("#", "-")
        filled = width * done // total if total else 0
        return self._style.good(full * filled) + self._style.dim(empty * (width - filled))

    def _put(self, lines: list[str]) -> None:
        back = f"\x1b[{self._drawn}F" if self._drawn else ""
        text = "".join(f"{line}\x1b[K\n" for line in lines)
        if back or text:
            self._output.draw(f"{back}{text}\x1b[J")
        self._drawn = len(lines)


def _amounts(snapshot: JobSnapshot) -> tuple[int, int, str]:
    return snapshot.done_bytes, snapshot.moved_bytes, snapshot.stage
