"""What container engines of every kind hold, as a list shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.daemon.address import resolve_address
from ocistore_tui.daemon.client import EngineClient
from ocistore_tui.daemon.local import open_source
from ocistore_tui.errors import AccessDenied, Unavailable
from ocistore_tui.model.digest import Digest
from tests.daemon.places import CREATED, listed, nobody, rows
from tests.fakes.engine import fake_engine
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.need import missing
from tests.testbed.opened import directory_service, pull, push

ONE, TWO = Image((layer("one"),)), Image((layer("two"),), architecture="arm64")


def test_every_name_of_an_image_has_a_row(tmp_path: Path) -> None:
    with fake_engine(tmp_path) as engine:
        engine.hold("app:1", str(ONE.id), [])
        engine.names["team/app:latest"] = str(ONE.id)
        engine.images[str(TWO.id)] = {"Id": str(TWO.id)}
        found = listed("engine", engine.host)
    assert found.label == "docker 0"
    assert {(row.name, row.image) for row in found.rows} == {
        ("app:1", "app:1"), ("team/app:latest", "team/app:latest"), ("", str(TWO.id))
    }  # fmt: skip
    assert {row.ids for row in found.rows} == {frozenset({ONE.id}), frozenset({TWO.id})}


def test_names_that_our_transfers_give_meanwhile_are_not_shown(tmp_path: Path) -> None:
    with fake_engine(tmp_path) as engine:
        engine.hold("app:1", str(ONE.id), [])
        engine.hold("localhost:20000/ocistore-0123abcd/app:f00", str(ONE.id), [])
        engine.hold("ocistore-kept/0123abcd:5d0e77c1b2a9", str(TWO.id), [])
        found = listed("engine", engine.host)
    assert {(row.name, row.image) for row in found.rows} == {("app:1", "app:1"), ("", str(TWO.id))}


def test_a_name_that_begins_like_a_form_is_still_a_name(tmp_path: Path) -> None:
    with fake_engine(tmp_path) as engine:
        engine.hold("oci:latest", str(ONE.id), [])
        row = rows("engine", engine.host)["oci:latest"]
        client = EngineClient(resolve_address(engine.host))
        assert open_source(row.image, engine=lambda: client, platform=None).facts().id == ONE.id


@pytest.mark.parametrize("is_containerd", [False, True])
def test_manifests_identify_an_image_of_a_containerd_store_only(tmp_path: Path, is_containerd: bool) -> None:
    index = Digest.of(b"an index")
    with answering(tmp_path, is_containerd=is_containerd) as (host, answer):
        answer.append({"Id": str(ONE.digest), "RepoTags": ["app:1"], "RepoDigests": [f"app@{index}", "app@nonsense"]})
        row = rows("engine", host)["app:1"]
    assert row.ids == ({ONE.digest, index} if is_containerd else {ONE.digest})


def test_what_an_engine_says_of_an_image_is_inert(tmp_path: Path) -> None:
    with answering(tmp_path) as (host, answer):
        answer.append({"Id": str(ONE.id), "RepoTags": ["app:\x1b[31m"], "Size": 5, "Created": 7})
        answer.append({"Id": "nonsense", "RepoTags": ["broken:1"]})
        answer.append("no object")
        (row,) = listed("engine", host).rows
    assert (row.name, row.size_bytes, row.created) == ("app:�[31m", 5, 7.0)


@contextmanager
def answering(directory: Path, **attributes: Any) -> Iterator[tuple[str, list[Any]]]:
    """An engine whose list of images is what the test says."""
    with fake_engine(directory, **attributes) as engine:
        answer: list[Any] = []
        engine.listing = answer
        yield engine.host, answer


def test_podman_is_called_podman(tmp_path: Path) -> None:
    with fake_engine(tmp_path, is_podman=True) as engine:
        assert listed("engine", engine.host).label == "podman 0"


def test_no_engine_is_told_with_its_address_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        listed("engine", f"unix://{tmp_path}/docker.sock")
    assert caught.value.where == f"unix://{tmp_path}/docker.sock"
    assert caught.value.cause == "No such file or directory"
    assert caught.value.fix


def test_a_socket_that_may_not_be_used_says_so(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("root", "becoming another user needs root")
    with fake_engine(tmp_path) as engine:
        engine.path.chmod(0o600)
        with nobody(tmp_path), pytest.raises(AccessDenied) as caught:
            listed("engine", engine.host)
    assert "usermod" in caught.value.fix


@pytest.mark.parametrize("engine", ["docker_classic", "docker26_classic", "docker26_containerd", "podman"])
def test_a_real_engine_lists_what_was_loaded(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    host = request.getfixturevalue(engine)
    image = Image((layer(f"{tmp_path}"),))
    archive = images.oci_archive(tmp_path / "image.tar", "1", image)
    with directory_service(tmp_path / "store", docker_host=host) as service:
        push(service, "listed:1", f"oci-archive:{archive}")
        pull(service, "listed:1")
        found = service.local_images()
    assert found.label.startswith("podman" if engine == "podman" else "docker")
    row = next(row for row in found.rows if row.name.endswith("listed:1"))
    assert row.ids & {image.id, image.digest}
    assert row.size_bytes
    assert row.created == CREATED
