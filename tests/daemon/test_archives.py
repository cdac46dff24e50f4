"""Archives and layouts as sources: whoever wrote them, the image in the store is the one that was in them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import IntegrityError, NotFound, OciStoreError, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from tests.testbed import archives, images
from tests.testbed.archives import Members
from tests.testbed.images import OCI_INDEX, OCI_MANIFEST, Image, descriptor, layer, path_of
from tests.testbed.opened import directory_service, pull, push

TWICE = layer("twice")
IMAGE = Image((layer("one"), TWICE, layer("two", 200_000), TWICE))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with directory_service(tmp_path / "store") as opened:
        yield opened


def stored(tmp_path: Path, digest: Digest) -> bytes:
    """A blob of the store, as a registry finds it."""
    place = tmp_path / "store/docker/registry/v2/blobs/sha256" / digest.encoded[:2] / digest.encoded / "data"
    return place.read_bytes()


# What programs write.


@pytest.mark.parametrize("coding", ["", "gzip", "zstd"])
@pytest.mark.parametrize("written", [archives.docker_26, archives.podman, archives.crane, archives.containerd])
def test_docker_archives_of_every_program_are_read(
    written: Callable[[str, Image], Members], coding: str, service: Service, tmp_path: Path
) -> None:
    archive = written("rt/app:1", IMAGE).write(tmp_path / "image.tar", coding=coding)
    pushed = push(service, "app:1", f"docker-archive:{archive}")
    assert {row.diff_id for row in pushed.layers} == {*map(Digest.of, IMAGE.layers)}
    manifest = json.loads(stored(tmp_path, pushed.digest))
    assert manifest["config"]["digest"] == IMAGE.id
    assert stored(tmp_path, IMAGE.id) == IMAGE.config
    assert (pushed.digest == IMAGE.digest) == (written is archives.containerd), "a made-up manifest is not kept"
    assert list(service.flaws("app")) == []


@pytest.mark.parametrize("inside", ["", "gzip", "zstd"])
@pytest.mark.parametrize("coding", ["", "gzip", "zstd"])
def test_archives_of_old_engines_are_read_with_links_for_layers_that_stand_twice(
    coding: str, inside: str, service: Service, tmp_path: Path
) -> None:
    members = archives.docker_20({"rt/app:1": IMAGE}, layer_coding=inside)
    assert sum(raw.startswith(b"->") for raw in members.values()) == 1
    pushed = push(service, "app:1", f"docker-archive:{members.write(tmp_path / 'image.tar', coding=coding)}")
    digests = [row["digest"] for row in json.loads(stored(tmp_path, pushed.digest))["layers"]]
    assert len(digests) == 4
    assert digests[1] == digests[3]
    assert len(pushed.layers) == 3


def test_the_same_image_from_any_classic_archive_becomes_the_same_manifest(tmp_path: Path) -> None:
    digests = set()
    for number, members in enumerate(
        (
            archives.docker_20({"a:1": IMAGE}),
            archives.docker_26("rt/a:1", IMAGE),
            archives.podman("localhost/a:1", IMAGE),
        )
    ):
        with directory_service(tmp_path / str(number)) as service:
            source = members.write(tmp_path / f"{number}.tar")
            digests.add(push(service, "app:1", f"docker-archive:{source}").digest)
    assert len(digests) == 1


def test_a_second_push_of_an_archive_moves_nothing(service: Service, tmp_path: Path) -> None:
    archive = archives.docker_20({"a:1": IMAGE}).write(tmp_path / "image.tar")
    first = push(service, "app:1", f"docker-archive:{archive}")
    second = push(service, "app:1", f"docker-archive:{archive}")
    assert (second.digest, second.uploaded_bytes) == (first.digest, 0)
    assert {row.state for row in second.layers} == {LayerState.EXISTS}


# Several images in one.


def test_of_several_images_the_named_one_is_taken(service: Service, tmp_path: Path) -> None:
    other = Image((layer("other"),))
    named = {"rt/app:1": IMAGE, "localhost:5000/x/other:2": other, "library-like:3": other}
    archive = archives.docker_20(named).write(tmp_path / "images.tar")
    assert push(service, "a:1", f"docker-archive:{archive}:rt/app:1").layers[0].diff_id == Digest.of(IMAGE.layers[0])
    for name in (
        "localhost:5000/x/other:2", "library-like:3", "docker.io/library/library-like:3", "localhost/library-like:3",
    ):  # fmt: skip
        pushed = push(service, "b:1", f"docker-archive:{archive}:{name}")
        assert pushed.layers[0].diff_id == Digest.of(other.layers[0])


@pytest.mark.parametrize("asked", ["app", "app:latest", "docker.io/library/app", "localhost/app:latest"])
@pytest.mark.parametrize("called", ["app:latest", "docker.io/library/app:latest", "localhost/app:latest"])
def test_familiar_and_normalised_names_are_one_name(asked: str, called: str, service: Service, tmp_path: Path) -> None:
    archive = archives.podman(called, IMAGE).write(tmp_path / "image.tar")
    assert push(service, "app:1", f"docker-archive:{archive}:{asked}").digest


def test_where_both_are_there_the_exact_name_wins(service: Service, tmp_path: Path) -> None:
    other = Image((layer("other"),))
    archive = archives.docker_20({"localhost/app:1": other, "app:1": IMAGE}).write(tmp_path / "images.tar")
    assert len(push(service, "a:1", f"docker-archive:{archive}:app:1").layers) == 3
    assert len(push(service, "b:1", f"docker-archive:{archive}:localhost/app:1").layers) == 1


def test_an_unknown_name_is_answered_with_those_there_are(service: Service, tmp_path: Path) -> None:
    archive = archives.docker_20({"rt/app:1": IMAGE, "x\x1b[2J:2": IMAGE}).write(tmp_path / "images.tar")
    with pytest.raises(NotFound, match="no image rt/app:9") as caught:
        push(service, "app:1", f"docker-archive:{archive}:rt/app:9")
    assert "rt/app:1" in caught.value.cause
    assert "\x1b" not in caught.value.cause
    with pytest.raises(UsageError, match="several images") as several:
        push(service, "app:1", f"docker-archive:{archive}")
    assert "rt/app:1" in several.value.cause


def test_tags_of_a_layout_are_chosen_and_listed(service: Service, tmp_path: Path) -> None:
    other = Image((layer("other"),))
    roots = {"1": (OCI_MANIFEST, IMAGE.manifest), "2": (OCI_MANIFEST, other.manifest)}
    members = images.layout_members(roots, [*IMAGE.contents, *other.contents])
    directory = images.oci_layout(tmp_path / "layout", members)
    archive = Members(members).write(tmp_path / "layout.tar")
    for form in (f"oci:{directory}", f"oci-archive:{archive}"):
        assert push(service, "app:2", f"{form}:2").digest == other.digest
        with pytest.raises(NotFound, match="no tag 3") as caught:
            push(service, "app:3", f"{form}:3")
        assert caught.value.cause == "it holds: 1, 2"
        with pytest.raises(UsageError, match="2 images"):
            push(service, "app:3", form)


def test_a_tag_of_a_layout_that_moves_after_the_plan_changes_nothing(service: Service, tmp_path: Path) -> None:
    other = Image((layer("other"),))
    roots = {"1": (OCI_MANIFEST, IMAGE.manifest)}
    directory = images.oci_layout(tmp_path / "layout", images.layout_members(roots, IMAGE.contents))
    plan = service.plan_push(PushRequest(Reference.parse("app:1"), f"oci:{directory}:1"))
    images.oci_layout(directory, images.layout_members({"1": (OCI_MANIFEST, other.manifest)}, other.contents))
    assert service.push(plan).digest == plan.digest == IMAGE.digest


# Several platforms.

AMD, ARM = Image((layer("amd"),)), Image((layer("arm"),), architecture="arm64")
IN_TOTO = json.dumps({"_type": "https://in-toto.io/Statement/v0.1"}).encode()
ATTESTATION_CONFIG = json.dumps({"architecture": "unknown", "os": "unknown", "rootfs": {"diff_ids": []}}).encode()
ATTESTATION = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(images.OCI_CONFIG, ATTESTATION_CONFIG),
        "layers": [descriptor("application/vnd.in-toto+json", IN_TOTO)],
    }
).encode()
INDEX = images.index_of(
    [AMD, ARM],
    more=[
        descriptor(
            OCI_MANIFEST,
            ATTESTATION,
            annotations={
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": AMD.digest,
            },
            platform={"os": "unknown", "architecture": "unknown"},
        )
    ],
)


@pytest.fixture(params=["oci", "oci-archive"])
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Makes a layout of an index and blobs, in either form."""

    def make(index: bytes, *blobs: bytes) -> str:
        members = images.layout_members({"1": (OCI_INDEX, index)}, blobs)
        if request.param == "oci":
            return f"oci:{images.oci_layout(tmp_path / 'layout', members)}:1"
        return f"oci-archive:{Members(members).write(tmp_path / 'layout.tar')}:1"

    return make


