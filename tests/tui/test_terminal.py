"""Signals and lost terminals, on a real one: the program ends, nothing that was to come is lost."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.tui.terminal import Enduring

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 60.0


class Window:
    """A terminal with the program in it, whose output is read by somebody."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tui.leaving_child", str(folder)],
            stdin=inner, stdout=inner, stderr=inner, cwd=ROOT, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none"},
        )  # fmt: skip
        os.close(inner)
        self.seen = bytearray()
        self._is_closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._is_closed.is_set():
            if select.select([self._outer], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self._outer, 65536)
                except OSError:
                    return

    def close(self) -> None:
        """As a window is closed."""
        if not self._is_closed.is_set():
            self._is_closed.set()
            self._reader.join()
            os.close(self._outer)

    def wait_until_running(self) -> None:
        """Until two pushes are on their way."""
        deadline = time.monotonic() + LONGEST_S
        while not (self._folder / "runs").exists():
            assert self.process.poll() is None, self.seen[-3000:].decode(errors="replace")
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)

    def left(self) -> tuple[int, dict[str, list[str]]]:
        """Exit code, and what the program told."""
        code = self.process.wait(LONGEST_S)
        assert (self._folder / "left").exists(), f"ended with {code}: {self.seen[-3000:].decode(errors='replace')}"
        return code, json.loads((self._folder / "left").read_text())


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    opened = Window(tmp_path)
    try:
        opened.wait_until_running()
        yield opened
    finally:
        opened.process.kill()
        opened.process.wait()
        with contextlib.suppress(OSError):
            opened.close()


KEPT = {
    "lines": ["3 transfers stopped; the next start offers to resume"],
    "kept": ["team/app:0", "team/app:1", "team/app:2"],
}


def test_a_window_that_is_closed_ends_it_too(window: Window) -> None:
    window.close()

    assert window.left() == (129, KEPT)


def test_a_file_that_nobody_reads_any_more_takes_everything() -> None:
    outer, inner = os.pipe()
    os.close(outer)
    with os.fdopen(inner, "w") as file:
        enduring = Enduring(file)
        assert enduring.write("x" * 100_000) == 100_000
        enduring.flush()
        with contextlib.suppress(BrokenPipeError):
            file.close()
