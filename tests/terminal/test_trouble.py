"""What goes away in the middle: a store, the right to read it. The program stays, says so, and goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.terminal.hands import PROGRAM, leave
from tests.testbed import images, need
from tests.testbed.terminal import Terminal, terminal

pytestmark = pytest.mark.xdist_group("terminals")

WITHOUT_ROOTS_EYES = ("--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search")
"""For root, too, a directory may be closed then."""
TAG = "docker/registry/v2/repositories/team/app/_manifests/tags/1/current/link"


def push_words(store: Path, archive: Path) -> list[str]:
    return ["fs", "push", "team/app:1", "--image", f"docker-archive:{archive}", "--dir", str(store)]


def push(store: Path, archive: Path) -> None:
    """Somebody else does, from a terminal of their own."""
    headless = str(Path(sys.executable).with_name("oci-store"))
    done = subprocess.run([headless, *push_words(store, archive)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def a_store(directory: Path) -> Path:
    """A folder with one image in it."""
    archive = images.docker_archive(directory / "app.tar", {"app:1": images.Image(layers=(images.layer("app"),))})
    push(directory / "store", archive)
    return directory / "store"


@contextmanager
def opened(store: Path, directory: Path, *, through: tuple[str, ...] = ()) -> Iterator[Terminal]:
    env = {"HOME": os.environ["HOME"], "DOCKER_HOST": f"unix://{directory}/no.sock"}
    with terminal([*through, PROGRAM, f"file://{store}"], directory=directory, env=env) as screen:
        screen.wait_for("READ ONLY", "1 repo", "team/app")
        screen.wait_for_line(r"\b1 +.*amd64")
        yield screen


def test_a_store_that_is_taken_away_is_told_in_its_pane_and_comes_back(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    with opened(store, tmp_path) as screen:
        shutil.move(store, tmp_path / "elsewhere")
        screen.press("r")
        told = screen.wait_for("NOT FOUND, index", "r tries again")
        assert "team/app" in told, "what was seen last stays"
        shutil.move(tmp_path / "elsewhere", store)
        screen.press("r")
        screen.wait_for("1 repo", "team/app", "amd64", gone="NOT FOUND")
        leave(screen, tmp_path)


def test_a_store_that_may_not_be_read_any_more_is_told_in_its_pane_and_comes_back(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    through: tuple[str, ...] = ()
    if os.geteuid() == 0:
        through = (need.program("setpriv", hint="apt install util-linux"), *WITHOUT_ROOTS_EYES)
    repositories = store / "docker/registry/v2/repositories"
    with opened(store, tmp_path, through=through) as screen:
        repositories.chmod(0)
        try:
            screen.press("r")
            told = screen.wait_for("DENIED, index", "r tries again")
            assert "team/app" in told, "what was seen last stays"
        finally:
            repositories.chmod(0o755)
        screen.press("r")
        screen.wait_for("1 repo", "team/app", "amd64", gone="DENIED")
        leave(screen, tmp_path)


def test_a_tag_that_somebody_moved_after_the_plan_is_left_to_them(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    mine, theirs = (tmp_path / name for name in ("mine.tar", "theirs.tar"))
    for archive in (mine, theirs):
        images.docker_archive(archive, {"app:1": images.Image(layers=(images.layer(archive.name),))})
    env = {"HOME": os.environ["HOME"], "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    command = [PROGRAM, *push_words(store, mine)]
    with terminal(command, directory=tmp_path, env=env) as screen:
        screen.wait_for("Push 1 image", "moves 1", "(m)")
        push(store, theirs)
        current = (store / TAG).read_text()
        screen.press("m", "Enter")
        screen.wait_for("1 failed", "! push team/app:1", "fix: ")
        assert (store / TAG).read_text() == current, "theirs stays"
        assert "1 transfer failed" in leave(screen, tmp_path, code=8)
