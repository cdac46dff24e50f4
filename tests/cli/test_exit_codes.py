"""Every kind of failure has its exit code and its own three parts: what and where, why, what to do."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui import errors, wiring
from tests.backends import s3_buckets
from tests.cli.running import OCI_STORE, Invoke, check_error, in_a_process
from tests.cli.shelf import config, put_image
from tests.testbed.process import free_port
from tests.testbed.servers import S3_KEYS

ERROR_KINDS = [
    (errors.UsageError, 2, "usage"),
    (errors.NotFound, 3, "not_found"),
    (errors.AccessDenied, 4, "access_denied"),
    (errors.Unavailable, 5, "unavailable"),
    (errors.Throttled, 5, "throttled"),
    (errors.Unsupported, 5, "unsupported"),
    (errors.NoSpace, 5, "no_space"),
    (errors.IntegrityError, 6, "integrity"),
    (errors.Refused, 8, "refused"),
    (errors.PreconditionFailed, 8, "precondition_failed"),
]


@pytest.mark.parametrize(("kind", "code", "name"), ERROR_KINDS)
def test_each_class_of_error(
    oci_store: Invoke, monkeypatch: pytest.MonkeyPatch, kind: type[errors.OciStoreError], code: int, name: str
) -> None:
    def fail(place: object) -> None:
        raise kind("it went wrong", where="this place", cause="that reason", fix="do so")

    monkeypatch.setattr(wiring, "open_service", fail)
    done = oci_store("fs", "ls")
    assert (done.code, done.out) == (code, "")
    assert done.err == "error: it went wrong: this place\n  cause: that reason\n  fix:   do so\n"
    as_json = oci_store("--json", "fs", "ls")
    assert (as_json.code, as_json.err) == (code, "")
    assert as_json.document == {
        "schema": 1,
        "error": {"kind": name, "message": "it went wrong: that reason", "where": "this place", "fix": "do so"},
    }
    as_events = oci_store("--progress", "json", "fs", "ls")
    assert as_events.events == [
        {"v": 1, "event": "error", **as_json.document["error"], "exit": code},
    ]  # fmt: skip


# -- command lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nope",), "no such command 'nope'"),
        (("push", "app:1"), "push needs a backend before it"),
        (("s3", "nope", "b"), "no such command 'nope'"),
        (("s3", "ls", "b", "--nope"), "no such option '--nope'"),
        (("s3", "ls", "b", "c"), "unexpected extra argument"),
        (("s3", "push"), "missing argument 'BUCKET/REPOSITORY[:TAG]'"),
        (("s3", "ls"), "no bucket given"),
        (("s3", "serve"), "write oci-store s3 serve BUCKET"),
        (("s3", "push", "bucket"), "no repository given"),
        (("s3", "ls", "/repository"), "the target needs a bucket first"),
        (("s3", "pull", "s3://bucket/app"), "the target is a URL"),
        (("fs", "push", "App"), "invalid repository name"),
        (("fs", "push", "app:-x"), "invalid tag"),
        (("fs", "pull", "app@sha256:123"), "invalid digest"),
        (("fs", "push", "app@sha256:" + "a" * 64), "not a digest"),
        (("fs", "ls", "app:1"), "ls takes a repository"),
        (("fs", "ls", "--dir", ""), "empty text"),
        (("fs", "ls", "a//b"), "invalid repository name"),
        (("fs", "ls", "../a"), "invalid repository name"),
        (("s3", "ls", "b", "--ca-bundle", "nope.pem"), "nope.pem"),
        (("gcs", "ls", "b", "--ca-bundle", "nope.pem"), "nope.pem"),
        (("azure", "ls", "b", "--account-name", "a", "--ca-bundle", "nope.pem"), "nope.pem"),
        (("fs", "push", "app", "--image", ""), "empty text"),
        (("fs", "push", "app", "--platform", "arm"), "not a platform"),
        (("fs", "push", "app", "--platform", "linux/arm", "--all-platforms"), "exclude one another"),
        (("fs", "push", "app", "--via", "registry", "--image", "docker-archive:hello.tar"), "the registry way"),
        (("fs", "push", "app", "--via", "pigeon"), "'pigeon'"),
        (("fs", "push", "app", "--image", "docker-archive:"), "lacks its PATH"),
        (("fs", "push", "app", "--concurrency", "0"), "--concurrency"),
        (("fs", "push", "app", "--docker-host", "nonsense"), "not an engine address"),
        (("--progress", "loud", "fs", "ls"), "--progress"),
        (("s3", "ls", "b", "--endpoint", "not a url"), "endpoint"),
        (("completion", "tcsh"), "'tcsh'"),
        (("completion",), "Choose from: bash, zsh, fish\n"),
        (("s3", "ls", "b", "--concurrency", "0"), "0 is not a number from 1 to 64\n"),
        (("s3", "ls", "b", "--concurrency", "65"), "65 is not a number from 1 to 64\n"),
        (("fs", "push", "app", "--image", "Foo Bar"), "not a usable image name: Foo Bar"),
        (("@nobody", "ls"), "no saved connection named nobody"),
    ],
)
def test_a_command_line_nobody_understands_is_exit_2(oci_store: Invoke, words: tuple[str, ...], said: str) -> None:
    check_error(oci_store(*words), 2, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("s3",), "one of inspect, ls, pull, push, serve is missing"),
        (("stores",), "one of add, ls, rm is missing"),
        (("stores", "add"), "NAME and one of s3, gcs, azure, fs are missing"),
    ],
)
def test_what_is_missing_is_named(oci_store: Invoke, words: tuple[str, ...], said: str) -> None:
    assert oci_store("--json", *words).document["error"]["message"] == said
    shown = oci_store(*words)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("Usage: oci-store ")


@pytest.mark.parametrize("form", ["dir", "containers-storage", "tarball", "ostree", "sif", "docker"])
@pytest.mark.parametrize("verb", ["push", "pull"])
def test_forms_of_skopeo_that_are_not_here(oci_store: Invoke, store: Path, verb: str, form: str) -> None:
    image = f"{form}://foo" if form == "docker" else f"{form}:foo"
    check_error(
        oci_store("fs", verb, "team/hello:1.0", "--image", image), 2, f"{form}: is not one of the forms",
        "docker-archive:FILE", "oci-archive:FILE", "oci:DIR", "docker-daemon:NAME:TAG",
    )  # fmt: skip
    host = ("--docker-host", f"unix://{store}/nobody.sock")
    if form != "docker":
        check_error(oci_store("fs", verb, "team/hello:1.0", "--image", f"docker-daemon:{image}", *host), 5, "nobody")
    else:  # docker:dind is an image many have
        check_error(oci_store("fs", verb, "team/hello:1.0", "--image", "docker:dind", *host), 5, "nobody")


@pytest.mark.parametrize(
    ("opened", "line"),
    [
        ("s3://acme/registry", "oci-store s3 ls acme --root-dir registry"), ("az://acme", "oci-store azure ls acme"),
        ("./images", "oci-store fs ls --dir {here}/images"),
        ("file:///srv/im ages", "oci-store fs ls --dir '/srv/im ages'"),
    ],
)  # fmt: skip
def test_a_store_alone_needs_a_terminal_and_says_how_to_go_without(
    oci_store: Invoke, here: Path, opened: str, line: str
) -> None:
    words = ("opened in the terminal UI", "runs headless", f"verb: {line.format(here=here)}\n")
    check_error(oci_store(opened), 2, *words)


def test_a_fix_is_a_command_that_works(oci_store: Invoke, store: Path) -> None:
    check_error(oci_store("fs", "ls", "team/nope"), 3, "fix:   list the repositories: oci-store fs ls\n")
    done = oci_store("fs", "inspect", "team/hello:nope")
    check_error(done, 3, "fix:   list the tags of team/hello: oci-store fs ls team/hello\n")


def test_a_fix_names_bucket_or_saved_connection(oci_store: Invoke, store: Path, moto: str) -> None:
    endpoint = s3_buckets.new_bucket(moto)
    oci_store("stores", "add", "here", "fs", "--dir", str(store))
    check_error(oci_store("@here", "ls", "team/nope"), 3, "oci-store @here ls\n")
    at = ("--endpoint", moto, "--region", "us-east-1", "--access-key", S3_KEYS[0], "--secret-key", S3_KEYS[1])
    done = oci_store("s3", "ls", f"{endpoint.bucket}/team/nope", *at, "--json").document
    options = f"--region us-east-1 --endpoint {moto}"
    assert done["error"]["fix"] == f"list the repositories: oci-store s3 ls {endpoint.bucket} {options}"


def test_a_fix_keeps_the_directory_that_was_typed(
    oci_store: Invoke, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OCISTORE_DIR")
    done = oci_store("fs", "inspect", "team/hello:nope", "--dir", str(store))
    check_error(done, 3, f"fix:   list the tags of team/hello: oci-store fs ls team/hello --dir {store}\n")


def test_a_backend_without_a_verb_shows_its_help_on_stderr(oci_store: Invoke) -> None:
    done = oci_store("s3")
    assert (done.code, done.out) == (2, "")
    assert "oci-store s3 push" in done.err


# -- local images ----------------------------------------------------------------------------------------------------


def test_no_engine(oci_store: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{here}/nobody.sock")
    check_error(oci_store("fs", "push", "app:1", "--dir", "s"), 5, f"{here}/nobody.sock", "start Docker")
    assert not (here / "s").exists()


def test_an_engine_that_refuses_connections(oci_store: Invoke) -> None:
    host = f"tcp://127.0.0.1:{free_port()}"
    check_error(oci_store("fs", "push", "app:1", "--dir", "s", "--docker-host", host), 5, host)


@pytest.fixture
def forbidden_socket() -> Iterator[str]:
    """A socket that only its owner may use, where others can see it."""
    path = Path(f"/tmp/ocistore-test-{os.getpid()}.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        yield str(path)
    path.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_no_permission_on_the_engines_socket(forbidden_socket: str) -> None:
    program = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", OCI_STORE, "fs", "push", "app:1",
        "--docker-host", f"unix://{forbidden_socket}", "--dir", "/nonexistent/store",
    ]  # fmt: skip
    done = in_a_process(program[1:], program=program[0], env={"HOME": "/nonexistent"})
    if "No module named" in done.err or "Permission denied: '/" in done.err:
        pytest.skip("the program is installed where others cannot read it")
    check_error(done, 4, forbidden_socket, "group")


def test_an_image_the_engine_does_not_have(oci_store: Invoke, docker_classic: str) -> None:
    done = oci_store("fs", "push", "app:1", "--image", "nobody/has:this", "--docker-host", docker_classic, "--dir", "s")
    check_error(done, 3, "nobody/has:this")


def test_a_name_the_engine_refuses(oci_store: Invoke, docker_classic: str) -> None:
    done = oci_store("fs", "push", "app:1", "--image", "Foo", "--docker-host", docker_classic, "--dir", "s")
    check_error(done, 2, "  fix:   check the target and --image")


@pytest.mark.parametrize(
    "image", ["docker-archive:nope.tar", "oci-archive:nope.tar", "oci:nope", "docker-archive:hello.tar:other:1",
              "oci-archive:tools.tar:9", "oci:multi:9"],
)  # fmt: skip
def test_an_archive_or_an_image_in_it_that_is_not_there(oci_store: Invoke, here: Path, image: str) -> None:
    check_error(oci_store("fs", "push", "app:1", "--image", image, "--dir", "s"), 3, image.split(":")[1])
    assert not (here / "s").exists()


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_an_archive_that_is_damaged(oci_store: Invoke, here: Path, form: str, damage: str) -> None:
    whole = (here / ("hello.tar" if form == "docker-archive" else "tools.tar")).read_bytes()
    (here / "bad.tar").write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"hello " * 1000}[damage])
    check_error(oci_store("fs", "push", "app:1", "--image", f"{form}:bad.tar", "--dir", "s"), 6, "bad.tar")
    assert oci_store("fs", "ls", "--dir", "s", "--json").document.get("repositories", []) == []


def test_a_target_archive_that_cannot_be_written(oci_store: Invoke, store: Path) -> None:
    done = oci_store("fs", "pull", "team/hello:1.0", "--image", "docker-archive:/nonexistent/out.tar")
    assert done.code in (3, 4), done
    assert "make it first: mkdir -p /nonexistent\n" in done.err
    assert "/nonexistent" in done.err


# -- stores ----------------------------------------------------------------------------------------------------------


def test_a_repository_a_tag_a_digest_a_platform_that_is_not_there(oci_store: Invoke, store: Path) -> None:
    absent = "sha256:" + "0" * 64
    check_error(oci_store("fs", "ls", "nope"), 3, "no such repository", "nope")
    check_error(oci_store("fs", "inspect", "nope"), 3, "nope")
    check_error(oci_store("fs", "inspect", "team/hello:nope"), 3, "no such tag", "nope")
    check_error(oci_store("fs", "pull", "team/hello:nope", "--image", "oci:x"), 3, "no such tag")
    check_error(oci_store("fs", "inspect", f"team/hello@{absent}"), 3, absent)
    check_error(oci_store("fs", "inspect", "team/multi:1.0", "--platform", "linux/s390x"), 3, "linux/s390x")
    check_error(oci_store("fs", "pull", "team/multi:1.0", "--platform", "linux/s390x", "--image", "oci:x"), 3, "s390x")


def test_a_directory_that_is_not_there_is_no_empty_store(oci_store: Invoke, here: Path) -> None:
    check_error(oci_store("fs", "ls", "--dir", "nope"), 3, str(here / "nope"))


def test_an_image_layout_is_told_from_an_empty_store(oci_store: Invoke, store: Path, here: Path) -> None:
    assert oci_store("fs", "pull", "team/hello:1.0", "--image", f"oci:{here / 'lay'}").code == 0
    done = oci_store("fs", "ls", "--dir", str(here / "lay"))
    assert (done.code, done.out) == (0, "")
    assert "it is an OCI image layout, not a store: push from it with --image oci:DIR[:TAG]" in done.err
    assert oci_store("fs", "ls", "--dir", str(here / "lay"), "--json").document["repositories"] == []


def test_the_embedded_store_is_empty_before_its_first_push(oci_store: Invoke) -> None:
    done = oci_store("fs", "ls")
    assert (done.code, done.out) == (0, "")
    assert "no repositories yet" in done.err
    assert oci_store("fs", "ls", "--json").document["repositories"] == []


def test_the_embedded_store_is_in_the_data_directory(oci_store: Invoke, here: Path) -> None:
    home = Path(os.environ["HOME"])
    assert oci_store("fs", "push", "app:1", "--image", "docker-archive:hello.tar").code == 0
    assert (home / ".local/share/ocistore/store/docker/registry/v2/repositories/app").is_dir()
    assert oci_store("fs", "ls").out == "app\n"


def test_a_root_dir_in_a_directory(oci_store: Invoke, here: Path) -> None:
    words = ("app:1", "--image", "docker-archive:hello.tar", "--dir", "s", "--root-dir", "/deep/er/")
    assert oci_store("fs", "push", *words).code == 0
    assert (here / "s/deep/er/docker/registry/v2/repositories/app").is_dir()
    assert oci_store("fs", "ls", "--dir", "s", "--root-dir", "deep/er").out == "app\n"


def test_a_damaged_blob_never_reaches_an_archive(oci_store: Invoke, store: Path) -> None:
    layer = max((store / "docker/registry/v2/blobs").rglob("data"), key=lambda path: path.stat().st_size)
    content = bytearray(layer.read_bytes())
    content[1000] ^= 1
    layer.write_bytes(content)
    damaged = layer.parent.name
    codes = {}
    for repository, tag in (("team/hello", "1.0"), ("team/tools", "2.0")):
        done = oci_store("fs", "pull", f"{repository}:{tag}", "--image", f"oci-archive:{tag}.tar")
        codes[repository] = done.code
        if done.code:
            assert damaged[:12] in done.err
            assert not Path(f"{tag}.tar").exists()
    assert 6 in codes.values()


def test_a_layer_that_is_missing(oci_store: Invoke, here: Path) -> None:
    absent = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + "1" * 64, "size": 9}
    put_image(here / "s", "app", "1", config(), layers=[absent])
    done = oci_store("fs", "pull", "app:1", "--image", "oci-archive:back.tar", "--dir", "s")
    assert done.code in (3, 6)
    assert not Path("back.tar").exists()
    inspected = oci_store("fs", "inspect", "app:1", "--dir", "s")
    assert inspected.code == 0
    assert "flaw" in inspected.out
