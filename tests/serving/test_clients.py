"""Every client pushes to us and pulls from us, over a directory and over S3, and what they push is sound."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.layout.check import check_repository
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.access import Password, Token
from ocistore_tui.serving.rules import Event, Rules, What
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.need import bed, missing, program
from tests.testbed.registry_client import serve_whole
from tests.testbed.serving import KINDS, Bench, bench_of

ENGINES = ("docker_classic", "docker26_classic", "docker26_containerd")
pytestmark = pytest.mark.xdist_group("engines")


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with bench_of(request.param, tmp_path, request) as opened:
        yield opened


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A repository that no other test uses: engines remember what they have seen."""
    return f"clients/{tmp_path.name.lower()[-16:].strip('_-')}"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def image_id(host: str, image: str) -> str:
    return client(host, "image", "inspect", "--format", "{{.Id}}", image).strip()


def tagged(bench: Bench, name: str, tag: str = "1") -> Digest:
    """What the tag names in the store, which has to be sound, and to be served to the last byte."""
    assert list(check_repository(bench.store, name)) == []
    digest = Repository(bench.store, name).read_tag(tag).digest
    assert serve_whole(bench.address, name, tag) == digest
    return digest


@pytest.mark.parametrize("engine", ENGINES)
def test_docker_pushes_and_pulls(
    engine: str, bench: Bench, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    host = request.getfixturevalue(engine)
    image = Image((layer(name), layer(f"{name} two", 400_000)))
    there = f"{bench.address}/{name}:1"
    client(host, "load", "-q", "-i", str(images.docker_archive(tmp_path / "image.tar", {there: image})))
    known = image_id(host, there)
    client(host, "push", there)
    tagged(bench, name)
    # Once more, and as another repository: nothing is sent that is there.
    before = len(bench.heard)
    client(host, "push", there)
    client(host, "tag", there, f"{bench.address}/{name}-b:1")
    client(host, "push", f"{bench.address}/{name}-b:1")
    sent = [one for one in bench.heard[before:] if one.method in ("PATCH", "PUT") and "/manifests/" not in one.target]
    assert sum(one.received_bytes for one in sent) < 20_000
    tagged(bench, f"{name}-b")
    client(host, "rmi", there, f"{bench.address}/{name}-b:1")
    client(host, "pull", "-q", there)
    assert image_id(host, there) == known
    client(host, "rmi", there)


def test_docker_signs_in(name: str, request: pytest.FixtureRequest, tmp_path: Path, docker_classic: str) -> None:
    image = Image((layer(name),))
    with bench_of("directory", tmp_path, request, access=Password("me", "s3cret")) as bench:
        there = f"{bench.address}/{name}:1"
        client(docker_classic, "load", "-q", "-i", str(images.docker_archive(tmp_path / "image.tar", {there: image})))
        with pytest.raises(AssertionError, match="no basic auth credentials"):
            client(docker_classic, "push", there)
        with pytest.raises(AssertionError, match=r"401|unauthorized"):
            client(docker_classic, "login", "-u", "me", "--password-stdin", bench.address, stdin=b"wrong")
        client(docker_classic, "login", "-u", "me", "--password-stdin", bench.address, stdin=b"s3cret")
        client(docker_classic, "push", there)
        assert Repository(bench.store, name).read_tag("1")
        client(docker_classic, "rmi", there)


def test_docker_finds_a_registry_nobody_else_can(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, docker_classic: str
) -> None:
    """As the engine's own transport does it: a name that cannot be guessed, and layers of anybody are linked."""
    image = Image((layer(name), layer(f"{name} two", 400_000)))
    events: list[Event] = []
    more = {"prefix": "s3cr3t", "rules": Rules(can_write=True, adopts=True), "listener": events.append}
    with bench_of("directory", tmp_path, request, **more) as bench:
        there = [f"{bench.address}/s3cr3t/{name}{ending}:1" for ending in ("", "-b")]
        archive = images.docker_archive(tmp_path / "image.tar", dict.fromkeys(there, image))
        client(docker_classic, "load", "-q", "-i", str(archive))
        client(docker_classic, "push", there[0])
        stored = [event for event in events if event.what is What.STORED]
        assert len(stored) == 3, "two layers and the config"
        assert events[-1].what is What.TAGGED
        events.clear()
        client(docker_classic, "push", there[1])
        assert {event.what for event in events} <= {What.LINKED, What.EXISTS, What.TAGGED}, "nothing was sent"
        assert Repository(bench.store, f"{name}-b").read_tag("1")
        client(docker_classic, "rmi", *there)


def oci_archive(tmp_path: Path, image: Image) -> str:
    return f"oci-archive:{images.oci_archive(tmp_path / 'made.tar', '1', image)}:1"


def test_skopeo_pushes_lists_pulls_and_deletes(bench: Bench, name: str, tmp_path: Path) -> None:
    skopeo = (program("skopeo", hint="apt-get install skopeo"), "--insecure-policy")
    image = Image((layer(name), layer(f"{name} two", 400_000)))
    there = f"docker://{bench.address}/{name}:1"
    run(*skopeo, "copy", "--dest-tls-verify=false", oci_archive(tmp_path, image), there)
    assert tagged(bench, name) == image.digest, "the manifest is kept to the byte"
    seen = json.loads(run(*skopeo, "inspect", "--tls-verify=false", there))
    assert (seen["Digest"], seen["RepoTags"]) == (image.digest, ["1"])
    run(*skopeo, "copy", "--src-tls-verify=false", "--dest-tls-verify=false", there, f"{there}.1")
    assert tagged(bench, name, "1.1") == image.digest
    run(*skopeo, "copy", "--src-tls-verify=false", there, f"oci:{tmp_path / 'back'}:1")
    index = json.loads((tmp_path / "back/index.json").read_bytes())
    assert index["manifests"][0]["digest"] == image.digest
    run(*skopeo, "delete", "--tls-verify=false", there)
    assert list(Repository(bench.store, name).tag_names()) == []


def test_skopeo_through_tls_with_a_token(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    skopeo = (program("skopeo", hint="apt-get install skopeo"), "--insecure-policy")
    image = Image((layer(name),))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted/ca.crt").write_bytes(certificate[0].read_bytes())
    with bench_of("directory", tmp_path, request, tls=tls, access=Token("t0ken")) as bench:
        there = f"docker://{bench.address}/{name}:1"
        trusting = ("--dest-cert-dir", str(tmp_path / "trusted"))
        run(*skopeo, "copy", *trusting, "--dest-creds", "anybody:t0ken", oci_archive(tmp_path, image), there)
        assert Repository(bench.store, name).read_tag("1").digest == image.digest
        with pytest.raises(AssertionError, match=r"unauthorized|authentication required|401"):
            run(*skopeo, "copy", *trusting, "--dest-creds", "anybody:wrong", oci_archive(tmp_path, image), there)


def test_podman_pushes_and_pulls(bench: Bench, name: str, tmp_path: Path, podman: str) -> None:
    image = Image((layer(name), layer(f"{name} two", 400_000)))
    there = f"{bench.address}/{name}:1"
    remote = (program("podman", hint="apt-get install podman"), "--remote", "--url", podman)
    client(podman, "load", "-q", "-i", str(images.docker_archive(tmp_path / "image.tar", {there: image})))
    known = image_id(podman, there)
    run(*remote, "push", "--tls-verify=false", there)
    tagged(bench, name)
    client(podman, "rmi", there)
    run(*remote, "pull", "--tls-verify=false", there)
    assert image_id(podman, there) == known


def tool(name: str, module: str) -> str:
    """A program of the test bed that a Go toolchain builds."""
    built = bed() / "bin" / name
    return str(built) if built.exists() else missing(name, f"there is no {built}: go install {module}")


def test_oras_attaches_and_discovers(bench: Bench, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Artifacts, and what refers to them."""
    oras = tool("oras", "oras.land/oras/cmd/oras")
    monkeypatch.chdir(tmp_path)
    for file in ("report.txt", "sbom.json"):
        Path(file).write_text(f"{file} of {name}")
    there = f"{bench.address}/{name}:1"
    run(oras, "push", "--plain-http", "--artifact-type", "application/x.report", there, "report.txt:text/plain")
    run(oras, "attach", "--plain-http", "--artifact-type", "application/x.sbom", there, "sbom.json")
    subject = tagged(bench, name)
    found = json.loads(run(oras, "discover", "--plain-http", "--format", "json", there))
    listed = found.get("referrers") or found["manifests"]
    assert [one["artifactType"] for one in listed] == ["application/x.sbom"]
    status = [one.status for one in bench.heard if f"/referrers/{subject}" in one.target]
    assert status, "it asked the registry"
    assert set(status) == {200}
    (tmp_path / "back").mkdir()
    run(oras, "pull", "--plain-http", "-o", "back", there)
    assert Path("back/report.txt").read_text() == f"report.txt of {name}"


def test_crane_copies_whole_indexes(bench: Bench, name: str, tmp_path: Path) -> None:
    crane = tool("crane", "github.com/google/go-containerregistry/cmd/crane")
    two = [Image((layer(f"{name} {arch}"),), architecture=arch) for arch in ("amd64", "arm64")]
    index = images.index_of(two)
    contents = [raw for image in two for raw in image.contents]
    layout = images.oci_layout(tmp_path / "two", images.layout_members({"1": (images.OCI_INDEX, index)}, contents))
    run(crane, "push", "--insecure", "--index", str(layout), f"{bench.address}/{name}:1")
    run(crane, "copy", "--insecure", f"{bench.address}/{name}:1", f"{bench.address}/{name}-b:1")
    assert tagged(bench, f"{name}-b") == tagged(bench, name)
    run(crane, "validate", "--insecure", "--remote", f"{bench.address}/{name}-b:1")
    assert f"{name}-b" in run(crane, "catalog", "--insecure", bench.address).split()
