"""Ends in the middle of a push, at a real terminal: nothing half-done is to be seen, and the next start goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.terminal.bucket import HELD_AFTER_BYTES, Bucket, push_command
from tests.terminal.hands import has_left, leave
from tests.testbed.terminal import Terminal, terminal, wait_until

pytestmark = pytest.mark.xdist_group("terminals")


@contextmanager
def in_the_middle_of_a_push(bucket: Bucket, directory: Path) -> Iterator[Terminal]:
    """The program with a push that is held on its way."""
    with terminal(push_command(bucket, directory), directory=directory, env=bucket.env) as screen:
        screen.wait_for("Push 1 image", "1 is new", "(Enter)")
        bucket.link.hold_after(HELD_AFTER_BYTES)
        screen.press("Enter")
        bucket.link.wait_until_held()
        screen.wait_for("push app:1", gone="Cancel (Esc)")
        yield screen


@contextmanager
def started_again(bucket: Bucket, before: Path, directory: Path) -> Iterator[Terminal]:
    """The next start on the same store, with what it offers in the dock."""
    with terminal(push_command(bucket, before), directory=directory, env=bucket.env) as screen:
        screen.wait_for("Push 1 image", "(Enter)")
        screen.press("Escape")
        screen.wait_for("1 interrupted transfer of an earlier time", "resume", "forget", gone="Cancel (Esc)")
        yield screen


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["TERM", "HUP"])
def test_a_signal_in_the_middle_of_a_push_loses_nothing(
    number: signal.Signals, code: int, bucket: Bucket, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with in_the_middle_of_a_push(bucket, first) as screen:
        os.kill(screen.program_pid(), number)
        assert "1 transfer stopped; the next start offers to resume" in has_left(screen, first, code=code)
    assert bucket.tags == [], "no tag names half an image"

    bucket.link.go_on()
    with started_again(bucket, first, second) as screen:
        screen.press("R")
        screen.wait_for("app:1", "sent", "1 repo")
        assert "1 transfer done" in leave(screen, second)
    assert bucket.is_served(tmp_path, "app", "1")


def test_a_window_that_closes_in_the_middle_of_a_push_ends_the_program(bucket: Bucket, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with in_the_middle_of_a_push(bucket, first) as screen:
        pid = screen.program_pid()
        screen.close()
        assert wait_until(lambda: not Path(f"/proc/{pid}").exists()), "the program is gone with its terminal"
    assert bucket.tags == []

    bucket.link.go_on()
    with started_again(bucket, first, second) as screen:
        screen.press("x")
        screen.wait_for("forgotten", gone="interrupted transfer")
        leave(screen, second)
    assert bucket.tags == [], "what was forgotten is not sent"


def test_the_same_command_line_again_is_the_interrupted_push(bucket: Bucket, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with in_the_middle_of_a_push(bucket, first) as screen:
        os.kill(screen.program_pid(), signal.SIGTERM)
        has_left(screen, first, code=143)

    bucket.link.go_on()
    with terminal(push_command(bucket, first), directory=second, env=bucket.env) as screen:
        screen.wait_for("Push 1 image", "1 is new", "(Enter)", "1 interrupted transfer")
        screen.press("Enter")
        screen.wait_for("app:1", "sent", "1 repo", gone="interrupted transfer")
        assert "1 transfer done" in leave(screen, second)
    assert bucket.is_served(tmp_path, "app", "1")


def test_leaving_asks_while_a_push_runs_and_esc_stays(bucket: Bucket, tmp_path: Path) -> None:
    with in_the_middle_of_a_push(bucket, tmp_path) as screen:
        screen.press("q")
        screen.wait_for("1 transfer is still running", "push app:1", "Finish, then quit", "Stop now, resume later")
        screen.press("Escape")
        screen.wait_for("push app:1", gone="still running")
        bucket.link.go_on()
        screen.wait_for("sent", "1 repo")
        assert "1 transfer done" in leave(screen, tmp_path)
    assert bucket.is_served(tmp_path, "app", "1")


def test_f_finishes_then_quits_and_q_undoes_it(bucket: Bucket, tmp_path: Path) -> None:
    with in_the_middle_of_a_push(bucket, tmp_path) as screen:
        screen.press("q")
        screen.wait_for("still running")
        screen.press("f")
        screen.wait_for("quits ", gone="still running")
        screen.press("q")
        screen.wait_for("it stays open", gone="quits ")

        screen.press("q")
        screen.wait_for("still running")
        screen.press("f")
        screen.wait_for("quits ", gone="still running")
        bucket.link.go_on()
        assert "1 transfer done" in has_left(screen, tmp_path)
    assert bucket.is_served(tmp_path, "app", "1")


def test_s_stops_now_and_leaves_no_tag(bucket: Bucket, tmp_path: Path) -> None:
    with in_the_middle_of_a_push(bucket, tmp_path) as screen:
        screen.press("q")
        screen.wait_for("still running")
        screen.press("s")
        assert "1 transfer stopped; the next start offers to resume" in has_left(screen, tmp_path, code=130)
    assert bucket.tags == []


def test_the_quit_dialog_does_not_close_by_itself_when_all_is_done(bucket: Bucket, tmp_path: Path) -> None:
    with in_the_middle_of_a_push(bucket, tmp_path) as screen:
        screen.press("q")
        screen.wait_for("still running")
        bucket.link.go_on()
        screen.wait_for("All done, Enter quits")
        screen.press("Enter")
        assert "1 transfer done" in has_left(screen, tmp_path)


def test_a_terminal_made_tiny_during_a_push_comes_back_whole(bucket: Bucket, tmp_path: Path) -> None:
    with in_the_middle_of_a_push(bucket, tmp_path) as screen:
        screen.resize(20, 5)
        screen.wait_for("needs 60x15")
        screen.resize(80, 24)
        screen.wait_for("1 running", "Tab switches", gone="needs 60x15")
        screen.resize(120, 36)
        screen.wait_for("4 Transfers", "push app:1", "3 Inspector", gone="Tab switches")
        bucket.link.go_on()
        screen.wait_for("sent", "1 repo")
        leave(screen, tmp_path)
