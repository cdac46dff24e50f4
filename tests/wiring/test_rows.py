"""What people write becomes a store: URLs, names, directories; and what the environment adds to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import structs

from ocistore_tui.config import SETTINGS, Connection, save_connection
from ocistore_tui.errors import UsageError
from ocistore_tui.found import FoundLogin
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.wiring.rows import embedded_row, parse_store, place_of, row_of_connection, row_of_login


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OCISTORE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "backend", "url", "settings"),
    [
        ("s3://acme", "s3", "s3://acme", {"bucket": "acme"}),
        ("s3://acme/", "s3", "s3://acme", {"bucket": "acme"}),
        ("S3://acme/some/root/", "s3", "s3://acme/some/root", {"bucket": "acme", "root_dir": "some/root"}),
        (" gs://acme/registry ", "gcs", "gs://acme/registry", {"bucket": "acme", "root_dir": "registry"}),
        ("az://box/registry", "azure", "az://box/registry", {"bucket": "box", "root_dir": "registry"}),
        ("file:///srv/images", "fs", "file:///srv/images", {"dir": "/srv/images"}),
        ("file:///srv/my%20images/", "fs", "file:///srv/my images", {"dir": "/srv/my images"}),
        ("file://localhost/srv", "fs", "file:///srv", {"dir": "/srv"}),
        ("/srv/../images", "fs", "file:///images", {"dir": "/images"}),
    ],
)
def test_a_url_is_a_store_that_is_only_read(text: str, backend: str, url: str, settings: dict[str, str]) -> None:
    row = parse_store(text)
    assert (row.origin, row.backend, row.url, row.settings) == ("url", backend, url, settings)
    assert row.mode is Mode.READ_ONLY
    assert row.is_complete


@pytest.mark.parametrize(("text", "directory"), [("./images", "images"), (".", ""), ("../x", "../x"), ("./a/..", "")])
def test_a_path_is_a_directory_from_wherever_it_is_used(here: Path, text: str, directory: str) -> None:
    row = parse_store(text)
    assert row.settings == {"dir": os.path.normpath(here / directory)}


def test_a_tilde_is_the_home_directory() -> None:
    assert parse_store("~/images").settings == {"dir": f"{os.environ['HOME']}/images"}


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "s3://BUCKET"),
        ("prod", "s3://BUCKET"),
        ("s3://", "s3://BUCKET[/PREFIX]"),
        ("s3:///key", "s3://BUCKET[/PREFIX]"),
        ("s3://a b", "s3://BUCKET[/PREFIX]"),
        ("s3://minio:9000/acme", "s3://BUCKET[/PREFIX]"),
        ("az://box?sig=hidden", "az://CONTAINER[/PREFIX]"),
        ("s3://key:hidden@acme", "s3://BUCKET[/PREFIX]"),
        ("s3://a\x1b[31m", "s3://BUCKET[/PREFIX]"),
        ("s3://acme/a/../b", "write names joined by single slashes"),
        ("s3://acme/a//b", "write names joined by single slashes"),
        ("file://host/dir", "file:///DIR"),
        ("https://minio.local:9000/acme", "AWS_ENDPOINT_URL_S3"),
        ("ftp://acme", "s3://BUCKET"),
        ("@nobody", "save it"),
    ],
)
def test_what_means_no_store_is_refused_and_says_what_to_write(text: str, fix: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_store(text)
    assert fix in told.value.fix
    words = f"{told.value.message} {told.value.where} {told.value.cause} {told.value.fix}"
    assert "hidden" not in words
    assert "\x1b" not in words


def test_a_name_says_which_there_are_and_a_directory_how_to_write_it(here: Path) -> None:
    save_connection(Connection("prod", "s3", {"bucket": "acme"}))
    with pytest.raises(UsageError) as told:
        parse_store("pord")
    assert told.value.cause == "saved are: prod"
    (here / "images").mkdir()
    with pytest.raises(UsageError) as told:
        parse_store("images")
    assert told.value.fix == "write ./images for the directory"


@pytest.mark.parametrize("text", ["prod", "@prod"])
def test_a_saved_connection_may_be_added_to_unless_it_says_otherwise(text: str) -> None:
    save_connection(Connection("prod", "s3", {"bucket": "acme", "root_dir": "registry"}))
    row = parse_store(text)
    assert (row.origin, row.name, row.url, row.mode) == ("saved", "prod", "s3://acme/registry", Mode.ADD_ONLY)
    save_connection(Connection("prod", "s3", {"bucket": "acme", "mode": "read-only"}))
    assert parse_store(text).mode is Mode.READ_ONLY
    save_connection(Connection("prod", "s3", {"bucket": "acme", "anonymous": True}))
    assert parse_store(text).mode is Mode.READ_ONLY, "nobody is signed in"


@pytest.mark.parametrize(("key", "value"), [("mode", "manage"), ("mode", ""), ("label", "x" * 41), ("label", "a\x1bb")])
def test_a_mode_or_label_that_is_none_is_refused(key: str, value: str) -> None:
    with pytest.raises(UsageError):
        save_connection(Connection("prod", "s3", {"bucket": "acme", key: value}))


def test_mode_and_label_are_no_business_of_the_adapter() -> None:
    settings = {"bucket": "acme", "mode": "read-only", "label": "PRODUCTION", "region": "eu-west-1"}
    place = place_of(row_of_connection(Connection("prod", "s3", settings)))
    assert (place.bucket, place.options) == ("acme", {"region": "eu-west-1"})


def test_the_environment_goes_before_what_is_saved_and_the_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection("usb", "fs", {"dir": "/media/usb"})
    monkeypatch.setenv("OCISTORE_DIR", "/srv/other")
    row = row_of_connection(connection)
    assert row.note == "OCISTORE_DIR goes before the saved dir"
    assert row.url == "file:///srv/other", "what is shown is what is opened"
    assert place_of(row).options == {"dir": "/srv/other"}
    assert row.settings == {"dir": "/media/usb"}, "what is saved stays as it is"


@pytest.mark.parametrize(
    ("text", "variable", "note"),
    [
        ("s3://acme", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_S3 names the server"),
        ("s3://acme", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL names the server"),
        ("az://acme", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT names the account"),
        ("gs://acme", "AWS_ENDPOINT_URL", ""),
    ],
)
def test_a_store_whose_server_the_environment_names_says_so(
    monkeypatch: pytest.MonkeyPatch, text: str, variable: str, note: str
) -> None:
    assert parse_store(text).note == ""
    monkeypatch.setenv(variable, "http://user:hidden@minio:9000")
    row = parse_store(text)
    assert row.note == note
    assert row_of_connection(Connection("prod", row.backend, row.settings)).note == note
    said = {**row.settings, "endpoint": "http://here", "account_name": "mine"}
    saved = Connection("prod", row.backend, {key: said[key] for key in said if key in SETTINGS[row.backend]})
    assert "names the" not in row_of_connection(saved).note


def test_the_environment_fills_in_what_a_url_leaves_open_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio:9000")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    row = parse_store("s3://acme")
    assert place_of(row).options == {"endpoint": "http://minio:9000", "region": "eu-west-1"}
    typed = structs.replace(row, settings={**row.settings, "region": "us-east-1"})
    assert place_of(typed).options["region"] == "us-east-1"
    monkeypatch.setenv("OCISTORE_DIR", "/srv/other")
    assert place_of(parse_store("./images")).options["dir"].endswith("/images")


def test_a_profile_of_the_environment_is_left_to_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    row = row_of_connection(Connection("prod", "s3", {"bucket": "acme", "profile": "prod"}))
    assert place_of(row).options == {"profile": "prod"}
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert place_of(row).options == {}


def test_an_azure_account_of_the_environment_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "acme")
    monkeypatch.setenv("AZURE_STORAGE_KEY", "a2V5")
    row = parse_store("az://box")
    assert place_of(row).options == {"account_name": "acme", "account_key": "a2V5"}
    assert "a2V5" not in repr(row)
    assert "a2V5" not in repr(place_of(row))


def test_a_connection_string_of_another_account_than_the_saved_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=a2V5")
    row = row_of_connection(Connection("az", "azure", {"bucket": "box", "account_name": "acme"}))
    with pytest.raises(UsageError, match="two Azure accounts"):
        place_of(row)


def test_a_sign_in_that_was_found_lacks_its_bucket() -> None:
    row = row_of_login(FoundLogin("s3", "profile prod", "single sign-on", {"profile": "prod"}))
    assert (row.origin, row.is_complete, row.note, row.mode) == ("found", False, "single sign-on", Mode.READ_ONLY)
    with pytest.raises(UsageError, match="no bucket given"):
        place_of(row)
    chosen = structs.replace(row, settings={**row.settings, "bucket": "acme"})
    assert place_of(chosen).options == {"profile": "prod"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bucket": "acme", "root_dir": "a/../b"}, "not a usable root directory"),
        ({"bucket": "acme", "ca_bundle": "/nowhere.pem"}, "no such file of certificates"),
        ({"bucket": "acme", "secret_key": "x"}, "unknown setting secret_key"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_opened(settings: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        place_of(StoreRow("url", "acme", "s3", "s3://acme", settings))


def test_the_store_of_this_computer_is_where_the_command_line_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    row = embedded_row()
    assert (row.url, row.mode) == (f"file://{os.environ['HOME']}/.local/share/ocistore/store", Mode.ADD_ONLY)
    assert place_of(row).is_embedded
    monkeypatch.setenv("OCISTORE_DIR", "/srv/images")
    assert embedded_row().url == "file:///srv/images"
    assert place_of(embedded_row()).options == {"dir": "/srv/images"}
