"""Nothing that is called something in a bucket, an engine or a file can steer the terminal it is shown on.

The real program runs on a real pseudo-terminal and is walked through every way it has to show text (`hostile_scenes`).
What it wrote is read byte by byte.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.tui.hostile_scenes import SCENES, UNLOCKED
from tests.tui.hostile_strings import EVERYTHING, STRINGS, leaks

ROOT = Path(__file__).parents[2]
LONGEST_S = 200.0
_MARK = re.compile(rb"\x1b_SCENE ([A-Za-z0-9+/=]+)\x1b\\")


@dataclass
class Shown:
    """What one scene wrote, without the copies it made."""

    stream: str
    clipboard: list[str]
    failed: str


@cache
def walked(locks: str) -> dict[str, Shown]:
    """Every scene of one walk by its name; the walk is done once."""
    written = run_on_terminal([sys.executable, "-m", "tests.tui.hostile_walk", locks])
    shown: dict[str, Shown] = {}
    end = 0
    for match in _MARK.finditer(written):
        told = json.loads(base64.b64decode(match[1]))
        stream = written[end : match.start()].decode("utf-8", "surrogateescape")
        for text in told["copied"]:
            stream = stream.replace(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07", "", 1)
        shown[told["scene"]] = Shown(stream, told["copied"], told["failed"])
        end = match.end()
    shown["the end"] = Shown(written[end:].decode("utf-8", "surrogateescape"), [], "")
    return shown


def shown_by(locks: str, name: str) -> Shown:
    """What one scene wrote; fails when the walk never came there, or something went wrong."""
    shown = walked(locks)
    assert name in shown, f"the walk ended before: {shown['the end'].stream[-3000:]}"
    assert shown[name].failed == ""
    return shown[name]


def by_locks(*wanted: str) -> list[object]:
    """Each walk on one worker, for it is done once."""
    return [pytest.param(locks, marks=pytest.mark.xdist_group(f"hostile text {locks}")) for locks in wanted]


def run_on_terminal(command: list[str]) -> bytes:
    """Run a program on a terminal of 120x36 and return all it wrote."""
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
    for name in ("NO_COLOR", "SSH_CONNECTION", "COLUMNS", "LINES"):  # a test runner may say a size that is not this one
        environment.pop(name, None)
    process = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, cwd=ROOT, env=environment, start_new_session=True
    )
    os.close(inner)
    written = bytearray()
    deadline = time.monotonic() + LONGEST_S
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1.0)[0]:
                continue
            try:
                written += os.read(terminal, 1 << 16)
            except OSError:  # the other end is closed
                break
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    return bytes(written)


def test_the_reader_of_the_stream_sees_each_of_the_attacks() -> None:
    harmless = {"markup", "markup-end", "rich", "cjk", "long"}
    assert {name for name, text in STRINGS.items() if not leaks(text)} == harmless
    assert leaks("\x1b[1;31mtext\x1b[0m\x1b[3;4H\x1b[?25l") == []


def test_a_walk_without_locks_leaks_so_that_a_leak_would_be_seen() -> None:
    assert "U+001B" in leaks(shown_by("none", "stock_widgets").stream)


@pytest.mark.parametrize("name", [*SCENES, *UNLOCKED, "the end"])
@pytest.mark.parametrize("locks", by_locks("both", "second"))
def test_nothing_reaches_the_terminal(locks: str, name: str) -> None:
    assert leaks(shown_by(locks, name).stream) == []


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("locks", by_locks("first"))
def test_the_first_lock_alone_holds_too(locks: str, name: str) -> None:
    assert leaks(shown_by(locks, name).stream) == []


@pytest.mark.parametrize("locks", by_locks("both"))
def test_what_is_copied_is_inert_and_one_line(locks: str) -> None:
    copied = shown_by(locks, "what_is_copied").clipboard
    assert len(copied) > len(STRINGS)
    assert [text for text in copied if leaks(text)] == []


@pytest.mark.parametrize("locks", by_locks("both"))
def test_a_selection_that_is_copied_is_inert_line_by_line(locks: str) -> None:
    (copied,) = shown_by(locks, "a_selection_that_is_copied").clipboard
    assert "app" in copied
    assert [line for line in copied.split("\n") if leaks(line)] == []


def test_everything_holds_every_attack() -> None:
    assert all(text in EVERYTHING for name, text in STRINGS.items() if not name.startswith("long"))
