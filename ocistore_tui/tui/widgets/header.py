"""The first line of every screen: which store, what may be done to it, what is on the left, how old the index is.

In words, at a fixed place. What does not fit is left out whole, least important first; the mode never is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from ocistore_tui.errors import AccessDenied, NotFound, OciStoreError, Unavailable
from ocistore_tui.model.stores import Mode
from ocistore_tui.model.text import inert
from ocistore_tui.tui.format import fit
from ocistore_tui.tui.widgets.covered import is_covered

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

Part = tuple[str, str]
"""A text and its style."""

_PROGRAM = "ocistore"
_FRESH_S = 60.0
"""An index younger than this is as good as now."""
_GAP = 2
"""Columns between two texts, at least."""
_FULL_WIDTH = 80
"""Columns from which on a store that is away is told with the age of what is shown."""
_LEAST_URL = 12
_LEAST_NAME = 8
_TICK_S = 10.0
_TROUBLES = ((Unavailable, "OFFLINE"), (AccessDenied, "DENIED"), (NotFound, "NOT FOUND"))


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the header tells. Texts from outside may be anything: they are made inert when they are shown."""

    name: str = ""
    url: str = ""
    mode: Mode = Mode.READ_ONLY
    place: str = ""
    """What is on the left, such as ``docker 27.3``."""
    label: str = ""
    """A word of its owner's for the store, such as ``PRODUCTION``."""
    seen_at: float | None = None
    """When what is shown of the store was true, seconds since 1970; None: nothing is shown yet."""
    now: float = 0.0
    trouble: str = ""
    """Why what is shown of the store may not be true any more, in a word: ``OFFLINE``, ``DENIED``."""
    served: str = ""
    """Where the store is served as a registry, such as ``127.0.0.1:5000``."""
    notice: str = ""
    """What is about to happen, such as ``quits in 0:18``."""


class StatusHeader(Widget):
    """One line; reads the application by itself, so that every screen has a true header."""

    DEFAULT_CSS = """
    StatusHeader {
        dock: top;
        height: 1;
        width: 100%;
        background: $surface;
        color: $text-muted;
    }
    """
    ALLOW_SELECT = False
    app: OcistoreApp

    def __init__(self) -> None:
        super().__init__()
        self._given: HeaderFacts | None = None
        self._told: list[Part] = []

    def on_mount(self) -> None:
        """The index ages, and a quit comes nearer, while nothing else happens."""
        self.set_interval(_TICK_S, self.refresh_facts)
        self.app.runner.changed.subscribe(self, self._runner_changed)
        self.app.screen_change_signal.subscribe(self, self._screen_changed)

    def _runner_changed(self, _: object) -> None:
        self.refresh_facts()

    def _screen_changed(self, _: object) -> None:
        self.refresh_facts()

    def show(self, facts: HeaderFacts) -> None:
        """Show these facts instead of the application's."""
        self._given = facts
        self.refresh_facts()

    def refresh_facts(self) -> None:
        """Something of what is shown may have changed; the line is painted when it did, and when it can be seen."""
        if self.is_mounted and not is_covered(self) and self._parts() != self._told:
            self.refresh()

    def render(self) -> Content:
        """The line, for the width there is."""
        self._told = self._parts()
        return Content.assemble(*self._told)

    def _parts(self) -> list[Part]:
        return header_parts(self._given or facts_of(self.app), self.size.width, cut=self.app.glyphs.cut)


def facts_of(app: OcistoreApp) -> HeaderFacts:
    """What the header tells of the running application."""
    session = getattr(app, "session", None)
    if session is None:
        return HeaderFacts(now=app.clock())
    main = app.main_screen
    feed = getattr(main.bucket, "feed", None) if main is not None and main.is_mounted else None
    return HeaderFacts(
        name=session.store.name,
        url=session.store.url,
        mode=session.mode,
        place=session.place_label,
        label=str(session.store.settings.get("label", "")),
        seen_at=feed.seen_at if feed else None,
        now=app.clock(),
        trouble=trouble_of(feed.error) if feed else "",
        served=session.served_at,
        notice=app.runner.quit_words(),
    )


