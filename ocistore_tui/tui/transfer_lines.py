"""Lines about transfers in exactly the columns there are: pieces of text, each with the name of a style."""

from __future__ import annotations

from collections.abc import Hashable

from ocistore_tui.model.progress import LayerProgress, LayerState
from ocistore_tui.model.text import inert
from ocistore_tui.tui.format import bar, fit, short_size
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.transfer_words import (
    amount,
    ending,
    failure,
    layer_counts,
    layer_name,
    layer_order,
    layers_over,
    name,
    of,
    pace,
    sign,
    to_end,
)
from ocistore_tui.tui.transfers import State, Transfer

Piece = tuple[str, str]
"""Text, and ``""``, ``dim``, ``good``, ``warn``, ``bad``, ``accent`` or ``bold``."""
Line = tuple[Piece, ...]

MOST_LAYERS = 6
_STYLES = {
    State.RUNNING: "accent", State.PAUSED: "warn", State.CANCELLING: "warn", State.WAITING: "dim",
    State.INTERRUPTED: "warn", State.DONE: "good", State.FAILED: "bad", State.CANCELLED: "dim",
}  # fmt: skip
_HAS_BAR = frozenset({State.RUNNING, State.PAUSED, State.CANCELLING, State.WAITING})
_AMOUNT, _PACE, _TO_END, _COUNTS = 15, 9, 6, 24
_WIDEST_NAME, _WIDEST_BAR = 44, 60
_GOOD_NAME, _LEAST_BAR = 30, 10
"""A name tells more than a longer bar does."""


def job_lines(transfer: Transfer, width: int, now: float, glyphs: Glyphs) -> list[Line]:
    """One transfer: a line with a bar while it is to come, else how it ended; a failure may take a second line."""
    style = _STYLES[transfer.state]
    head = f"{sign(transfer, glyphs)} {transfer.verb} "
    if transfer.state in _HAS_BAR:
        return [_bar_line(transfer, head, width, now, glyphs)]
    label = name(transfer)
    if transfer.state is not State.FAILED:
        room = max(0, width - len(head) - 2)
        text = ending(transfer)
        shown = min(len(label), max(12, room - len(text)))
        return [((head, style), (fit(label, shown, cut=glyphs.cut), ""), ("  ", ""), (text[: room - shown], "dim"))]
    error = transfer.error
    label = fit(label, min(len(label), max(12, width // 3)), cut=glyphs.cut)
    room = max(0, width - len(head) - len(label) - 2)
    whole = failure(transfer)
    if error is None or len(whole) <= room:
        return [((head, style), (label, "bold"), ("  ", ""), (whole, style))]
    what = inert(str(error), limit=400)
    fix = f"fix: {error.fix}, then R" if error.fix else "R tries again"
    below = inert("  ".join(part for part in (error.cause, fix) if part), limit=600)
    if len(below) + 4 > width:  # what to do about it is the last to be cut
        below = inert(fix, limit=600)
    return [
        ((head, style), (label, "bold"), ("  ", ""), (_end_cut(what, room, glyphs), style)),
        (("    ", ""), (_end_cut(below, max(0, width - 4), glyphs), "")),
    ]


def _bar_line(transfer: Transfer, head: str, width: int, now: float, glyphs: Glyphs) -> Line:
    style = _STYLES[transfer.state]
    fixed = len(head) + 4 + _AMOUNT + _PACE + _TO_END + 5 * 2
    has_counts = width >= fixed + 12 + 12 + 2 + _COUNTS
    room = max(16, width - fixed - (2 + _COUNTS if has_counts else 0))
    label = name(transfer)
    # The same in every line, so that bars stand below each other.
    named = min(_WIDEST_NAME, max(min(_GOOD_NAME, room - _LEAST_BAR), room * 11 // 20))
    barred = min(_WIDEST_BAR, room - named)
    words = pace(transfer, now)
    to_go = to_end(transfer, now)
    rest = (
        fit(words, _PACE, cut=glyphs.cut)
        if len(words) <= _PACE or to_go
        else fit(words, _PACE + 2 + _TO_END, cut=glyphs.cut)
    )
    if len(rest) == _PACE:
        rest += f"  {to_go:>{_TO_END}}"
    known = transfer.total_bytes is not None
    pieces: list[Piece] = [
        (head, style),
        (fit(label, named, cut=glyphs.cut), "bold" if transfer.state is State.RUNNING else ""),
        ("  ", ""),
        (bar(transfer.fraction, barred, glyphs), style),
        (f"  {int(transfer.fraction * 100):3d}%" if known else "      ", ""),
        (f"  {fit(amount(transfer), _AMOUNT, right=True, cut=glyphs.cut)}", ""),
        (f"  {rest}", "warn" if transfer.stalled_s(now) is not None else "dim"),
    ]
    if has_counts:
        pieces.append((f"  {fit(layer_counts(transfer), _COUNTS, cut=glyphs.cut)}", "dim"))
    return tuple(pieces)


def layer_lines(transfer: Transfer, width: int, glyphs: Glyphs) -> list[tuple[Hashable, Line]]:
    """What a transfer's layers do: those that need nothing folded into a line, active ones first, the rest counted."""
    lines: list[tuple[Hashable, Line]] = [
        (word, (("    ", ""), (f"{word:<12}  ", "dim"), (told, "dim"))) for word, told in layers_over(transfer)
    ]
    ordered = layer_order(transfer.snapshot.layers if transfer.snapshot else ())
    shown = ordered[:MOST_LAYERS]
    lines += [(layer.id, _layer_line(layer, width, glyphs)) for layer in shown]
    if len(ordered) > len(shown):
        lines.append(("waiting", (("    ", ""), (f"+{len(ordered) - len(shown)} waiting", "dim"))))
    return lines


def _layer_line(layer: LayerProgress, width: int, glyphs: Glyphs) -> Line:
    head = f"    {glyphs.layer[layer.state]} {layer.state.value:<12}"
    style = "bad" if layer.state is LayerState.FAILED else "dim" if layer.state is LayerState.WAITING else ""
    pieces: list[Piece] = [(head, style), (f"{layer_name(layer):<14}", style)]
    if layer.state is LayerState.WAITING:
        return (*pieces, (short_size(layer.total_bytes) if layer.total_bytes else "", "dim"))
    total = layer.total_bytes
    fraction = min(1.0, layer.done_bytes / total) if total else 0.0
    barred = max(0, min(40, width - len(head) - 14 - 28))
    end = f"  {int(fraction * 100):3d}%  {of(layer.done_bytes, total)}" if total else ""
    return (*pieces, (bar(fraction, barred, glyphs), "accent"), (end, ""))


def _end_cut(text: str, width: int, glyphs: Glyphs) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + glyphs.cut
