"""Transfers in words: the same in the dock, on the Transfers screen, when quitting and after the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ocistore_tui.model.plan import PushResult
from ocistore_tui.model.progress import LayerProgress, LayerState
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import duration
from ocistore_tui.tui.format import bar, plural, rate, short_digest, short_size, to_go
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.transfers import MOVING_STAGES, State, Transfer

KEPT = (LayerState.EXISTS, LayerState.LINKED, LayerState.PRESENT)
"""States of layers that need not move."""
MOVED = (LayerState.UPLOADED, LayerState.DOWNLOADED)
_WAITS_FOR_LONG_S = 30.0
_SHOWN_STATES = (State.RUNNING, State.CANCELLING, State.PAUSED, State.WAITING, State.INTERRUPTED, State.FAILED)


def sign(transfer: Transfer, glyphs: Glyphs) -> str:
    """The glyph of its state; the direction while it runs."""
    return {
        State.RUNNING: glyphs.push if transfer.verb == "push" else glyphs.pull,
        State.WAITING: glyphs.waiting,
        State.PAUSED: glyphs.paused,
        State.INTERRUPTED: glyphs.paused,
        State.CANCELLING: glyphs.cancelled,
        State.CANCELLED: glyphs.cancelled,
        State.DONE: glyphs.done,
        State.FAILED: glyphs.failed,
    }[transfer.state]


def name(transfer: Transfer) -> str:
    """The image, inert."""
    return inert(str(transfer.reference), limit=200)


def amount(transfer: Transfer) -> str:
    """``60 / 97 MB``; empty while nothing is known."""
    total = transfer.total_bytes
    if total is None:
        return short_size(transfer.done_bytes) if transfer.done_bytes else ""
    return of(transfer.done_bytes, total)


def of(done_bytes: int, total_bytes: int) -> str:
    """``60 / 97 MB``, ``812 kB / 97 MB``."""
    done, all_of_it = short_size(min(done_bytes, total_bytes)), short_size(total_bytes)
    number, _, unit = done.partition(" ")
    return f"{number if all_of_it.endswith(f' {unit}') else done} / {all_of_it}"


def pace(transfer: Transfer, now: float) -> str:
    """``41 MB/s``, or why there is none: ``stalled 7 s``, ``paused``, ``planning``."""
    if transfer.state is not State.RUNNING:
        if transfer.state is State.PAUSED and transfer.wants_on:
            return "goes on next"
        return "cancelling…" if transfer.state is State.CANCELLING else transfer.state.value
    stalled = transfer.stalled_s(now)
    if stalled is not None:
        return f"stalled {stalled:.0f} s" + (", R tries again" if stalled >= _WAITS_FOR_LONG_S else "")
    snapshot = transfer.snapshot
    if snapshot is None:
        return "planning"
    speed = transfer.rate_bytes_s(now)
    return rate(speed) if speed >= 1 and snapshot.stage in MOVING_STAGES else inert(snapshot.stage, limit=20)


def to_end(transfer: Transfer, now: float) -> str:
    """``0:18``, or nothing."""
    eta = transfer.eta_s(now)
    return to_go(eta) if eta is not None else ""


def layer_counts(transfer: Transfer) -> str:
    """``2 up, 5 kept``: what its layers do."""
    found: Counter[str] = Counter()
    for layer in transfer.snapshot.layers if transfer.snapshot else ():
        found[_GROUPS[layer.state]] += 1
    return ", ".join(f"{found[word]} {word}" for word in _GROUP_ORDER if found[word])


_GROUPS = {
    LayerState.UPLOADING: "up", LayerState.DOWNLOADING: "down", LayerState.READING: "read",
    LayerState.COMPRESSING: "pack", LayerState.VERIFYING: "check", LayerState.LOADING: "load",
    LayerState.WAITING: "wait", LayerState.UPLOADED: "sent", LayerState.DOWNLOADED: "fetched",
    LayerState.EXISTS: "kept", LayerState.LINKED: "kept", LayerState.PRESENT: "kept",
    LayerState.FAILED: "failed", LayerState.CANCELLED: "stopped",
}  # fmt: skip
_GROUP_ORDER = ("up", "down", "read", "pack", "check", "load", "sent", "fetched", "kept", "wait", "failed", "stopped")


def ending(transfer: Transfer) -> str:
    """One line of how it ended: ``97 MB sent, 226 MB kept, 12.1 s, 5d0e77c1…``; with cause and fix when it failed."""
    if transfer.state is State.DONE and transfer.result is not None:
        result = transfer.result
        moved = (
            f"{short_size(result.uploaded_bytes)} sent"
            if isinstance(result, PushResult)
            else f"{short_size(result.downloaded_bytes)} fetched"
        )
        kept = sum(layer.size_bytes for layer in result.layers if layer.state in KEPT)
        word = "kept" if isinstance(result, PushResult) else "here already"
        held = f", {short_size(kept)} {word}" if kept else ""
        way = ", by registry" if result.via == "registry" else ""
        return f"{moved}{held}, {duration(result.duration_s)}{way}, {short_digest(result.digest)}"
    if transfer.state is State.FAILED and transfer.error is not None:
        return failure(transfer)
    if transfer.state in (State.CANCELLED, State.INTERRUPTED):
        word = transfer.state.value
        kept = transfer.bytes_in(LayerState.UPLOADED)
        return f"{word}; {short_size(kept)} kept for a resume" if kept else word
    return transfer.state.value


def outcome_words(transfer: Transfer) -> str:
    """The same for the command log, which has no sign in front: ``done: 97 MB sent …``, ``failed: …``."""
    words = ending(transfer)
    return words if words.startswith(transfer.state.value) else f"{transfer.state.value}: {words}"


def failure(transfer: Transfer) -> str:
    """Message, cause and fix of a failed one, in one line."""
    error = transfer.error
    if error is None:
        return ""
    parts = [str(error), error.cause, f"fix: {error.fix}, then R" if error.fix else "R tries again"]
    return inert("  ".join(part for part in parts if part), limit=600)


def counts(queue: Queue) -> list[str]:
    """``2 running``, ``3 queued``, ``1 failed``: only what there is."""
    found = queue.by_state()
    found[State.RUNNING] = found.get(State.RUNNING, 0) + found.pop(State.CANCELLING, 0)
    words = {State.WAITING: "queued"}
    return [f"{found[state]} {words.get(state, state.value)}" for state in _SHOWN_STATES if found.get(state)]


def title(queue: Queue, now: float) -> str:
    """``2 running · 3 queued · 63 MB/s``."""
    speed = queue.totals(now).rate_bytes_s
    return " · ".join([*counts(queue), *([rate(speed)] if speed >= 1 else [])])


def sum_line(queue: Queue, now: float, glyphs: Glyphs, width: int) -> str:
    """Everything in one line, for small terminals."""
    totals = queue.totals(now)
    active = queue.of(State.RUNNING, State.CANCELLING, State.PAUSED, State.WAITING)
    verbs = {transfer.verb for transfer in active}
    signs = (glyphs.push if "push" in verbs else "") + (glyphs.pull if "pull" in verbs else "")
    words = f" {signs} {', '.join(counts(queue))}".replace("  ", " ")
    if not active:
        return f"{words}   w"
    guess = "" if totals.is_whole else "~"
    end = f"  {guess}{int(totals.fraction * 100)}%"
    if totals.rate_bytes_s >= 1:
        end += f"  {rate(totals.rate_bytes_s)}"
    if totals.eta_s is not None:
        end += f"  {to_go(totals.eta_s)} left"
    end += "   w"
    room = width - len(words) - len(end) - 3
    return words + (f"  {bar(totals.fraction, min(room, 30), glyphs)}" if room >= 5 else " ") + end


def layer_order(layers: Sequence[LayerProgress]) -> list[LayerProgress]:
    """Those that do something first, then those that wait; those that are over or kept are left out."""
    busy = [layer for layer in layers if not layer.state.is_final and layer.state is not LayerState.WAITING]
    failed = [layer for layer in layers if layer.state is LayerState.FAILED]
    return failed + busy + [layer for layer in layers if layer.state is LayerState.WAITING]


def layers_over(transfer: Transfer) -> list[tuple[str, str]]:
    """What need not be told layer by layer: ``kept``: ``6 layers, 226 MB not sent``; ``sent``: ``1 layer, 12 MB``."""
    told: list[tuple[str, str]] = []
    layers = transfer.snapshot.layers if transfer.snapshot else ()
    for word, states, rest in (
        ("kept", KEPT, " not sent" if transfer.verb == "push" else " not fetched"),
        ("sent" if transfer.verb == "push" else "fetched", MOVED, ""),
    ):
        found = [layer for layer in layers if layer.state in states]
        if found:
            size_bytes = short_size(sum(layer.total_bytes for layer in found))
            told.append((word, f"{plural(len(found), 'layer')}, {size_bytes}{rest}"))
    return told


def layer_name(layer: LayerProgress) -> str:
    """Twelve hex digits of what it was known by first."""
    return inert(layer.id.partition(":")[2] or layer.id, limit=200)[:12]
