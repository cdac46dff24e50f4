"""What the demo puts into a store, read back by this program and by a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.demo.content import TOOL_VERSIONS, add_demo, hello_image, multi_image
from ocistore_tui.engine.service import Service
from ocistore_tui.model.natural import natural_key
from ocistore_tui.model.plan import PushPlan, PushRequest
from ocistore_tui.model.reference import Reference
from tests.testbed import registry_client
from tests.testbed.places import Served, served

TAGS = {
    "demo/big": {"2026.1", "2026.2"},
    "demo/chart": {"0.3.0"},
    "demo/hello": {"1.0", "1.1", "1.2", "latest"},
    "demo/tools": set(TOOL_VERSIONS),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A directory store with the demo in it, that a registry serves too; the archives lie in ``images`` beside it."""
    directory = tmp_path_factory.mktemp("demo")
    with served("directory", directory, request) as place:
        with place.service() as service:
            add_demo(service, directory / "images", lambda _: None)
        yield place


@pytest.fixture
def service(filled: Served) -> Iterator[Service]:
    with filled.service() as service:
        yield service


@pytest.fixture
def folder(filled: Served) -> Path:
    return Path(filled.place["options"]["dir"]).parent / "images"


def test_every_repository_is_whole_for_us(service: Service) -> None:
    names = [row.name for row in service.repositories()]
    assert names == ["demo/big", "demo/chart", "demo/hello", "demo/multi", "demo/tools"]
    for name in names:
        assert list(service.flaws(name)) == []
        assert all(not row.flaw for row in service.tags(name))
    for name, tags in TAGS.items():
        assert set(service.tag_names(name)) == tags


def test_a_registry_serves_every_tag_to_the_last_byte(filled: Served) -> None:
    repositories = [*TAGS, "demo/multi"]
    for repository in repositories:
        tags = registry_client.tags(filled.registry, repository)
        assert tags
        for tag in tags:
            registry_client.serve_whole(filled.registry, repository, tag)


def test_a_tag_moved_twice_and_each_image_is_another(service: Service, filled: Served) -> None:
    remembered = Path(filled.place["options"]["dir"]) / (
        "docker/registry/v2/repositories/demo/hello/_manifests/tags/latest/index/sha256"
    )
    versions = {str(row.digest).partition(":")[2] for row in service.tags("demo/hello") if row.name != "latest"}
    assert {path.name for path in remembered.iterdir()} == versions
    assert len(versions) == 3


def test_an_index_of_two_platforms_with_a_signature_and_an_sbom(service: Service, filled: Served) -> None:
    index, _ = multi_image()
    row = next(row for row in service.tags("demo/multi") if row.name == "1.0")
    assert (row.kind, row.platforms) == ("index", ("linux/amd64", "linux/arm64"))
    assert str(row.digest) == index.digest
    fallback = index.digest.replace(":", "-")
    assert set(service.tag_names("demo/multi")) == {"1.0", fallback, f"{fallback}.sig", f"{fallback}.sbom"}
    _, raw = registry_client.get(filled.registry, f"demo/multi/manifests/{fallback}")
    kinds = [entry["artifactType"] for entry in json.loads(raw)["manifests"]]
    assert sorted(kinds) == ["application/spdx+json", "application/vnd.dev.cosign.artifact.sig.v1+json"]


def test_a_chart_is_no_image(service: Service) -> None:
    (row,) = service.tags("demo/chart")
    assert (row.kind, row.platforms) == ("artifact", ())


def test_layers_are_shared_between_repositories(service: Service) -> None:
    def layers(reference: str) -> set[str]:
        return {str(layer.digest) for layer in service.inspect(Reference.parse(reference)).layers}

    base = layers("demo/hello:1.0") & layers("demo/big:2026.1") & layers("demo/tools:1.0.0")
    assert len(base) == 1
    assert len(layers("demo/big:2026.1") & layers("demo/big:2026.2")) == 3


