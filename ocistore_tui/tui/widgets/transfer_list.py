"""The list on the Transfers screen: transfers with their layers unfolded beneath them."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip

from ocistore_tui.model.text import inert
from ocistore_tui.tui.command_line import command_line
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.rows.row import Row
from ocistore_tui.tui.transfer_lines import Line, job_lines, layer_lines
from ocistore_tui.tui.transfers import State, Transfer
from ocistore_tui.tui.widgets.row_list import RowList

_ORDER = (State.INTERRUPTED, State.FAILED, State.RUNNING, State.CANCELLING, State.PAUSED, State.WAITING)
_ACTIVE = frozenset({State.RUNNING, State.CANCELLING, State.PAUSED})
Key = tuple[int, str]
"""A transfer's number, and the part of it: empty for its own line."""


class Lines:
    """The lines of all transfers, as a source of rows.

    Args:
        queue: The transfers.
        unfolded: What people chose: number of a transfer to whether its details are shown.
        width: Columns there are.
        now: Seconds since 1970.
        glyphs: Signs of this terminal.
    """

    def __init__(self, queue: Queue, unfolded: dict[int, bool], width: int, now: float, glyphs: Glyphs) -> None:
        self._lines: list[tuple[Key, Line]] = []
        first = next((one.id for one in in_order(queue) if one.state in _ACTIVE), None)
        for transfer in in_order(queue):
            head, *rest = job_lines(transfer, width, now, glyphs)
            self._lines.append(((transfer.id, ""), head))
            if unfolded.get(transfer.id, transfer.id == first):
                details = _details(transfer, width)
                if transfer.has_begun:
                    details = [
                        ((transfer.id, f"layer {key}"), line) for key, line in layer_lines(transfer, width, glyphs)
                    ]
                self._lines += details
            else:
                self._lines += [((transfer.id, "more"), line) for line in rest]
        self._index: dict[Hashable, int] = {key: index for index, (key, _) in enumerate(self._lines)}

    def __len__(self) -> int:
        return len(self._lines)

    def key(self, index: int) -> Hashable:
        """The transfer and the part of it."""
        return self._lines[index][0]

    def row(self, index: int) -> Row:
        """As one cell; the list paints `line` instead."""
        return Row(("".join(text for text, _ in self._lines[index][1]),))

    def line(self, index: int) -> Line:
        """The pieces of one line."""
        return self._lines[index][1]

    def is_like(self, other: Lines) -> bool:
        """Whether these are the same lines of the same transfers, and at most say something else."""
        return bool(self._lines) and self._index == other._index

    def index(self, key: Hashable) -> int | None:
        """Where a line is; of a part that is gone, where its transfer is."""
        found = self._index.get(key)
        if found is None and isinstance(key, tuple):
            found = self._index.get((key[0], ""))
        return found


def in_order(queue: Queue) -> list[Transfer]:
    """What needs somebody first, then what runs, what waits in its order, and what ended, the newest first."""
    ended = sorted(queue.of(State.DONE, State.CANCELLED), key=lambda one: one.ended or 0.0, reverse=True)
    return [transfer for state in _ORDER for transfer in queue.of(state)] + ended


def _details(transfer: Transfer, width: int) -> list[tuple[Key, Line]]:
    facts: list[tuple[str, str]] = []
    if transfer.error is not None:
        error = transfer.error
        fix = f"{error.fix}, then R" if error.fix and transfer.state is State.FAILED else error.fix
        facts += [("where", error.where), ("cause", error.cause), ("fix", fix)]
    notes = transfer.result.notes if transfer.result else transfer.snapshot.notes if transfer.snapshot else ()
    facts += [("note", note) for note in notes]
    if transfer.result is not None:
        facts.append(("digest", str(transfer.result.digest)))
    facts += [("store", transfer.session.store.url), ("line", command_line(transfer.request, transfer.session.store))]
    lines: list[tuple[Key, Line]] = []
    for word, text in facts:
        wrapped = textwrap.wrap(inert(text, limit=2000), max(20, width - 14))
        for number, part in enumerate(wrapped):
            name = f"{word:<8}" if not number else " " * 8
            lines.append(((transfer.id, f"{word} {len(lines)}"), (("    ", ""), (name, "dim"), (part, ""))))
    return lines


class TransferList(RowList):
    """Lines in pieces of their own instead of columns."""

    DEFAULT_CSS: ClassVar[str] = "TransferList { padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__((), signs=False, header=False)

    def update(self, lines: Lines, *, empty: Sequence[tuple[str, str]] = ()) -> None:
        """Show these lines; only those that differ are painted."""
        before = self.source
        if not isinstance(before, Lines) or not lines.is_like(before):
            self.show(lines, empty=empty)
            return
        self._source = lines
        top = self.scroll_offset.y
        changed = [index for index in self.on_screen if lines.line(index) != before.line(index)]
        if changed:
            self.refresh(*(Region(0, index - top, self.size.width, 1) for index in changed))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        index = self.scroll_offset.y + y
        source = self.source
        if not isinstance(source, Lines) or not 0 <= index < len(source):
            return super().render_line(y)
        width, base = self.size.width, self._style("")
        if index == self.cursor:
            base += self._style("cursor" if self.has_focus else "cursor-blurred")
        plain = index == self.cursor and self.has_focus
        segments = [
            Segment(text, base + self._style(name) if name and not plain else base) for text, name in source.line(index)
        ]
        return Strip(segments).adjust_cell_length(width, base)
