"""Saved connections: a file for people, that never holds a secret, and that goes after what is typed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ocistore_tui import config
from tests.cli.recorder import Seen, run_line
from tests.cli.running import Invoke
from tests.cli.shelf import config as image_config
from tests.cli.shelf import put_image


@pytest.fixture
def file(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file, not there yet."""
    path = here / "conf/config.toml"
    monkeypatch.setenv("OCISTORE_CONFIG", str(path))
    return path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


PROD = """
[connections.prod]
backend = "s3"
bucket = "acme-oci"
root_dir = "registry"
region = "from-file"
endpoint = "http://from-file"
profile = "from-file"
docker_host = "tcp://from-file:1"
path_style = true
concurrency = 9
"""


def test_add_list_use_and_forget(oci_store: Invoke, file: Path, here: Path) -> None:
    put_image(here / "usb", "app", "1", image_config())
    added = oci_store("stores", "add", "usb", "fs", "--dir", str(here / "usb"))
    assert (added.code, added.out) == (0, "@usb\n")
    assert str(file) in added.err
    assert oci_store("stores", "add", "prod", "s3", "--bucket", "b", "--region", "eu", "--path-style").code == 0
    listed = oci_store("stores", "ls")
    assert [line.split()[:2] for line in listed.out.splitlines()] == [
        ["NAME", "BACKEND"],
        ["usb", "fs"],
        ["prod", "s3"],
    ]
    assert oci_store("stores", "ls", "--json").document == {
        "schema": 1,
        "kind": "stores",
        "stores": [
            {"name": "usb", "backend": "fs", "dir": str(here / "usb")},
            {"name": "prod", "backend": "s3", "bucket": "b", "region": "eu", "path_style": True},
        ],
    }
    assert oci_store("@usb", "ls").out == "app\n"
    assert oci_store("@usb", "inspect", "app:1").code == 0
    assert oci_store("stores", "rm", "@usb").code == 0
    assert oci_store("@usb", "ls").code == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_with_json_every_change_is_one_document(oci_store: Invoke, file: Path) -> None:
    added = oci_store("stores", "add", "a", "gcs", "--bucket", "b", "--json")
    assert added.document == {"schema": 1, "kind": "store", "name": "a", "backend": "gcs", "bucket": "b"}
    assert oci_store("stores", "rm", "a", "--json").document == {"schema": 1, "kind": "store", "name": "a"}


