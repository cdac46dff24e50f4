"""docker-registry is the judge: engines pull from it what we pushed, and we pull what they pushed to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.model.reference import Reference
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.opened import pull, push
from tests.testbed.places import KINDS, Served, served

ENGINES = ("docker_classic", "docker26_classic", "docker26_containerd")
pytestmark = pytest.mark.xdist_group("engines")


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with served(request.param, tmp_path, request) as bench:
        yield bench


def image_id(host: str, name: str) -> str:
    return client(host, "image", "inspect", "--format", "{{.Id}}", name).strip()


@pytest.mark.parametrize("engine", ENGINES)
def test_docker_pull_from_the_registry_gives_the_image_we_pushed(
    engine: str, bench: Served, request: pytest.FixtureRequest, tmp_path: Path
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
    engine: str, bench: Served, request: pytest.FixtureRequest, tmp_path: Path
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
