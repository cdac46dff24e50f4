"""From every kind of engine to every other, through a bucket: the image stays the same image."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from ocistore_tui.errors import NotFound
from ocistore_tui.model.progress import LayerState
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.opened import directory_service, pull, push

ENGINES = ("docker_classic", "docker26_classic", "docker26_containerd")
pytestmark = pytest.mark.xdist_group("engines")


@pytest.fixture
def unique(tmp_path: Path) -> str:
    """A name no other test uses, so that engines may be shared."""
    return f"rt/{tmp_path.name.lower().replace('_', '-').strip('-')}"


def load(host: str, archive: Path) -> None:
    client(host, "load", "-q", "-i", str(archive))


def image_id(host: str, name: str) -> str:
    return client(host, "image", "inspect", "--format", "{{.Id}}", name).strip()


def diff_ids(host: str, name: str) -> str:
    return client(host, "image", "inspect", "--format", "{{json .RootFS.Layers}}", name).strip()


@pytest.mark.parametrize(("giver", "taker"), list(itertools.product(ENGINES, ENGINES)))
def test_an_image_travels(giver: str, taker: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> None:
    a, b = request.getfixturevalue(giver), request.getfixturevalue(taker)
    twice = layer(f"{unique}-twice")
    image = Image((layer(f"{unique}-one"), twice, layer(f"{unique}-two", 3_000_000), twice))
    load(a, images.docker_archive(tmp_path / "image.tar", {f"{unique}:1": image}))

    with directory_service(tmp_path / "store", docker_host=a) as service:
        pushed = push(service, f"{unique}:1")
        assert list(service.flaws(unique)) == []
    with directory_service(tmp_path / "store", docker_host=b) as service:
        pulled = pull(service, f"{unique}:1", f"{unique}:pulled")

    assert pulled.digest == pushed.digest
    if taker == "docker26_containerd":
        assert image_id(b, f"{unique}:pulled") == pushed.digest == pulled.image_id
    else:
        assert image_id(b, f"{unique}:pulled") == image.id == pulled.image_id
    if giver == "docker26_containerd":
        assert pushed.digest == image_id(a, f"{unique}:1"), "a manifest the source has is kept byte for byte"
    assert diff_ids(b, f"{unique}:pulled") == diff_ids(a, f"{unique}:1")
    # What an engine holds it can give away: the copy is whole.
    with directory_service(tmp_path / "other", docker_host=b) as service:
        assert push(service, f"{unique}:again", f"{unique}:pulled").digest


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_push_reads_and_sends_nothing(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    host = request.getfixturevalue(engine)
    load(
        host,
        images.docker_archive(tmp_path / "image.tar", {f"{unique}:1": Image((layer(unique), layer(unique + "2")))}),
    )
    with directory_service(tmp_path / "store", docker_host=host) as service:
        first = push(service, f"{unique}:1")
        assert {row.state for row in first.layers} == {LayerState.UPLOADED}
    with directory_service(tmp_path / "store", docker_host=host) as service:
        from ocistore_tui.model.plan import PushRequest
        from ocistore_tui.model.reference import Reference

        plan = service.plan_push(PushRequest(Reference.parse(f"{unique}:1")))
        assert plan.is_noop
        second = service.push(plan)
        assert (second.digest, second.uploaded_bytes) == (first.digest, 0)
        assert {row.state for row in second.layers} == {LayerState.EXISTS}
        elsewhere = push(service, f"{unique}-copy:1", f"{unique}:1")
        assert (elsewhere.digest, elsewhere.uploaded_bytes) == (first.digest, 0)
        assert {row.state for row in elsewhere.layers} == {LayerState.LINKED}


@pytest.mark.parametrize("engine", ENGINES)
def test_of_a_changed_image_only_the_new_layer_moves(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    host = request.getfixturevalue(engine)
    base = (layer(unique + "a"), layer(unique + "b", 400_000))
    old, new = Image(base), Image((*base, layer(unique + "c")))
    load(host, images.docker_archive(tmp_path / "old.tar", {f"{unique}:old": old}))
    load(host, images.docker_archive(tmp_path / "new.tar", {f"{unique}:new": new}))
    with directory_service(tmp_path / "store", docker_host=host) as service:
        push(service, f"{unique}:1", f"{unique}:old")
        changed = push(service, f"{unique}:1", f"{unique}:new")
    states = [row.state for row in changed.layers]
    assert states == [LayerState.EXISTS, LayerState.EXISTS, LayerState.UPLOADED]
    assert changed.uploaded_bytes < 40_000


@pytest.mark.parametrize("engine", ENGINES)
def test_of_an_image_whose_base_is_there_only_the_missing_layer_is_read(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    host = request.getfixturevalue(engine)
    base = (layer(unique + "a"), layer(unique + "b", 400_000))
    old, new = Image(base), Image((*base, layer(unique + "c")))
    with directory_service(tmp_path / "store", docker_host=host) as service:
        for tag, image in (("old", old), ("new", new)):
            archive = images.oci_archive(tmp_path / f"{tag}.tar", tag, image)
            push(service, f"{unique}:{tag}", f"oci-archive:{archive}")
        pull(service, f"{unique}:old")
        pulled = pull(service, f"{unique}:new")
    assert [row.state for row in pulled.layers] == [LayerState.PRESENT, LayerState.PRESENT, LayerState.DOWNLOADED]
    assert pulled.downloaded_bytes == len(new.blobs[2])
    assert pulled.notes == ()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("coding", ["gzip", "zstd", ""])
def test_every_coding_of_layers_arrives(
    engine: str, coding: str, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    host = request.getfixturevalue(engine)
    image = Image((layer(unique + "a"), layer(unique + "b", 2_000_000)), coding=coding)
    archive = images.oci_archive(tmp_path / "image.tar", "1", image)
    with directory_service(tmp_path / "store", docker_host=host) as service:
        pushed = push(service, f"{unique}:1", f"oci-archive:{archive}")
        assert pushed.digest == image.digest, "zstd layers are kept, as every manifest is"
        pulled = pull(service, f"{unique}:1")
    assert diff_ids(host, f"{unique}:1").count("sha256:") == 2
    assert any("zstd" in note for note in pulled.notes) == (coding == "zstd" and engine == "docker_classic")


def test_layers_known_unpacked_from_other_blobs_are_noticed_by_a_containerd_store(
    docker26_containerd: str, tmp_path: Path, unique: str
) -> None:
    """It would print "Loaded image" and hold an empty shell (docker-api.md §4)."""
    host = docker26_containerd
    base = layer(unique + "base", 300_000)
    whole = Image((base, layer(unique + "top")))
    with directory_service(tmp_path / "store", docker_host=host) as service:
        for tag, image in (("base", Image((base,))), ("whole", whole)):
            archive = images.oci_archive(tmp_path / f"{tag}.tar", tag, image)
            push(service, f"{unique}:{tag}", f"oci-archive:{archive}")
        # The same layer, unpacked from a raw blob, under an image the store knows as well.
        raw = Image((base,), coding="")
        push(service, f"{unique}:raw", f"oci-archive:{images.oci_archive(tmp_path / 'raw.tar', 'raw', raw)}")
        pull(service, f"{unique}:raw")
        pulled = pull(service, f"{unique}:whole")
        assert pulled.image_id == whole.digest
        assert push(service, f"{unique}:back", f"{unique}:whole").digest == whole.digest, "its content is all there"


def test_podman_takes_and_gives(podman: str, tmp_path: Path, unique: str) -> None:
    image = Image((layer(unique + "a"), layer(unique + "b", 2_000_000)))
    archive = images.oci_archive(tmp_path / "image.tar", "1", image)
    with directory_service(tmp_path / "store", docker_host=podman) as service:
        push(service, f"{unique}:1", f"oci-archive:{archive}")
        pulled = pull(service, f"{unique}:1")
        assert pulled.image_id == image.id == image_id(podman, f"{unique}:1")
        (tmp_path / "cache").mkdir()
        assert push(service, f"{unique}:2", f"{unique}:1").digest == image.digest, "its manifest was remembered"
        local = service.local_images()
        assert any(image.id in row.ids for row in local.rows)
    with directory_service(tmp_path / "elsewhere", docker_host=podman) as service:
        again = push(service, f"{unique}:1")
        assert {row.diff_id for row in again.layers} == {*map(str, (images.Digest.of(raw) for raw in image.layers))}


@pytest.mark.parametrize("known", [False, True], ids=["unknown to the store", "known to the store"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_platform_the_image_is_not_for_is_refused(
    engine: str, known: bool, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    host = request.getfixturevalue(engine)
    load(host, images.docker_archive(tmp_path / "image.tar", {f"{unique}:1": Image((layer(unique),))}))
    (tmp_path / "store").mkdir()
    with directory_service(tmp_path / "store", docker_host=host) as service:
        if known:
            push(service, f"{unique}:1")
        with pytest.raises(NotFound, match="linux/arm64"):
            push(service, f"{unique}:2", f"{unique}:1", platform="linux/arm64")
        assert "2" not in list(service.tag_names(unique))
        assert push(service, f"{unique}:3", f"{unique}:1", platform="linux/amd64").digest
