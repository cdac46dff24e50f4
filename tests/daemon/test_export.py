"""Exports as engines break them: cut, unfinished, incomplete, false. Nothing of that is ever tagged."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocistore_tui.daemon.legacy import v1_names
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import IntegrityError, NotFound, OciStoreError, Unavailable
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.progress import JobSnapshot, LayerState
from ocistore_tui.model.reference import Reference
from tests.fakes.engine import Dies, FakeEngine, classic, fake_engine
from tests.fakes.held import IMAGE, KINDS, NAME, hold
from tests.testbed import archives, images
from tests.testbed.archives import Members
from tests.testbed.images import Image, compressed, layer, path_of
from tests.testbed.opened import directory_service, push

OTHER = Image((layer("other"),))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path) as running:
        yield running


@pytest.fixture
def service(engine: FakeEngine, tmp_path: Path) -> Iterator[Service]:
    with directory_service(tmp_path / "store", docker_host=engine.host) as opened:
        yield opened


def fails(service: Service, kind: type[OciStoreError] = IntegrityError) -> OciStoreError:
    """The error of a push, after which nothing has the tag."""
    with pytest.raises(kind) as caught:
        push(service, NAME)
    with pytest.raises(NotFound):
        service.inspect(Reference.parse(NAME))
    assert caught.value.where
    assert caught.value.fix
    return caught.value


# Whole exports, in any order.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["sorted", "reversed", "manifests first", "shuffled"])
def test_an_export_may_come_in_any_order(
    order: str, kind: str, engine: FakeEngine, service: Service, tmp_path: Path
) -> None:
    ways: dict[str, Callable[[list[str]], list[str]]] = {
        "sorted": sorted,
        "reversed": lambda names: sorted(names, reverse=True),
        "manifests first": lambda names: sorted(names, key=lambda name: (not name.endswith(".json"), name)),
        "shuffled": lambda names: random.Random(5).sample(sorted(names), len(names)),
    }
    hold(engine, kind, KINDS[kind]().tar(order=ways[order]))
    pushed = push(service, NAME)
    with directory_service(tmp_path / "plain", docker_host=engine.host) as other:
        hold(engine, kind)
        assert push(other, NAME).digest == pushed.digest
    assert [row.diff_id for row in pushed.layers] == [*map(Digest.of, IMAGE.layers)]
    assert list(service.flaws("rt/app")) == []


@pytest.mark.parametrize("pieces", [1, 511, 4096])
def test_an_export_may_come_in_any_pieces(pieces: int, engine: FakeEngine, service: Service) -> None:
    small = Image((layer("small", 3000),))
    archive = archives.docker_20({NAME: small}).tar()
    classic(engine, NAME, small.config, small.layers, b"")
    engine.export = lambda: (archive[at : at + pieces] for at in range(0, len(archive), pieces))
    assert push(service, NAME).layers[0].diff_id == Digest.of(small.layers[0])


def test_the_one_layer_an_old_engine_does_not_name_is_shown_once(engine: FakeEngine, service: Service) -> None:
    image = Image((layer("base"), layer("middle"), layer("top")))
    members = archives.docker_20({NAME: image})
    for number, name in enumerate(v1_names([*map(Digest.of, image.layers)])):
        made_up = hashlib.sha256(image.id.encode() + bytes([number])).hexdigest()
        members[f"{name}/layer.tar"] = members.pop(f"{made_up}/layer.tar")
    classic(engine, NAME, image.config, image.layers, members.tar())
    seen: list[JobSnapshot] = []
    service.push(service.plan_push(PushRequest(Reference.parse(NAME))), on_progress=seen.append)
    assert {row.id for shown in seen for row in shown.layers} == {str(Digest.of(raw)) for raw in image.layers}
    assert {row.state for row in seen[-1].layers} == {LayerState.UPLOADED}


def test_a_containerd_export_may_hold_a_document_as_a_layer(engine: FakeEngine, service: Service) -> None:
    """It is kept back until it is known not to be one of the image's own."""
    inner = OTHER.manifest
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": images.OCI_MANIFEST,
            "config": images.descriptor(images.OCI_CONFIG, IMAGE.config),
            "layers": [images.descriptor("application/vnd.in-toto+json", inner)],
        }
    ).encode()
    members = archives.containerd(NAME, IMAGE)
    root = json.loads(members["index.json"])
    root["manifests"][0].update(images.descriptor(images.OCI_MANIFEST, manifest))
    members.update({path_of(raw): raw for raw in (manifest, inner)} | {"index.json": json.dumps(root).encode()})
    hold(engine, "containerd", members.tar())
    engine.hold(NAME, str(Digest.of(manifest)), [])
    assert push(service, NAME).digest == Digest.of(manifest)
    assert list(service.flaws("rt/app")) == []


