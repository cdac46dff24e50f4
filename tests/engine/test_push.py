"""Push: the plan tells what will happen, and the move does that and no more."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.cache import Cache
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import Cancelled, IntegrityError, NotFound, Refused, UsageError
from ocistore_tui.layout import paths
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PushPlan, PushRequest
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerState
from ocistore_tui.model.reference import Reference
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
def image() -> Image:
    return Image((layer("base", 300_000), layer("top")))


def plan_of(service: Service, target: str, image: str) -> PushPlan:
    return service.plan_push(PushRequest(Reference.parse(target), image))


def archived(tmp_path: Path, image: Image, name: str = "image") -> str:
    """A docker archive: raw layers and no manifest, as a classic store has them."""
    return f"docker-archive:{images.docker_archive(tmp_path / f'{name}.tar', {'app:1': image})}"


def kept(tmp_path: Path, image: Image, name: str = "image") -> str:
    """An OCI archive: blobs and a manifest."""
    return f"oci-archive:{images.oci_archive(tmp_path / f'{name}.oci', '1', image)}"


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def blob_path(root: Path, digest: Digest) -> Path:
    return root / paths.blob(digest)


def test_planning_writes_nothing(service: Service, root: Path, tmp_path: Path, image: Image) -> None:
    plan = plan_of(service, "team/app:1", archived(tmp_path, image))
    assert [layer.action for layer in plan.layers] == [LayerState.UPLOADED, LayerState.UPLOADED]
    assert plan.needs_export
    assert plan.tag_before is None
    assert everything(root) == {}


def test_what_the_plan_says_is_what_happens(service: Service, tmp_path: Path, image: Image) -> None:
    first = push(service, "team/app:1", archived(tmp_path, image))
    changed = Image((image.layers[0], layer("other top")))
    plan = plan_of(service, "team/app:2", archived(tmp_path, changed, "changed"))
    assert [row.action for row in plan.layers] == [LayerState.EXISTS, LayerState.UPLOADED]
    result = service.push(plan)
    assert [row.state for row in result.layers] == [LayerState.EXISTS, LayerState.UPLOADED]
    assert result.layers[0].digest == first.layers[0].digest
    assert list(service.flaws("team/app")) == []


def test_the_same_image_always_becomes_the_same_manifest(tmp_path: Path, image: Image) -> None:
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with directory_service(tmp_path / name) as service:
            digests.add(push(service, "app:1", archived(tmp_path, image)).digest)
    assert len(digests) == 1


def test_a_layer_of_another_repository_costs_a_link(service: Service, tmp_path: Path, image: Image) -> None:
    push(service, "one:1", kept(tmp_path, image))
    result = push(service, "two/nested:1", kept(tmp_path, image))
    assert {row.state for row in result.layers} == {LayerState.LINKED}
    assert result.uploaded_bytes == 0
    assert list(service.flaws("two/nested")) == []


def test_a_layer_is_known_by_what_this_machine_remembers(service: Service, tmp_path: Path, image: Image) -> None:
    push(service, "one:1", archived(tmp_path, image))
    other = Image((*image.layers, layer("more")))
    result = push(service, "two:1", archived(tmp_path, other, "other"))
    assert [row.state for row in result.layers] == [LayerState.LINKED, LayerState.LINKED, LayerState.UPLOADED]


def test_what_the_cache_remembers_of_another_store_is_not_believed(tmp_path: Path, image: Image) -> None:
    for name in ("here", "there"):
        with directory_service(tmp_path / name) as service:
            result = push(service, "app:1", archived(tmp_path, image))
            assert {row.state for row in result.layers} == {LayerState.UPLOADED}
            assert list(service.flaws("app")) == []


def test_a_blob_of_the_wrong_size_is_replaced(service: Service, root: Path, tmp_path: Path, image: Image) -> None:
    result = push(service, "app:1", kept(tmp_path, image))
    damaged = blob_path(root, result.layers[0].digest)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    again = push(service, "app:1", kept(tmp_path, image))
    assert [row.state for row in again.layers] == [LayerState.UPLOADED, LayerState.EXISTS]
    assert damaged.read_bytes() == whole


def test_a_link_registries_stumble_over_is_written_anew_by_the_same_push(
    service: Service, root: Path, tmp_path: Path, image: Image
) -> None:
    push(service, "app:1", kept(tmp_path, image))
    link = root / paths.tag_current("app", "1")
    link.write_bytes(link.read_bytes() + b"\n")
    push(service, "app:1", kept(tmp_path, image))
    assert link.read_text() == image.digest


@pytest.mark.parametrize("form", [archived, kept])
@pytest.mark.parametrize("what", ["a layer", "the config", "the manifest"])
def test_damage_a_pull_has_noticed_is_repaired_by_the_next_push(
    what: str, form: Callable[[Path, Image], str], service: Service, root: Path, tmp_path: Path, image: Image
) -> None:
    """The size fits, so that nobody but a reader can tell."""
    pushed = push(service, "app:1", form(tmp_path, image))
    digest = {"a layer": pushed.layers[0].digest, "the config": image.id, "the manifest": pushed.digest}[what]
    whole = blob_path(root, digest).read_bytes()
    blob_path(root, digest).write_bytes(bytes(len(whole)))
    with directory_service(root) as elsewhere:
        elsewhere._context.documents._cache = Cache(None)
        with pytest.raises(IntegrityError):
            pull(elsewhere, "app:1", f"oci:{tmp_path / 'out'}")
    push(service, "app:1", form(tmp_path, image))
    assert blob_path(root, digest).read_bytes() == whole
    pull(service, "app:1", f"oci:{tmp_path / 'out'}")


@pytest.mark.parametrize("gone", ["config", "layer link", "revision", "manifest", "tag"])
def test_the_same_push_repairs_what_is_gone(
    gone: str, service: Service, root: Path, tmp_path: Path, image: Image
) -> None:
    push(service, "app:1", kept(tmp_path, image))
    before = everything(root)
    layer_digest = Digest.of(image.blobs[0])
    victim = {
        "config": paths.blob(image.id),
        "layer link": paths.layer_link("app", layer_digest),
        "revision": paths.revision_link("app", image.digest),
        "manifest": paths.blob(image.digest),
        "tag": paths.tag_current("app", "1"),
    }[gone]
    (root / victim).unlink()
    push(service, "app:1", kept(tmp_path, image))
    assert everything(root) == before


def test_a_push_that_changes_nothing_writes_nothing(service: Service, root: Path, tmp_path: Path, image: Image) -> None:
    push(service, "app:1", archived(tmp_path, image))
    stamps = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    result = push(service, "app:1", archived(tmp_path, image))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == stamps
    assert result.uploaded_bytes == 0


def test_a_tag_that_moved_since_the_plan_is_left_alone(service: Service, tmp_path: Path, image: Image) -> None:
    push(service, "app:1", kept(tmp_path, Image((layer("first"),)), "first"))
    plan = plan_of(service, "app:1", kept(tmp_path, image))
    other = push(service, "app:1", kept(tmp_path, Image((layer("second"),)), "second"))
    with pytest.raises(Refused, match="moved"):
        service.push(plan)
    assert service.inspect(Reference.parse("app:1")).digest == other.digest


def test_a_tag_that_somebody_deleted_since_the_plan_stays_deleted(
    service: Service, root: Path, tmp_path: Path, image: Image
) -> None:
    push(service, "app:1", kept(tmp_path, Image((layer("first"),)), "first"))
    plan = plan_of(service, "app:1", kept(tmp_path, image))
    shutil.rmtree(root / paths.tag_current("app", "1").rpartition("/current/")[0])
    with pytest.raises(Refused, match="moved"):
        service.push(plan)
    with pytest.raises(NotFound):
        service.inspect(Reference.parse("app:1"))


def test_a_new_tag_somebody_else_made_meanwhile_is_left_alone(service: Service, tmp_path: Path, image: Image) -> None:
    plan = plan_of(service, "app:1", kept(tmp_path, image))
    other = push(service, "app:1", kept(tmp_path, Image((layer("second"),)), "second"))
    with pytest.raises(Refused, match="moved"):
        service.push(plan)
    assert service.inspect(Reference.parse("app:1")).digest == other.digest


def test_a_broken_tag_is_replaced_and_said(service: Service, root: Path, tmp_path: Path, image: Image) -> None:
    push(service, "app:1", kept(tmp_path, Image((layer("first"),)), "first"))
    (root / paths.tag_current("app", "1")).write_bytes(b"../../../etc/passwd")
    plan = plan_of(service, "app:1", kept(tmp_path, image))
    assert any("broken" in note for note in plan.notes)
    assert service.push(plan).digest == image.digest
    assert list(service.flaws("app")) == []


@pytest.mark.parametrize("stage", ["at the start", "while layers move"])
def test_a_cancelled_push_leaves_no_tag_and_its_blobs_for_the_next(
    stage: str, service: Service, root: Path, tmp_path: Path
) -> None:
    image = Image(tuple(layer(f"{number}", 3_000_000) for number in range(4)))
    cancel = threading.Event()
    snapshots: list[JobSnapshot] = []

    def watch(snapshot: JobSnapshot) -> None:
        snapshots.append(snapshot)
        if stage != "at the start" and any(row.state is LayerState.UPLOADED for row in snapshot.layers):
            cancel.set()

    if stage == "at the start":
        cancel.set()
    with pytest.raises(Cancelled):
        service.push(plan_of(service, "app:1", archived(tmp_path, image)), on_progress=watch, cancel=cancel)
    assert snapshots[-1].state is JobState.CANCELLED
    assert list(service.tag_names("app")) == []
    assert not list((root / ".ocistore").rglob("*.tmp")), "nothing is left half-written"
    assert push(service, "app:1", archived(tmp_path, image)).digest
    assert list(service.flaws("app")) == []


def test_progress_never_goes_back_and_ends_at_its_total(service: Service, tmp_path: Path) -> None:
    image = Image(tuple(layer(f"{number}", 1_000_000) for number in range(3)))
    seen: list[JobSnapshot] = []
    service.push(plan_of(service, "app:1", archived(tmp_path, image)), on_progress=seen.append)
    done = [snapshot.done_bytes for snapshot in seen]
    assert done == sorted(done)
    assert all(snapshot.done_bytes <= snapshot.total_bytes for snapshot in seen)
    assert (seen[-1].state, seen[-1].done_bytes) == (JobState.DONE, seen[-1].total_bytes)
    assert seen[-1].moved_bytes > 3_000_000


@pytest.mark.parametrize("form", ["docker archive", "OCI archive"])
def test_progress_shows_each_layer_once_and_an_honest_total(form: str, service: Service, tmp_path: Path) -> None:
    push(service, "app:1", (archived if form == "docker archive" else kept)(tmp_path, Image((layer("base"),)), "base"))
    image = Image((layer("base"), layer("one", 300_000), layer("two", 200_000), layer("one", 300_000)))
    source = (archived if form == "docker archive" else kept)(tmp_path, image)
    seen: list[JobSnapshot] = []
    plan = plan_of(service, "app:2", source)
    service.push(plan, on_progress=seen.append)
    moving = (image.layers if form == "docker archive" else image.blobs)[1:3]
    assert {snapshot.total_bytes for snapshot in seen[1:]} == {plan.transfer_bytes} == {sum(map(len, moving))}
    states = {row.id: row.state for row in seen[-1].layers}
    assert sorted(states.values()) == [LayerState.EXISTS, LayerState.UPLOADED, LayerState.UPLOADED]
    for name in states:
        told = [row.state for snapshot in seen for row in snapshot.layers if row.id == name]
        ended = next(at for at, state in enumerate(told) if state.is_final)
        assert set(told[ended:]) == {states[name]}, "what has ended has ended"


def test_only_the_config_being_gone_is_no_transfer_of_the_whole_image(
    service: Service, root: Path, tmp_path: Path, image: Image
) -> None:
    for source in (archived(tmp_path, image), kept(tmp_path, image)):
        push(service, "app:1", source)
        blob_path(root, image.id).unlink()
        plan = plan_of(service, "app:1", source)
        assert (plan.needs_export, plan.transfer_bytes) == (True, 0)
        assert {row.state for row in service.push(plan).layers} == {LayerState.EXISTS}
        assert list(service.flaws("app")) == []


def test_a_layer_that_is_not_what_it_claims_is_refused(service: Service, tmp_path: Path, image: Image) -> None:
    members = images.layout_members({"1": (images.OCI_MANIFEST, image.manifest)}, image.contents)
    members[images.path_of(image.blobs[0])] = bytes(len(image.blobs[0]))
    directory = images.oci_layout(tmp_path / "layout", members)
    with pytest.raises(IntegrityError, match="digest"):
        push(service, "app:1", f"oci:{directory}")
    assert list(service.tag_names("app")) == []
    assert service._context.blobs.stat(Digest.of(image.blobs[0])) is None


def test_an_image_without_one_of_its_layers_is_refused(service: Service, tmp_path: Path, image: Image) -> None:
    archive = images.docker_archive(tmp_path / "image.tar", {"app:1": image}, leave_out=[image.layers[0]])
    with pytest.raises(IntegrityError, match="lacks a layer"):
        push(service, "app:1", f"docker-archive:{archive}")
    assert list(service.tag_names("app")) == []


def test_a_layer_the_source_lacks_may_come_from_the_store(service: Service, tmp_path: Path, image: Image) -> None:
    push(service, "app:1", archived(tmp_path, image))
    partial = Image((image.layers[0], layer("more")))
    archive = images.docker_archive(tmp_path / "partial.tar", {"app:2": partial}, leave_out=[image.layers[0]])
    result = push(service, "app:2", f"docker-archive:{archive}")
    assert [row.state for row in result.layers] == [LayerState.EXISTS, LayerState.UPLOADED]


def test_an_index_is_kept_whole_and_its_platforms_can_be_chosen(service: Service, tmp_path: Path) -> None:
    both = [Image((layer("a"),)), Image((layer("b"),), architecture="arm64")]
    index = images.index_of(both)
    members = images.layout_members({"1": (images.OCI_INDEX, index)}, [raw for one in both for raw in one.contents])
    directory = images.oci_layout(tmp_path / "layout", members)
    assert push(service, "app:all", f"oci:{directory}").digest == Digest.of(index)
    assert push(service, "app:arm", f"oci:{directory}", platform="linux/arm64").digest == both[1].digest
    with pytest.raises(NotFound, match="no image for linux/s390x"):
        push(service, "app:none", f"oci:{directory}", platform="linux/s390x")
    with pytest.raises(UsageError, match="exclude"):
        push(service, "app:none", f"oci:{directory}", platform="linux/arm64", all_platforms=True)
    assert list(service.flaws("app")) == []
    pulled = pull(service, "app:all", f"oci:{tmp_path / 'out'}:all", all_platforms=True)
    assert pulled.digest == Digest.of(index)


def test_of_a_stored_index_of_indexes_every_image_is_handed_over(service: Service, tmp_path: Path) -> None:
    both = [Image((layer("a"),)), Image((layer("b"),), architecture="arm64")]
    inner = images.index_of(both[1:])
    outer = images.index_of(both[:1], more=[images.descriptor(images.OCI_INDEX, inner)])
    blobs = [inner, *(raw for one in both for raw in one.contents)]
    members = images.layout_members({"1": (images.OCI_INDEX, outer)}, blobs)
    push(service, "app:1", f"oci:{images.oci_layout(tmp_path / 'layout', members)}")
    assert list(service.flaws("app")) == []
    pull(service, "app:1", f"oci:{tmp_path / 'out'}:1", all_platforms=True)
    with directory_service(tmp_path / "again") as again:
        result = push(again, "app:1", f"oci:{tmp_path / 'out'}:1")
        assert (result.digest, result.notes) == (Digest.of(outer), ())
        assert len(result.layers) == 2


def test_an_index_without_all_its_platforms_is_stored_as_partial_and_said(service: Service, tmp_path: Path) -> None:
    here, elsewhere = Image((layer("a"),)), Image((layer("b"),), architecture="arm64")
    index = images.index_of([here, elsewhere])
    members = images.layout_members({"1": (images.OCI_INDEX, index)}, here.contents)
    directory = images.oci_layout(tmp_path / "layout", members)
    result = push(service, "app:1", f"oci:{directory}")
    assert result.digest == Digest.of(index)
    assert any("partial" in note and "linux/arm64" in note for note in result.notes)
    row = next(iter(service.tags("app")))
    assert (row.kind, row.missing) == ("index", 1)
    with pytest.raises(NotFound, match="not in the store"):
        pull(service, "app:1", f"oci:{tmp_path / 'out'}:1", platform="linux/arm64")


def test_a_referrer_is_listed_under_its_subject(service: Service, tmp_path: Path, image: Image) -> None:
    push(service, "app:1", kept(tmp_path, image))
    config, statement = b"{}", json.dumps({"predicate": "sbom"}).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2, "mediaType": images.OCI_MANIFEST, "artifactType": "application/spdx+json",
            "config": images.descriptor("application/vnd.oci.empty.v1+json", config),
            "layers": [images.descriptor("application/spdx+json", statement)],
            "subject": images.descriptor(images.OCI_MANIFEST, image.manifest),
        }
    ).encode()  # fmt: skip
    members = images.layout_members({"sbom": (images.OCI_MANIFEST, manifest)}, [config, statement])
    push(service, "app:sbom", f"oci:{images.oci_layout(tmp_path / 'sbom', members)}")
    fallback = f"sha256-{image.digest.encoded}"
    listed = json.loads(service.inspect(Reference.parse(f"app:{fallback}")).manifest.raw)
    assert [child["artifactType"] for child in listed["manifests"]] == ["application/spdx+json"]
    assert listed["manifests"][0]["digest"] == Digest.of(manifest)
    assert list(service.flaws("app")) == []


def test_a_blob_that_vanishes_before_the_tag_is_noticed(
    service: Service, root: Path, tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry's garbage collection takes no lock: the last look is what stands between it and a broken tag."""
    link = Repository.link_revision

    def collect(repository: Repository, digest: Digest) -> None:
        link(repository, digest)
        blob_path(root, Digest.of(image.blobs[0])).unlink(missing_ok=True)

    monkeypatch.setattr(Repository, "link_revision", collect)
    with pytest.raises(IntegrityError, match="vanished"):
        push(service, "app:1", kept(tmp_path, image))
    assert list(service.tag_names("app")) == []


