"""The one table of signs. Every sign goes with a word; colour comes third (ux.md §2.1, §4)."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Self

from ocistore_tui.model.progress import LayerState


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Signs for one kind of terminal."""

    is_ascii: bool = False
    same: str = "="
    only: str = "+"
    differs: str = "≠"
    partial: str = "~"
    unknown: str = "?"
    broken: str = "!"
    marked: str = "*"
    some_marked: str = "-"
    folded: str = "▸"
    unfolded: str = "▾"
    push: str = "↑"
    pull: str = "↓"
    done: str = "✓"
    failed: str = "!"
    cancelled: str = "x"
    paused: str = "‖"
    waiting: str = "·"
    bar_full: str = "━"
    bar_half: str = "╸"
    bar_empty: str = "─"
    ticked: str = "[x]"
    unticked: str = "[ ]"
    chosen: str = "(•)"
    unchosen: str = "( )"
    ascending: str = "▲"
    descending: str = "▼"
    cut: str = "…"
    arrow: str = "→"
    layer: dict[LayerState, str] = field(
        default_factory=lambda: {
            LayerState.WAITING: "·", LayerState.EXISTS: "=", LayerState.LINKED: "@", LayerState.PRESENT: "=",
            LayerState.READING: "«", LayerState.COMPRESSING: "%", LayerState.UPLOADING: "↑",
            LayerState.DOWNLOADING: "↓", LayerState.VERIFYING: "?", LayerState.LOADING: ">",
            LayerState.UPLOADED: "✓", LayerState.DOWNLOADED: "✓", LayerState.FAILED: "!", LayerState.CANCELLED: "x",
        }
    )  # fmt: skip

    @classmethod
    def plain(cls) -> Self:
        """Only ASCII, for poor terminals and those who ask for it."""
        return cls(
            is_ascii=True, differs="#", folded=">", unfolded="v", push="^", pull="v", done="v", paused="|", waiting=".",
            bar_full="#", bar_half="#", bar_empty="-", chosen="(*)", ascending="^", descending="v", cut="~", arrow="->",
            layer={
                LayerState.WAITING: ".", LayerState.EXISTS: "=", LayerState.LINKED: "@", LayerState.PRESENT: "=",
                LayerState.READING: "<", LayerState.COMPRESSING: "%", LayerState.UPLOADING: "^",
                LayerState.DOWNLOADING: "v", LayerState.VERIFYING: "?", LayerState.LOADING: ">",
                LayerState.UPLOADED: "v", LayerState.DOWNLOADED: "v", LayerState.FAILED: "!",
                LayerState.CANCELLED: "x",
            },
        )  # fmt: skip

    @classmethod
    def for_terminal(cls, *, forced_ascii: bool = False) -> Self:
        """What this terminal shows: a Linux console or one without UTF-8 gets ASCII."""
        encoding = (getattr(sys.__stdout__, "encoding", None) or "utf-8").lower().replace("-", "")
        poor = os.environ.get("TERM", "") in ("linux", "vt100", "vt220") or encoding not in ("utf8", "utf16")
        return cls.plain() if forced_ascii or poor else cls()
