"""Waiting for what must come, without sleeping for what might."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

LONGEST_S = 30.0


async def until(pilot: Pilot[Any], predicate: Callable[[], object], what: str = "") -> None:
    """Let the application work until ``predicate`` holds.

    Raises:
        AssertionError: it never did.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LONGEST_S
    await pilot.pause()
    while not predicate():
        assert loop.time() < deadline, f"never came: {what or predicate}"
        await asyncio.sleep(0.01)  # an answer comes from a thread: the loop must turn, not only the queue
        await pilot.pause()


def screen_text(app: Any) -> str:
    """What the terminal shows now, line by line, without colours."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines[:height]) if width else ""
