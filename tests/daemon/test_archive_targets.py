"""Archives and layouts as targets: new files appear whole or not at all, layouts keep what they have."""

from __future__ import annotations

import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import AccessDenied, Cancelled, IntegrityError, NotFound, OciStoreError, Refused, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PullRequest
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from tests.testbed import images
from tests.testbed.images import OCI_INDEX, OCI_MANIFEST, Image, layer, path_of
from tests.testbed.opened import directory_service, pull, push

IMAGE = Image((layer("one"), layer("two", 200_000), layer("one")))
OTHER = Image((layer("one"), layer("other")))
ARCHIVES = ("docker-archive", "oci-archive")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A store that holds team/app:1 and team/app:2."""
    (tmp_path / "made").mkdir()
    with directory_service(tmp_path / "store") as opened:
        for tag, image in (("1", IMAGE), ("2", OTHER)):
            push(opened, f"team/app:{tag}", f"oci-archive:{images.oci_archive(tmp_path / 'made' / tag, tag, image)}")
        yield opened


def data_path(tmp_path: Path, raw: bytes) -> Path:
    """Where the store keeps a blob."""
    encoded = Digest.of(raw).encoded
    return tmp_path / "store/docker/registry/v2/blobs/sha256" / encoded[:2] / encoded / "data"


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {"made", "store"}


def member(archive: Path, name: str) -> Any:
    with tarfile.open(archive) as tar:
        found = tar.extractfile(name)
        assert found is not None
        return json.loads(found.read())


# Archives.


@pytest.mark.parametrize("form", ARCHIVES)
def test_what_is_pulled_into_an_archive_is_pushed_as_the_same_image(
    form: str, service: Service, tmp_path: Path
) -> None:
    pulled = pull(service, "team/app:1", f"{form}:{tmp_path / 'image.tar'}")
    assert pulled.digest == IMAGE.digest
    assert pulled.image_id == (IMAGE.id if form == "docker-archive" else IMAGE.digest)
    with directory_service(tmp_path / "elsewhere") as other:
        assert push(other, "x:1", f"{form}:{tmp_path / 'image.tar'}").digest == IMAGE.digest
        # The place that a pull reports is one that a push takes.
        assert push(other, "x:2", pulled.image).digest == IMAGE.digest


@pytest.mark.parametrize("form", ARCHIVES)
def test_the_same_image_makes_the_same_archive(form: str, service: Service, tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        pull(service, "team/app:1", f"{form}:{tmp_path / name}")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_an_archive_calls_the_image_what_it_is_called_in_the_store_or_what_was_asked(
    service: Service, tmp_path: Path
) -> None:
    def called(image: str) -> tuple[object, object, object]:
        archive = tmp_path / "image.tar"
        archive.unlink(missing_ok=True)
        pull(service, "team/app:1", image.format(archive))
        annotations = member(archive, "index.json")["manifests"][0]["annotations"]
        with tarfile.open(archive) as tar:
            has_names = "manifest.json" in tar.getnames()
        tags = member(archive, "manifest.json")[0]["RepoTags"] if has_names else None
        return annotations.get("io.containerd.image.name"), annotations["org.opencontainers.image.ref.name"], tags

    assert called("docker-archive:{}") == ("docker.io/team/app:1", "1", ["team/app:1"])
    assert called("docker-archive:{}:x") == ("docker.io/library/x:latest", "latest", ["x:latest"])
    assert called("docker-archive:{}:localhost:5000/x:7") == ("localhost:5000/x:7", "7", ["localhost:5000/x:7"])
    assert called("oci-archive:{}") == ("docker.io/team/app:1", "1", None)
    # A tag alone is no name for an engine: it would become an image called 7:latest.
    assert called("oci-archive:{}:7") == (None, "7", None)


@pytest.mark.parametrize("form", ARCHIVES)
def test_a_file_that_is_there_is_refused_before_anything_is_read(form: str, service: Service, tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    target.write_text("precious")
    with pytest.raises(Refused, match="exists already"):
        service.plan_pull(PullRequest(Reference.parse("team/app:1"), f"{form}:{target}"))
    assert target.read_text() == "precious"
    target.unlink()
    plan = service.plan_pull(PullRequest(Reference.parse("team/app:1"), f"{form}:{target}"))
    target.write_text("came meanwhile")
    with pytest.raises(Refused, match="exists already"):
        service.pull(plan)
    assert target.read_text() == "came meanwhile"
    assert names(tmp_path) == {"image.tar"}


def test_a_dangling_link_is_not_written_through(service: Service, tmp_path: Path) -> None:
    (tmp_path / "image.tar").symlink_to(tmp_path / "away")
    with pytest.raises(Refused):
        pull(service, "team/app:1", f"oci-archive:{tmp_path / 'image.tar'}")
    assert names(tmp_path) == {"image.tar"}


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize("name", ["none/image.tar", "made/1/image.tar"])
def test_a_directory_that_is_not_there_is_told_before_anything_moves(
    name: str, form: str, service: Service, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="no such directory"):
        service.plan_pull(PullRequest(Reference.parse("team/app:1"), f"{form}:{tmp_path / name}"))


def test_a_name_that_is_too_long_is_an_error_like_others(service: Service, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="cannot write") as caught:
        pull(service, "team/app:1", f"oci-archive:{tmp_path / ('n' * 300)}")
    assert "long" in caught.value.cause


@pytest.mark.parametrize("form", [*ARCHIVES, "oci"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_damaged_blob_leaves_no_file_and_no_image(at: int, form: str, service: Service, tmp_path: Path) -> None:
    path = data_path(tmp_path, IMAGE.blobs[at])
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(IntegrityError):
        pull(service, "team/app:1", f"{form}:{tmp_path / 'out'}")
    if form == "oci":
        assert not (tmp_path / "out/index.json").exists()
        assert not (tmp_path / "out" / path_of(IMAGE.blobs[at])).exists()
        assert not list((tmp_path / "out").rglob("*.tmp"))
    else:
        assert names(tmp_path) == set()


@pytest.mark.parametrize("form", [*ARCHIVES, "oci"])
def test_a_cancel_in_the_middle_leaves_no_file_and_no_image(form: str, service: Service, tmp_path: Path) -> None:
    cancel = threading.Event()
    plan = service.plan_pull(PullRequest(Reference.parse("team/app:1"), f"{form}:{tmp_path / 'out'}"))
    with pytest.raises(Cancelled):
        service.pull(plan, on_progress=lambda snapshot: cancel.set() if snapshot.done_bytes else None, cancel=cancel)
    assert cancel.is_set()
    assert names(tmp_path) <= {"out"}
    assert not (tmp_path / "out/index.json").exists()
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("image", "kind", "says"),
    [
        ("docker-archive:{0}/a.tar:UPPER", UsageError, "image name"),
        ("docker-archive:{0}/a.tar:a/../b:1", UsageError, "image name"),
        ("docker-archive:{0}/a.tar:x:" + "t" * 129, UsageError, "image name"),
        ("oci:", UsageError, "lacks its PATH"),
        ("docker-daemon:", UsageError, "lacks its NAME:TAG"),
        ("oci:{0}/file", OciStoreError, "cannot use the layout"),
    ],
)
def test_targets_that_cannot_be_are_refused(
    image: str, kind: type[OciStoreError], says: str, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(kind, match=says):
        pull(service, "team/app:1", image.format(tmp_path))
    assert names(tmp_path) == {"file"}
    assert (tmp_path / "file").read_text() == "precious"


# Several platforms, artifacts.


def test_an_index_goes_whole_where_it_fits_and_by_platform_elsewhere(service: Service, tmp_path: Path) -> None:
    amd, arm = Image((layer("amd"),)), Image((layer("arm"),), architecture="arm64")
    index = images.index_of([amd, arm])
    members = images.layout_members({"1": (OCI_INDEX, index)}, [*amd.contents, *arm.contents])
    push(service, "two:1", f"oci:{images.oci_layout(tmp_path / 'made/two', members)}")
    assert pull(service, "two:1", f"oci-archive:{tmp_path / 'o.tar'}", all_platforms=True).digest == Digest.of(index)
    assert pull(service, "two:1", f"docker-archive:{tmp_path / 'd.tar'}", platform="linux/arm64").image_id == arm.id
    assert pull(service, "two:1", f"oci:{tmp_path / 'l'}", platform="linux/arm64").digest == arm.digest
    with pytest.raises(UsageError, match="one platform"):
        pull(service, "two:1", f"docker-archive:{tmp_path / 'x.tar'}", all_platforms=True)
    with pytest.raises(NotFound, match="s390x"):
        pull(service, "two:1", f"docker-archive:{tmp_path / 'x.tar'}", platform="linux/s390x")


def test_an_artifact_does_not_become_a_docker_archive(service: Service, tmp_path: Path) -> None:
    config = b'{"name":"chart"}'
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": images.descriptor("application/vnd.cncf.helm.config.v1+json", config),
            "layers": [],
        }
    ).encode()
    members = images.layout_members({"1": (OCI_MANIFEST, manifest)}, [config])
    push(service, "chart:1", f"oci:{images.oci_layout(tmp_path / 'made/chart', members)}")
    with pytest.raises(UsageError, match="artifact") as caught:
        pull(service, "chart:1", f"docker-archive:{tmp_path / 'chart.tar'}")
    assert "oci-archive" in caught.value.fix
    assert names(tmp_path) == set()


# Layouts.


def test_a_layout_keeps_its_other_images(service: Service, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    pull(service, "team/app:1", f"oci:{layout}:mine")
    index = json.loads((layout / "index.json").read_bytes())
    index["annotations"] = {"kept": "yes"}
    index["manifests"][0]["platform"] = {"os": "linux", "architecture": "amd64"}
    (layout / "index.json").write_text(json.dumps(index))
    pull(service, "team/app:2", f"oci:{layout}:yours")
    pull(service, "team/app:2", f"oci:{layout}:again")
    pull(service, "team/app:1", f"oci:{layout}:again")
    found = json.loads((layout / "index.json").read_bytes())
    assert found["annotations"] == {"kept": "yes"}
    assert found["manifests"][0] == index["manifests"][0]
    tags = {row["annotations"]["org.opencontainers.image.ref.name"]: row["digest"] for row in found["manifests"]}
    assert tags == {"mine": IMAGE.digest, "yours": OTHER.digest, "again": IMAGE.digest}
    for tag, image in (("mine", IMAGE), ("yours", OTHER), ("again", IMAGE)):
        assert push(service, f"back:{tag}", f"oci:{layout}:{tag}").digest == image.digest


def test_a_second_pull_into_a_layout_reads_nothing(service: Service, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    pull(service, "team/app:1", f"oci:{layout}")
    for raw in IMAGE.blobs:
        data_path(tmp_path, raw).unlink(missing_ok=True)  # nobody can read what is not there
    again = pull(service, "team/app:1", f"oci:{layout}")
    assert again.downloaded_bytes == 0
    assert {row.state for row in again.layers} == {LayerState.PRESENT}
    other = pull(service, "team/app:2", f"oci:{layout}:other") if data_path(tmp_path, OTHER.blobs[1]).exists() else None
    assert other is not None
    assert [row.state for row in other.layers] == [LayerState.PRESENT, LayerState.DOWNLOADED]


@pytest.mark.parametrize("what", ["a layer", "the config", "the manifest"])
@pytest.mark.parametrize("how", ["changed", "cut", "emptied"])
def test_a_damaged_blob_of_a_layout_is_replaced(how: str, what: str, service: Service, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    pull(service, "team/app:1", f"oci:{layout}")
    raw = {"a layer": IMAGE.blobs[1], "the config": IMAGE.config, "the manifest": IMAGE.manifest}[what]
    path = layout / path_of(raw)
    path.write_bytes({"changed": b"X" + raw[1:], "cut": raw[:-1], "emptied": b""}[how])
    pulled = pull(service, "team/app:1", f"oci:{layout}")
    assert path.read_bytes() == raw
    assert pulled.downloaded_bytes == (len(raw) if what == "a layer" else 0)


@pytest.mark.parametrize(
    "index",
    [
        b"garbage", b"[" * 100_000, b'{"schemaVersion":2,"manifests":5}', b'{"schemaVersion":2,"manifests":[{}]}',
        b" " * 5_000_000, b'{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../..","size":1}]}',
    ],
    ids=["garbage", "nested", "number", "empty", "large", "traversal"],
)  # fmt: skip
def test_a_broken_layout_is_left_as_it_is(index: bytes, service: Service, tmp_path: Path) -> None:
    layout = images.oci_layout(tmp_path / "layout", {"index.json": index})
    with pytest.raises(IntegrityError):
        pull(service, "team/app:1", f"oci:{layout}")
    with pytest.raises(IntegrityError):
        push(service, "x:1", f"oci:{layout}")
    assert (layout / "index.json").read_bytes() == index
    assert not list(layout.rglob("*.tmp"))
