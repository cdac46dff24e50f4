"""From one daemon through a bucket into another, at a terminal, as a person does it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ocistore_tui.config import Connection, save_connection
from ocistore_tui.daemon.address import parse_address
from ocistore_tui.daemon.client import EngineClient
from tests.terminal.hands import LOCAL, PROGRAM, STORE, find, leave, send
from tests.testbed import images, servers
from tests.testbed.contexts import context
from tests.testbed.daemons import client
from tests.testbed.registry_client import serve_whole
from tests.testbed.servers import S3_KEYS, make_bucket
from tests.testbed.terminal import exit_code, terminal

pytestmark = pytest.mark.xdist_group("engines")


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
        screen.wait_for("READ ONLY", "docker 20.10", "SIZE")
        find(screen, "1", "e2e/")  # the engine may hold images of other tests as well
        screen.wait_for("e2e/one:1", "e2e/two:1", 'filter "e2e/" 2 shown')
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
        screen.wait_for("2 repos", "2 tags", "amd64", "docker 26")
        find(screen, "1", "e2e/")
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


def test_from_one_engine_into_the_other_without_leaving_the_program(
    docker_classic: str, docker26_classic: str, moto: str, tmp_path: Path
) -> None:
    bucket = make_bucket(moto)
    made = {f"move/{name}:1": images.Image(layers=(images.layer(f"move {name}"),)) for name in ("one", "two")}
    load(docker_classic, tmp_path, made)
    home = Path(os.environ["HOME"])
    context(home, "old", {"Host": docker_classic})
    context(home, "new", {"Host": docker26_classic})
    (home / ".docker/config.json").write_text(json.dumps({"currentContext": "old"}))
    save_connection(Connection("prod", "s3", {"bucket": bucket, "endpoint": moto, "region": "us-east-1"}))

    env = {"AWS_ACCESS_KEY_ID": S3_KEYS[0], "AWS_SECRET_ACCESS_KEY": S3_KEYS[1], "HOME": str(home)}
    with terminal([PROGRAM, "prod"], directory=tmp_path, env=env) as screen:
        screen.wait_for("prod", "ADD ONLY", "empty", "docker 20.10", "SIZE")
        find(screen, LOCAL, "move/")  # the engine may hold images of other tests as well
        screen.wait_for("move/one:1", 'filter "move/" 2 shown')
        screen.press("*")
        screen.wait_for("2 marked")
        assert "Push 2 images to prod" in send(screen)
        screen.wait_for("= move/one:1", "= move/two:1", "2 repos", gone="running")

        screen.press("F4")
        screen.wait_for("Left side", "old", "new", docker26_classic[-12:], gone="looking")
        screen.press("g", "j")
        screen.wait_for("Left side")
        screen.press("Enter")
        screen.wait_for("docker 26.1", gone="Left side")
        find(screen, STORE, "move")
        screen.press("*")
        screen.wait_for("2 marked")
        assert "Pull 2 images to " in send(screen, verb="Pull")
        screen.wait_for("= move/one:1", "= move/two:1", gone="running")
        assert "4 transfers done" in leave(screen, tmp_path)

    for name, image in made.items():
        assert client(docker26_classic, "image", "inspect", "--format", "{{.Id}}", name).strip() == image.id
    with servers.registry(tmp_path, servers.on_s3(moto, bucket)) as address:
        for name in made:
            assert serve_whole(address, name.partition(":")[0], "1")
