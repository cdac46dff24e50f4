"""The dock: what is being moved, at the foot of the main screen; nothing at all when there is nothing to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from ocistore_tui.tui.format import plural
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.runner import SHOWS_TRANSFERS
from ocistore_tui.tui.transfer_lines import Line, job_lines, layer_lines
from ocistore_tui.tui.transfer_words import counts, sum_line, title
from ocistore_tui.tui.transfers import State, Transfer
from ocistore_tui.tui.widgets.covered import is_covered

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

MOST_JOBS = 3
STAYS_S = 8.0
"""How long one that is done is shown."""
_LAYERS_FROM = 45
"""Rows of the screen from which on there is room for layers."""
_STYLES = ("dim", "good", "warn", "bad", "accent", "bold")
_ORDER = (State.RUNNING, State.CANCELLING, State.PAUSED, State.FAILED, State.DONE, State.CANCELLED, State.WAITING)


class Dock(Widget):
    """Up to three transfers with bars; on small terminals one line that sums up."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"dock--{name}" for name in _STYLES}
    app: OcistoreApp

    def __init__(self) -> None:
        super().__init__(classes=SHOWS_TRANSFERS)
        self._lines: list[Line] = []
        self._styles: dict[str, Style] = {}
        self._told: list[object] = []
        self._told_at = 0.0
        self._titles = ("", "")
        self._names_interrupted = False
        self.display = False

    def on_mount(self) -> None:
        """Listen to the runner; seconds pass even when no byte does."""
        runner = self.app.runner
        runner.changed.subscribe(self, self._changed)
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out)
        self.set_interval(1.0, self._second)
        runner.unfinished.look_in(self.app.session)
        self.redraw()

    def _changed(self, _: Queue) -> None:
        self.redraw()

    def _laid_out(self, _: Any) -> None:
        self.redraw()

    def _second(self) -> None:
        self.redraw()

    def on_click(self) -> None:
        """All of it is on the Transfers screen."""
        self.app.action_transfers()

    # what it says

    def redraw(self) -> None:
        """Say what there is to say now; only lines that differ are painted."""
        if not self.is_attached or is_covered(self):
            return
        queue, now, glyphs = self.app.runner.queue, self.app.clock(), self.app.glyphs
        shown = [transfer for transfer in self._in_order(queue) if self._is_shown(transfer, now)]
        interrupted = queue.of(State.INTERRUPTED)
        screen = self.screen
        is_small = any(screen.has_class(name) for name in ("-narrow", "-short", "-tiny"))
        self.set_class(is_small, "-small")
        width = self._width(is_small)
        lines: list[Line] = []
        if is_small:
            if any(transfer.state.is_unfinished for transfer in shown):
                lines = [((sum_line(queue, now, glyphs, width), ""),)]
            elif shown:
                lines = job_lines(shown[0], width, now, glyphs)[:1]
        else:
            for number, transfer in enumerate(shown[:MOST_JOBS]):
                lines += job_lines(transfer, width, now, glyphs)
                if not number and screen.has_class("-wide") and screen.size.height >= _LAYERS_FROM:
                    lines += [line for _, line in layer_lines(transfer, width, glyphs)] if transfer.has_begun else []
        self._names_interrupted = bool(interrupted) and not (is_small and lines)
        if self._names_interrupted:
            lines.append(_interrupted(len(interrupted), glyphs.paused))
        if not is_small:
            self._show_titles(queue, now, len(shown) - MOST_JOBS)
        self._show(lines)

    def _show_titles(self, queue: Queue, now: float, more: int) -> None:
        """A title paints the whole frame: once a second is enough for the rate in it."""
        told = [*counts(queue), more]
        if told == self._told and abs(now - self._told_at) < 1.0:
            return
        self._told, self._told_at = told, now
        facts = title(queue, now)
        titles = (
            f"4 Transfers · {facts}" if facts else "4 Transfers",
            f"+{more} more, w shows all" if more > 0 else "",
        )
        if titles != self._titles:
            self._titles = titles
            self.border_title, self.border_subtitle = map(Content, titles)

    @staticmethod
    def _in_order(queue: Queue) -> list[Transfer]:
        return [transfer for state in _ORDER for transfer in queue.of(state)]

    @staticmethod
    def _is_shown(transfer: Transfer, now: float) -> bool:
        if transfer.state in (State.DONE, State.CANCELLED):
            return transfer.ended is not None and now - transfer.ended < STAYS_S
        return transfer.state is not State.FAILED or not transfer.is_seen

    def _width(self, is_small: bool) -> int:
        # Hidden, it has no width of its own yet.
        return self.screen.size.width - (0 if is_small else 4)

    def _show(self, lines: list[Line]) -> None:
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.display = bool(lines)
            self.refresh(layout=True)
            return
        changed = [Region(0, y, self.size.width, 1) for y, line in enumerate(lines) if line != before[y]]
        if changed:
            self.refresh(*changed)

    # what it offers

    def offered(self, command_id: str) -> list[Transfer]:
        """The transfers that ``dock-resume`` or ``dock-forget`` is about now; none of which no line tells."""
        queue = self.app.runner.queue
        interrupted = [*queue.of(State.INTERRUPTED)] if self._names_interrupted else []
        if command_id == "dock-forget":
            return interrupted
        return [*(one for one in queue.of(State.FAILED) if not one.is_seen), *interrupted]

    def reason(self, command_id: str) -> str:
        """Why the dock offers nothing of this kind; empty when it does."""
        if self.offered(command_id):
            return ""
        if self.app.runner.queue.of(State.INTERRUPTED):
            return "what was interrupted is on the Transfers screen: w"
        return "nothing was interrupted" if command_id == "dock-forget" else "nothing was interrupted, nothing failed"

    # painting

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's signature
        """A row for each line."""
        return len(self._lines)

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._styles = {}

    def render_line(self, y: int) -> Strip:
        """One line."""
        width, base = self.size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, base)
        segments = [Segment(text, base + self._style(name) if name else base) for text, name in self._lines[y]]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"dock--{name}", partial=True)
        return style


def _interrupted(number: int, glyph: str) -> Line:
    return (
        (f"{glyph} ", "warn"),
        (plural(number, "interrupted transfer"), "bold"),
        (" of an earlier time: ", ""),
        ("w", "accent"),
        (" shows them, ", ""),
        ("R", "accent"),
        (" resume, ", ""),
        ("x", "accent"),
        (" forget", ""),
    )
