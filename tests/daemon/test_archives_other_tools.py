"""What we write, skopeo, umoci and every docker engine read; what they write, we read."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.engine.service import Service
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.need import program
from tests.testbed.opened import directory_service, pull, push

IMAGE = Image((layer("one"), layer("two", 200_000), layer("one")), labels={"who": "us"})
ENGINES = ("docker_classic", "docker26_classic", "docker26_containerd")
FORMS = ("docker-archive", "oci-archive", "oci")
pytestmark = pytest.mark.xdist_group("engines")


def skopeo(*words: str) -> str:
    command = [program("skopeo", hint="apt-get install skopeo"), "--insecure-policy", *words]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def umoci(*words: str) -> str:
    command = [program("umoci", hint="apt-get install umoci"), *words]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A store that holds team/app:1."""
    archive = images.oci_archive(tmp_path / "made.tar", "1", IMAGE)
    with directory_service(tmp_path / "store") as opened:
        push(opened, "team/app:1", f"oci-archive:{archive}")
        yield opened


@pytest.mark.parametrize("form", FORMS)
def test_skopeo_reads_what_we_write(form: str, service: Service, tmp_path: Path) -> None:
    pulled = pull(service, "team/app:1", f"{form}:{tmp_path / 'ours'}")
    seen = json.loads(skopeo("inspect", pulled.image))
    assert seen["Labels"] == {"who": "us"}
    assert len(seen["Layers"]) == 3
    if form != "docker-archive":
        assert seen["Digest"] == IMAGE.digest
    skopeo("copy", pulled.image, f"dir:{tmp_path / 'copied'}")
    copied: dict[str, Any] = json.loads((tmp_path / "copied/manifest.json").read_bytes())
    assert copied["config"]["digest"] == IMAGE.id


@pytest.mark.parametrize("form", FORMS)
def test_we_read_what_skopeo_writes(form: str, service: Service, tmp_path: Path) -> None:
    ours = pull(service, "team/app:1", f"oci:{tmp_path / 'ours'}:1")
    theirs = f"{form}:{tmp_path / 'theirs'}:rt/app:1"
    skopeo("copy", ours.image, theirs)
    pushed = push(service, "back:1", theirs)
    assert [row.diff_id for row in pushed.layers] == [images.Digest.of(raw) for raw in IMAGE.layers[:2]]
    assert (pushed.digest == IMAGE.digest) or form == "docker-archive"


def test_umoci_unpacks_what_we_write(service: Service, tmp_path: Path) -> None:
    pull(service, "team/app:1", f"oci:{tmp_path / 'layout'}:1")
    assert umoci("ls", "--layout", str(tmp_path / "layout")).split() == ["1"]
    umoci("raw", "unpack", "--rootless", "--image", f"{tmp_path / 'layout'}:1", str(tmp_path / "root"))
    with tarfile.open(fileobj=__import__("io").BytesIO(IMAGE.layers[1])) as tar:
        wanted = tar.extractfile("files/two")
        assert wanted is not None
        assert (tmp_path / "root/files/two").read_bytes() == wanted.read()


def test_umoci_makes_a_layout_that_we_fill_and_changes_an_image_that_we_take(service: Service, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    umoci("init", "--layout", str(layout))
    pull(service, "team/app:1", f"oci:{layout}:1")
    umoci("config", "--image", f"{layout}:1", "--tag", "2", "--config.label", "who=umoci")
    changed = push(service, "team/app:2", f"oci:{layout}:2")
    assert changed.digest != IMAGE.digest
    assert changed.uploaded_bytes < 20_000, "layers are shared"
    assert push(service, "team/app:again", f"oci:{layout}:1").digest == IMAGE.digest


@pytest.mark.parametrize("engine", ENGINES)
def test_docker_loads_our_archive_and_we_read_what_it_saves(
    engine: str, request: pytest.FixtureRequest, service: Service, tmp_path: Path
) -> None:
    host = request.getfixturevalue(engine)
    name = f"rt/{tmp_path.name.lower().replace('_', '-').strip('-')}:1"
    pull(service, "team/app:1", f"docker-archive:{tmp_path / 'ours.tar'}:{name}")
    assert name in client(host, "load", "-i", str(tmp_path / "ours.tar"))
    found = client(host, "image", "inspect", "--format", "{{.Id}}", name).strip()
    assert found == (IMAGE.digest if engine == "docker26_containerd" else IMAGE.id)
    client(host, "save", "-o", str(tmp_path / "theirs.tar"), name)
    with directory_service(tmp_path / "elsewhere") as other:
        pushed = push(other, "x:1", f"docker-archive:{tmp_path / 'theirs.tar'}:{name}")
        assert {row.diff_id for row in pushed.layers} == {*map(images.Digest.of, IMAGE.layers)}
        back = pull(other, "x:1", f"docker-archive:{tmp_path / 'back.tar'}")
        assert back.image_id == IMAGE.id
        if engine == "docker26_containerd":
            assert push(other, "x:2", f"oci-archive:{tmp_path / 'theirs.tar'}").digest == IMAGE.digest


def test_a_containerd_store_loads_our_oci_archive_under_its_name(
    docker26_containerd: str, service: Service, tmp_path: Path
) -> None:
    pull(service, "team/app:1", f"oci-archive:{tmp_path / 'ours.tar'}")
    assert "team/app:1" in client(docker26_containerd, "load", "-i", str(tmp_path / "ours.tar"))
    found = client(docker26_containerd, "image", "inspect", "--format", "{{.Id}}", "team/app:1").strip()
    assert found == IMAGE.digest
    client(docker26_containerd, "rmi", "team/app:1")


def test_podman_saves_what_we_read(podman: str, service: Service, tmp_path: Path) -> None:
    pull(service, "team/app:1", f"docker-archive:{tmp_path / 'ours.tar'}:rt/podman:1")
    client(podman, "load", "-i", str(tmp_path / "ours.tar"))
    client(podman, "save", "-o", str(tmp_path / "theirs.tar"), "rt/podman:1")
    pushed = push(service, "x:1", f"docker-archive:{tmp_path / 'theirs.tar'}:rt/podman:1")
    assert {row.diff_id for row in pushed.layers} == {*map(images.Digest.of, IMAGE.layers)}
