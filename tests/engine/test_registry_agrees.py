"""docker-registry is the judge: engines pull from it what we pushed, and we pull what they pushed to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.model.reference import Reference
from ocistore_tui.wiring import Place, open_service
from tests.testbed import images, servers
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.opened import pull, push

ENGINES = ("docker_classic", "docker26_classic", "docker26_containerd")
pytestmark = pytest.mark.xdist_group("engines")


@dataclass
class Bench:
    """A store that a registry serves."""

    place: dict[str, Any]
    registry: str

    def service(self, host: str) -> Service:
        """Ours, beside an engine."""
        return open_service(Place(**self.place, docker_host=host))


@pytest.fixture(params=["directory", "s3", "s3 with a root"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "directory":
        (tmp_path / "store").mkdir()
        place: dict[str, Any] = {"backend": "fs", "options": {"dir": str(tmp_path / "store")}}
        storage = servers.on_directory(tmp_path / "store")
    else:
        moto, root = request.getfixturevalue("moto"), "some/root" if "root" in request.param else ""
        bucket = servers.make_bucket(moto)
        access, secret = servers.S3_KEYS
        options = {"endpoint": moto, "access_key": access, "secret_key": secret, "root_dir": root}
        place = {"backend": "s3", "bucket": bucket, "options": options}
        storage = servers.on_s3(moto, bucket, root)
    with ExitStack() as stack:
        yield Bench(place, stack.enter_context(servers.registry(tmp_path, storage)))


def image_id(host: str, name: str) -> str:
    return client(host, "image", "inspect", "--format", "{{.Id}}", name).strip()


@pytest.mark.parametrize("engine", ENGINES)
def test_docker_pull_from_the_registry_gives_the_image_we_pushed(
    engine: str, bench: Bench, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    host = request.getfixturevalue(engine)
    name = f"agree/{bench.place['backend']}-{tmp_path.name.lower()[-12:].strip('_-')}"
    image = Image((layer(name), layer(f"{name} two", 400_000)))
    client(host, "load", "-q", "-i", str(images.docker_archive(tmp_path / "image.tar", {f"{name}:1": image})))
    there = image_id(host, f"{name}:1")
    with bench.service(host) as service:
        push(service, f"{name}:1")
    client(host, "rmi", f"{name}:1")
    client(host, "pull", "-q", f"{bench.registry}/{name}:1")
    assert image_id(host, f"{bench.registry}/{name}:1") == there


@pytest.mark.parametrize("engine", ENGINES)
def test_we_pull_the_image_docker_push_wrote(
    engine: str, bench: Bench, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    host = request.getfixturevalue(engine)
    name = f"agree/back-{bench.place['backend']}-{tmp_path.name.lower()[-12:].strip('_-')}"
    image = Image((layer(name), layer(f"{name} two", 400_000)))
    tagged = f"{bench.registry}/{name}:1"
    client(host, "load", "-q", "-i", str(images.docker_archive(tmp_path / "image.tar", {tagged: image})))
    there = image_id(host, tagged)
    client(host, "push", "-q", tagged)
    client(host, "rmi", tagged)
    with bench.service(host) as service:
        assert list(service.flaws(name)) == []
        assert [row.kind for row in service.tags(name)] == ["image"]
        assert pull(service, f"{name}:1").image_id == there == image_id(host, f"{name}:1")
        # Pushed again it is known: nothing is exported or sent, and the registry's own manifest stays.
        before = service.inspect(Reference.parse(f"{name}:1")).digest
        again = push(service, f"{name}:1")
        assert (again.digest, again.uploaded_bytes) == (before, 0)
