"""Terminals without colour and without letters beyond ASCII: the same work, and the cursor still to be found."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.terminal.hands import LOCAL, PROGRAM, find, is_ascii, leave, send
from tests.testbed.terminal import Terminal, terminal

pytestmark = pytest.mark.xdist_group("terminals")

REVERSE = re.compile(r"\x1b\[(?:\d+;)*7(?:;\d+)*m")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


def start(directory: Path) -> dict[str, str]:
    return {"HOME": os.environ["HOME"], "TMPDIR": str(directory), "DOCKER_HOST": f"unix://{directory}/no.sock"}


def reversed_lines(screen: Terminal) -> list[str]:
    """Lines with something in reverse video, without their codes."""
    lines = [line for line in screen.coloured().splitlines() if REVERSE.search(line)]
    return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]


@pytest.mark.parametrize(
    ("words", "env"),
    [(["--ascii"], {}), ([], {"TERM": "linux"}), ([], {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})],
    ids=["asked for", "linux console", "no UTF-8"],
)
def test_only_ascii_is_sent_to_a_terminal_that_has_no_more(
    words: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    with terminal([PROGRAM, *words, "demo"], directory=tmp_path, env={**start(tmp_path), **env}) as screen:
        seen = [screen.wait_for("5 repos", "demo/hello:1.3", "amd64")]
        find(screen, LOCAL, "hello:1.3")
        screen.wait_for_line(r"\+ demo/hello:1\.3")
        seen.append(send(screen))
        seen.append(screen.wait_for("sent", "= demo/hello:1.3"))
        screen.press("w")
        seen.append(screen.wait_for("Transfers ", "2 at once"))
        screen.press("Escape")
        screen.wait_for("3 Inspector")
        screen.press("?")
        seen.append(screen.wait_for("In the lists"))
        screen.press("Escape")
        screen.wait_for("3 Inspector", gone="In the lists")
        for picture in seen:
            assert is_ascii(picture), [sign for sign in picture if not is_ascii(sign)]
        leave(screen, tmp_path)


def test_without_colour_the_cursor_s_row_is_in_reverse_and_moves(tmp_path: Path) -> None:
    with terminal([PROGRAM, "demo"], directory=tmp_path, env={**start(tmp_path), "NO_COLOR": "1"}) as screen:
        screen.wait_for("5 repos", "demo/hello:1.3", "amd64")
        screen.press(LOCAL, "g")
        screen.wait_for_line("image +demo/tools:2.0.0")
        assert any("demo/tools:2.0.0" in line for line in reversed_lines(screen))
        screen.press("j")
        screen.wait_for_line("image +demo/big:2026.3")
        lines = reversed_lines(screen)
        assert any("demo/big:2026.3" in line for line in lines)
        assert not any("demo/tools:2.0.0" in line for line in lines)
        assert not COLOUR.search(screen.coloured()), "not one colour"
        leave(screen, tmp_path)