# Broken ones.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.9, 0.999])
def test_an_export_that_is_cut_off(part: float, kind: str, engine: FakeEngine, service: Service) -> None:
    whole = KINDS[kind]().tar().rstrip(b"\0")
    hold(engine, kind, whole[: int(len(whole) * part)])
    error = fails(service, Unavailable)
    assert (error.message, error.exit_code) == ("the engine went away", 5)
    assert NAME in error.where
    assert "still runs" in error.fix


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_an_engine_appends_is_the_cause(kind: str, engine: FakeEngine, service: Service) -> None:
    said = b'{"errorDetail":{"message":"open layer: input/output error"},"error":"open layer: input/output error"}\r\n'
    whole = KINDS[kind]().tar()
    used = len(whole.rstrip(b"\0"))
    for at in (len(whole), used // 2, 0):
        hold(engine, kind, whole[:at] + said)
        assert "input/output error" in fails(service).cause


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_that_dies_in_the_middle(kind: str, engine: FakeEngine, service: Service) -> None:
    whole = KINDS[kind]().tar()
    hold(engine, kind)

    def dies() -> Iterator[bytes]:
        yield whole[: len(whole) // 2]
        raise Dies

    engine.export = dies
    fails(service, Unavailable)
    # Once it is back, the same command goes through.
    engine.export = lambda: [whole]
    assert push(service, NAME).digest


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["config", "a layer", "config and layers"])
def test_an_export_that_lacks_something(what: str, kind: str, engine: FakeEngine, service: Service) -> None:
    """Containerd stores leave out what they do not have, without a word (docker-api.md §3)."""
    members = KINDS[kind]()
    stored = IMAGE.blobs if kind == "containerd" else IMAGE.layers
    gone = {"config": [IMAGE.config], "a layer": [stored[1]], "config and layers": [IMAGE.config, *stored]}[what]
    left = Members({name: raw for name, raw in members.items() if raw not in gone})
    hold(engine, kind, left.tar())
    message = fails(service).message
    assert message.startswith("the export lacks") or message == "the image is not complete in its source"
    hold(engine, kind, Members({name: raw for name, raw in members.items() if raw in gone} | left).tar())
    assert push(service, NAME).digest


def test_a_containerd_export_that_lacks_its_manifest_or_index(engine: FakeEngine, service: Service) -> None:
    for name in (path_of(IMAGE.manifest), "index.json"):
        members = KINDS["containerd"]()
        del members[name]
        hold(engine, "containerd", members.tar())
        fails(service)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_bytes_that_are_not_what_their_name_says(which: int, kind: str, engine: FakeEngine, service: Service) -> None:
    members = KINDS[kind]()
    raw = (IMAGE.blobs if kind == "containerd" else IMAGE.layers)[which]
    name = next(name for name, found in members.items() if found == raw)
    members[name] = compressed(layer("false"), "gzip" if kind == "containerd" else "")
    hold(engine, kind, members.tar())
    fails(service)


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_of_another_image(kind: str, engine: FakeEngine, service: Service) -> None:
    written = {
        "docker 20": lambda: archives.docker_20({NAME: OTHER}),
        "docker 26": lambda: archives.docker_26(NAME, OTHER),
        "podman": lambda: archives.podman(NAME, OTHER),
        "containerd": lambda: archives.containerd(NAME, OTHER),
    }[kind]()
    hold(engine, kind, written.tar())
    fails(service)


@pytest.mark.parametrize("kind", ["docker 26", "containerd"])
def test_a_name_that_moves_after_the_plan_changes_nothing(kind: str, engine: FakeEngine, service: Service) -> None:
    hold(engine, kind)
    plan = service.plan_push(PushRequest(Reference.parse(NAME)))
    engine.hold(NAME, str(OTHER.digest), [])
    assert {row.diff_id for row in service.push(plan).layers} == {*map(Digest.of, IMAGE.layers)}
    (exported,) = [line for line in engine.asked if "/get" in line]
    assert f"/images/{plan.image_id}/get" in exported


def test_an_image_that_goes_after_the_plan_is_not_found(engine: FakeEngine, service: Service) -> None:
    hold(engine, "docker 26")
    plan = service.plan_push(PushRequest(Reference.parse(NAME)))
    engine.images.clear()
    with pytest.raises(NotFound, match="no such local image"):
        service.push(plan)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"Id": 5},
        {"Id": "../x"},
        {"Id": str(IMAGE.id), "RootFS": 5},
        {"Id": str(IMAGE.id), "RootFS": {"Layers": [5]}},
        {"Id": str(IMAGE.id), "Size": float("inf")},
        {"Id": str(IMAGE.id), "Size": "x"},
    ],
)
def test_an_inspect_of_no_use(found: dict[str, object], engine: FakeEngine, service: Service) -> None:
    engine.images["x"], engine.names[NAME] = found, "x"
    with pytest.raises(Unavailable, match="not a container engine"):
        push(service, NAME)


