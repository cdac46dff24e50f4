"""Several pushes at once, and deletes in between: every tag is whole, and who lost is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import IntegrityError, Refused
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PushRequest, PushResult
from ocistore_tui.model.reference import Reference
from ocistore_tui.wiring import Place, open_service
from tests.testbed import images, servers
from tests.testbed.images import Image, layer
from tests.testbed.opened import NOWHERE, pull, push

WRITERS = 4


@pytest.fixture(params=["directory", "s3"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Service]]:
    """Opens the store anew, as another process would."""
    if request.param == "directory":
        (tmp_path / "store").mkdir()
        place = Place("fs", options={"dir": str(tmp_path / "store")}, docker_host=NOWHERE)
    else:
        moto = request.getfixturevalue("moto")
        access, secret = servers.S3_KEYS
        options = {"endpoint": moto, "access_key": access, "secret_key": secret}
        place = Place("s3", servers.make_bucket(moto), options, docker_host=NOWHERE)
    services: list[Service] = []

    def open_it() -> Service:
        services.append(open_service(place))
        return services[-1]

    yield open_it
    for service in services:
        service.close()


@pytest.fixture
def service(opened: Callable[[], Service]) -> Service:
    return opened()


def archive(tmp_path: Path, image: Image, form: str = "docker") -> str:
    name = image.id.encoded[:16]
    if form == "docker":
        return f"docker-archive:{images.docker_archive(tmp_path / f'{name}.tar', {'app:1': image})}"
    return f"oci-archive:{images.oci_archive(tmp_path / f'{name}.oci', '1', image)}"


def push_at_once(opened: Callable[[], Service], targets: list[tuple[str, str]]) -> list[PushResult | Refused]:
    """Plan all, then move all at the same time; each through a service of its own."""
    plans = []
    for target, source in targets:
        service = opened()
        plans.append((service, service.plan_push(PushRequest(Reference.parse(target), source))))
    start = threading.Barrier(len(plans))

    def move(position: int) -> PushResult | Refused:
        service, plan = plans[position]
        start.wait()
        try:
            return service.push(plan)
        except Refused as error:
            return error

    with ThreadPoolExecutor(len(plans)) as pool:
        return list(pool.map(move, range(len(plans))))


@pytest.mark.parametrize("form", ["docker", "oci"])
def test_one_image_pushed_by_several_at_once_under_one_tag(
    form: str, opened: Callable[[], Service], tmp_path: Path
) -> None:
    image = Image((layer("base", 300_000), layer("top")))
    results = push_at_once(opened, [("app:1", archive(tmp_path, image, form))] * WRITERS)
    digests = {result.digest for result in results if isinstance(result, PushResult)}
    assert len(digests) == 1, "they want the same, so none of them is refused for long"
    assert not any(isinstance(result, Refused) for result in results)
    assert list(opened().flaws("app")) == []


def test_different_images_under_one_tag_leave_it_to_one_of_them(
    opened: Callable[[], Service], service: Service, tmp_path: Path
) -> None:
    made = [Image((layer("base", 300_000), layer(f"top {number}"))) for number in range(WRITERS)]
    results = push_at_once(opened, [("app:1", archive(tmp_path, image)) for image in made])
    won = [result.digest for result in results if isinstance(result, PushResult)]
    assert len(won) == 1
    assert service.inspect(Reference.parse("app:1")).digest == won[0]
    assert [flaw for flaw in service.flaws("app") if not flaw.is_harmless] == []
    pull(service, "app:1", f"oci:{tmp_path / 'out'}")


def test_one_image_into_several_repositories_at_once(
    opened: Callable[[], Service], service: Service, tmp_path: Path
) -> None:
    source = archive(tmp_path, Image((layer("base", 300_000), layer("top"))))
    results = push_at_once(opened, [(f"team/app-{number}:1", source) for number in range(WRITERS)])
    assert len({result.digest for result in results if isinstance(result, PushResult)}) == 1
    assert [flaw for number in range(WRITERS) for flaw in service.flaws(f"team/app-{number}")] == []


@pytest.mark.parametrize("tag", ["same tag", "other tag"])
@pytest.mark.parametrize("form", ["docker", "oci"])
def test_a_blob_collected_between_plan_and_move_is_noticed_and_sent_by_the_next_push(
    tag: str, form: str, service: Service, tmp_path: Path
) -> None:
    image = Image((layer("base", 300_000), layer("top")))
    source = archive(tmp_path, image, form)
    push(service, "app:1", source)
    target = "app:1" if tag == "same tag" else "app:2"
    plan = service.plan_push(PushRequest(Reference.parse(target), source))
    assert not plan.needs_export
    layers = [row.digest for row in plan.layers if row.digest]
    service._context.store.delete([paths.blob(layers[0])])
    with pytest.raises(IntegrityError, match="vanished"):
        service.push(plan)
    assert list(service.tag_names("app")) == ["1"]
    push(service, target, source)
    assert list(service.flaws("app")) == []
    pull(service, target, f"docker-archive:{tmp_path / 'out.tar'}:app:1")


@pytest.mark.parametrize("form", ["docker", "oci"])
def test_a_kept_layer_collected_while_another_is_sent_is_noticed(form: str, service: Service, tmp_path: Path) -> None:
    push(service, "app:1", archive(tmp_path, Image((layer("base", 300_000), layer("top"))), form))
    changed = archive(tmp_path, Image((layer("base", 300_000), layer("other top"))), form)
    plan = service.plan_push(PushRequest(Reference.parse("app:2"), changed))
    kept = next(row.digest for row in plan.layers if row.digest and row.action == "exists")
    service._context.store.delete([paths.blob(Digest(kept))])
    with pytest.raises(IntegrityError):
        service.push(plan)
    assert list(service.tag_names("app")) == ["1"]
    push(service, "app:2", changed)
    pull(service, "app:2", f"oci:{tmp_path / 'out'}")
