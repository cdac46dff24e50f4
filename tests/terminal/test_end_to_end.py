"""From one daemon through a bucket into another, at a terminal, as a person does it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ocistore_tui.daemon.address import parse_address
from ocistore_tui.daemon.client import EngineClient
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.servers import S3_KEYS, make_bucket
from tests.testbed.terminal import exit_code, terminal

pytestmark = pytest.mark.xdist_group("engines")

PROGRAM = str(Path(sys.executable).with_name("ocistore-tui"))


def load(host: str, directory: Path, names: dict[str, images.Image]) -> None:
    for number, (name, image) in enumerate(names.items()):
        file = images.docker_archive(directory / f"{number}.tar", {name: image})
        client(host, "load", "--input", str(file))


def test_two_images_go_from_one_daemon_through_a_bucket_into_another(
    docker_classic: str, docker26_containerd: str, moto: str, tmp_path: Path
) -> None:
    bucket = make_bucket(moto)
    made = {f"e2e/{name}:1": images.Image(layers=(images.layer(f"e2e {name}"),)) for name in ("one", "two")}
    load(docker_classic, tmp_path, made)
    keys = {"AWS_ACCESS_KEY_ID": S3_KEYS[0], "AWS_SECRET_ACCESS_KEY": S3_KEYS[1], "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": moto, "HOME": os.environ["HOME"]}  # fmt: skip
    command = [PROGRAM, f"s3://{bucket}/registry"]

    with terminal(command, directory=tmp_path / "push", env={**keys, "DOCKER_HOST": docker_classic}) as screen:
        screen.wait_for("READ ONLY", "e2e/one:1", "e2e/two:1")
        screen.press("1")
        screen.press("/")
        screen.wait_for("filter: words")
        screen.type("e2e")
        screen.wait_for('filter "e2e" 2 shown')
        screen.press("Enter")
        screen.press("*")
        screen.wait_for("2 marked")
        screen.press("p")
        screen.wait_for("Push 2 images", "Allow adding")
        screen.wait_for("upload", gone="checking")
        screen.press("Enter")
        screen.wait_for("ADD ONLY", "= e2e/one:1", "= e2e/two:1", "2 repos", gone="running")
        screen.type("q")
        assert exit_code(tmp_path / "push") == 0

    with terminal(command, directory=tmp_path / "pull", env={**keys, "DOCKER_HOST": docker26_containerd}) as screen:
        screen.wait_for("2 repos", "2 tags", "amd64")
        screen.press("2")
        screen.press("*")
        screen.wait_for("2 marked")
        screen.press("p")
        screen.wait_for("Pull 2 images")
        screen.wait_for("(Enter)", gone="checking")
        screen.press("Enter")
        screen.wait_for("= e2e/one:1", "= e2e/two:1", gone="running")
        screen.type("q")
        assert exit_code(tmp_path / "pull") == 0

    engine = EngineClient(parse_address(docker26_containerd))
    for name in made:
        assert engine.find(name) is not None, f"{name} is in the other daemon"
