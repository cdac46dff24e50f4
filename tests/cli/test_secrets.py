"""Secrets on the command line draw one warning each, and appear nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocistore_tui import wiring
from ocistore_tui.cli.options import SECRETS
from tests.cli.running import Invoke, in_a_process
from tests.testbed.process import free_port

SECRET = "hunter2hunter2hunter2hunter2hunter2hunter2=="
FLAGS = [
    ("s3", "--secret-key", "AWS_SECRET_ACCESS_KEY"),
    ("s3", "--session-token", "AWS_SESSION_TOKEN"),
    ("azure", "--account-key", "AZURE_STORAGE_KEY"),
    ("azure", "--sas-token", "AZURE_STORAGE_SAS_TOKEN"),
    ("azure", "--connection-string", "AZURE_STORAGE_CONNECTION_STRING"),
]


@pytest.mark.parametrize(("backend", "flag", "variable"), FLAGS)
def test_a_secret_on_the_command_line_draws_one_warning_that_names_the_variable(
    oci_store: Invoke, backend: str, flag: str, variable: str
) -> None:
    more = ("--endpoint", f"http://127.0.0.1:{free_port()}/account", "--account-name", "account")
    done = oci_store(backend, "ls", "bucket", flag, SECRET, *(more if backend == "azure" else more[:2]))
    warnings = [line for line in done.err.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1
    assert flag in warnings[0]
    assert variable in warnings[0]
    assert SECRET not in done.out + done.err
    assert SECRETS[flag[2:].replace("-", "_")] == variable


def test_two_secrets_draw_one_warning_that_names_both(oci_store: Invoke) -> None:
    at = ("s3", "ls", "bucket", "--endpoint", f"http://127.0.0.1:{free_port()}")
    done = oci_store(*at, "--access-key", "AKIA", "--secret-key", SECRET)
    (told,) = [line for line in done.err.splitlines() if line.startswith("warning:")]
    for word in ("--access-key", "--secret-key", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert word in told


def test_an_access_key_id_alone_is_no_secret(oci_store: Invoke) -> None:
    done = oci_store("s3", "ls", "bucket", "--endpoint", f"http://127.0.0.1:{free_port()}", "--access-key", "AKIA")
    assert "warning" not in done.err


def test_a_secret_in_the_environment_draws_none(oci_store: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_KEY", SECRET)
    done = oci_store("azure", "ls", "c", "--account-name", "a", "--endpoint", f"http://127.0.0.1:{free_port()}/a")
    assert "warning" not in done.err
    assert SECRET not in done.err


@pytest.mark.parametrize("more", [(), ("--json",), ("--progress", "json"), ("--verbose",)])
def test_it_appears_in_no_error(oci_store: Invoke, more: tuple[str, ...]) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    lines = [
        ("s3", "ls", "b", "--endpoint", endpoint, "--access-key", SECRET, "--secret-key", SECRET),
        ("s3", "ls", "--secret-key", SECRET),
        ("s3", "nope", "--secret-key", SECRET),
        ("s3", "ls", "b", "--secret-key", SECRET, "--no-such-option"),
        ("s3", "ls", "b", f"--secret-kye={SECRET}"),
        ("s3", "ls", "b", "--access-key", SECRET, "--session-token", SECRET),
        ("azure", "ls", "c", "--account-name", "a", "--endpoint", f"{endpoint}/a", "--sas-token", f"sig={SECRET}"),
        ("azure", "ls", "c", "--connection-string", f"AccountName=a;AccountKey={SECRET};BlobEndpoint={endpoint}/a"),
        ("azure", "ls", "c", "--connection-string", SECRET),
        ("azure", "ls", "c", f"-k{SECRET}"),
        ("stores", "add", "x", "s3", "--bucket", "b", "--secret-key", SECRET),
        ("fs", "ls", "--account-key", SECRET),
    ]
    for words in lines:
        done = oci_store(*words, *more)
        assert done.code != 0
        assert "hunter2" not in done.out + done.err, words


def test_a_fault_of_the_program_is_exit_70_with_a_log_that_holds_no_values(
    oci_store: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(place: wiring.Place) -> None:
        key = place.options["account_key"]
        try:
            raise ValueError(f"signing with {key}")
        except ValueError as error:
            raise RuntimeError(f"no luck with {key}") from error

    monkeypatch.setattr(wiring, "open_service", break_down)
    words = ("azure", "ls", "c", "--account-name", "a", "--account-key", SECRET)
    done = oci_store(*words)
    log = Path(os.environ["HOME"]) / ".local/state/ocistore/last-fault.log"
    assert done.code == 70
    assert "a fault of the program itself" in done.err
    assert str(log) in done.err
    assert "RuntimeError in test_secrets.py:" in done.err
    assert "Traceback" not in done.err
    text = log.read_text()
    assert "builtins.RuntimeError" in text
    assert "builtins.ValueError" in text
    assert "test_secrets.py" in text
    for stream in (text, done.out, done.err):
        assert "hunter2" not in stream
        assert "luck" not in stream
    as_json = oci_store(*words, "--json")
    assert as_json.code == 70
    assert as_json.document["error"]["where"] == str(log)


def test_a_fault_is_told_even_where_no_log_can_be_kept(oci_store: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setattr(wiring, "open_service", lambda place: 1 / 0)
    done = oci_store("fs", "ls")
    assert done.code == 70
    assert "no log could be written" in done.err


def test_no_library_logs_to_the_terminal(here: Path) -> None:
    """SDKs log retries with signed URLs; nothing but our own error may come out."""
    endpoint = f"http://127.0.0.1:{free_port()}/a"
    done = in_a_process(
        ["azure", "ls", "c", "--account-name", "a", "--endpoint", endpoint, "--sas-token", f"sig={SECRET}"]
    )
    assert done.code == 5
    assert [line.split(":")[0].strip() for line in done.err.splitlines()] == ["warning", "error", "cause", "fix"]