# Versions.


@pytest.mark.parametrize(
    ("least", "api"), [("1.12", "1.41"), ("1.24", "1.45"), ("1.24", "1.48"), ("1.44", "1.52"), ("1.40", "1.55")]
)
@pytest.mark.parametrize("kind", ["docker 26", "containerd"])
def test_every_version_of_the_api(least: str, api: str, kind: str, engine: FakeEngine, service: Service) -> None:
    """Fields that newer versions leave out are not missed."""
    hold(engine, kind)
    engine.api, engine.least_api = api, least
    for image in engine.images.values():
        for name in ("Os", "Architecture"):
            image.pop(name, None)
    assert push(service, NAME).digest
    used = min(api, "1.51")
    assert all(line.split()[1].startswith(f"/v{used}/") for line in engine.asked if "/_ping" not in line)


@pytest.mark.parametrize(("api", "sent"), [("1.41", False), ("1.47", False), ("1.48", True), ("1.55", True)])
def test_one_platform_is_asked_for_where_engines_understand_it(
    api: str, sent: bool, engine: FakeEngine, service: Service
) -> None:
    arm = Image((layer("arm"),), architecture="arm64")
    index = images.index_of([IMAGE, arm])
    members = archives.containerd(NAME, IMAGE)
    members.update({path_of(raw): raw for raw in (index, *arm.contents)})
    root = json.loads(members["index.json"])
    root["manifests"][0].update(images.descriptor(images.OCI_INDEX, index))
    whole = Members({**members, "index.json": json.dumps(root).encode()})
    engine.api, engine.is_containerd = api, True
    engine.hold(NAME, str(Digest.of(index)), [])
    engine.export = lambda: [whole.tar()]
    assert push(service, NAME, platform="linux/amd64").digest == IMAGE.digest
    (exported,) = [line for line in engine.asked if "/get" in line]
    assert ('"architecture"' in exported) == sent
    if sent:
        # Asked for one, some engines name that one's manifest as the root.
        engine.export = lambda: [archives.containerd(NAME, arm).tar()]
        assert push(service, "rt/app:arm", NAME, platform="linux/arm64").digest == arm.digest
        with pytest.raises(NotFound, match="linux/s390x"):
            push(service, "rt/app:s", NAME, platform="linux/s390x")
