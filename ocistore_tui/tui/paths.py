"""Directories as people type them: what may follow, and what they are. Asked in worker threads only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ocistore_tui.errors import NotFound, UsageError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.text import inert

_LISTED = 2000
"""Entries of a directory that are looked at."""


def directories(text: str) -> tuple[str, ...]:
    """Directories whose path begins as typed, each with a slash behind it; none when there is nothing to list.

    Hidden ones only when a dot was typed; names that could not be shown as they are never.
    """
    head, _, begin = text.rpartition("/")
    shown = f"{head}/" if "/" in text else ""
    found: list[str] = []
    try:
        parent = Path(f"{head}/").expanduser() if shown else Path()
        with os.scandir(parent) as entries:
            for number, entry in enumerate(entries):
                if number == _LISTED:
                    break
                name = entry.name
                is_shown = name.startswith(begin) and (begin or not name.startswith(".")) and inert(name) == name
                if is_shown and entry.is_dir():
                    found.append(f"{shown}{name}/")
    except (OSError, ValueError, RuntimeError):
        return ()
    return tuple(sorted(found))


def completed(text: str, found: Sequence[str]) -> str:
    """``text`` as far as all of ``found`` agree; itself when they are no answer to it."""
    fitting = [path for path in found if path.startswith(text)]
    if not fitting:
        return text
    first, last = min(fitting), max(fitting)
    return first[: next((at for at, sign in enumerate(first) if last[at : at + 1] != sign), len(first))]


def place_at(kind: str, text: str) -> LocalPlace:
    """The local place of a directory.

    Args:
        kind: ``folder`` of image archives, or ``oci`` for one OCI layout.
        text: The path, as typed.

    Raises:
        NotFound: there is no such directory.
        UsageError: nothing was typed, it is no directory, or it is no OCI layout.
    """
    text = text.strip()
    if not text:
        raise UsageError("no directory given", fix="type its path; Tab completes it")
    try:
        path = Path(os.path.normpath(Path(text).expanduser().absolute()))
        if not path.exists():
            raise NotFound("no such directory", where=inert(text, limit=200), fix="check its path; Tab completes it")
        if not path.is_dir():
            raise UsageError("not a directory", where=inert(text, limit=200), fix=f"choose {inert(str(path.parent))}")
        if kind == "oci" and not (path / "index.json").is_file():
            raise UsageError(
                "no OCI layout here", where=inert(text, limit=200), cause="there is no index.json in it",
                fix="for a directory with archives in it choose: a folder of image archives",
            )  # fmt: skip
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError("cannot look at this directory", where=inert(text, limit=200), cause=inert(reason),
                         fix="choose one you can read") from error  # fmt: skip
    return LocalPlace(kind, str(path), inert(path.name, limit=80) or "/")
