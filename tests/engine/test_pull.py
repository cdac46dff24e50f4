"""Pull: what arrives is exactly what the store holds, or nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import Cancelled, IntegrityError, NotFound, UsageError
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PullPlan, PullRequest
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerState
from ocistore_tui.model.reference import Reference
from tests.engine.hostile import plant_tag
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.opened import directory_service, pull, push


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def service(root: Path) -> Iterator[Service]:
    with directory_service(root) as service:
        yield service


@pytest.fixture
def image(service: Service, tmp_path: Path) -> Image:
    """An image in the store, as ``team/app:1``."""
    image = Image((layer("base", 300_000), layer("top")))
    push(service, "team/app:1", f"oci-archive:{images.oci_archive(tmp_path / 'image.oci', '1', image)}")
    return image


def plan_of(service: Service, source: str, image: str) -> PullPlan:
    return service.plan_pull(PullRequest(Reference.parse(source), image))


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_planning_changes_nothing(service: Service, tmp_path: Path, image: Image) -> None:
    plan = plan_of(service, "team/app:1", f"oci:{tmp_path / 'out'}")
    assert [row.action for row in plan.layers] == [LayerState.DOWNLOADED, LayerState.DOWNLOADED]
    assert plan.download_bytes == sum(map(len, image.blobs))
    assert (plan.platform, plan.digest) == ("linux/amd64", image.digest)
    assert not (tmp_path / "out").exists()


def test_a_pulled_layout_holds_the_same_bytes(service: Service, tmp_path: Path, image: Image) -> None:
    result = pull(service, "team/app:1", f"oci:{tmp_path / 'out'}")
    assert (result.digest, result.downloaded_bytes) == (image.digest, sum(map(len, image.blobs)))
    files = contents(tmp_path / "out")
    assert {files[images.path_of(raw)] for raw in image.contents} == set(image.contents)
    root = json.loads(files["index.json"])["manifests"][0]
    assert (root["digest"], root["annotations"]) == (image.digest, {"org.opencontainers.image.ref.name": "1"})


def test_by_digest_it_is_the_same_image(service: Service, tmp_path: Path, image: Image) -> None:
    result = pull(service, f"team/app@{image.digest}", f"oci:{tmp_path / 'out'}:pinned")
    assert result.digest == image.digest


def test_what_was_planned_is_pulled_though_somebody_deleted_the_tag_since(
    service: Service, root: Path, tmp_path: Path, image: Image
) -> None:
    plan = plan_of(service, "team/app:1", f"oci:{tmp_path / 'out'}")
    (root / paths.tag_current("team/app", "1")).unlink()
    assert service.pull(plan).digest == image.digest


def test_what_is_there_already_is_not_read_again(service: Service, tmp_path: Path, image: Image) -> None:
    pull(service, "team/app:1", f"oci:{tmp_path / 'out'}:one")
    again = pull(service, "team/app:1", f"oci:{tmp_path / 'out'}:two")
    assert again.downloaded_bytes == 0
    assert {row.state for row in again.layers} == {LayerState.PRESENT}


def test_progress_ends_at_what_was_read(service: Service, tmp_path: Path, image: Image) -> None:
    seen: list[JobSnapshot] = []
    service.pull(plan_of(service, "team/app:1", f"oci:{tmp_path / 'out'}"), on_progress=seen.append)
    done = [snapshot.done_bytes for snapshot in seen]
    assert done == sorted(done)
    assert (seen[-1].state, seen[-1].done_bytes) == (JobState.DONE, sum(map(len, image.blobs)))


@pytest.mark.parametrize("damage", ["one byte", "cut off", "longer", "gone"])
@pytest.mark.parametrize("form", ["oci:{}", "oci-archive:{}", "docker-archive:{}"])
def test_a_damaged_layer_never_reaches_the_target(
    damage: str, form: str, service: Service, root: Path, tmp_path: Path, image: Image
) -> None:
    path = root / paths.blob(Digest.of(image.blobs[0]))
    raw = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"one byte": raw[:-1] + b"!", "cut off": raw[:-1], "longer": raw + b"!"}[damage])
    out = tmp_path / "out"
    with pytest.raises(IntegrityError):
        pull(service, "team/app:1", form.format(out))
    assert not out.is_file()
    assert not (out / "index.json").exists()
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize("document", ["manifest", "config"])
def test_a_damaged_document_is_an_error_and_nothing_else(
    document: str, service: Service, root: Path, tmp_path: Path
) -> None:
    image = Image((layer("base"),))
    push(service, "app:1", f"oci-archive:{images.oci_archive(tmp_path / 'image.oci', '1', image)}")
    digest = image.digest if document == "manifest" else image.id
    path = root / paths.blob(digest)
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with directory_service(root) as fresh:
        fresh._context.cache._directory = None
        with pytest.raises(IntegrityError):
            pull(fresh, "app:1", f"oci:{tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_a_cancelled_pull_leaves_the_target_as_it_was(service: Service, tmp_path: Path, image: Image) -> None:
    pull(service, "team/app:1", f"oci:{tmp_path / 'out'}:old")
    bigger = Image((*image.layers, *(layer(f"{number}", 3_000_000) for number in range(3))))
    push(service, "team/app:2", f"oci-archive:{images.oci_archive(tmp_path / 'bigger.oci', '2', bigger)}")
    before = contents(tmp_path / "out")
    cancel = threading.Event()

    def watch(snapshot: JobSnapshot) -> None:
        if any(row.state is LayerState.DOWNLOADED for row in snapshot.layers):
            cancel.set()

    with pytest.raises(Cancelled):
        service.pull(plan_of(service, "team/app:2", f"oci:{tmp_path / 'out'}:new"), on_progress=watch, cancel=cancel)
    after = contents(tmp_path / "out")
    assert {path: after[path] for path in before} == before
    assert not [path for path in after if path.endswith(".tmp")]


def test_the_platform_is_this_machines_unless_another_is_asked_for(service: Service, tmp_path: Path) -> None:
    both = [Image((layer("a"),)), Image((layer("b"),), architecture="arm64")]
    index = images.index_of(both)
    members = images.layout_members({"1": (images.OCI_INDEX, index)}, [raw for one in both for raw in one.contents])
    push(service, "app:1", f"oci:{images.oci_layout(tmp_path / 'layout', members)}")
    assert pull(service, "app:1", f"oci:{tmp_path / 'arm'}", platform="linux/arm64").digest == both[1].digest
    with pytest.raises(NotFound, match="linux/s390x") as raised:
        pull(service, "app:1", f"oci:{tmp_path / 'none'}", platform="linux/s390x")
    assert "linux/amd64" in raised.value.cause
    assert "linux/arm64" in raised.value.cause
    whole = pull(service, "app:1", f"oci-archive:{tmp_path / 'all.tar'}", all_platforms=True)
    assert whole.digest == Digest.of(index)
    with pytest.raises(UsageError, match="one platform"):
        pull(service, "app:1", f"docker-archive:{tmp_path / 'all-docker.tar'}", all_platforms=True)


@pytest.mark.parametrize("source", ["nothing:1", "team/app:nothing", f"team/app@sha256:{'0' * 64}"])
def test_what_is_not_there_is_said(source: str, service: Service, tmp_path: Path, image: Image) -> None:
    with pytest.raises(NotFound) as raised:
        pull(service, source, f"oci:{tmp_path / 'out'}")
    assert raised.value.fix
    assert not (tmp_path / "out").exists()


def test_a_manifest_of_another_repository_is_not_this_ones(service: Service, tmp_path: Path, image: Image) -> None:
    """Its blob is in the bucket, but only the link makes it the repository's."""
    push(service, "other:1", f"oci-archive:{images.oci_archive(tmp_path / 'o.oci', '1', Image((layer('o'),)))}")
    with pytest.raises(NotFound):
        pull(service, f"other@{image.digest}", f"oci:{tmp_path / 'out'}")