def test_default_then_file_then_environment_then_flag(
    oci_store: Invoke,
    seen: Seen,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(file, PROD)
    run_line(oci_store, "oci-store s3 push acme-oci/app")
    run_line(oci_store, "oci-store @prod push app")
    monkeypatch.setenv("AWS_REGION", "from-environment")
    monkeypatch.setenv("AWS_PROFILE", "from-environment")
    monkeypatch.setenv("DOCKER_HOST", "tcp://from-environment:1")
    run_line(oci_store, "oci-store @prod push app")
    run_line(
        oci_store,
        "oci-store @prod push app --region typed --profile typed --docker-host tcp://typed:1 --virtual-hosted-style"
        " --concurrency 2 --root-dir typed",
    )
    default, from_file, environment, typed = seen.places
    assert (dict(default.options), default.concurrency, default.docker_host) == ({}, 4, None)
    assert (from_file.backend, from_file.bucket) == ("s3", "acme-oci")
    assert dict(from_file.options) == {
        "root_dir": "registry", "region": "from-file", "endpoint": "http://from-file", "profile": "from-file",
        "path_style": True,
    }  # fmt: skip
    assert (from_file.concurrency, from_file.docker_host) == (9, "tcp://from-file:1")
    # The profile and the engine of the environment are read by those who look for them.
    assert environment.options["region"] == "from-environment"
    assert "profile" not in environment.options
    assert environment.docker_host is None
    assert environment.options["endpoint"] == "http://from-file"
    assert dict(typed.options) == {
        "root_dir": "typed", "region": "typed", "endpoint": "http://from-file", "profile": "typed", "path_style": False,
    }  # fmt: skip
    assert (typed.concurrency, typed.docker_host) == (2, "tcp://typed:1")
    assert all(str(request.target) == "app:latest" for request in seen.requests if hasattr(request, "target"))


def test_a_variable_that_goes_before_what_is_saved_is_told_once(
    oci_store: Invoke, seen: Seen, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, PROD)
    assert "warning" not in oci_store("@prod", "push", "app").err
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://from-environment")
    monkeypatch.setenv("AWS_PROFILE", "from-environment")
    monkeypatch.setenv("AWS_REGION", "from-file")
    (told,) = [line for line in oci_store("@prod", "push", "app").err.splitlines() if line.startswith("warning: ")]
    assert "AWS_ENDPOINT_URL_S3 goes before the endpoint saved as @prod" in told
    assert "AWS_PROFILE goes before the profile saved as @prod" in told
    assert "AWS_REGION" not in told, "both say the same"
    typed = oci_store("@prod", "push", "app", "--endpoint", "http://typed", "--profile", "typed")
    assert "warning" not in typed.err, "what is typed goes before both, as everybody expects"
    assert "warning" not in oci_store("s3", "push", "b/app").err, "nothing saved was named"


def test_the_directory_of_the_environment_is_told_too(
    oci_store: Invoke, file: Path, store: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, f'[connections.usb]\nbackend = "fs"\ndir = "{here}/usb"\n')
    done = oci_store("@usb", "ls")
    assert "team/hello" in done.out
    assert done.err == "warning: OCISTORE_DIR goes before the dir saved as @usb\n"


def test_paths_are_saved_from_the_root_of_the_file_system(oci_store: Invoke, file: Path, here: Path) -> None:
    assert oci_store("stores", "add", "usb", "fs", "--dir", "./usbdir", "--ca-bundle", "ca.pem").code == 0
    assert config.find_connection("usb").settings == {"dir": f"{here}/usbdir", "ca_bundle": f"{here}/ca.pem"}
    assert oci_store("stores", "add", "g", "gcs", "--bucket", "b", "--keyfile", "key.json").code == 0
    assert config.find_connection("g").settings["keyfile"] == f"{here}/key.json"
    assert oci_store("stores", "add", "nowhere", "fs", "--dir", "").code == 2


@pytest.mark.parametrize("root_dir", ["..", "a/../b", "./a", "a//b", "//a", "a\x1b[2J", "a\nb", "a\u202eb"])
def test_a_root_directory_no_store_can_have_is_refused_everywhere(
    oci_store: Invoke, seen: Seen, file: Path, root_dir: str
) -> None:
    for backend in ("s3", "gcs", "azure", "fs"):
        done = oci_store(backend, "ls", *([] if backend == "fs" else ["bucket"]), "--root-dir", root_dir)
        assert (done.code, done.out) == (2, ""), backend
        assert "--root-dir" in done.err
        assert "\x1b" not in done.err
    bucket = ("--bucket", "b")
    assert oci_store("stores", "add", "x", "s3", *bucket, "--root-dir", root_dir).code == 2
    assert not file.exists()
    write(file, f'[connections.x]\nbackend = "fs"\nroot_dir = {config._text(root_dir)}\n')
    assert oci_store("@x", "ls").code == 2
    assert seen.places == []


@pytest.mark.parametrize("root_dir", ["", "/", "registry", "/registry/images/", "a.b/..c"])
def test_every_other_root_directory_is_taken(oci_store: Invoke, seen: Seen, root_dir: str) -> None:
    oci_store("s3", "ls", "bucket", "--root-dir", root_dir)
    assert seen.place.options["root_dir"] == root_dir


def test_a_table_that_means_nothing_is_told(oci_store: Invoke, file: Path) -> None:
    write(file, '[connection.prod]\nbackend = "fs"\n[connections.usb]\nbackend = "fs"\n')
    assert oci_store("stores", "ls").err.startswith("warning: [connection] in ")
    assert "[connections.NAME]" in oci_store("@usb", "ls").err
    assert "[connection] is not known" in oci_store("@prod", "ls").err
    assert "warning" not in oci_store("fs", "ls").err


def test_forgetting_what_was_never_saved_says_where_to_look(oci_store: Invoke, file: Path) -> None:
    done = oci_store("stores", "rm", "nope")
    assert done.code == 2
    assert "oci-store stores ls" in done.err
    assert "save it" not in done.err
    assert "save it: oci-store stores add nope" in oci_store("@nope", "ls").err


@pytest.mark.parametrize("secret", sorted(config._SECRETS))
def test_a_secret_is_neither_saved_nor_read(oci_store: Invoke, file: Path, secret: str) -> None:
    backend = "s3" if secret in ("access_key", "secret_key", "session_token") else "azure"
    done = oci_store("stores", "add", "x", backend, "--bucket", "b", f"--{secret.replace('_', '-')}", "hunter2")
    assert done.code == 2
    assert "secrets are never stored" in done.err
    assert not file.exists()
    write(file, f'[connections.x]\nbackend = "{backend}"\nbucket = "b"\n{secret} = "hunter2"\n')
    done = oci_store("@x", "ls")
    assert done.code == 2
    assert secret in done.err
    assert "hunter2" not in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[connections.x", "not TOML"),
        ("x = " + "[" * 100_000, "not TOML"),
        ('connections = "x"', "must be tables"),
        ('[connections]\nx = "y"', "must be a table"),
        ("[connections.x]", "needs a backend"),
        ('[connections.x]\nbackend = "ftp"', "needs a backend"),
        ("[connections.x]\nbackend = []", "needs a backend"),
        ('[connections.x]\nbackend = "s3"', "needs a bucket"),
        ('[connections.x]\nbackend = "fs"\ncolour = "red"', "unknown setting colour"),
        ('[connections.x]\nbackend = "fs"\ndir = 5', "dir must be text"),
        ('[connections.x]\nbackend = "fs"\nconcurrency = 1000', "1 to 64"),
        ('[connections.x]\nbackend = "fs"\nconcurrency = true', "1 to 64"),
        ('[connections.x]\nbackend = "s3"\nbucket = "b"\npath_style = "yes"', "true or false"),
        ('[connections."\x1b[2J"]\nbackend = "fs"', "not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_exit_2_and_says_where(oci_store: Invoke, file: Path, text: str, said: str) -> None:
    write(file, text)
    done = oci_store("@x", "ls")
    assert done.code == 2
    assert str(file) in done.err
    assert said in done.err
    assert "\x1b" not in done.err


def test_a_file_that_is_no_text_or_no_file(oci_store: Invoke, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"\xff\xfe")
    assert oci_store("@x", "ls").code == 2
    file.unlink()
    file.mkdir()
    assert oci_store("@x", "ls").code == 4
    assert oci_store("stores", "add", "x", "fs").code == 4


def test_one_wrong_connection_does_not_keep_the_others_from_working(oci_store: Invoke, file: Path, here: Path) -> None:
    put_image(here / "usb", "app", "1", image_config())
    write(file, f'[connections.wrong]\nbackend = "ftp"\n[connections.usb]\nbackend = "fs"\ndir = "{here}/usb"\n')
    assert oci_store("@usb", "ls").out == "app\n"
    assert oci_store("stores", "ls").code == 2
    assert oci_store("stores", "rm", "wrong").code == 0
    assert oci_store("stores", "ls").code == 0


def test_what_a_person_wrote_into_the_file_stays(oci_store: Invoke, file: Path) -> None:
    text = '# mine\n[theme]\ncolours = [\n  "red",\n]\n\n[connections.prod] # the one\nbackend = "fs" # a disk\n'
    write(file, text)
    assert oci_store("stores", "add", "usb", "fs", "--dir", "/usb").code == 0
    assert file.read_text() == text + '\n[connections."usb"]\nbackend = "fs"\ndir = "/usb"\n'
    assert oci_store("stores", "rm", "usb").code == 0
    assert file.read_text() == text
    assert oci_store("stores", "add", "prod", "fs", "--dir", "/new").code == 0
    assert file.read_text().startswith('# mine\n[theme]\ncolours = [\n  "red",\n]\n')
    assert config.find_connection("prod").settings == {"dir": "/new"}


def test_a_file_this_program_cannot_change_is_left_alone(oci_store: Invoke, file: Path) -> None:
    text = 'connections.prod = {backend = "fs"}\n'
    write(file, text)
    for words in (("add", "prod", "fs", "--dir", "/new"), ("rm", "prod")):
        done = oci_store("stores", *words)
        assert done.code == 2
        assert "by hand" in done.err
    assert file.read_text() == text


def test_a_linked_file_stays_a_link(oci_store: Invoke, file: Path, here: Path) -> None:
    (here / "dotfiles").mkdir()
    (here / "dotfiles/real.toml").write_text("# mine\n")
    file.parent.mkdir()
    file.symlink_to(here / "dotfiles/real.toml")
    assert oci_store("stores", "add", "usb", "fs", "--dir", "/usb").code == 0
    assert file.is_symlink()
    assert "usb" in (here / "dotfiles/real.toml").read_text()


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "\x1b[2J", "ä", "a" * 65, '"]\n[x'])
def test_a_name_nobody_can_type_is_refused(oci_store: Invoke, file: Path, name: str) -> None:
    done = oci_store("stores", "add", "--", name, "fs")
    assert done.code == 2
    assert not file.exists()


def test_what_is_saved_reads_back_whatever_is_in_it(oci_store: Invoke, file: Path) -> None:
    odd = '/a"b\\c\u202e\x7f\n[x]\t\'\'\'"""é😀'
    assert oci_store("stores", "add", "odd", "fs", "--dir", odd).code == 0
    assert config.find_connection("odd").settings == {"dir": odd}
    listed = oci_store("stores", "ls")
    assert len(listed.out.splitlines()) == 2
    assert "\u202e" not in listed.out


def test_the_file_is_in_the_users_configuration_directory(oci_store: Invoke) -> None:
    assert oci_store("stores", "add", "usb", "fs").code == 0
    assert (Path(os.environ["HOME"]) / ".config/ocistore/config.toml").is_file()


def test_what_may_be_done_to_a_store_is_saved_with_it(oci_store: Invoke, file: Path, here: Path) -> None:
    add = ("stores", "add", "usb", "fs", "--dir", "usb", "--label", "HOLIDAYS")
    assert oci_store(*add, "--mode", "manage").code == 2
    assert not file.exists()
    assert oci_store(*add, "--mode", "read-only").code == 0
    assert config.find_connection("usb").settings["label"] == "HOLIDAYS"
    refused = oci_store("@usb", "push", "app:1", "--image", "docker-archive:hello.tar")
    assert refused.code == 8
    assert "this saved connection is read only: @usb" in refused.err
    assert oci_store("@usb", "push", "app:1", "--image", "docker-archive:hello.tar", "--dry-run").code == 0
    assert oci_store(*add, "--mode", "add-only").code == 0
    assert oci_store("@usb", "push", "app:1", "--image", "docker-archive:hello.tar").code == 0
