"""A real terminal: the program in tmux, seen and typed at as a person does it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.testbed import need

_POLL_S = 0.05


class Terminal:
    """One pane of a tmux server of its own.

    Args:
        socket: The server's socket.
        width: Columns.
        height: Rows.
    """

    def __init__(self, socket: Path, width: int, height: int) -> None:
        self._tmux = [need.program("tmux", hint="apt install tmux"), "-S", str(socket), "-f", "/dev/null"]
        self.size = (width, height)
        self._exit_file: Path | None = None

    def run(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, exit_file: Path) -> None:
        """Start ``command``; when it ends its exit code is in ``exit_file`` and the screen stays as it left it."""
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in env.items())
        clean = "env -u COLUMNS -u LINES -u AWS_CA_BUNDLE"  # the test's own size is not this terminal's
        line = f"{clean} {settings} {shlex.join(command)}; echo $? > {shlex.quote(str(exit_file))}; exec cat"
        width, height = self.size
        exit_file.unlink(missing_ok=True)
        self._exit_file = exit_file
        self._do("new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(cwd), "sh", "-c", line)
        self._do("set-option", "-g", "status", "off")
        self._do("set-option", "-g", "set-clipboard", "on")

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: ``Enter``, ``Escape``, ``Space``, ``Down``, ``C-c``, or the character itself."""
        self._do("send-keys", *keys)

    def type(self, text: str) -> None:
        """Characters as they are."""
        self._do("send-keys", "-l", text)

    def screen(self) -> str:
        """What a person sees, without trailing blanks."""
        return self._do("capture-pane", "-p")

    def coloured(self) -> str:
        """The same with its colours."""
        return self._do("capture-pane", "-ep")

    def resize(self, width: int, height: int) -> None:
        """Another size of the window."""
        self._do("resize-window", "-x", str(width), "-y", str(height))
        self.size = (width, height)

    def wait_for(self, *texts: str, gone: str = "", timeout_s: float = 60) -> str:
        """The screen once it shows all of ``texts`` (and no longer ``gone``); fails with what it shows instead."""

        def found(screen: str) -> bool:
            return all(text in screen for text in texts) and not (gone and gone in screen)

        return self._wait(found, f"{texts!r} (without {gone!r})", timeout_s)

    def wait_for_line(self, pattern: str, *, timeout_s: float = 60) -> str:
        """The first line of the screen in which the regular expression is found, once there is one."""
        screen = self._wait(lambda screen: bool(re.search(pattern, screen)), f"line like {pattern!r}", timeout_s)
        return next(line for line in screen.splitlines() if re.search(pattern, line))

    def _wait(self, found: Callable[[str], bool], what: str, timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self._exit_file is not None and self._exit_file.exists()
            screen = self.screen()
            if found(screen):
                return screen
            assert not ended, f"no {what}, and the program has ended; it left:\n{screen}"
            assert time.monotonic() < deadline, f"no {what} after {timeout_s} s on:\n{screen}"
            threading.Event().wait(_POLL_S)

    def is_restored(self) -> bool:
        """Whether the terminal is as a shell wants it: its own screen, a cursor to see, the mouse left alone."""
        flags = self._do("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").split()
        return flags == ["0", "1", "0"]

    def program_pid(self) -> int:
        """The process id of the program that runs in the pane."""
        shell = int(self._do("display-message", "-p", "#{pane_pid}").strip())
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[0])

    def close(self) -> None:
        """End the server and what runs in it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._do("kill-server")

    def _do(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout


@contextlib.contextmanager
def terminal(
    command: Sequence[str], *, directory: Path, size: tuple[int, int] = (120, 36), env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """``command`` in a terminal of this size; the file ``exit`` in ``directory`` gets its exit code.

    Args:
        command: Program and arguments.
        directory: Where it runs and what it may write to.
        size: Columns and rows.
        env: Variables beside the test's own; ``CI`` is taken away, for there is somebody to look.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # A socket's path may be no longer than about a hundred characters.
    with contextlib.ExitStack() as stack:
        short = stack.enter_context(_short_directory())
        opened = Terminal(short / "tmux", *size)
        stack.callback(opened.close)
        settings = {"CI": "", "TERM": "tmux-256color", "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor", **(env or {})}
        opened.run(command, env=settings, cwd=directory, exit_file=directory / "exit")
        yield opened


@contextlib.contextmanager
def _short_directory() -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="term-", dir=os.environ.get("TMPDIR", "/tmp")) as name:
        yield Path(name)


def exit_code(directory: Path, *, timeout_s: float = 30) -> int:
    """The code the program ended with, once it has."""
    file = directory / "exit"
    assert wait_until(lambda: file.exists() and bool(file.read_text().strip()), timeout_s=timeout_s), (
        f"the program still runs after {timeout_s} s"
    )
    return int(file.read_text())


def wait_until(holds: Callable[[], bool], *, timeout_s: float = 30) -> bool:
    """Whether something that nobody tells of came true in time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(_POLL_S)
    return True