def test_one_platform_and_all_of_them_exclude_each_other(service: Service, tmp_path: Path, image: Image) -> None:
    with pytest.raises(UsageError, match="exclude"):
        pull(service, "team/app:1", f"oci:{tmp_path / 'out'}", platform="linux/amd64", all_platforms=True)


def test_a_config_of_another_size_than_its_manifest_says_is_refused(service: Service, tmp_path: Path) -> None:
    """Registries take such a manifest; the engines that would get it compare."""
    image = Image((layer("base"),))
    document = json.loads(image.manifest)
    document["config"]["size"] += 1
    store = service._context.store
    plant_tag(store, "app", "1", json.dumps(document).encode())
    for raw in (image.config, *image.blobs):
        store.put(paths.blob(Digest.of(raw)), raw)
    with pytest.raises(IntegrityError, match="size"):
        pull(service, "app:1", f"oci:{tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("names", ["more manifests than anybody has", "manifests of gigabytes"])
def test_an_index_that_would_fill_the_memory_is_refused(names: str, service: Service, tmp_path: Path) -> None:
    store = service._context.store
    if names == "manifests of gigabytes":
        config = {"mediaType": images.OCI_CONFIG, "digest": f"sha256:{'0' * 64}", "size": 2}
        fat = [json.dumps({"schemaVersion": 2, "config": config, "x": f"{n}" * 4_000_000}).encode() for n in range(10)]
        for raw in fat:
            store.put(paths.blob(Digest.of(raw)), raw)
        children = [images.descriptor(images.OCI_MANIFEST, raw) for raw in fat]
    else:
        children = [{"digest": f"sha256:{number:064x}", "size": 1} for number in range(30_000)]
    index = json.dumps({"schemaVersion": 2, "mediaType": images.OCI_INDEX, "manifests": children}).encode()
    plant_tag(store, "app", "1", index)
    with pytest.raises(IntegrityError, match="more than can be handed over"):
        pull(service, "app:1", f"oci:{tmp_path / 'out'}", all_platforms=True)


def test_a_platform_that_is_named_twice_and_stored_once_is_found(service: Service, tmp_path: Path) -> None:
    gone, there = Image((layer("gone"),)), Image((layer("there"),))
    index = images.index_of([gone, there])
    members = images.layout_members({"1": (images.OCI_INDEX, index)}, there.contents)
    push(service, "app:1", f"oci:{images.oci_layout(tmp_path / 'layout', members)}")
    assert pull(service, "app:1", f"oci:{tmp_path / 'out'}", platform="linux/amd64").digest == there.digest


def test_what_only_the_cache_has_is_not_handed_out_as_stored(service: Service, root: Path, tmp_path: Path) -> None:
    """Whoever tries a store by pulling from it must not be told that all is well."""
    both = [Image((layer("a"),)), Image((layer("b"),), architecture="arm64")]
    index = images.index_of(both)
    members = images.layout_members({"1": (images.OCI_INDEX, index)}, [raw for one in both for raw in one.contents])
    push(service, "app:1", f"oci:{images.oci_layout(tmp_path / 'layout', members)}")
    (root / paths.blob(both[1].digest)).unlink()
    with pytest.raises(NotFound, match="not in the store"):
        pull(service, "app:1", f"oci:{tmp_path / 'out'}", platform="linux/arm64")
    (root / paths.blob(both[0].id)).unlink()
    with pytest.raises(NotFound):
        pull(service, "app:1", f"oci:{tmp_path / 'out'}", platform="linux/amd64")
