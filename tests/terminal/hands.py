"""What a person's hands do again and again: find a row, send it, leave."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.testbed.terminal import Terminal, exit_code, wait_until

PROGRAM = str(Path(sys.executable).with_name("ocistore-tui"))
LOCAL, STORE = "1", "2"
"""The keys of the two sides."""


def find(screen: Terminal, side: str, text: str) -> None:
    """Go to a side and filter it: typed without a pause, as by somebody who knows the way."""
    screen.press(side, "/")
    screen.type(text)
    screen.press("Enter")


def show_all(screen: Terminal, text: str) -> None:
    """Take the filter away again."""
    screen.press("Escape")  # alone: with a key right behind it, it would be that key with Alt
    screen.wait_for(gone=f" {text} ")


def send(screen: Terminal, *, verb: str = "Push") -> str:
    """The plan of what is marked or under the cursor, confirmed; returns what the plan said."""
    screen.press("p")
    plan = screen.wait_for(f"{verb} ", "(Enter)", "Cancel (Esc)", gone="hecking")
    screen.press("Enter")
    screen.wait_for(gone="Cancel (Esc)")
    return plan


def leave(screen: Terminal, directory: Path, *, code: int | None = 0) -> str:
    """``q``; returns what stands on the screen the program leaves behind."""
    screen.press("q")
    return has_left(screen, directory, code=code)


def has_left(screen: Terminal, directory: Path, *, code: int | None = 0) -> str:
    """Wait for the end, and see that the terminal is as it was.

    Args:
        screen: The terminal.
        directory: Where it was started.
        code: What the program has to end with; None: any code that means an error.
    """
    assert wait_until((directory / "exit").exists), f"the program still runs:\n{screen.screen()}"
    ended = exit_code(directory)
    assert ended == code if code is not None else 1 <= ended <= 8, f"{ended}: {screen.screen()}"
    assert screen.is_restored()
    left = screen.screen()
    assert "? Help" not in left, "the shell's own screen is back"
    return left


def is_ascii(text: str) -> bool:
    """Whether a terminal without any other letters could show it."""
    return re.fullmatch(r"[\x20-\x7e\n]*", text) is not None
