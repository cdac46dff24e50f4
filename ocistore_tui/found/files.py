"""Small files other programs left: one that is missing, huge, damaged or not ours to read is as good as none."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MAX_BYTES = 1024 * 1024


def read_small(path: Path) -> bytes:
    """The whole of a file; empty when there is none to read, or it is no file, or larger than a mebibyte."""
    try:
        # A pipe must not be waited for; what is opened is what is looked at.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return b""
            raw = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError):
        return b""
    return raw if len(raw) <= _MAX_BYTES else b""


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when there is none that can be understood."""
    try:
        found = json.loads(read_small(path).decode("utf-8-sig"))  # az writes a byte order mark
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def home(environ: Mapping[str, str]) -> Path:
    """The user's directory."""
    return Path(environ.get("HOME") or "/")


def user_path(text: str, environ: Mapping[str, str]) -> Path:
    """A path as the programs here understand it: ``~`` is the user's directory."""
    return home(environ) / text[2:] if text.startswith("~/") else Path(text)


def listed(directory: Path, limit: int) -> list[Path]:
    """What a directory holds by name, at most ``limit`` of them; none when it cannot be listed."""
    found: list[Path] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                found.append(Path(entry.path))
                if len(found) == limit:
                    break
    except (OSError, ValueError):
        return []
    return sorted(found)
