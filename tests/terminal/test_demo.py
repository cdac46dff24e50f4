"""``ocistore-tui demo`` at a terminal: the whole job at three sizes, and nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.hands import LOCAL, PROGRAM, STORE, find, has_left, leave, send, show_all
from tests.testbed import images
from tests.testbed.terminal import Terminal, terminal

pytestmark = pytest.mark.xdist_group("terminals")

SIZES = [(80, 24), (120, 36), (200, 50)]
BIG_BYTES = 120_000_000


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    """The demo, with all there is in it on the screen."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {"HOME": os.environ["HOME"], "TMPDIR": str(temporary), "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    with terminal([PROGRAM, "demo"], directory=tmp_path, size=request.param, env=env) as screen:
        screen.wait_for("ADD ONLY", "5 repos", "demo/tools")
        yield screen


def folder(directory: Path) -> Path:
    """Where the demo keeps its archives."""
    (found,) = (directory / "tmp").glob("ocistore-demo-*/images")
    return found


def left_over(directory: Path) -> list[str]:
    return [path.name for path in (directory / "tmp").glob("ocistore-demo-*")]


def test_looking_around(demo: Terminal, tmp_path: Path) -> None:
    demo.press(STORE, "g", "l", "j")  # the first tag, in a tree that is folded where it has no room
    if demo.size[0] < 100:
        demo.press("i")
    demo.wait_for("3 Inspector", "tag ", "image id ")
    demo.press("Enter")
    demo.wait_for("Overview", "Layers", "Timeline", "Manifest")
    demo.press("]")
    demo.wait_for_line("PACKED")
    demo.press("Escape")
    demo.wait_for("5 repos", gone="PACKED")
    demo.press("?")
    demo.wait_for("Keys here", "All keys", "About")
    demo.press("Escape")
    demo.wait_for("5 repos", gone="Keys here")
    demo.press("c")
    demo.wait_for("this computer", "demo", gone="5 repos")
    demo.press("Escape")
    demo.wait_for("5 repos")
    demo.press("Tab")
    demo.wait_for("demo/hello:1.2", "Push")
    leave(demo, tmp_path)


def test_push_one_pull_one_and_leave(demo: Terminal, tmp_path: Path) -> None:
    find(demo, LOCAL, "hello:1.3")
    demo.wait_for_line(r"\+ demo/hello:1\.3 .*not there")
    plan = send(demo)
    assert "demo/hello:1.3" in plan
    assert "1.3 is new" in plan
    demo.wait_for_line(r"= demo/hello:1\.3 .*same")
    find(demo, STORE, "hello:1.3")
    demo.wait_for_line(r"= +1\.3 ")
    show_all(demo, "hello:1.3")

    find(demo, STORE, "hello:1.0")
    demo.wait_for_line(r"\+ +1\.0 ")
    demo.press("G")
    assert "1.0" in send(demo, verb="Pull")
    find(demo, LOCAL, "1.0")
    demo.wait_for_line(r"= .*demo-hello.* same")
    assert (folder(tmp_path) / "demo-hello-1.0.tar").is_file()

    said = leave(demo, tmp_path)
    assert "2 transfers done" in said
    assert left_over(tmp_path) == [], "the throw-away store is gone"


def test_a_running_push_is_paused_goes_on_and_is_cancelled(demo: Terminal, tmp_path: Path) -> None:
    big = images.Image(layers=(images.layer("big", BIG_BYTES),))
    images.docker_archive(folder(tmp_path) / "huge.tar", {"demo/huge:1": big})
    demo.press(LOCAL, "r")
    find(demo, LOCAL, "huge")
    demo.wait_for_line(r"\+ demo/huge:1")
    demo.press("p")
    demo.wait_for("upload", "1 is new", "(Enter)")
    demo.press("Enter", "w", "P")
    demo.wait_for("demo/huge:1", "paused", "Transfers")
    demo.press("P", "x")
    demo.wait_for_line(r"x .*demo/huge:1 .*cancelled")

    demo.press("Escape")
    demo.wait_for("not there", gone="cancelling")
    find(demo, STORE, "huge")
    demo.wait_for("no repository or tag matches the filter")
    leave(demo, tmp_path)
    assert left_over(tmp_path) == []


def test_leaving_by_ctrl_q_before_anything_was_done_says_nothing(demo: Terminal, tmp_path: Path) -> None:
    demo.press("C-q")
    said = has_left(demo, tmp_path)
    assert said.split() == ["making", "a", "store", "to", "try", "things", "on"]
    assert left_over(tmp_path) == []
