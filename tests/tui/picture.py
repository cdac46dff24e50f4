"""Pictures of the terminal, as files that say the same on every machine."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_textual_snapshot import SVGImageExtension
from textual.pilot import Pilot
from textual.widgets import Input

from ocistore_tui.model import words
from ocistore_tui.tui import targets
from tests.fakes.service import NOW
from tests.tui.waiting import until

_NOT_SEEN = re.compile(
    r"\s*@font-face\s*\{[^}]*\}"
    r"|<text [^>]*>(?:&#160;|\s)*</text>"
    r"|<clipPath id=\"terminal-\d+-line-\d+\">.*?</clipPath>\s*"
    r"| clip-path=\"url\(#terminal-\d+-line-\d+\)\"",
    re.DOTALL,
)
"""Fonts from elsewhere, text that is nothing but blanks, and what cuts lines that end by themselves."""


_GROUND = re.compile(
    r'<rect fill="(#[0-9a-f]{6})" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" shape[^>]*/>'
)


class Picture(SVGImageExtension):
    """An SVG without what nobody sees, and without a name that differs from run to run."""

    def serialize(self, data: Any, **options: Any) -> Any:
        return super().serialize(_on_one_ground(_NOT_SEEN.sub("", data)), **options)


def _on_one_ground(svg: str) -> str:
    """One rectangle of the most frequent colour below everything, instead of hundreds; where all is painted."""
    found = [(each, *map(float, each.groups()[1:])) for each in _GROUND.finditer(svg)]
    right = max((x + width for _, x, _, width, _ in found), default=0.0)
    bottom = max((y + height for _, _, y, _, height in found), default=0.0)
    if sum(width * height for *_, width, height in found) < 0.9 * right * bottom or not found:
        return svg
    ground = Counter(each[1] for each, *_ in found).most_common(1)[0][0]
    first = found[0][0].start()
    rest = _GROUND.sub(lambda each: "" if each[1] == ground else each[0], svg[first:])
    return f'{svg[:first]}<rect fill="{ground}" x="0" y="1.5" width="{right:.1f}" height="{bottom - 1.5:.1f}"/>{rest}'


class _Now(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        return dt.datetime.fromtimestamp(NOW, tz)


@contextmanager
def same_everywhere() -> Iterator[None]:
    """A terminal with colours, in UTC, at the moment the fake store is at; nothing left over from other tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_COLOR", "SSH_CONNECTION", "SSH_TTY"):
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm-256color")
        patch.setenv("TZ", "UTC")
        patch.setattr(words, "dt", SimpleNamespace(datetime=_Now, UTC=dt.UTC))
        patch.setattr(targets, "_remembered", {})
        time.tzset()
        yield
    time.tzset()


async def picture(pilot: Pilot[Any]) -> str:
    """What the terminal shows, once it shows the same three times."""
    app = pilot.app
    for field in app.screen.query(Input):
        field.cursor_blink = False
    shots: list[str] = []

    def is_calm() -> bool:
        shots.append(app.export_screenshot(title=""))
        return len(shots) > 2 and shots[-1] == shots[-2] == shots[-3]

    await until(pilot, is_calm, "a picture that stands still")
    return shots[-1]