def trouble_of(error: OciStoreError | None) -> str:
    """How the last look at the store failed, in a word; empty when it did not."""
    if error is None:
        return ""
    return next((word for kind, word in _TROUBLES if isinstance(error, kind)), "FAILED")


def header_parts(facts: HeaderFacts, width: int, *, cut: str = "…") -> list[Part]:
    """The header's texts with their styles, ``width`` columns together.

    Args:
        facts: What to tell.
        width: Columns there are.
        cut: The sign for what was left out of a name.
    """
    name, url = inert(facts.name, limit=60), inert(facts.url, limit=200)
    right = _right(facts, width)
    must_stay = bool(facts.trouble) + bool(facts.served) + bool(facts.notice)
    least = [(f" {_PROGRAM} ", ""), (f" {name}", ""), *_after_url(facts)]

    def room_left() -> int:
        return width - _width(least) - (_width(right) + _GAP if right else 0)

    least_url = min(cell_len(url), _LEAST_URL) + _GAP
    while len(right) > must_stay and room_left() < least_url:
        del right[0]  # the engine first, the age next; what is wrong or about to happen stays
    room = room_left()
    if room < least_url:
        url = ""
        name_room = max(_LEAST_NAME, room + cell_len(name))
        name = fit(name, name_room, cut=cut) if cell_len(name) > name_room else name
    elif cell_len(url) + _GAP > room:
        url = fit(url, room - _GAP, cut=cut)
    left: list[Part] = [
        (f" {_PROGRAM} ", "bold $text-accent"), (f" {name}", "bold $text"), *([(f"  {url}", "")] if url else []),
        *_after_url(facts),
    ]  # fmt: skip
    while right and _width(left) + _GAP + _width(right) > width:
        del right[0]
    return [*left, (" " * max(0, width - _width(left) - _width(right)), ""), *right]


def _after_url(facts: HeaderFacts) -> list[Part]:
    """Label and mode. More rights look louder; the words say it without any colour."""
    parts: list[Part] = []
    if facts.label:
        parts += [("  ", ""), (f" {inert(facts.label, limit=24)} ", "bold reverse $text-warning")]
    if facts.name or facts.url:
        parts.append(("  ", ""))
        parts.append(
            (" MANAGE ", "bold reverse $text-error") if facts.mode is Mode.MANAGE else (facts.mode.value, "bold $text")
        )
    return parts


def _right(facts: HeaderFacts, width: int) -> list[Part]:
    parts: list[Part] = []
    if facts.place and width >= 100:
        parts.append((f"{inert(facts.place, limit=40)}  ", ""))
    index = facts.trouble if facts.trouble and width < _FULL_WIDTH else index_words(facts)
    if index and (width >= 100 or facts.trouble):
        parts.append((f"{index} ", "bold $text-warning" if facts.trouble else ""))
    if facts.served:
        # Where that would push out that the store is away, the port has to do; the copy menu has the whole line.
        where = facts.served if width >= _FULL_WIDTH else facts.served.rpartition(":")[2]
        parts.append((f"SERVED AT {where} ", "bold $text-accent"))
    if facts.notice:
        parts.append((f" {inert(facts.notice, limit=40)} ", "bold reverse"))
    return parts


def index_words(facts: HeaderFacts) -> str:
    """``index 12:04, 2 min old``; ``OFFLINE, index 2 h old``; empty while nothing is known."""
    if facts.seen_at is None:
        return facts.trouble
    age_s = max(0.0, facts.now - facts.seen_at)
    if facts.trouble:
        return f"{facts.trouble}, index {_age(age_s)}"
    moment = dt.datetime.fromtimestamp(facts.seen_at).astimezone()
    when = moment.strftime("%H:%M") if age_s < 20 * 3600 else f"{moment.day} {moment:%b}"
    return f"index {when}" if age_s < _FRESH_S else f"index {when}, {_age(age_s)}"


def _age(age_s: float) -> str:
    if age_s < _FRESH_S:
        return "just now"
    if age_s < 3600:
        return f"{int(age_s // 60)} min old"
    if age_s < 48 * 3600:
        return f"{int(age_s // 3600)} h old"
    return f"{int(age_s // 86400)} days old"


def _width(parts: list[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)