def test_an_index_is_kept_whole_with_its_attestations(
    layout: Callable[..., str], service: Service, tmp_path: Path
) -> None:
    extra = (ATTESTATION, ATTESTATION_CONFIG, IN_TOTO)
    pushed = push(service, "app:1", layout(INDEX, *AMD.contents, *ARM.contents, *extra))
    assert pushed.digest == Digest.of(INDEX)
    assert not any("partial" in note for note in pushed.notes)
    for raw in (INDEX, *AMD.contents, *ARM.contents, *extra):
        assert stored(tmp_path, Digest.of(raw)) == raw
    back = pull(service, "app:1", f"oci:{tmp_path / 'back'}:1", all_platforms=True)
    assert back.digest == Digest.of(INDEX)
    for raw in (INDEX, *AMD.contents, *ARM.contents, *extra):
        assert (tmp_path / "back" / path_of(raw)).read_bytes() == raw


def test_one_platform_of_an_index_is_taken_alone(layout: Callable[..., str], service: Service, tmp_path: Path) -> None:
    source = layout(INDEX, *AMD.contents, *ARM.contents)
    assert push(service, "app:arm", source, platform="linux/arm64").digest == ARM.digest
    assert not (tmp_path / "store/docker/registry/v2/blobs/sha256" / Digest.of(INDEX).encoded[:2]).exists()
    with pytest.raises(NotFound, match="linux/s390x") as caught:
        push(service, "app:s", source, platform="linux/s390x")
    assert caught.value.cause == "it is for linux/amd64, linux/arm64"


