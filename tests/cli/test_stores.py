"""Every kind of store, from the command line: the whole job, and what goes wrong with each."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ocistore_tui.demo import images as demo_images
from tests.backends import s3_buckets
from tests.cli.running import OCI_STORE, Invoke, check_error, in_a_process
from tests.cli.shelf import config, put_image
from tests.fakes.azure_relay import new_container
from tests.fakes.gcs_server import GcsServer
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import always, page, refusal
from tests.testbed.process import free_port
from tests.testbed.servers import AZURE_ACCOUNT, AZURE_KEY, S3_KEYS

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts, or another user")


@pytest.fixture
def s3_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed in."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3_KEYS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_KEYS[1])
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture(params=["s3", "gcs", "azure", "fs", "@s3", "@fs"])
def place(
    request: pytest.FixtureRequest, oci_store: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[list[str], str, list[str]]]:
    """The words before the verb, what comes before the repository, and the options behind it."""
    name = request.param.removeprefix("@")
    with ExitStack() as stack:
        if name == "fs":
            bucket, options = "", ["--dir", str(here / "s")]
        elif name == "s3":
            request.getfixturevalue("s3_keys")
            endpoint = request.getfixturevalue("moto")
            bucket, options = s3_buckets.new_bucket(endpoint).bucket, ["--endpoint", endpoint]
        elif name == "gcs":
            server = stack.enter_context(GcsServer())
            server.buckets["bucket"] = {}
            bucket, options = "bucket", ["--endpoint", server.url, "--anonymous"]
        else:
            endpoint = request.getfixturevalue("azurite")
            monkeypatch.setenv("AZURE_STORAGE_KEY", AZURE_KEY)
            bucket = stack.enter_context(new_container(endpoint)).container_name
            options = ["--account-name", AZURE_ACCOUNT, "--endpoint", endpoint]
        if request.param.startswith("@"):
            where = ["--bucket", bucket] if bucket else []
            assert oci_store("stores", "add", "here", name, *where, *options).code == 0
            yield ["@here"], "", []
        else:
            yield [name], bucket and f"{bucket}/", options


def test_the_whole_job_on_every_kind_of_store(
    oci_store: Invoke, place: tuple[list[str], str, list[str]], here: Path, images: dict[str, demo_images.Image]
) -> None:
    at, bucket, options = place
    pushed = oci_store(*at, "push", f"{bucket}team/tools:2", *options, "--image", "oci-archive:tools.tar")
    assert pushed.out == f"{bucket}team/tools:2@{images['tools:2.0'].digest}\n", pushed
    again = oci_store(*at, "push", f"{bucket}team/tools:2", *options, "--image", "oci-archive:tools.tar", "--json")
    assert again.document["uploaded_bytes"] == 0
    both = oci_store(*at, "push", f"{bucket}team/multi", *options, "--image", "oci:multi")
    assert both.out == f"{bucket}team/multi:latest@{images['multi:1.0'].digest}\n", both
    assert oci_store(*at, "ls", *([bucket.rstrip("/")] if bucket else []), *options).out == "team/multi\nteam/tools\n"
    tags = oci_store(*at, "ls", f"{bucket}team/multi", *options).out.splitlines()
    assert re.match(r"latest +[0-9a-f]{12} .* linux/amd64, linux/arm64$", tags[1])
    inspected = oci_store(*at, "inspect", f"{bucket}team/tools:2", *options).out
    assert f"reference   {bucket}team/tools:2\n" in inspected
    assert "COPY tool /bin/tool" in inspected
    for name, image in (("tools:2", "tools:2.0"), ("multi", "multi:1.0")):
        more = ["--all-platforms"] if name == "multi" else []
        pulled = oci_store(
            *at, "pull", f"{bucket}team/{name}", *options, *more, "--image", "oci:back:x", "--json"
        ).document  # fmt: skip
        assert pulled["digest"] == images[image].digest
        assert sum(layer["state"] == "downloaded" for layer in pulled["layers"]) > 0
        blobs = {path.name: path.read_bytes() for path in (here / "back/blobs/sha256").iterdir()}
        assert all(blobs[digest[7:]] == blob for digest, blob in images[image].blobs.items())


def test_from_an_engine_into_a_directory_and_back_by_the_names_they_have(
    oci_store: Invoke, docker_classic: str, images: dict[str, demo_images.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    def docker(*words: str, stdin: bytes = b"") -> str:
        done = subprocess.run(["docker", *words], input=stdin, capture_output=True, check=True)
        return done.stdout.decode().strip()

    monkeypatch.setenv("DOCKER_HOST", docker_classic)
    image = images["hello:1.1"]
    docker("load", stdin=demo_images.docker_archive({"team/hello:1.1": image}))
    pushed = oci_store("fs", "push", "team/hello:1.1", "--dir", "s")
    assert pushed.out.startswith("team/hello:1.1@sha256:"), pushed
    docker("rmi", "team/hello:1.1")
    pulled = oci_store("fs", "pull", "team/hello:1.1", "--dir", "s")
    assert pulled.out == f"team/hello:1.1 {image.image_id}\n", pulled
    held = docker("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "team/hello")
    assert held == pulled.out.strip()
    again = oci_store("fs", "pull", "team/hello:1.1", "--image", "other:2", "--dir", "s", "--json").document
    assert (again["image"], again["image_id"]) == ("other:2", image.image_id)
    assert [layer["state"] for layer in again["layers"]] == ["present", "present"]
    docker("rmi", "other:2", "team/hello:1.1")


# -- S3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("s3_keys")
def test_a_missing_bucket(oci_store: Invoke, moto: str) -> None:
    check_error(oci_store("s3", "ls", "nobody-made-this", "--endpoint", moto), 3, "nobody-made-this")
    push = ("s3", "push", "nobody-made-this/app:1", "--endpoint", moto, "--image", "oci-archive:tools.tar")
    check_error(oci_store(*push), 3, "nobody-made-this")


@pytest.mark.usefixtures("s3_keys")
def test_a_wrong_endpoint(oci_store: Invoke) -> None:
    port = free_port()
    done = oci_store("s3", "ls", "bucket", "--endpoint", f"http://127.0.0.1:{port}")
    check_error(done, 5, str(port), "--endpoint")


def test_no_credentials(oci_store: Invoke, moto: str) -> None:
    check_error(oci_store("s3", "ls", "bucket", "--endpoint", moto), 4, "credentials")


@pytest.mark.usefixtures("s3_keys")
@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (refusal(400, "ExpiredToken"), 4, "expired"),
        (refusal(403, "InvalidAccessKeyId"), 4, "key"),
        (refusal(403, "AccessDenied"), 4, "s3:ListBucket"),
        (refusal(301, "PermanentRedirect", region="eu-west-1"), 2, "region"),
    ],
    ids=["expired token", "wrong key", "no right to list", "wrong region"],
)
def test_what_a_bucket_refuses(oci_store: Invoke, answer: Answer, code: int, said: str) -> None:
    with CannedServer(always(answer)) as server:
        check_error(oci_store("s3", "ls", "bucket", "--endpoint", server.url), code, said)


@pytest.mark.usefixtures("s3_keys")
def test_a_read_only_bucket(oci_store: Invoke) -> None:
    def answer(request: Request) -> Answer:
        if request.method in ("GET", "HEAD"):
            return page() if "list-type=2" in request.path else refusal(404, "NoSuchKey")
        return refusal(403, "AccessDenied")

    with CannedServer(answer) as server:
        words = ("s3", "push", "bucket/app:1", "--endpoint", server.url, "--image", "docker-archive:hello.tar")
        check_error(oci_store(*words, "--progress", "none"), 4, "s3:PutObject")
        assert not any("/tags/" in request.path for request in server.requests if request.method == "PUT")


# -- Google and Azure --------------------------------------------------------------------------------------------------


def test_a_missing_bucket_of_google(oci_store: Invoke) -> None:
    with GcsServer() as server:
        check_error(oci_store("gcs", "ls", "nobody-made-this", "--endpoint", server.url, "--anonymous"), 3)


def test_a_key_file_that_is_not_there_or_no_key(oci_store: Invoke, here: Path) -> None:
    check_error(oci_store("gcs", "ls", "bucket", "--keyfile", "nope.json"), 2, "nope.json")
    (here / "odd.json").write_text(json.dumps({"private_key": "hunter2"}))
    done = oci_store("gcs", "ls", "bucket", "--keyfile", "odd.json")
    assert done.code in (2, 4)
    assert "hunter2" not in done.err


def test_no_azure_account(oci_store: Invoke) -> None:
    check_error(oci_store("azure", "ls", "container"), 2, "--account-name")


def test_a_missing_container_and_a_wrong_key(oci_store: Invoke, azurite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ("--account-name", AZURE_ACCOUNT, "--endpoint", azurite)
    monkeypatch.setenv("AZURE_STORAGE_KEY", AZURE_KEY)
    check_error(oci_store("azure", "ls", "nobody-made-this", *at), 3, "nobody-made-this")
    monkeypatch.setenv("AZURE_STORAGE_KEY", "d3JvbmcgaW5kZWVk")
    check_error(oci_store("azure", "ls", "nobody-made-this", *at), 4)


# -- directories -------------------------------------------------------------------------------------------------------


@needs_root
def test_a_full_disk(oci_store: Invoke, here: Path) -> None:
    disk = here / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", disk], check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        done = oci_store(
            "fs", "push", "app:1", "--image", "oci-archive:tools.tar", "--dir", str(disk), "--progress", "none"
        )
        check_error(done, 5, str(disk))
        assert oci_store("fs", "ls", "--dir", str(disk)).out == ""
    finally:
        subprocess.run(["umount", disk], check=True)


@needs_root
def test_a_directory_one_may_only_read(here: Path) -> None:
    """Tried as another user: to root everything is writable."""
    put_image(Path("s"), "app", "1", config())
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", OCI_STORE]
    parents = [here / "s", *(here / "s").rglob("*"), *here.parents[:2], here]
    before = [path.stat().st_mode for path in parents]
    for path in parents:
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        nobody = {"HOME": "/nonexistent"}
        at = ["--dir", str(here / "s")]
        listed = in_a_process([*as_nobody[1:], "fs", "ls", *at], program=as_nobody[0], env=nobody)
        if "No module named" in listed.err or "Permission denied" in listed.err:
            pytest.skip("the program is installed where others cannot read it")
        assert (listed.code, listed.out) == (0, "app\n"), listed
        push = ["fs", "push", "app:2", "--image", f"docker-archive:{here}/hello.tar", "--progress", "none", *at]
        done = in_a_process([*as_nobody[1:], *push], program=as_nobody[0], env=nobody)
        check_error(done, 4, str(here / "s"))
    finally:
        for path, mode in zip(parents, before, strict=True):
            path.chmod(mode)
