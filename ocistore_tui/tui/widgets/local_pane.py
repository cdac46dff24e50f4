"""The left side: images of an engine, a folder of archives or an OCI layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from ocistore_tui.model.local import LocalRow
from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.text import inert
from ocistore_tui.tui.feeds.local import LocalFeed
from ocistore_tui.tui.format import count, plural, short_size
from ocistore_tui.tui.pane_words import command_of, local_error_lines, waiting_words
from ocistore_tui.tui.rows.local import COLUMNS, LocalRows
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.targets import push_target
from ocistore_tui.tui.widgets.side import Side, needs_rows

if TYPE_CHECKING:
    from ocistore_tui.tui.commands import Command


class LocalPane(Side):
    """Local images.

    Args:
        session: The open store and the local place.
    """

    verb: ClassVar[str] = "Push"
    model: LocalRows

    def __init__(self, session: Session) -> None:
        super().__init__(COLUMNS, ("pushed", "name", "size"))
        self.session = session

    def on_mount(self) -> None:
        """Model and feed need the app."""
        self.model = LocalRows(self.session.comparison, self.app.glyphs, self.app.clock)
        self.feed = LocalFeed(self.app.desk, self.session, self._fed, self.app.clock)
        self.redraw()

    def start(self) -> None:
        """List the place anew."""
        self.feed.start()
        self.changed()

    def empty(self) -> None:
        """Another place is shown: images of the one before, and their marks, have nothing to do with it."""
        self.feed.empty()
        self.model.set(())
        self.changed()

    def _fed(self) -> None:
        if self.feed.listing is not None and self._listing is not self.feed.listing:
            self._listing = self.feed.listing
            self.model.set(self.feed.listing.rows)
        elif self.feed.error is not None:
            self._listing = None
            marks = self.model.marks.listed()
            self.model.set(())
            self.model.marks.add(marks)  # an engine that is away for a moment takes no marks with it
        self.changed()

    _listing: object = None

    def look(self) -> None:
        """Look up the images on the screen."""
        self.feed.look(self.model.visible(self.rows_list.on_screen))

    # texts

    @property
    def place_name(self) -> str:
        """What the place is called."""
        place = self.session.place
        return inert(place.name, limit=60) if place is not None and place.name else ""

    @property
    def short_title(self) -> str:
        """For the tabs of narrow terminals."""
        return f"Local {self.model.total}" if self.model.total else "Local"

    def title(self) -> Content:
        """For the upper edge."""
        parts = ["1 Local images"]
        if self.place_name:
            parts.append(self.place_name)
        if self.model.total:
            parts += [count(self.model.total), short_size(self.model.total_bytes)]
        if self.feed.is_loading and not (self.model.total and not self._waiting()):
            parts.append(self._waiting() or "looking …")
        return Content(" · ".join(parts))

    @property
    def asked_at(self) -> float | None:
        """Since when the place is being listed."""
        return self.feed.asked_at

    def _waiting(self) -> str:
        return waiting_words(self.feed.asked_at, self.app.clock(), self.place_name or "the container engine")

    def empty_lines(self) -> list[tuple[str, str]]:
        """Why there are no images, and the keys that help."""
        if self.feed.error is not None:
            return local_error_lines(self.feed.error)
        if self.feed.is_loading and self.feed.listing is None:
            return [(self._waiting() or "looking for images …", "dim"), *self._way_out()]
        if self.model.filter:
            return [("no image matches the filter", "dim"), ("Esc shows all", "")]
        return [
            ("no images here", "dim"), ("", ""), ("r   look again", ""),
            ("F4  another engine, or a folder of archives", ""), ("p   on the right side pulls images here", ""),
        ]  # fmt: skip

    def _way_out(self) -> list[tuple[str, str]]:
        return [("", ""), ("F4  another engine, or a folder of archives", "")] if self._waiting() else []

    def why_empty(self) -> str:
        """Nothing can be done with images where there are none."""
        if not self.is_mounted or self.model.total:
            return ""
        if self.feed.error is not None:
            return "there are no images here: r looks again, F4 shows another place"
        return "" if self.feed.listing is None else "there are no images here: F4 shows another place"

    def subject(self) -> object:
        """The image under the cursor."""
        return self.model.at(self.rows_list.cursor_key)

    def summary(self) -> str:
        """How much is marked."""
        rows = self.model.chosen(None)
        return short_size(sum(row.size_bytes or 0 for row in rows))

    def bar_dim(self, command: Command) -> str:
        """Tags have no business here."""
        if command.id in ("flat", "hidden", "timeline", "fold", "unfold", "export"):
            return "this works on the right side"
        return super().bar_dim(command)

    # commands

    def chosen(self) -> list[LocalRow]:
        """What a command is about."""
        return self.model.chosen(self.rows_list.cursor_key)

    @needs_rows
    def action_open(self) -> None:
        """All that is known of the image."""
        if self.app.main_screen is not None:
            self.app.main_screen.open_inspector()

    @needs_rows
    def action_send(self) -> None:
        """Push what is marked, or the cursor's row."""
        rows = self.chosen()
        broken = [row for row in rows if row.flaw]
        if not rows or broken:
            why = f"cannot be read: {broken[0].flaw}" if broken else "no image is shown to push: Esc shows all"
            self.app.say(why, kind="warning")
            return
        self.app.send([self._request(row) for row in rows])

    def _request(self, row: LocalRow) -> PushRequest:
        target = push_target(row)
        reference = Reference(*target) if target is not None else Reference("unnamed", "latest")
        place = self.session.place
        host = place.address if place is not None and place.kind == "engine" and place.address else None
        return PushRequest(target=reference, image=row.image, all_platforms=len(row.platforms) > 1, docker_host=host)

    def action_source(self) -> None:
        """Another place on the left."""
        from ocistore_tui.tui.screens.sources import SourcesScreen

        self.app.push_screen(SourcesScreen(self.session))

    def action_copy(self) -> None:
        """Copy what names this image."""
        from ocistore_tui.tui.command_line import command_line
        from ocistore_tui.tui.screens.copy import CopyScreen

        row = self.model.at(self.rows_list.cursor_key)
        if row is None:
            if self.feed.error is not None:
                error = self.feed.error
                self.app.push_screen(CopyScreen([("command", command_of(error)), ("error", str(error))]))
            return
        items = [("name", row.name or row.image), ("image", row.image)]
        items += [("id", str(digest)) for digest in sorted(row.ids)[:3]]
        items.append(("push command", command_line(self._request(row), self.session.store)))
        self.app.push_screen(CopyScreen(items))

    def action_flat(self) -> None:
        """Only tags have repositories."""
        self.app.say("this works on the right side")

    action_hidden = action_timeline = action_fold = action_unfold = action_export = action_flat

    @property
    def total(self) -> str:
        """For the header: how many images."""
        return plural(self.model.total, "image")