def test_tools_sort_otherwise_than_as_text(service: Service) -> None:
    names = list(service.tag_names("demo/tools"))
    assert names == sorted(names)
    assert names != sorted(names, key=natural_key)


def test_a_layer_and_a_config_of_a_push_that_ended_early_are_named_by_no_image(filled: Served) -> None:
    root = Path(filled.place["options"]["dir"]) / "docker/registry/v2"
    stored = {path.parent.name for path in root.glob("blobs/sha256/*/*/data")}
    named = set()
    for path in root.glob("repositories/demo/*/_manifests/revisions/sha256/*"):
        raw = (root / f"blobs/sha256/{path.name[:2]}/{path.name}/data").read_bytes()
        document = json.loads(raw)
        blobs = [*document.get("layers", []), *document.get("manifests", []), document.get("config", {"digest": ""})]
        named |= {path.name, *(blob["digest"].partition(":")[2] for blob in blobs)} - {""}
    sizes = [(root / f"blobs/sha256/{name[:2]}/{name}/data").stat().st_size for name in stored - named]
    assert len(sizes) == 2
    assert max(sizes) > 150_000
    assert min(sizes) < 1_000
    assert named <= stored


def test_all_of_it_is_small(filled: Served) -> None:
    root = Path(filled.place["options"]["dir"])
    assert 1_500_000 < sum(path.stat().st_size for path in root.rglob("data")) < 2_500_000


def plan(service: Service, folder: Path, name: str, reference: str) -> PushPlan:
    form = "oci-archive" if "multi" in name else "docker-archive"
    image = f"{form}:{folder / name}:{reference}"
    return service.plan_push(PushRequest(Reference.parse(reference), image, all_platforms="multi" in name))


def test_archives_that_are_the_same_new_and_another_image(service: Service, folder: Path) -> None:
    stored = {
        f"{name}:{row.name}": set(map(str, row.image_ids))
        for name in ("demo/hello", "demo/tools")
        for row in service.tags(name)
    }
    same = plan(service, folder, "hello-1.2.tar", "demo/hello:1.2")
    assert {str(same.image_id)} == stored["demo/hello:1.2"] == {hello_image("1.2").image_id}
    new = plan(service, folder, "hello-1.3.tar", "demo/hello:1.3")
    assert new.tag_before is None
    other = plan(service, folder, "tools-2.0.0.tar", "demo/tools:2.0.0")
    assert other.tag_before is not None
    assert str(other.image_id) not in stored["demo/tools:2.0.0"]
    index = plan(service, folder, "multi-1.0.tar", "demo/multi:1.0")
    assert index.is_noop
    assert str(index.digest) == multi_image()[0].digest
    assert plan(service, folder, "big-2026.3.tar", "demo/big:2026.3").tag_before is None


def test_added_again_nothing_moves(tmp_path: Path, filled: Served) -> None:
    with filled.service() as service:
        before = {name: [(row.name, row.digest, row.pushed) for row in service.tags(name)] for name in TAGS}
        said: list[str] = []
        add_demo(service, tmp_path / "images", said.append)
        assert {name: [(row.name, row.digest, row.pushed) for row in service.tags(name)] for name in TAGS} == before
    assert said[0] == "making images"
    assert said[-1] == "done"
    assert len(list((tmp_path / "images").iterdir())) == 5


def test_a_tag_somebody_else_has_is_left_alone(tmp_path: Path, request: pytest.FixtureRequest, folder: Path) -> None:
    with served("directory", tmp_path, request) as place, place.service() as service:
        image = f"docker-archive:{folder / 'hello-1.3.tar'}"
        mine = service.push(service.plan_push(PushRequest(Reference.parse("demo/hello:latest"), image)))
        add_demo(service, tmp_path / "images", lambda _: None)
        rows = {row.name: row.digest for row in service.tags("demo/hello")}
        assert rows["latest"] == mine.digest
        assert set(rows) == TAGS["demo/hello"]