def test_a_partial_index_is_kept_and_said_to_be_partial(layout: Callable[..., str], service: Service) -> None:
    pushed = push(service, "app:1", layout(INDEX, *ARM.contents))
    assert pushed.digest == Digest.of(INDEX)
    assert any("partial" in note and "linux/amd64" in note for note in pushed.notes)


def test_a_single_image_of_another_platform_is_not_taken_for_the_wanted_one(service: Service, tmp_path: Path) -> None:
    for form, archive in {
        "oci-archive": images.oci_archive(tmp_path / "oci.tar", "1", ARM),
        "docker-archive": archives.docker_20({"a:1": ARM}).write(tmp_path / "docker.tar"),
    }.items():
        with pytest.raises(NotFound, match="linux/amd64"):
            push(service, "app:1", f"{form}:{archive}", platform="linux/amd64")
        assert push(service, "app:1", f"{form}:{archive}", platform="linux/arm64").digest


# Artifacts.

HELM_CONFIG = json.dumps({"name": "chart", "version": "1.2.3", "apiVersion": "v2"}).encode()
SIGNATURE = json.dumps({"critical": {"type": "cosign container image signature"}}).encode()
SIGNED_CONFIG = json.dumps(
    {"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(SIGNATURE))]}}
).encode()


def artifact(config_type: str, config: bytes, layer_type: str, raw: bytes, **more: str) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        **more,
        "config": descriptor(config_type, config),
        "layers": [descriptor(layer_type, raw)],
    }
    return json.dumps(document, indent=1).encode()


