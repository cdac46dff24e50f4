"""Stores are saved, forgotten, remembered and opened; what was stopped is kept for its own store, without secrets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from ocistore_tui.config import config_path, state_dir
from ocistore_tui.errors import UsageError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.tui.ports import Stores
from ocistore_tui.wiring.rows import embedded_row, parse_store
from ocistore_tui.wiring.stores import LocalStores


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OCISTORE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stores() -> Stores:
    return LocalStores()


# saved


def test_a_url_is_kept_under_a_name_and_found_again(stores: Stores) -> None:
    row = structs.replace(stores.parse("s3://acme/registry"), name="prod", mode=Mode.ADD_ONLY)
    saved = stores.save(row)
    assert (saved.origin, saved.name, saved.url, saved.mode) == ("saved", "prod", "s3://acme/registry", Mode.ADD_ONLY)
    assert list(stores.saved()) == [saved] == [stores.parse("prod")]
    stores.forget("prod")
    assert list(stores.saved()) == []
    with pytest.raises(UsageError):
        stores.forget("prod")


def test_saved_again_it_replaces_what_was_and_keeps_the_rest_of_the_file(stores: Stores) -> None:
    config_path().write_text('# mine\n[connections.usb]\nbackend = "fs"\ndir = "/media/usb"\n')
    row = structs.replace(stores.parse("s3://acme"), name="prod")
    stores.save(row)
    stores.save(structs.replace(row, settings={"bucket": "acme", "label": "PRODUCTION"}))
    assert config_path().read_text().startswith("# mine\n")
    by_name = {saved.name: saved for saved in stores.saved()}
    assert set(by_name) == {"usb", "prod"}
    assert by_name["prod"].settings == {"bucket": "acme", "label": "PRODUCTION", "mode": "read-only"}
    assert by_name["prod"].mode is Mode.READ_ONLY


def test_manage_is_for_one_session_and_is_not_saved(stores: Stores) -> None:
    row = structs.replace(stores.parse("s3://acme"), name="prod", mode=Mode.MANAGE)
    assert stores.save(row).mode is Mode.ADD_ONLY


def test_a_directory_is_kept_with_its_whole_path(stores: Stores, here: Path) -> None:
    row = structs.replace(stores.parse("./images"), name="here")
    assert stores.save(row).settings["dir"] == str(here / "images")
    embedded = structs.replace(embedded_row(), name="mine")
    assert stores.save(embedded).settings["dir"] == f"{os.environ['HOME']}/.local/share/ocistore/store"


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("no name", {"bucket": "acme"}, "invalid connection name"),
        ("prod", {}, "needs a bucket"),
        ("prod", {"bucket": "acme", "secret_key": "hidden"}, "does not belong"),
    ],
)
def test_what_cannot_be_kept_is_refused(stores: Stores, name: str, settings: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        stores.save(StoreRow("url", name, "s3", "s3://acme", settings))
    assert not config_path().exists()


def test_a_file_that_is_wrong_says_so(stores: Stores) -> None:
    config_path().write_text("[connections.prod]\nbackend = 5\n")
    with pytest.raises(UsageError, match="needs a backend"):
        stores.saved()


# opened and found


def test_a_directory_is_opened_and_nothing_is_made(stores: Stores, here: Path) -> None:
    with stores.open(stores.parse("./images")) as service:
        assert service.store_url == f"file://{here}/images"
    assert not (here / "images").exists()


def test_found_begins_with_this_computer_and_goes_on_with_what_is_signed_in(stores: Stores) -> None:
    credentials = Path(os.environ["HOME"]) / ".aws/credentials"
    credentials.parent.mkdir()
    credentials.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = hidden\n")
    rows = list(stores.found())
    assert [(row.origin, row.name, row.is_complete) for row in rows] == [
        ("embedded", "this computer", True), ("found", "profile default", False),
    ]  # fmt: skip
    assert "hidden" not in repr(rows)


def test_places_are_the_engine_and_folders_that_hold_images(stores: Stores, here: Path) -> None:
    assert stores.places()[0] == LocalPlace("engine", "", "docker")
    assert not any(place.kind == "folder" for place in stores.places())
    (here / "app.tar").write_bytes(b"")
    assert LocalPlace("folder", str(here), here.name) in stores.places()
    (here / "oci-layout").write_text("{}")
    (here / "index.json").write_text("{}")
    assert LocalPlace("oci", str(here), here.name) in stores.places()


def test_demo_content_comes_into_any_store_and_its_folder_is_a_place(stores: Stores, here: Path) -> None:
    said: list[str] = []
    with stores.open(stores.parse("./images")) as service:
        place = stores.add_demo(service, said.append)
        assert "demo/hello" in [row.name for row in service.repositories()]
    assert said[0] == "making images"
    assert place.kind == "folder"
    assert len(list(Path(place.address).glob("*.tar"))) == 5
    assert any(kept.address == place.address for kept in stores.places())


def test_the_demo_store_is_not_remembered_and_not_saved(tmp_path: Path) -> None:
    stores = LocalStores(demo_dir=tmp_path / "demo")
    row = stores.demo_row()
    assert (row.origin, row.mode) == ("demo", Mode.ADD_ONLY)
    stores.opened(row)
    stores.keep_unfinished(row, [PullRequest(Reference.parse("app:1"))])
    assert not state_dir().exists()
    with pytest.raises(UsageError, match="cannot be saved"):
        stores.save(row)


# remembered


REQUESTS = (
    PushRequest(Reference.parse("team/app:1"), "docker-archive:app.tar", via="archive"),
    PushRequest(
        Reference.parse("team/app:2"), None, Platform.parse("linux/arm64/v8"), docker_host="unix:///run/x.sock"
    ),
    PullRequest(Reference.parse("team/app@sha256:" + "a" * 64), "oci:back", all_platforms=True),
)


def test_what_was_stopped_comes_back_as_it_was_in_its_own_store(stores: Stores) -> None:
    acme, other = parse_store("s3://acme"), parse_store("s3://other")
    stores.keep_unfinished(acme, REQUESTS)
    stores.keep_unfinished(other, REQUESTS[:1])
    later = LocalStores()
    assert later.unfinished(acme) == REQUESTS
    assert later.unfinished(other) == REQUESTS[:1]
    later.keep_unfinished(other, [])
    assert later.unfinished(other) == ()
    assert later.unfinished(acme) == REQUESTS


def test_the_same_bucket_at_another_server_is_another_store(stores: Stores) -> None:
    here = StoreRow("url", "acme", "s3", "s3://acme", {"bucket": "acme", "endpoint": "http://one"})
    there = structs.replace(here, settings={"bucket": "acme", "endpoint": "http://two"})
    stores.keep_unfinished(here, REQUESTS)
    assert stores.unfinished(there) == ()


@pytest.mark.parametrize(
    ("url", "variable", "one", "two"),
    [
        ("s3://acme", "AWS_ENDPOINT_URL_S3", "http://one", "http://two"),
        ("s3://acme", "AWS_ENDPOINT_URL", "http://one", "http://two"),
        ("az://acme", "AZURE_STORAGE_ACCOUNT", "one", "two"),
    ],
)
def test_the_environment_tells_servers_apart_too(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, url: str, variable: str, one: str, two: str
) -> None:
    monkeypatch.setenv(variable, one)
    row = parse_store(url)
    stores.keep_unfinished(row, REQUESTS)
    assert stores.unfinished(row) == REQUESTS
    monkeypatch.setenv(variable, two)
    assert stores.unfinished(row) == ()
    monkeypatch.setenv(variable, one)
    assert stores.unfinished(row) == REQUESTS


def test_a_secret_in_an_address_of_the_environment_is_not_remembered(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://user:hidden@minio:9000")
    stores.keep_unfinished(parse_store("s3://acme"), REQUESTS)
    assert not (state_dir() / "unfinished.json").exists()


@pytest.mark.parametrize(
    "endpoint", ["https://user:hidden@minio:9000", "https://acme.blob.core.windows.net/?sig=hidden"]
)
def test_a_server_whose_address_may_hold_a_secret_is_not_remembered(stores: Stores, endpoint: str) -> None:
    row = StoreRow("url", "acme", "s3", "s3://acme", {"bucket": "acme", "endpoint": endpoint})
    stores.opened(row)
    stores.keep_unfinished(row, REQUESTS)
    assert not state_dir().exists()


def test_state_is_for_the_user_alone(stores: Stores) -> None:
    stores.opened(parse_store("s3://acme"))
    stores.keep_unfinished(parse_store("s3://acme"), REQUESTS)
    files = sorted(state_dir().iterdir())
    assert [file.name for file in files] == ["last-store.json", "unfinished.json"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


@pytest.mark.parametrize(
    "damage",
    [
        "{", "[]", '{"stores": 5}', '{"stores": [5, {}, {"store": 5}]}',
        {"requests": 5}, {"requests": [5, {}, {"verb": "push"}, {"verb": "push", "reference": "UPPER:1"}]},
        {"requests": [{"verb": "push", "reference": "app:1", "image": ["x"]}]},
    ],
    ids=range(7),
)  # fmt: skip
def test_a_damaged_memory_of_what_was_stopped_is_passed_over(stores: Stores, damage: object) -> None:
    row = parse_store("s3://acme")
    stores.keep_unfinished(row, REQUESTS)
    path = state_dir() / "unfinished.json"
    if isinstance(damage, dict):
        document = json.loads(path.read_text())
        document["stores"][0] |= damage
        damage = json.dumps(document)
    path.write_text(str(damage))
    assert stores.unfinished(row) == ()
    stores.keep_unfinished(row, REQUESTS)
    assert stores.unfinished(row) == REQUESTS


def test_a_mode_that_was_written_into_the_memory_is_not_believed() -> None:
    LocalStores().opened(parse_store("s3://acme"))
    path = state_dir() / "last-store.json"
    path.write_text(path.read_text().replace("READ ONLY", "MANAGE"))
    assert LocalStores().first().mode is Mode.READ_ONLY


# rights


def test_the_policy_of_a_bucket_names_the_least_rights_of_its_mode(stores: Stores) -> None:
    row = stores.parse("s3://acme/registry")
    reads = json.loads(stores.policy(row))
    assert [statement["Action"] for statement in reads["Statement"]] == [["s3:ListBucket"], ["s3:GetObject"]]
    assert [statement["Resource"] for statement in reads["Statement"]] == [
        "arn:aws:s3:::acme", "arn:aws:s3:::acme/registry/*",
    ]  # fmt: skip
    adds = json.loads(stores.policy(structs.replace(row, mode=Mode.ADD_ONLY)))
    assert "s3:PutObject" in adds["Statement"][1]["Action"]
    assert "s3:ListBucketMultipartUploads" in adds["Statement"][0]["Action"]
    assert not any("*" in action for statement in adds["Statement"] for action in statement["Action"])


@pytest.mark.parametrize(
    ("url", "reads", "adds"),
    [
        ("gs://acme", "roles/storage.objectViewer", "roles/storage.objectUser"),
        ("az://box", "Storage Blob Data Reader", "Storage Blob Data Contributor"),
    ],
)
def test_google_and_azure_have_roles(stores: Stores, url: str, reads: str, adds: str) -> None:
    row = stores.parse(url)
    assert reads in stores.policy(row)
    assert adds in stores.policy(structs.replace(row, mode=Mode.ADD_ONLY))
    assert "\n" not in stores.policy(row)


def test_a_directory_needs_no_policy(stores: Stores) -> None:
    assert stores.policy(stores.parse("./images")) == ""
