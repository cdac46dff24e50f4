"""The engine dies in the middle of a push: that push fails and says why, the program stays and all else goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.terminal.bucket import Bucket
from tests.terminal.hands import LOCAL, PROGRAM, find, leave
from tests.testbed import daemons, images
from tests.testbed.terminal import terminal

pytestmark = pytest.mark.xdist_group("engines")

LAYERS, LAYER_BYTES = 10, 2_000_000
"""More layers than are uploaded at once: with the line held, the engine has to wait with the rest of them."""


@dataclass(frozen=True)
class Engine:
    """A docker engine of a test's own, which it may kill."""

    host: str
    directory: Path

    def die(self) -> None:
        """As with the power off; what it started goes with it."""
        for file in ("pid", "exec/containerd/containerd.pid"):
            os.kill(int((self.directory / "d" / file).read_text()), signal.SIGKILL)


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    directory = tmp_path_factory.mktemp("engine")
    with daemons.docker(directory) as host:
        yield Engine(host, directory)
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in reversed(mounted):  # what an engine that is killed does not take away
        if place.startswith(f"{directory}/"):
            subprocess.run(["umount", place], check=True)


def test_an_engine_that_dies_in_the_middle_of_a_push_fails_that_push_only(
    engine: Engine, bucket: Bucket, tmp_path: Path
) -> None:
    layers = tuple(images.layer(f"layer {number}", LAYER_BYTES) for number in range(LAYERS))
    archive = images.docker_archive(tmp_path / "many.tar", {"team/many:1": images.Image(layers=layers)})
    daemons.client(engine.host, "load", "--input", str(archive))

    env = {**bucket.env, "DOCKER_HOST": engine.host}
    with terminal([PROGRAM, f"s3://{bucket.name}"], directory=tmp_path, env=env) as screen:
        screen.wait_for("empty", "team/many:1", "docker 20.10")
        find(screen, LOCAL, "many")
        screen.press("p")
        screen.wait_for("Push 1 image", "1 is new", "Allow adding", gone="checking")
        bucket.link.hold_after(LAYER_BYTES // 2)
        screen.press("Enter")
        bucket.link.wait_until_held()
        screen.wait_for("push team/many:1", gone="Cancel (Esc)")
        engine.die()
        bucket.link.go_on()
        screen.wait_for("1 failed", "! push team/many:1", "fix: ", ", then R")
        assert bucket.tags == [], "no tag names half an image"

        screen.press("r")
        screen.wait_for("no container engine answers", "look again")
        assert "1 transfer failed" in leave(screen, tmp_path, code=None)