ARTIFACTS = {
    "helm": (
        artifact(
            "application/vnd.cncf.helm.config.v1+json", HELM_CONFIG,
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip", IMAGE.blobs[0],
        ),
        HELM_CONFIG,
        IMAGE.blobs[0],
    ),
    "cosign": (
        artifact(images.OCI_CONFIG, SIGNED_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json", SIGNATURE),
        SIGNED_CONFIG,
        SIGNATURE,
    ),
    "empty config": (
        artifact(
            "application/vnd.oci.empty.v1+json", b"{}", "application/spdx+json", SIGNATURE,
            artifactType="application/spdx+json",
        ),
        b"{}",
        SIGNATURE,
    ),
    "empty config and layer": (
        artifact("application/vnd.oci.empty.v1+json", b"{}", "application/vnd.oci.empty.v1+json", b"{}"),
        b"{}",
        b"{}",
    ),
    "a manifest as its layer": (
        artifact("application/vnd.oci.empty.v1+json", b"{}", OCI_MANIFEST, IMAGE.manifest),
        b"{}",
        IMAGE.manifest,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ARTIFACTS)
@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_artifacts_come_back_byte_for_byte(form: str, kind: str, service: Service, tmp_path: Path) -> None:
    contents = ARTIFACTS[kind]
    members = images.layout_members({"1": (OCI_MANIFEST, contents[0])}, contents)
    made = tmp_path / "made"
    if form == "oci":
        images.oci_layout(made, members)
    else:
        Members(members).write(made)
    pushed = push(service, "thing:1", f"{form}:{made}:1")
    assert pushed.digest == Digest.of(contents[0])
    assert all(stored(tmp_path, Digest.of(raw)) == raw for raw in contents)
    pull(service, "thing:1", f"oci-archive:{tmp_path / 'back.tar'}:1")
    with directory_service(tmp_path / "again") as other:
        assert push(other, "thing:1", f"oci-archive:{tmp_path / 'back.tar'}:1").digest == pushed.digest
        pull(other, "thing:1", f"oci:{tmp_path / 'back'}:1")
    assert all((tmp_path / "back" / path_of(raw)).read_bytes() == raw for raw in contents)


# What is refused.


@pytest.mark.parametrize(
    ("title", "image", "kind", "says"),
    [
        ("a missing file", "docker-archive:{0}/none.tar", NotFound, "no such archive"),
        ("a path through a file", "docker-archive:{0}/docker.tar/x", NotFound, "no such archive"),
        ("a directory", "docker-archive:{0}", UsageError, "this is a directory"),
        ("a pipe", "docker-archive:{0}/pipe", UsageError, "no regular file"),
        ("no archive at all", "docker-archive:{0}/text", IntegrityError, "cut off"),
        ("an empty file", "oci-archive:{0}/empty", IntegrityError, "cut off"),
        ("the wrong form", "oci-archive:{0}/docker.tar", UsageError, "no OCI archive"),
        ("the wrong form", "docker-archive:{0}/oci.tar", UsageError, "no docker archive"),
        ("a file as a layout", "oci:{0}/oci.tar", NotFound, "no OCI layout"),
        ("no layout", "oci:{0}", NotFound, "no OCI layout"),
        ("a name no file can have", "docker-archive:" + "x" * 300 + ":a", OciStoreError, "cannot read"),
        ("no path", "docker-archive:", UsageError, "lacks its PATH"),
    ],
)
def test_what_is_no_archive_is_said_to_be_none(
    title: str, image: str, kind: type[OciStoreError], says: str, service: Service, tmp_path: Path
) -> None:
    archives.docker_20({"a:1": IMAGE}).write(tmp_path / "docker.tar")
    images.oci_archive(tmp_path / "oci.tar", "1", IMAGE)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").touch()
    with pytest.raises(kind, match=says) as caught:
        push(service, "app:1", image.format(tmp_path))
    assert caught.value.fix
    assert not (tmp_path / "store").exists(), "nothing was written"
