"""Moments in words, by the program's own clock."""

from __future__ import annotations

from ocistore_tui.model.words import rfc3339
from ocistore_tui.tui.format import short_age


def since(moment: float | None, now: float) -> str:
    """``2h ago``; ``-`` when not known."""
    return "-" if moment is None else f"{short_age(moment, now)} ago"


def exactly(moment: float | None) -> str:
    """``2026-11-25 09:46 UTC``; empty when not known."""
    text = rfc3339(moment)
    return f"{text[:10]} {text[11:16]} UTC" if text is not None else ""
