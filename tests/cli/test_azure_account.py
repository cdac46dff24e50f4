"""Which Azure account a command goes to, where command line, environment and a saved connection each name one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.recorder import Seen, run_line
from tests.cli.running import Invoke

EXPORTED = "AccountName=exported;AccountKey=ZXhwb3J0ZWQ=;BlobEndpoint=https://exported.blob.core.windows.net/"
SAVED = '[connections.az]\nbackend = "azure"\nbucket = "box"\n'


@pytest.fixture(autouse=True)
def file(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file; and a shell with a connection string in its environment."""
    path = here / "config.toml"
    monkeypatch.setenv("OCISTORE_CONFIG", str(path))
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", EXPORTED)
    return path


def options(oci_store: Invoke, seen: Seen, line: str) -> dict[str, object]:
    """What the adapter is told."""
    run_line(oci_store, f"oci-store {line}")
    return dict(seen.place.options)


@pytest.mark.parametrize(
    "typed",
    [
        {"account_name": "mine", "account_key": "bWluZQ=="},
        {"account_name": "mine"},
        {"account_name": "exported", "account_key": "bWluZQ=="},
        {"account_name": "mine", "sas_token": "sig=x"},
        {"account_name": "mine", "account_key": "bWluZQ==", "endpoint": "http://127.0.0.1:10000"},
        {"endpoint": "https://mine.blob.core.windows.net", "sas_token": "sig=x"},
        {"endpoint": "http://127.0.0.1:10000/exported"},
    ],
)
def test_what_is_typed_goes_before_an_exported_connection_string(
    oci_store: Invoke, seen: Seen, typed: dict[str, str]
) -> None:
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in typed.items())
    assert options(oci_store, seen, f"azure push {flags} box/rt/app:1") == typed


@pytest.mark.parametrize(
    "flags",
    ["", "--account-name exported", "--endpoint https://exported.blob.core.windows.net", "--account-key ZXhwb3J0ZWQ="],
)
def test_an_exported_connection_string_counts_where_nothing_typed_says_otherwise(
    oci_store: Invoke, seen: Seen, flags: str
) -> None:
    told = options(oci_store, seen, f"azure push {flags} box/app")
    assert told == {"account_name": "exported", "connection_string": EXPORTED}


def test_a_typed_credential_goes_before_an_exported_one_of_another_kind(
    oci_store: Invoke, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "exported")
    monkeypatch.setenv("AZURE_STORAGE_KEY", "ZXhwb3J0ZWQ=")
    told = options(oci_store, seen, "azure push --sas-token sig=x box/app")
    assert told == {"account_name": "exported", "sas_token": "sig=x"}


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--account-name", "mine"), ("--account-key", "bWluZQ=="), ("--sas-token", "sig=x"), ("--endpoint", "http://h")],
)
def test_a_typed_connection_string_and_a_flag_that_contradicts_it(oci_store: Invoke, flag: str, value: str) -> None:
    done = oci_store("azure", "ls", "box", "--connection-string", EXPORTED, flag, value)
    assert done.code == 2
    assert f"leave out {flag} or --connection-string" in done.err
    assert "bWluZQ==" not in done.err.replace(EXPORTED, "")


@pytest.mark.parametrize("setting", ['account_name = "saved"', 'endpoint = "https://saved.blob.core.windows.net"'])
def test_a_saved_account_is_never_silently_another(oci_store: Invoke, seen: Seen, file: Path, setting: str) -> None:
    file.write_text(f"{SAVED}{setting}\n")
    done = oci_store("@az", "ls")
    assert done.code == 2
    assert seen.places == []
    assert "saved" in done.err
    assert "AZURE_STORAGE_CONNECTION_STRING" in done.err
    assert "ZXhwb3J0ZWQ=" not in done.err


def test_a_saved_account_with_what_is_typed_for_it(oci_store: Invoke, seen: Seen, file: Path) -> None:
    file.write_text(f'{SAVED}account_name = "saved"\n')
    told = options(oci_store, seen, "@az push app --account-key c2F2ZWQ=")
    assert told == {"account_name": "saved", "account_key": "c2F2ZWQ="}


def test_a_saved_account_that_is_the_exported_one(oci_store: Invoke, seen: Seen, file: Path) -> None:
    file.write_text(f'{SAVED}account_name = "exported"\n')
    assert options(oci_store, seen, "@az push app")["connection_string"] == EXPORTED


def test_an_endpoint_of_another_account_than_the_one_named(oci_store: Invoke, seen: Seen, file: Path) -> None:
    file.write_text(f'{SAVED}account_name = "saved"\nendpoint = "https://saved.blob.core.chinacloudapi.cn"\n')
    done = oci_store("@az", "ls", "--account-name", "mine")
    assert done.code == 2
    assert seen.places == []
    assert "the endpoint is that of saved, not of mine" in done.err
