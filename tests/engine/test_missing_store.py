"""A bucket that is not there is said to be missing, at once; a directory that the first push makes is no such thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.known import find_known_layers
from ocistore_tui.engine.presence import Presence
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import NotFound, StoreMissing
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.reference import Reference
from ocistore_tui.wiring import Place, open_service
from tests.fakes.gcs_server import GcsServer
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.opened import NOWHERE, directory_service, pull, push
from tests.testbed.servers import AZURE_ACCOUNT, AZURE_KEY

IMAGE = Image((layer("base", 300_000), layer("top")))
UNUSED = "0" * 64


@pytest.fixture(params=["gcs", "azure"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    if request.param == "azure":
        options = {
            "account_name": AZURE_ACCOUNT,
            "account_key": AZURE_KEY,
            "endpoint": request.getfixturevalue("azurite"),
        }
        with open_service(Place("azure", "nobody-made-this", options, docker_host=NOWHERE)) as service:
            yield service
        return
    with GcsServer() as server:
        place = Place("gcs", "nobody-made-this", {"endpoint": server.url, "anonymous": True}, docker_host=NOWHERE)
        with open_service(place) as service:
            yield service


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_a_push_fails_while_it_is_planned(service: Service, tmp_path: Path, kind: str) -> None:
    docker = images.docker_archive(tmp_path / "image.tar", {"app:1": IMAGE})
    archive = docker if kind == "docker-archive" else images.oci_archive(tmp_path / "image.oci", "1", IMAGE)
    with pytest.raises(StoreMissing, match=r"no such (bucket|container)"):
        push(service, "team/app:1", f"{kind}:{archive}")


@pytest.mark.parametrize("name", ["team/app:1", f"team/app@sha256:{UNUSED}"])
def test_not_the_tag_is_missing_but_the_bucket(service: Service, tmp_path: Path, name: str) -> None:
    asks: list[Callable[[], object]] = [
        lambda: pull(service, name, f"oci-archive:{tmp_path / 'pulled.tar'}"),
        lambda: service.inspect(Reference.parse(name)),
        lambda: list(service.tags("team/app")),
        lambda: list(service.repositories()),
    ]
    for ask in asks:
        with pytest.raises(StoreMissing, match=r"no such (bucket|container)"):
            ask()


def test_a_bucket_that_goes_away_while_a_push_is_planned_is_no_empty_one(service: Service) -> None:
    context = service._context
    repository, presence = Repository(context.store, "app"), Presence(context.blobs, context.workers)
    for tagged in (Digest.of(b"a manifest"), None):
        with pytest.raises(StoreMissing):
            find_known_layers(context, presence, repository, tagged, [Digest.of(raw) for raw in IMAGE.layers])


def test_the_first_push_makes_the_directory(tmp_path: Path) -> None:
    archive = images.docker_archive(tmp_path / "image.tar", {"app:1": IMAGE})
    with directory_service(tmp_path / "new" / "store") as service:
        with pytest.raises(NotFound) as caught:
            service.inspect(Reference.parse("team/app:1"))
        assert "first push makes the directory" in caught.value.cause
        assert not isinstance(caught.value, StoreMissing)
        assert not (tmp_path / "new").exists()
        push(service, "team/app:1", f"docker-archive:{archive}")
        assert list(service.tag_names("team/app")) == ["1"]
