"""The completion script of bash, in a real bash."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.running import LONGEST_S, OCI_STORE, Invoke
from tests.testbed.need import program

CONNECTIONS = '[connections.prod]\nbackend = "fs"\n[connections.primary]\nbackend = "s3"\nbucket = "b"\n'


def complete(line: str, *, name: str = "oci-store", env: dict[str, str] | None = None) -> list[str]:
    """What bash offers when Tab is pressed at the end of ``line``."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    script = f"""
        eval "$({name} completion bash)"
        COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; COMP_LINE={shlex.quote(line)}
        COMP_POINT={len(line)}
        function=$(complete -p {name} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function {name} "${{COMP_WORDS[COMP_CWORD]}}" ""
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{Path(OCI_STORE).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=LONGEST_S, check=False,
        env={**os.environ, "PATH": path, **(env or {})},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


def typed(keys: str, env: Mapping[str, str]) -> str:
    """The line a person has before them who types ``keys`` into an interactive bash."""
    main, worker = pty.openpty()
    path = f"{Path(OCI_STORE).parent}:{os.environ['PATH']}"
    script = "PS1=; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; "
    script += 'eval "$(oci-store completion bash)"; echo rea""dy'
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], stdin=worker, stdout=worker, stderr=worker, start_new_session=True,
        env={**os.environ, "PATH": path, "TERM": "dumb", **env},
    ) as bash:  # fmt: skip
        os.close(worker)
        try:
            _write_and_wait(main, f"{script}\n", "\nready\r\n")
            # The line is wrapped up as a word of another command, which says it.
            answer = _write_and_wait(main, f"{keys}\x05]]'\x01printf '[[%s\\n' '\n", "\n[[", "]]\r\n")
        finally:
            bash.kill()
            os.close(main)
    return answer.rpartition("\n[[")[2].partition("]]")[0]


def _write_and_wait(terminal: int, keys: str, *marks: str) -> str:
    os.write(terminal, keys.encode())
    seen = ""
    while True:
        rest = seen
        for mark in marks:
            _, found, rest = rest.partition(mark)
            if not found:
                break
        else:
            return seen
        assert select.select([terminal], [], [], LONGEST_S)[0], seen
        seen += os.read(terminal, 65536).decode(errors="replace")


@pytest.fixture(autouse=True)
def _bash() -> None:
    program("bash", hint="apt-get install bash")


def test_a_backend() -> None:
    assert {"s3", "gcs", "azure", "fs", "stores", "demo", "completion"} <= set(complete("oci-store "))
    assert complete("oci-store az") == ["azure"]


def test_a_verb() -> None:
    assert set(complete("oci-store s3 ")) == {"push", "pull", "ls", "inspect", "serve"}
    assert complete("oci-store s3 in") == ["inspect"]
    assert complete("oci-store --json s3 in") == ["inspect"]


def test_an_option_and_its_values() -> None:
    assert set(complete("oci-store s3 push --re")) == {"--region"}
    assert set(complete("oci-store fs push app --via ")) == {"auto", "registry", "archive"}
    assert "json" in complete("oci-store --progress ")


def test_a_saved_connection_and_its_verbs(here: Path) -> None:
    (here / "c.toml").write_text(CONNECTIONS)
    env = {"OCISTORE_CONFIG": str(here / "c.toml")}
    assert set(complete("oci-store @", env=env)) == {"@prod", "@primary"}
    assert complete("oci-store @pro", env=env) == ["@prod"]
    assert "push" in complete("oci-store @prod ", env=env)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("oci-store @us\t", "oci-store @usb "),
        ("oci-store @usb l\t", "oci-store @usb ls "),
        ("oci-store @usb push app --via=reg\t", "oci-store @usb push app --via=registry "),
        ("oci-store @usb push app --vi\t", "oci-store @usb push app --via "),
        ("oci-store stores rm u\t", "oci-store stores rm usb "),
        ("oci-store stores rm @u\t", "oci-store stores rm @usb "),
        ("ocistore-tui @us\t", "ocistore-tui @usb "),
    ],
)
def test_tab_in_a_bash_somebody_types_into(here: Path, keys: str, line: str) -> None:
    (here / "c.toml").write_text('[connections.usb]\nbackend = "fs"\n[connections.prod]\nbackend = "fs"\n')
    assert typed(keys, {"OCISTORE_CONFIG": str(here / "c.toml")}) == line


def test_the_other_name_of_the_program() -> None:
    assert complete("ocistore-tui az", name="ocistore-tui") == ["azure"]


@pytest.mark.parametrize("text", ["not toml [", '[connections.x]\nbackend = "ftp"'])
def test_a_broken_file_of_connections_is_silent(here: Path, text: str) -> None:
    (here / "c.toml").write_text(text)
    env = {"OCISTORE_CONFIG": str(here / "c.toml")}
    assert complete("oci-store az", env=env) == ["azure"]
    assert complete("oci-store @x ", env=env) == []
    assert complete("oci-store @nobody ", env=env) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_both_programs(oci_store: Invoke, shell: str) -> None:
    done = oci_store("completion", shell)
    assert done.code == 0
    assert "_OCI_STORE_COMPLETE" in done.out
    assert "_OCISTORE_TUI_COMPLETE" in done.out
    assert oci_store("completion", shell, "--json").document["script"] + "\n" == done.out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_scripts_of_other_shells_are_theirs(oci_store: Invoke, here: Path, shell: str) -> None:
    check = [program(shell, hint=f"apt-get install {shell}"), "-n", "script"]
    (here / "script").write_text(oci_store("completion", shell).out)
    assert subprocess.run(check, timeout=LONGEST_S, check=False).returncode == 0
