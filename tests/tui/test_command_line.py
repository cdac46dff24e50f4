"""The line a dialog shows does what the dialog does: it is read back by a shell and by the program itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from ocistore_tui import wiring
from ocistore_tui.cli.main import run
from ocistore_tui.config import SETTINGS, Connection, Value, save_connection
from ocistore_tui.errors import Refused
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.command_line import OPTIONS, command_line, quote
from ocistore_tui.wiring import Place
from ocistore_tui.wiring.rows import embedded_row, parse_store, place_of, row_of_connection
from ocistore_tui.wiring.stores import row_of_place
from tests.cli.recorder import Recorder, Seen

APP = Reference("team/app", "1")
PUSH = PushRequest(APP, "app:1")
PULL = PullRequest(APP)


@pytest.fixture(autouse=True)
def _config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OCISTORE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("OCISTORE_CACHE", raising=False)


def words_of(line: str) -> list[str]:
    """The words a real shell makes of a line."""
    said = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    return [word.decode("utf-8", "surrogateescape") for word in said.stdout.split(b"\0")[:-1]]


def what_it_does(line: str, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The place and the request the headless program comes to."""
    seen = Seen()

    def open_service(place: Place) -> Recorder:
        seen.places.append(place)
        return Recorder(seen)

    monkeypatch.setattr(wiring, "open_service", open_service)
    name, *words = words_of(line)
    assert name == "oci-store"
    assert run(words) == Refused.exit_code, "the recorder was not reached"
    return seen


def saved(name: str, backend: str, **settings: Value) -> StoreRow:
    connection = Connection(name, backend, settings)
    save_connection(connection)
    return row_of_connection(connection)


def described(url: str, **settings: str | int | bool) -> StoreRow:
    row = parse_store(url)
    return structs.replace(row, settings={**row.settings, **settings})


STORES = {
    "a URL": lambda: described("s3://acme-oci"),
    "a URL with a prefix": lambda: described("s3://acme-oci/a/registry"),
    "a server of one's own": lambda: described(
        "s3://b", endpoint="http://127.0.0.1:9000", region="eu-west-1", path_style=True, anonymous=True
    ),
    "virtual hosts": lambda: described("s3://b", endpoint="http://127.0.0.1:9000", path_style=False),
    "encryption": lambda: described(
        "s3://b", profile="work", sse="aws:kms", sse_kms_key_id="key 1", storage_class="STANDARD_IA", concurrency=9
    ),
    "google": lambda: described("gs://bucket/p", project_id="acme", endpoint="http://127.0.0.1:4443", anonymous=True),
    "azure": lambda: described(
        "az://container", account_name="acme", endpoint="http://127.0.0.1:10000/acme", insecure_skip_tls_verify=True
    ),
    "a directory": lambda: described("/srv/my images"),
    "a directory with a quote": lambda: described("/srv/it's $HOME `id`"),
    "this computer": embedded_row,
    "a saved bucket": lambda: saved("prod", "s3", bucket="acme-oci", region="eu-west-1", root_dir="registry"),
    "a saved directory": lambda: saved("disk", "fs", dir="/srv/images"),
    "a saved one with an engine": lambda: saved("far", "s3", bucket="b", docker_host="ssh://far"),
}


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("request_", [PUSH, PULL], ids=["push", "pull"])
def test_the_line_comes_to_the_very_store_and_request(
    name: str, request_: PushRequest | PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = STORES[name]()
    seen = what_it_does(command_line(request_, row), monkeypatch)
    assert seen.request == request_
    assert seen.place == place_of(row)


REQUESTS = [
    PushRequest(APP),
    PushRequest(APP, "docker-archive:/srv/an archive.tar:team/app:1"),
    PushRequest(APP, "oci:multi:1", all_platforms=True),
    PushRequest(APP, "app:1", Platform.parse("linux/arm64")),
    PushRequest(APP, "app:1", via="archive"),
    PullRequest(APP, platform=Platform.parse("linux/arm/v7")),
    PullRequest(APP, "oci-archive:/srv/app-1.tar:1", all_platforms=True),
    PullRequest(Reference.parse(f"team/app@sha256:{'a' * 64}")),
    PullRequest(APP, "oci-archive:/srv/new\nline\x1b]0;x\x07é\udcff$(id).tar:1"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_every_part_of_a_request_is_said(request_: PushRequest | PullRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    line = command_line(request_, described("s3://acme-oci"))
    assert inert(line, limit=4000) == line, "it survives being shown and copied"
    assert what_it_does(line, monkeypatch).request == request_


def test_an_image_that_looks_like_another_transport_is_named_as_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    request = PushRequest(APP, "dir:1")
    seen = what_it_does(command_line(request, described("s3://acme-oci")), monkeypatch)
    assert seen.request.image == "docker-daemon:dir:1"


def test_another_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    request = structs.replace(PUSH, docker_host="unix:///run/podman.sock")
    seen = what_it_does(command_line(request, saved("far", "s3", bucket="b", docker_host="ssh://far")), monkeypatch)
    assert seen.place.docker_host == "unix:///run/podman.sock"


def test_a_store_saved_as_read_only_is_pushed_to_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """``@NAME push`` would be refused; the dialog allows it once."""
    row = saved("prod", "s3", bucket="acme-oci", region="eu-west-1", mode="read-only")
    assert command_line(PULL, row) == "oci-store @prod pull team/app:1"
    line = command_line(PUSH, row)
    assert line == "oci-store s3 push acme-oci/team/app:1 --image app:1 --region eu-west-1"
    assert what_it_does(line, monkeypatch).place == place_of(row)


def test_secrets_are_never_printed() -> None:
    place = Place("s3", "b", {"region": "eu", "access_key": "AKIA1", "secret_key": "hush", "session_token": "tok"})
    given = row_of_place(place, adds=True)
    careless = StoreRow("url", "b", "s3", "s3://b", {"bucket": "b", "secret_key": "hush", "mode": "x"}, Mode.ADD_ONLY)
    assert command_line(PUSH, given) == "oci-store s3 push b/team/app:1 --image app:1 --region eu"
    assert "hush" not in command_line(PUSH, careless)


@pytest.mark.parametrize("backend", SETTINGS)
def test_no_setting_of_a_store_is_forgotten(backend: str) -> None:
    said_elsewhere = {"bucket", "docker_host", "mode", "label"}
    assert set(OPTIONS[backend]) == SETTINGS[backend] - said_elsewhere


WORDS = ["", "plain", "it's", "a b", "$(id)", "\n", "\x1b[31m", "\x1bc0", "\u202e", "\udc9b", "é", "'\\\t"]


@pytest.mark.parametrize("word", WORDS)
def test_a_shell_reads_every_word_as_it_was(word: str) -> None:
    assert words_of(quote(word)) == [word]
    assert inert(quote(word)) == quote(word)


def test_a_target_is_never_taken_for_an_option() -> None:
    row = StoreRow("url", "-x", "s3", "s3://-x", {"bucket": "-x", "endpoint": "-e"})
    assert command_line(PULL, row) == "oci-store s3 pull --endpoint=-e -- -x/team/app:1"
