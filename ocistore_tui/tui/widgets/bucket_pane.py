"""The right side: repositories and tags of the open store."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import ClassVar

from textual.content import Content
from textual.timer import Timer

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PullRequest
from ocistore_tui.model.reference import Reference, is_repository, is_tag
from ocistore_tui.model.text import inert
from ocistore_tui.tui import pane_words
from ocistore_tui.tui.feeds.bucket import BucketFeed
from ocistore_tui.tui.format import plural, short_size
from ocistore_tui.tui.rows.bucket import BucketRows, Key
from ocistore_tui.tui.rows.paint import COLUMNS
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.targets import pull_image
from ocistore_tui.tui.widgets.header import trouble_of
from ocistore_tui.tui.widgets.side import Side, needs_rows

_NEAR_END = 40
"""Lines before the end of the list at which the next page of repositories is asked for."""
_MOST_SUMMED = 5_000
"""Marks that are summed up at every key; nobody waits for the sum of more."""
_KEEP_S = 10.0
"""What was learnt is kept for the next start so long after it was, at the latest."""


class BucketPane(Side):
    """Repositories and tags.

    Args:
        session: The open store.
    """

    verb: ClassVar[str] = "Pull"
    model: BucketRows

    def __init__(self, session: Session) -> None:
        super().__init__(COLUMNS, ("pushed", "name", "size", "unique"))
        self.session = session
        self._said = ""
        self._was_unfolded = False
        self._keeping: Timer | None = None

    def on_mount(self) -> None:
        """Model and feed need the app."""
        self.model = BucketRows(self.session.comparison, self.app.glyphs, self.app.clock)
        self.feed = BucketFeed(self.app.desk, self.session, self.model, self._fed, self.app.clock)
        self.redraw()

    def _fed(self) -> None:
        """A store that fits on the screen is shown unfolded: nobody has to look for what is there."""
        if not self.has_list:
            return
        if self.model.is_complete and not self._was_unfolded:
            self._was_unfolded = True
            lines = sum(1 + len(node.tags) for node in self.model.nodes.values())
            if lines <= self.rows_list.size.height:
                for name in self.model.nodes:
                    self.model.fold(name, is_open=True)
        self.changed()
        if self._keeping is None and self.is_mounted:
            self._keeping = self.set_timer(_KEEP_S, self._keep)

    def _keep(self) -> None:
        self._keeping = None
        self.feed.keep()

    def on_unmount(self) -> None:
        """Another store, or the end of the program."""
        self.feed.keep(at_the_end=True)

    def start(self) -> None:
        """Show what is remembered, then ask the store."""
        self.feed.start()
        self.changed()

    def again(self) -> None:
        """Ask the store anew."""
        self.feed.again()
        self.changed()

    def touch(self, repository: str, tag: str | None) -> None:
        """A transfer of ours changed this tag."""
        self.feed.touch(repository, tag)

    def say(self, text: str) -> None:
        """A line of news where the list would be empty."""
        self._said = text
        self.redraw()

    @property
    def is_empty(self) -> bool:
        """Whether the store is known to hold nothing."""
        return self.feed.is_whole and not self.model.nodes

    # what is on the screen

    def look(self) -> None:
        """Ask for the details of what is on the screen, and for more rows near the end."""
        visible = self.rows_list.on_screen
        around = range(visible.start, min(len(self.model), visible.stop + len(visible) // 2))
        self.feed.look([key for key in self.model.slice(around) if key[1] != ""])
        may_ask = not self.feed.is_whole and not self.feed.is_loading and self.feed.error is None
        if may_ask and (visible.stop + _NEAR_END > len(self.model) or self.model.filter):
            self.feed.more()

    def filtered(self) -> None:
        """A filter looks at every tag there is."""
        if self.model.filter:
            self.feed.remember_all()

    # texts

    @property
    def short_title(self) -> str:
        """For the tabs of narrow terminals."""
        counted = f" {self._repositories()}" if self.model.nodes or self.feed.is_whole else ""
        return f"{inert(self.session.store.name, limit=24)}{counted}"

    def _repositories(self) -> str:
        return plural(len(self.model.nodes), "repo", is_whole=self.feed.is_whole)

    def title(self) -> Content:
        """For the upper edge."""
        parts = [f"2 {inert(self.session.store.name, limit=30)}"]
        if self.is_empty:
            parts.append("empty")
        elif self.model.nodes:
            parts.append(self._repositories())
            counted = [node.tag_count for node in self.model.nodes.values()]
            tags = sum(number or 0 for number in counted)
            if tags:
                parts.append(plural(tags, "tag", is_whole=self.feed.is_whole and None not in counted))
            if self.model.is_complete:
                parts.append(short_size(self.model.sharing.total_bytes))
        if self.feed.is_loading:
            parts.append(self._waiting() or "listing …")
        elif self.model.nodes and (word := trouble_of(self.feed.error)):
            parts.append(word)
        return Content(" · ".join(parts))

    @property
    def asked_at(self) -> float | None:
        """Since when a page of repositories is waited for."""
        return self.feed.asked_at

    def _waiting(self) -> str:
        return pane_words.waiting_words(self.feed.asked_at, self.app.clock(), self.session.store.backend)

    def trouble(self) -> str:
        """What the store said, while what was known before is shown."""
        error = self.feed.error
        return f"{inert(error.message, limit=60)} (r tries again)" if error is not None and self.model.nodes else ""

    def empty_lines(self) -> list[tuple[str, str]]:
        """What an empty list means, and the keys that help."""
        if self._said:
            return [(inert(self._said), "")]
        if self.feed.error is not None:
            return pane_words.store_error_lines(self.feed.error)
        if self.feed.is_loading or not self.feed.is_whole:
            late = self._waiting()
            return [(late, ""), ("c   another store", "")] if late else [("listing repositories …", "dim")]
        if self.model.filter:
            return [("no repository or tag matches the filter", "dim"), ("Esc shows all", "")]
        if self.feed.is_image_layout:
            return pane_words.image_layout_lines(self.session.store)
        adds = self.session.allows_adding
        return pane_words.empty_store_lines(self.session.store, allows_adding=adds, has_layout=self.feed.has_layout)

    def why_empty(self) -> str:
        """Nothing can be done with tags where there are none."""
        is_known = self.is_mounted and not self.model.nodes and (self.is_empty or self.feed.error is not None)
        return pane_words.why_no_tags(self.feed.error) if is_known else ""

    def subject(self) -> object:
        """The tag or repository under the cursor."""
        key = self.rows_list.cursor_key
        if not isinstance(key, tuple):
            return None
        row = self.model.tag(key)
        node = self.model.nodes.get(key[0])
        return (key[0], row) if row is not None else node.summary if node is not None else None

    def marked(self) -> int:
        """Tags that are marked; a repository whose tags are not known yet counts as one."""
        return len(self.model.chosen(None)) + len(self.model.unlisted(None))

    def summary(self) -> str:
        """How much is marked, and what only the marked ones hold."""
        if len(self.model.marks) > _MOST_SUMMED:
            return ""
        rows = [row for key in self.model.chosen(None) if (row := self.model.tag(key)) is not None]
        blobs: dict[Digest, int] = {}
        for row in rows:
            blobs.update(row.blobs)
        parts = [f"pull {short_size(sum(blobs.values()))}"]
        if self.model.is_complete:
            digests = {row.digest for row in rows if row.digest is not None}
            aliases = {
                row.digest
                for name, node in self.model.nodes.items()
                for row in node.tags.values()
                if row.digest in digests and not self.model.is_marked((name, row.name))
            }
            freed = self.model.sharing.freed_bytes(digests - aliases)
            parts.append(f"deleting them would free {short_size(freed)}")
        return " · ".join(parts)

    # commands

    def can_mark(self, key: Hashable) -> bool:
        """The line that says tags are being listed cannot be marked; a folded repository is listed for it."""
        if not isinstance(key, tuple) or key[1] == "":
            return False
        node = self.model.nodes.get(key[0])
        if key[1] is None and node is not None and not node.is_listed:
            self.feed.unfold(key[0])
        return True

    @needs_rows
    def action_open(self) -> None:
        """Unfold a repository, or open a tag."""
        key = self.rows_list.cursor_key
        if not isinstance(key, tuple) or key[1] == "":
            return
        if key[1] is None:
            self._fold(key[0], is_open=not self.model.nodes[key[0]].is_open)
            return
        self.open_tag(key[0], key[1])

    def open_tag(self, repository: str, tag: str) -> None:
        """Everything about one tag."""
        from ocistore_tui.tui.screens.detail import DetailScreen

        if not (is_repository(repository) and is_tag(tag)):
            self.app.say(pane_words.not_served(repository, tag), kind="warning")
            return
        row = self.model.tag((repository, tag))
        self.app.push_screen(DetailScreen(self.session, Reference(repository, tag), row))

    def _fold(self, repository: str, *, is_open: bool) -> None:
        self.model.fold(repository, is_open=is_open)
        if is_open:
            self.feed.show(repository)
        self.redraw()

    def action_fold(self) -> None:
        """Fold the repository the cursor is in, and go to it."""
        key = self.rows_list.cursor_key
        if isinstance(key, tuple) and not self.model.is_flat:
            self._fold(key[0], is_open=False)
            self.rows_list.move_to((key[0], None))

    def action_unfold(self) -> None:
        """Unfold the repository under the cursor; unfolded already, go to its first tag."""
        key = self.rows_list.cursor_key
        if not isinstance(key, tuple) or key[1] is not None:
            return
        if self.model.nodes[key[0]].is_open:
            self.rows_list.action_go(1)
        else:
            self._fold(key[0], is_open=True)

    def action_flat(self) -> None:
        """All tags in one list, or below their repositories."""
        self.model.is_flat = not self.model.is_flat
        self.feed.remember_all()
        self.model.rebuild()
        self.redraw()
        if self.model.is_flat and any(not node.is_listed for node in self.model.nodes.values()):
            self.app.say("only repositories that were unfolded have their tags in the flat list")

    def action_hidden(self) -> None:
        """Show attachments as rows of their own."""
        self.model.shows_hidden = not self.model.shows_hidden
        self.model.rebuild()
        self.redraw()

    @needs_rows
    def action_send(self) -> None:
        """Pull what is marked, or the cursor's row."""
        requests = self._requests()
        if requests:
            self.app.send(requests)

    def _requests(self) -> list[PullRequest]:
        cursor = self.rows_list.cursor_key
        unlisted = self.model.unlisted(cursor)
        if unlisted:
            for name in unlisted:
                self.feed.unfold(name)
            self.app.say(f"the tags of {unlisted[0]} are being listed; press p again", kind="information")
            return []
        chosen = self.model.chosen(cursor)
        keys = [key for key in chosen if is_repository(key[0]) and is_tag(key[1] or "")]
        if not keys:
            self.app.say(pane_words.not_served(*chosen[0]) if chosen else "there is no tag to pull", kind="warning")
        return [self._request(key) for key in keys]

    def _request(self, key: Key, image: str | None = None) -> PullRequest:
        place = self.session.place
        reference = Reference(key[0], key[1])
        to_file = place is not None and place.kind != "engine"
        row = self.model.tag(key)
        return PullRequest(
            source=reference,
            image=image or pull_image(reference, place),
            all_platforms=bool(to_file and row is not None and row.kind == "index"),
            docker_host=place.address or None if place is not None and place.kind == "engine" else None,
        )

    def action_export(self) -> None:
        """Pull into an archive file."""
        from ocistore_tui.tui.screens.prompt import PromptScreen

        keys = self.model.chosen(self.rows_list.cursor_key)
        if len(keys) != 1 or not keys[0][1]:
            self.app.say("export writes one tag: put the cursor on it and clear the marks", kind="warning")
            return
        key = keys[0]
        name = f"{key[0].rpartition('/')[2]}-{key[1]}.tar"

        def answered(path: str | None) -> None:
            if path:
                self.app.send([self._request(key, f"oci-archive:{Path(path).expanduser()}:{key[1]}")])

        self.app.push_screen(PromptScreen("Export to an OCI archive", value=name), answered)

    def action_timeline(self) -> None:
        """Every digest the tag ever had."""
        from ocistore_tui.tui.screens.detail import DetailScreen

        key = self.rows_list.cursor_key
        if isinstance(key, tuple) and key[1] and is_repository(key[0]) and is_tag(key[1]):
            self.app.push_screen(
                DetailScreen(self.session, Reference(key[0], key[1]), self.model.tag(key), tab="timeline")
            )
        else:
            self.app.say("put the cursor on a tag", kind="warning")

    def action_source(self) -> None:
        """Edit the description of this store."""
        from ocistore_tui.tui.screens.store_editor import StoreEditorScreen

        self.app.push_screen(StoreEditorScreen(self.session.store))

    def action_copy(self) -> None:
        """Copy what names this tag."""
        from ocistore_tui.tui.command_line import command_line
        from ocistore_tui.tui.screens.copy import CopyScreen, tag_items

        key = self.rows_list.cursor_key
        if not isinstance(key, tuple):
            self._copy_rights()
            return
        if key[1] == "":
            return
        row = self.model.tag(key)
        if row is None or key[1] is None:
            self.app.push_screen(CopyScreen([("repository", key[0]), ("store", self.session.store.url)]))
            return
        is_served = is_repository(key[0]) and is_tag(key[1])
        line = command_line(self._request(key), self.session.store) if is_served else ""
        self.app.push_screen(CopyScreen(tag_items(key[0], row, line, self.session.served_at if is_served else "")))

    def _copy_rights(self) -> None:
        from ocistore_tui.tui.screens.copy import CopyScreen

        error, app, store = self.feed.error, self.app, self.session.store
        if error is None:
            return

        def told(policy: str) -> None:
            app.push_screen(CopyScreen([("rights", policy), ("error", str(error))]))

        app.desk.ask("policy", lambda _: app.stores.policy(store), told, lambda _: told(""))

    def references(self) -> list[Reference]:
        """Every valid tag that is known."""
        return [
            Reference(node.name, name)
            for node in self.model.nodes.values()
            for name in node.tags
            if node.is_valid and is_tag(name)
        ]
