"""stdout is the result, stderr the story; either may be closed, full, a file or a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.running import LONGEST_S, OCI_STORE, OCISTORE_TUI, Invoke, in_a_process
from tests.cli.shelf import config, put_image


def in_a_shell(line: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which ``oci-store`` is the program."""
    script = f'set -o pipefail; oci-store() {{ "{OCI_STORE}" "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=LONGEST_S, env={**os.environ, **(env or {})},
        check=False,
    )  # fmt: skip


def on_a_terminal(words: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program with a terminal at all three ends; its exit code and everything it wrote."""
    main, worker = pty.openpty()
    with subprocess.Popen(
        words, stdin=worker, stdout=worker, stderr=worker, env={**os.environ, **(env or {})}
    ) as program:
        os.close(worker)
        written = bytearray()
        try:
            while chunk := os.read(main, 65536):
                written += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(main)
        return program.wait(LONGEST_S), written.decode()


def test_stdout_is_the_result_and_nothing_else(oci_store: Invoke, here: Path) -> None:
    at = ("--dir", "s")
    pushed = oci_store("fs", "push", "app:1", "--image", "docker-archive:hello.tar", "--verbose", *at)
    assert pushed.out.startswith("app:1@sha256:")
    assert pushed.out.count("\n") == 1
    assert "store: file://" in pushed.err
    pulled = oci_store("fs", "pull", "app:1", "--image", "oci-archive:back.tar", *at)
    name, image_id = pulled.out.split()
    assert name.startswith("oci-archive:back.tar")
    assert image_id.startswith("sha256:")
    assert oci_store("fs", "ls", *at).out == "app\n"


def test_quiet_says_nothing_but_the_result(oci_store: Invoke, here: Path) -> None:
    done = oci_store("fs", "push", "app:1", "--image", "docker-archive:hello.tar", "--dir", "s", "-q")
    assert done.err == ""
    assert done.out.startswith("app:1@sha256:")


@pytest.mark.parametrize("verb", ["ls", "inspect team/app:1", "--json ls", "ls team/app"])
def test_a_reader_that_goes_away_is_no_error(here: Path, verb: str) -> None:
    for number in range(3000):
        (here / f"s/docker/registry/v2/repositories/team/r{number}/_manifests/tags").mkdir(parents=True)
    long = [{"created_by": f"RUN step {number} " + "x" * 400, "empty_layer": True} for number in range(2000)]
    put_image(here / "s", "team/app", "1", config(history=long))
    done = in_a_shell(f"oci-store fs {verb} --dir s | head -c 1", env={"OCISTORE_DIR": "s"})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_push_goes_on_when_nobody_reads_its_progress(here: Path) -> None:
    line = "oci-store fs push app:1 --image docker-archive:hello.tar --dir s --progress json 2> >(exec true)"
    done = in_a_shell(f"sleep 0.1; {line}")
    assert done.returncode == 0, done
    assert done.stdout.startswith("app:1@sha256:")


def test_closed_streams_are_no_fault(here: Path) -> None:
    push = "oci-store fs push app:1 --image docker-archive:hello.tar --dir s"
    assert in_a_shell(f"{push} >&- 2>&-").returncode == 0
    assert in_a_shell("oci-store fs ls --dir s >&-").returncode == 0
    assert in_a_shell("oci-store fs ls --dir nope 2>&-").returncode == 3


def test_a_full_disk_below_stdout_is_said(here: Path) -> None:
    put_image(here / "s", "app", "1", config())
    done = in_a_shell("oci-store fs ls --dir s > /dev/full")
    assert done.returncode == 5
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_gets_colour_and_a_heading_that_stands_out(here: Path) -> None:
    put_image(here / "s", "app", "1", config())
    code, text = on_a_terminal([OCI_STORE, "fs", "ls", "app", "--dir", "s"])
    assert code == 0
    assert text.startswith("\x1b[1mTAG")
    code, text = on_a_terminal([OCI_STORE, "fs", "ls", "nope", "--dir", "s"])
    assert code == 3
    assert "\x1b[1;31merror:\x1b[0m" in text


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "TERM=dumb"])
def test_no_colour_where_it_is_not_wanted(here: Path, env: dict[str, str]) -> None:
    put_image(here / "s", "app", "1", config())
    for words in (["fs", "ls", "app"], ["fs", "ls", "nope"], ["fs", "inspect", "app:1"], ["fs", "ls", "--help"]):
        _, text = on_a_terminal([OCI_STORE, *words, *([] if "--help" in words else ["--dir", "s"])], env)
        assert "\x1b" not in text


def test_no_control_sequences_reach_a_dumb_terminal_during_a_push(here: Path) -> None:
    push = [OCI_STORE, "fs", "push", "app:1", "--image", "docker-archive:hello.tar", "--dir", "s"]
    code, text = on_a_terminal(push, {"TERM": "dumb"})
    assert code == 0
    assert "\x1b" not in text
    assert "plan  2 layers: 2 upload" in text


def test_a_terminal_that_knows_no_unicode_gets_ascii(here: Path) -> None:
    put_image(here / "s", "app", "1", config(config={"Cmd": ["h\u00e4llo"]}))
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = in_a_process(["fs", "inspect", "app:1", "--dir", "s"], env=ascii_only)
    assert done.code == 0
    assert "h\\xe4llo" in done.out


@pytest.mark.parametrize(
    ("env", "words"),
    [({"CI": "true"}, []), ({"TERM": "dumb"}, []), ({}, ["--no-tui"])],
    ids=["CI", "dumb", "--no-tui"],
)
def test_the_door_of_the_terminal_ui_leads_to_the_headless_program_where_no_ui_is_wanted(
    here: Path, env: dict[str, str], words: list[str]
) -> None:
    put_image(here / "s", "app", "1", config())
    code, text = on_a_terminal([OCISTORE_TUI, *words, "fs", "ls", "--dir", "s"], env)
    assert (code, text.strip()) == (0, "app")


def test_without_a_terminal_it_is_headless_by_itself(here: Path) -> None:
    put_image(here / "s", "app", "1", config())
    assert in_a_process(["fs", "ls", "--dir", "s"], program=OCISTORE_TUI).out == "app\n"


def test_a_list_on_a_terminal_is_a_list(here: Path) -> None:
    put_image(here / "s", "app", "1", config())
    assert on_a_terminal([OCISTORE_TUI, "fs", "ls", "--dir", "s"], {"NO_COLOR": "1"}) == (0, "app\r\n")
    assert on_a_terminal([OCISTORE_TUI, "--version"])[0] == 0
