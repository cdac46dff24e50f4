"""What this program is made of and how it is set, for people and for their bug reports."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from ocistore_tui import __version__
from ocistore_tui.model.text import inert
from ocistore_tui.tui.settings import settings_of

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

Rows = list[tuple[str, str]]
_LAST_ERRORS = 5
_NAMING = re.compile(r"\S*[/@\\]\S*|\S+:\S+|\S{33,}")
"""Words that may name something of a person's: paths, references, addresses, and anything long."""


def about_rows(app: OcistoreApp, files: Rows) -> list[tuple[str, Rows]]:
    """Sections of labels and texts; every text is inert."""
    sections = [("Program", _program(app)), ("Terminal", _terminal(app)), ("Open", _open(app))]
    if files:
        sections.append(("Files", files))
    return [*sections, ("Last errors", _errors(app) or [("", "none in this session")])]


def report(app: OcistoreApp) -> str:
    """One line with versions, terminal and last errors; names, addresses and paths are left out."""
    facts = [*_program(app), *_terminal(app), ("store", app.session.store.backend), ("mode", app.session.mode.value)]
    facts += [(f"error {number}", redacted(text)) for number, (_, text) in enumerate(_errors(app), 1)]
    return "; ".join(f"{label}: {text}" for label, text in facts)


def redacted(text: str) -> str:
    """Without words that may name anything of a person's."""
    return _NAMING.sub("[…]", inert(text))


def _program(app: OcistoreApp) -> Rows:
    return [
        ("ocistore-tui", __version__),
        ("Python", platform.python_version()),
        ("Textual", version("textual")),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("theme", app.theme),
        ("settings", ", ".join(sorted(settings_of(app).told())) or "as they come"),
    ]


def _terminal(app: OcistoreApp) -> Rows:
    names = ("TERM", "COLORTERM", "TERM_PROGRAM", "LANG", "NO_COLOR")
    told = [f"{name}={inert(os.environ[name], limit=40)}" for name in names if name in os.environ]
    return [
        ("size", f"{app.size.width}x{app.size.height}"),
        ("environment", " ".join(told) or "says nothing"),
        ("signs", "ASCII" if app.glyphs.is_ascii else "Unicode"),
        ("over SSH", "yes: fewer repaints" if app.opening.slow else "no"),
    ]


def _open(app: OcistoreApp) -> Rows:
    from ocistore_tui.tui.widgets.header import facts_of, index_words

    facts = facts_of(app)
    return [
        ("store", inert(facts.name)),
        ("address", inert(facts.url)),
        ("mode", facts.mode.value),
        ("index", index_words(facts).removeprefix("index ") or "nothing is shown yet"),
        ("left side", inert(facts.place) or "nothing found"),
    ]


def _errors(app: OcistoreApp) -> Rows:
    """What failed in this session, newest first."""
    failed = [(line, result) for _, line, result in app.commands_done if result.startswith(("failed", "!"))]
    return [("", inert(f"{result} — {line}", limit=400)) for line, result in reversed(failed[-_LAST_ERRORS:])]