def test_a_push_needs_a_tag_and_a_known_transport(service: Service, tmp_path: Path, image: Image) -> None:
    digest = f"app@{image.digest}"
    with pytest.raises(UsageError, match="tag"):
        plan_of(service, digest, kept(tmp_path, image))
    with pytest.raises(UsageError, match="registry"):
        service.plan_push(PushRequest(Reference.parse("app:1"), kept(tmp_path, image), via="registry"))


def test_what_a_layout_says_of_its_layers_is_not_believed_elsewhere(tmp_path: Path, image: Image) -> None:
    """Nobody unpacked them: a config that lies about its blobs must not decide what other images are made of."""
    liar = Image((image.layers[0],), coding="gzip")
    other = images.compressed(layer("something else"), "gzip")
    manifest = json.dumps(
        {
            "schemaVersion": 2, "mediaType": images.OCI_MANIFEST,
            "config": images.descriptor(images.OCI_CONFIG, liar.config),
            "layers": [images.descriptor(f"{images.OCI_LAYER}+gzip", other)],
        }
    ).encode()  # fmt: skip
    members = images.layout_members({"1": (images.OCI_MANIFEST, manifest)}, [liar.config, other])
    layout = f"oci:{images.oci_layout(tmp_path / 'liar', members)}"
    with directory_service(tmp_path / "store") as service:
        push(service, "liar:1", layout)
        pull(service, "liar:1", f"oci:{tmp_path / 'out'}")
        result = push(service, "honest:1", archived(tmp_path, image))
    assert {row.state for row in result.layers} == {LayerState.UPLOADED}
    assert Digest.of(other) not in {row.digest for row in result.layers}
