"""How many requests a job makes, and how many of them have to wait for one another: on a bucket that is its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.daemon.local import open_source, open_target
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import Cancelled
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.reference import Reference
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.opened import pull, push

LAYERS = 20


def no_engine() -> NoReturn:
    raise AssertionError("archives need no engine")


class Counted:
    """A store that counts; what is asked outside the engine's pools waits for one another."""

    def __init__(self) -> None:
        self.store = MemoryStore(hook=self._note)
        self.all = self.in_turn = 0
        self._lock = threading.Lock()

    def _note(self, operation: str, key: str) -> None:
        with self._lock:
            self.all += 1
            self.in_turn += not threading.current_thread().name.startswith("ocistore-")

    def of(self, work: Callable[[], object]) -> tuple[int, int]:
        """Requests in all, and those in turn."""
        self.all = self.in_turn = 0
        work()
        return self.all, self.in_turn


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def service(counted: Counted, tmp_path: Path) -> Iterator[Service]:
    with Service(
        counted.store,
        open_source=lambda image, platform, _: open_source(image, engine=no_engine, platform=platform),
        open_target=lambda image, name, _: open_target(image, name, engine=no_engine),
        cache_dir=tmp_path / "cache",
    ) as service:
        yield service


@pytest.fixture(params=["docker archive", "OCI archive"])
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Image], str]:
    def write(image: Image) -> str:
        path = tmp_path / f"{image.id.encoded[:8]}.tar"
        if request.param == "docker archive":
            return f"docker-archive:{images.docker_archive(path, {'app:1': image})}"
        return f"oci-archive:{images.oci_archive(path, '1', image)}"

    return write


@pytest.fixture
def image() -> Image:
    return Image(tuple(layer(f"{number}") for number in range(LAYERS)))


def test_a_push_that_changes_nothing(
    counted: Counted, service: Service, pack: Callable[[Image], str], image: Image
) -> None:
    source = pack(image)
    push(service, "app:1", source)
    requests, in_turn = counted.of(lambda: push(service, "app:1", source))
    assert requests <= 4 * (LAYERS + 2), "each blob and each link twice: when planning, and at the end"
    assert in_turn == 1, "the tag"


def test_a_push_of_one_changed_layer(
    counted: Counted, service: Service, pack: Callable[[Image], str], image: Image
) -> None:
    push(service, "app:1", pack(image))
    changed = pack(Image((*image.layers[:-1], layer("changed"))))
    requests, in_turn = counted.of(lambda: push(service, "app:1", changed))
    assert requests <= 6 * (LAYERS + 2) + 20
    assert in_turn <= 14


def test_an_index_of_ten_platforms(counted: Counted, service: Service, tmp_path: Path) -> None:
    made = [Image((layer(f"{number}"),), architecture=f"arch{number}") for number in range(10)]
    index = images.index_of(made)
    members = images.layout_members({"1": (images.OCI_INDEX, index)}, [raw for one in made for raw in one.contents])
    directory = images.oci_layout(tmp_path / "layout", members)
    _, in_turn = counted.of(lambda: push(service, "app:1", f"oci:{directory}"))
    assert in_turn <= 10, "none of them for each platform"


def test_a_pull(counted: Counted, service: Service, pack: Callable[[Image], str], image: Image, tmp_path: Path) -> None:
    push(service, "app:1", pack(image))
    requests, in_turn = counted.of(lambda: pull(service, "app:1", f"oci:{tmp_path / 'out'}"))
    assert requests <= 3 * LAYERS + 5
    assert in_turn <= 2 * LAYERS + 5, "layers come one after another, as archives have to"
    requests, _ = counted.of(lambda: pull(service, "app:1", f"oci:{tmp_path / 'out'}"))
    assert requests <= 4, "tag, link and manifest; everything else is there"


def test_a_list_of_a_thousand_tags_of_one_image(
    counted: Counted, service: Service, pack: Callable[[Image], str], image: Image
) -> None:
    digest = push(service, "app:1", pack(image)).digest
    repository = Repository(counted.store, "app")
    for number in range(1000):
        repository.set_tag(f"tag-{number}", digest)
    requests, in_turn = counted.of(lambda: list(service.tags("app")))
    assert requests <= 1001 + 3, "one a tag, and three lists"
    assert in_turn == 1


def test_a_plan_that_is_cancelled_asks_no_more(
    counted: Counted, service: Service, pack: Callable[[Image], str], image: Image
) -> None:
    source, target = pack(image), Reference.parse("app:1")
    push(service, "app:1", source)
    cancel = threading.Event()

    def cancels(operation: str, key: str) -> None:
        counted.all += 1
        cancel.set()

    counted.store.hook = cancels
    for plan in (
        lambda: service.plan_push(PushRequest(target, source), cancel=cancel),
        lambda: service.plan_pull(PullRequest(target, "oci:elsewhere"), cancel=cancel),
    ):
        cancel.clear()
        counted.all = 0
        with pytest.raises(Cancelled):
            plan()
        assert counted.all <= 3, "a tag, its link and its manifest are one step"
