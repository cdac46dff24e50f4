"""Only what an engine lacks is sent; where that was too optimistic, everything is sent after all, and said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.model.plan import PullRequest
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.opened import directory_service, pull, push

CLASSIC = ("docker_classic", "docker26_classic")
ENGINES = (*CLASSIC, "docker26_containerd")
pytestmark = pytest.mark.xdist_group("engines")


class Engine:
    """A real engine and a store, with images under names nobody else uses."""

    def __init__(self, host: str, service: Service, tmp_path: Path) -> None:
        self.host, self.service, self._tmp_path = host, service, tmp_path
        self.name = f"rt/{tmp_path.name.lower().replace('_', '-').strip('-')}"

    @property
    def is_containerd(self) -> bool:
        return "io.containerd.snapshotter" in client(self.host, "info", "--format", "{{json .DriverStatus}}")

    def layer(self, name: str, size_bytes: int = 20_000) -> bytes:
        return layer(self.name + name, size_bytes)

    def store(self, tag: str, *layers: bytes) -> Image:
        image = Image(layers, labels={"tag": tag})
        archive = images.oci_archive(self._tmp_path / f"{tag}.tar", tag, image)
        push(self.service, f"{self.name}:{tag}", f"oci-archive:{archive}")
        return image

    def pull(self, tag: str) -> str:
        return pull(self.service, f"{self.name}:{tag}").image_id

    def remove(self, tag: str) -> None:
        client(self.host, "rmi", "-f", f"{self.name}:{tag}")

    def is_whole(self, tag: str, image: Image) -> bool:
        """Whether the engine can give away what it took."""
        with directory_service(self._tmp_path / f"whole-{tag}", docker_host=self.host) as other:
            pushed = push(other, "whole:1", f"{self.name}:{tag}")
        return [row.diff_id for row in pushed.layers] == [*dict.fromkeys(map(images.Digest.of, image.layers))]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    host = request.getfixturevalue(request.param)
    with directory_service(tmp_path / "store", docker_host=host) as service:
        yield Engine(host, service, tmp_path)


def test_a_base_that_goes_between_plan_and_load_is_sent_after_all(engine: Engine) -> None:
    base = (engine.layer("a"), engine.layer("b", 300_000))
    engine.store("base", *base)
    whole = engine.store("whole", *base, engine.layer("top"))
    engine.pull("base")
    plan = engine.service.plan_pull(PullRequest(Reference.parse(f"{engine.name}:whole")))
    assert [row.action for row in plan.layers] == [LayerState.PRESENT, LayerState.PRESENT, LayerState.DOWNLOADED]
    engine.remove("base")

    pulled = engine.service.pull(plan)

    # A containerd store may still hold the blobs of an image that is gone, until it cleans up.
    assert any("whole image after all" in note for note in pulled.notes) or engine.is_containerd
    if pulled.notes:
        assert [row.state for row in pulled.layers] == [LayerState.DOWNLOADED] * 3
        assert pulled.downloaded_bytes >= sum(map(len, whole.blobs))
    assert engine.is_whole("whole", whole)


def test_a_layer_known_elsewhere_in_a_chain_is_sent(engine: Engine) -> None:
    """A classic store knows a layer by all that lies below it."""
    one, two, three = engine.layer("a"), engine.layer("b"), engine.layer("c")
    engine.store("one", one, two, three)
    other = engine.store("other", two, one, three)
    engine.pull("one")
    plan = engine.service.plan_pull(PullRequest(Reference.parse(f"{engine.name}:other")))
    present = [row.action is LayerState.PRESENT for row in plan.layers]
    assert present == ([engine.is_containerd] * 3)
    pulled = engine.service.pull(plan)
    assert pulled.notes == ()
    assert engine.is_whole("other", other)


def test_a_layer_that_stands_again_above_the_known_part_is_sent(engine: Engine) -> None:
    one, two = engine.layer("a"), engine.layer("b")
    engine.store("base", one)
    twice = engine.store("twice", one, two, one)
    engine.pull("base")
    pulled = pull(engine.service, f"{engine.name}:twice")
    assert pulled.notes == ()
    assert engine.is_whole("twice", twice)


def test_an_image_that_is_there_is_named_again_without_sending_layers(engine: Engine) -> None:
    image = engine.store("1", engine.layer("a"), engine.layer("b", 300_000))
    engine.pull("1")
    again = pull(engine.service, f"{engine.name}:1", f"{engine.name}:again")
    assert again.downloaded_bytes == 0
    assert {row.state for row in again.layers} == {LayerState.PRESENT}
    engine.remove("1")
    assert engine.is_whole("again", image)


def test_a_config_change_over_the_same_layers_sends_no_layer(engine: Engine) -> None:
    layers = (engine.layer("a"), engine.layer("b"))
    engine.store("1", *layers)
    changed = engine.store("2", *layers)
    engine.pull("1")
    pulled = pull(engine.service, f"{engine.name}:2")
    assert pulled.downloaded_bytes == 0
    assert pulled.image_id in (changed.id, changed.digest)
    assert engine.is_whole("2", changed)


def test_an_image_without_layers_moves_as_well(engine: Engine) -> None:
    image = engine.store("empty")
    assert engine.pull("empty") in (image.id, image.digest)
    assert push(engine.service, f"{engine.name}:back", f"{engine.name}:empty").layers == ()
