"""The one list of the program: virtual, so that 100,000 rows cost no more than those on the screen.

Stock tables take seconds for what this does in milliseconds (ux.md §6). Rows are plain tuples asked from a source by
index; the cursor stays on its row by key whatever happens around it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, MouseDown, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ocistore_tui.tui.rows.row import Column, RowSource, keyed
from ocistore_tui.tui.widgets.row_painter import RowPainter

Line = tuple[Callable[..., Strip], tuple[object, ...]]
_STYLES = ("dim", "good", "warn", "bad", "accent", "bold")


class RowList(ScrollView, can_focus=True):
    """A list of rows in columns.

    Args:
        columns: From left to right.
        signs: Whether there is a column for marks and signs in front.
        header: Whether titles are shown.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-list--header", "row-list--cursor", "row-list--cursor-blurred", "row-list--marked",
        *(f"row-list--{name}" for name in _STYLES),
    }  # fmt: skip
    DEFAULT_CSS = """
    RowList {
        height: 1fr;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .row-list--header { color: $text-muted; text-style: bold; }
        & > .row-list--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
        & > .row-list--cursor-blurred { background: $surface; text-style: bold; }
        & > .row-list--marked { color: $accent; text-style: bold; }
        & > .row-list--dim { color: $text-muted; }
        & > .row-list--good { color: $text-success; }
        & > .row-list--warn { color: $text-warning; }
        & > .row-list--bad { color: $text-error; }
        & > .row-list--accent { color: $text-accent; }
        & > .row-list--bold { text-style: bold; }
        &:nocolor > .row-list--cursor { text-style: reverse; }
        &:nocolor > .row-list--cursor-blurred { text-style: bold underline; }
        &:nocolor > .row-list--marked { text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "go(1)", "Down", show=False),
        Binding("up,k", "go(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("ctrl+d", "half(1)", "Half a page down", show=False),
        Binding("ctrl+u", "half(-1)", "Half a page up", show=False),
        Binding("g,home", "first", "First", show=False),
        Binding("G,end", "last", "Last", show=False),
    ]

    @dataclass
    class About(Message):
        """Something about one row."""

        rows: RowList
        key: Hashable

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

    class Moved(About):
        """The cursor is on another row, or on none."""

    class Opened(About):
        """A row was opened: double click."""

    class SignClicked(About):
        """The column of marks was clicked."""

    @dataclass
    class TitleClicked(Message):
        """A column's title was clicked."""

        rows: RowList
        order: str

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

    @dataclass
    class Scrolled(Message):
        """Other rows are on the screen."""

        rows: RowList

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

        def can_replace(self, message: Message) -> bool:
            """Only the newest counts."""
            return isinstance(message, RowList.Scrolled) and message.rows is self.rows

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        signs: bool = True,
        header: bool = True,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._painter = RowPainter(columns, self._style, signs=signs)
        self._source = keyed(())
        self._signs = signs
        self._header = header
        self._cursor = 0
        self._cursor_key: Hashable = None
        self._empty: tuple[tuple[str, str], ...] = ()
        self._styles: dict[str, Style] | None = None
        self._arrow: tuple[str, str] = ("", "")
        self._told: tuple[int, int] = (-1, -1)
        self._painted: dict[int, Line] = {}
        """What each line of the screen showed when it was painted last."""
        self._keys: dict[int, Hashable] = {}
        """Whose row that was."""
        self._pressed: tuple[int, Hashable] = (-1, None)
        """Where the mouse was pressed, and whose row was seen there: the click is meant for that one."""

    # what is shown

    @property
    def source(self) -> RowSource:
        """Where rows come from."""
        return self._source

    def show(self, source: RowSource, *, empty: Sequence[tuple[str, str]] = ()) -> None:
        """Show these rows; the cursor stays on its row, and the row on its line where it can.

        Args:
            source: The rows, also after they changed.
            empty: Lines (text, style name) to show when there is no row.
        """
        line = self._cursor - self.scroll_offset.y
        self._source = source
        self._empty = tuple(empty)
        total = len(source)
        self.virtual_size = Size(self.size.width, total + self._header)
        found = source.index(self._cursor_key) if self._cursor_key is not None and total else None
        before = self._cursor_key
        if found is not None and found != self._cursor:
            self._cursor = found
            self.scroll_to(y=max(0, found - line), animate=False, immediate=True)
        self._cursor = max(0, min(self._cursor, total - 1))
        self._cursor_key = source.key(self._cursor) if total else None
        if self._cursor_key != before:
            self.post_message(self.Moved(self, self._cursor_key))
        for y in range(self.size.height):  # each line that is painted again costs many times what a look at it costs
            if self._painted.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))
            self._keys[y] = self._key(y)
        self._tell_scrolled(force=True)

    def _catch_up(self) -> None:
        """Rows may be painted that were not shown yet, and a key is meant for what is painted."""
        total = len(self._source)
        is_shown = self.virtual_size.height == total + self._header if total else self._cursor_key is None
        if not is_shown or (total and self._source.key(min(self._cursor, total - 1)) != self._cursor_key):
            self.show(self._source, empty=self._empty)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns."""
        self._painter = RowPainter(columns, self._style, signs=self._signs)
        self.refresh()

    def set_arrow(self, order: str, arrow: str) -> None:
        """Show in the titles what the list is sorted by."""
        if self._arrow != (order, arrow):
            self._arrow = (order, arrow)
            self.refresh()

    def clear_cursor(self) -> None:
        """Forget where the cursor was: the next rows have nothing to do with these."""
        self._cursor, self._cursor_key = 0, None
        self.scroll_to(y=0, animate=False, immediate=True)

    @property
    def cursor_key(self) -> Hashable:
        """The row under the cursor; None: there is none."""
        self._catch_up()
        return self._cursor_key

    @property
    def cursor(self) -> int:
        """The cursor's index."""
        self._catch_up()
        return self._cursor

    @property
    def on_screen(self) -> range:
        """Indexes of the rows on the screen."""
        first = max(0, self.scroll_offset.y)
        return range(first, min(len(self._source), first + max(0, self.size.height - self._header)))

    def move_to(self, key: Hashable) -> None:
        """Put the cursor on this row, if it is there."""
        index = self._source.index(key)
        if index is not None:
            self._go_to(index)

    # moving

    def action_go(self, rows: int) -> None:
        """Down or up."""
        self._go_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """A page down or up."""
        self._go_to(self.cursor + pages * max(1, self.size.height - self._header - 1))

    def action_half(self, pages: int) -> None:
        """Half a page down or up."""
        self._go_to(self.cursor + pages * max(1, (self.size.height - self._header) // 2))

    def action_first(self) -> None:
        """To the first row."""
        self._go_to(0)

    def action_last(self) -> None:
        """To the last row."""
        self._go_to(len(self._source) - 1)

    def _go_to(self, index: int) -> None:
        self._catch_up()
        total = len(self._source)
        if not total:
            return
        index = max(0, min(index, total - 1))
        key = self._source.key(index)
        if index == self._cursor and key == self._cursor_key:
            return
        self._refresh_row(self._cursor)
        self._cursor, self._cursor_key = index, key
        top, height = self.scroll_offset.y, max(1, self.size.height - self._header)
        if index < top:
            self.scroll_to(y=index, animate=False, immediate=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, immediate=True)
        self._refresh_row(index)
        self.post_message(self.Moved(self, key))

    def _refresh_row(self, index: int) -> None:
        self.refresh(Region(0, index - self.scroll_offset.y + self._header, self.size.width, 1))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Tell which rows are on the screen now."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.refresh()
            self._tell_scrolled()

    def on_resize(self, event: Resize) -> None:
        """Other widths, other rows on the screen."""
        self.virtual_size = Size(event.size.width, len(self._source) + self._header)
        total = len(self._source)
        if total and not self.on_screen.start <= self._cursor < self.on_screen.stop:
            height = max(1, event.size.height - self._header)
            self.scroll_to(y=max(0, self._cursor - height + 1), animate=False)
        self._tell_scrolled(force=True)

    def _tell_scrolled(self, *, force: bool = False) -> None:
        visible = self.on_screen
        told = (visible.start, visible.stop)
        if force or told != self._told:
            self._told = told
            self.post_message(self.Scrolled(self))

    def on_mouse_down(self, event: MouseDown) -> None:
        """Rows may move before the button is up again."""
        self._pressed = event.y, self._keys.get(event.y)

    def on_click(self, event: Click) -> None:
        """Select; twice opens; the first column marks; a title sorts."""
        if self._header and event.y == 0 and len(self._source):
            column = self._painter.column_at(event.x, self.scrollable_content_region.width)
            if column is not None and column.order:
                self.post_message(self.TitleClicked(self, column.order))
            return
        y, key = self._pressed
        key = key if y == event.y else self._keys.get(event.y)
        index = self._source.index(key) if key is not None else None
        if index is None or self._source.key(index) != key:  # there is none, or it is gone already
            return
        self._go_to(index)
        if self._signs and event.x <= 1:
            self.post_message(self.SignClicked(self, self._cursor_key))
        elif event.chain == 2:
            self.post_message(self.Opened(self, self._cursor_key))

    # painting

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._styles = None

    def on_focus(self) -> None:
        """The cursor looks different with the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor looks different without."""
        self.refresh()

    def _style(self, name: str) -> Style:
        if self._styles is None:
            self._styles = {"": self.rich_style}
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"row-list--{name}", partial=name != "cursor")
        return style

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        self._keys[y] = self._key(y)
        paint, what = self._painted[y] = self._line(y)
        return paint(*what, self.scrollable_content_region.width)

    def _key(self, y: int) -> Hashable:
        """Whose row is on a line of the screen; None: nobody's."""
        index = self.scroll_offset.y + y - self._header
        return self._source.key(index) if y >= self._header and index < len(self._source) else None

    def _line(self, y: int) -> Line:
        """How a line of the screen is painted, and of what."""
        painter, total = self._painter, len(self._source)
        if self._header and y == 0 and total:
            return painter.titles, (self._arrow,)
        index = self.scroll_offset.y + y - self._header
        if 0 <= index < total:
            cursor = "" if index != self._cursor else "cursor" if self.has_focus else "cursor-blurred"
            return painter.row, (self._source.row(index), cursor)
        return painter.words, (() if total or y < 1 else self._empty, max(0, y - 1))
