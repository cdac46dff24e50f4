"""Sign-ins as AWS, Google and Azure tools leave them in a home directory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ocistore_tui.found import FoundLogin, find_logins

Lay = Callable[[str, str], Path]


@pytest.fixture
def home() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def lay(home: Path) -> Lay:
    """Put a file into the home directory."""

    def lay(path: str, text: str) -> Path:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
        return home / path

    return lay


def found(**environ: str) -> list[FoundLogin]:
    return list(find_logins({"HOME": os.environ["HOME"], **environ}))


def names(**environ: str) -> list[str]:
    return [login.name for login in found(**environ)]


def test_an_empty_home_has_none() -> None:
    assert found() == []
    assert list(find_logins({})) is not None, "no HOME is no fault"


AWS_CONFIG = """
[default]
region = eu-central-1

[profile prod]
sso_session = acme
region = eu-west-1

[profile ci]
role_arn = arn:aws:iam::1:role/ci
source_profile = default

[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
"""
AWS_CREDENTIALS = """
[default]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = very-secret

[minio]
aws_access_key_id = minio
aws_secret_access_key = minio-secret
endpoint_url = http://minio.local:9000
"""


def test_aws_profiles_of_both_files_the_current_one_first(lay: Lay) -> None:
    lay(".aws/config", AWS_CONFIG)
    lay(".aws/credentials", AWS_CREDENTIALS)
    assert names() == ["profile default", "profile ci", "profile minio", "profile prod"]
    assert names(AWS_PROFILE="prod")[0] == "profile prod"
    by_name = {login.name: login for login in found()}
    assert by_name["profile default"].note == "keys in a file, eu-central-1"
    assert by_name["profile prod"].note == "single sign-on, eu-west-1"
    assert by_name["profile prod"].settings == {"profile": "prod", "region": "eu-west-1"}
    assert by_name["profile ci"].note == "assumes a role"
    assert by_name["profile minio"].settings == {"profile": "minio", "endpoint": "http://minio.local:9000"}
    assert "secret" not in repr(found())


def test_aws_files_named_by_the_environment(lay: Lay, tmp_path: Path) -> None:
    lay("elsewhere.ini", AWS_CONFIG)
    (tmp_path / "keys").write_text(AWS_CREDENTIALS)
    environ = {"AWS_CONFIG_FILE": "~/elsewhere.ini", "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys")}
    assert set(names(**environ)) == {"profile default", "profile ci", "profile minio", "profile prod"}


def test_a_server_in_the_environment_comes_first(lay: Lay) -> None:
    lay(".aws/credentials", AWS_CREDENTIALS)
    environ = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hidden"}
    first = found(**environ)[0]
    assert (first.backend, first.name, first.note) == ("s3", "127.0.0.1:9000", "keys in the environment")
    assert first.settings == {"endpoint": "http://127.0.0.1:9000"}
    assert found(**environ, AWS_ENDPOINT_URL_S3="http://s3.local")[0].name == "s3.local"
    assert "hidden" not in repr(found(**environ))


@pytest.mark.parametrize(
    "endpoint", ["http://user:password@minio:9000", "http://minio/?sig=password", "ftp://minio", "http://[", "minio"]
)
def test_a_server_whose_address_is_of_no_use_or_holds_a_secret_is_not_offered(endpoint: str) -> None:
    assert found(AWS_ENDPOINT_URL=endpoint) == []


def test_gcloud_as_it_signs_in(lay: Lay, tmp_path: Path) -> None:
    document = {"type": "authorized_user", "refresh_token": "hidden", "quota_project_id": "acme-1"}
    lay(".config/gcloud/application_default_credentials.json", json.dumps(document))
    (login,) = found()
    assert (login.name, login.note) == ("gcloud", "signed in with gcloud, project acme-1")
    assert login.settings == {"project_id": "acme-1"}
    assert "hidden" not in repr(login)
    (tmp_path / "application_default_credentials.json").write_text(json.dumps({"type": "external_account"}))
    assert found(CLOUDSDK_CONFIG=str(tmp_path))[0].note == "workload identity"


def test_a_service_account_named_by_the_environment(lay: Lay) -> None:
    document = {"type": "service_account", "client_email": "ci@acme", "private_key": "hidden", "project_id": "acme-2"}
    path = lay("key.json", json.dumps(document))
    (login,) = found(GOOGLE_APPLICATION_CREDENTIALS=str(path))
    assert (login.name, login.note) == ("Google credentials", "service account ci@acme, project acme-2")
    assert "hidden" not in repr(login)


def test_az_login(lay: Lay) -> None:
    subscriptions = [
        {"name": "Test", "isDefault": False, "user": {"name": "someone@acme"}},
        {"name": "Production", "isDefault": True, "user": {"name": "ada@acme"}},
    ]
    lay(".azure/azureProfile.json", "\ufeff" + json.dumps({"subscriptions": subscriptions}))
    (login,) = found()
    assert (login.name, login.note) == ("az login", "signed in as ada@acme, subscription Production")
    assert login.settings == {}


def test_azure_accounts_of_the_environment() -> None:
    (login,) = found(AZURE_STORAGE_ACCOUNT="acme", AZURE_STORAGE_KEY="hidden")
    assert (login.name, login.note) == ("account acme", "key in the environment")
    assert login.settings == {"account_name": "acme"}
    told = "AccountName=acme;AccountKey=hidden"
    (login,) = found(AZURE_STORAGE_CONNECTION_STRING=told, AZURE_STORAGE_ACCOUNT="other")
    assert (login.name, login.note) == ("account acme", "a connection string in the environment")
    assert "hidden" not in repr(login)


DAMAGED = ["", "\0\0", "{", "[", "[default", "a = b", "{" * 100_000, '{"type": 5, "subscriptions": 7}',
           '{"subscriptions": [5, {"user": 3}]}', "x" * 2_000_000]  # fmt: skip
FILES = (".aws/config", ".aws/credentials", ".config/gcloud/application_default_credentials.json",
         ".azure/azureProfile.json")  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_and_huge_files_are_passed_over(lay: Lay, damage: str) -> None:
    for path in FILES:
        lay(path, damage)
    assert [login.name for login in found() if login.name != "az login"] == []


@pytest.mark.parametrize("path", FILES)
def test_what_is_no_file_is_not_waited_for(home: Path, path: str) -> None:
    (home / path).parent.mkdir(parents=True)
    os.mkfifo(home / path)
    assert found() == []
    (home / path).unlink()
    (home / path).mkdir()
    assert found() == []


def test_bytes_that_are_no_text_are_passed_over(home: Path) -> None:
    for path in FILES:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(b"[default]\nregion = \xff\xfe\n")
    assert found() == []


def test_names_that_could_steer_a_terminal_are_not_offered(lay: Lay) -> None:
    lay(".aws/config", "[profile a\x1b[31mb]\nregion = x\n[profile fine]\nregion = \x1b]52;c;x\x07\n")
    (login,) = found()
    assert login.name == "profile fine"
    assert "\x1b" not in login.note
