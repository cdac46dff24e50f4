"""What a person meets first: the plan a command line asks for, and the program with nothing set up at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.terminal.bucket import Bucket, push_command
from tests.terminal.hands import LOCAL, PROGRAM, STORE, find, has_left, leave, send
from tests.testbed.terminal import terminal

pytestmark = pytest.mark.xdist_group("terminals")


def test_a_command_line_opens_its_plan_and_nothing_is_written_before_enter(bucket: Bucket, tmp_path: Path) -> None:
    with terminal(push_command(bucket, tmp_path), directory=tmp_path, env=bucket.env) as screen:
        plan = screen.wait_for("Push 1 image", "1 is new", "upload", "(Enter)")
        assert f"s3 push {bucket.name}/app:1" in plan, "with the line that does the same without a terminal"
        assert bucket.objects == []
        screen.press("Enter")
        screen.wait_for("sent", "1 repo", gone="Cancel (Esc)")
        assert "1 transfer done" in leave(screen, tmp_path)
    assert bucket.is_served(tmp_path, "app", "1")


def test_esc_at_the_plan_of_a_command_line_leaves_nothing(bucket: Bucket, tmp_path: Path) -> None:
    with terminal(push_command(bucket, tmp_path), directory=tmp_path, env=bucket.env) as screen:
        screen.wait_for("Push 1 image", "1 is new", "(Enter)")
        screen.press("Escape")
        screen.wait_for("empty", gone="Cancel (Esc)")
        leave(screen, tmp_path)
    assert bucket.objects == []


def test_a_plan_that_cannot_be_says_why_and_what_to_do(bucket: Bucket, tmp_path: Path) -> None:
    command = [PROGRAM, "s3", "push", f"{bucket.name}/app:1", "--image", f"docker-archive:{tmp_path}/gone.tar"]
    with terminal(command, directory=tmp_path, env=bucket.env) as screen:
        screen.wait_for("gone.tar", "no such archive", "check the path behind --image", "Cannot be done (Enter)")
        screen.press("Enter")
        screen.wait_for("nothing here can be started", "Cannot be done (Enter)")
        screen.press("Escape")
        screen.wait_for("empty", gone="Cancel (Esc)")
        leave(screen, tmp_path)
    assert bucket.objects == []


def test_a_first_run_has_everything_to_try_the_program_on(tmp_path: Path) -> None:
    home = Path(os.environ["HOME"])
    env = {"HOME": str(home), "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    with terminal([PROGRAM], directory=tmp_path, env=env) as screen:
        first = screen.wait_for("this computer", "ADD ONLY", "Nothing is stored here", "no container engine answers")
        assert "This is a folder on this computer" in first
        for offer in ("n   add demo content", "p   on the left side", "c   another store", "r   look again", "F4"):
            assert offer in first

        screen.press("n")
        screen.wait_for("5 repos", "demo/hello", "demo images", "demo/hello:1.3")
        find(screen, LOCAL, "hello:1.3")
        screen.wait_for_line(r"\+ demo/hello:1\.3 .*not there")
        send(screen)
        screen.wait_for_line(r"= demo/hello:1\.3 .*same")
        leave(screen, tmp_path)

    second = tmp_path / "second"
    with terminal([PROGRAM], directory=second, env=env) as screen:
        screen.wait_for("this computer", "5 repos")
        find(screen, STORE, "hello:1.3")
        screen.wait_for_line(r" 1\.3 ")
        leave(screen, second)


def test_demo_content_is_for_an_empty_store(tmp_path: Path) -> None:
    env = {"HOME": os.environ["HOME"], "TMPDIR": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    with terminal([PROGRAM, "demo"], directory=tmp_path, env=env) as screen:
        screen.wait_for("5 repos")
        screen.press("n")
        screen.wait_for("demo content is for an empty store")
        leave(screen, tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nosuchstore"], 2, "no store of this name"),
        (["s3://"], 2, "not a usable s3:// URL"),
        (["--theme", "nosuchtheme", "demo"], 2, "there is no theme named nosuchtheme"),
    ],
    ids=["name", "URL", "theme"],
)
def test_a_start_that_cannot_be_is_told_on_the_shell_s_screen(
    words: list[str], code: int, told: str, tmp_path: Path
) -> None:
    with terminal([PROGRAM, *words], directory=tmp_path, env={"HOME": os.environ["HOME"]}) as screen:
        left = has_left(screen, tmp_path, code=code)
        assert told in left
        assert "fix:" in left
