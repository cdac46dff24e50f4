"""``--help`` teaches by example on every level, and its examples are true."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from ocistore_tui import __version__
from ocistore_tui.cli.tree import root
from tests.cli.recorder import Seen
from tests.cli.running import OCISTORE_TUI, Invoke, in_a_process


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every level."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, *(["name"] if command.name == "add" else []), name))


LEVELS = list(commands(root))


def examples(text: str) -> list[str]:
    """The lines below the heading Examples."""
    section = re.search(r"^Examples:\n((?:  .*\n)+)", text, re.MULTILINE)
    return [line.strip() for line in section[1].splitlines()] if section else []


@pytest.mark.parametrize("level", LEVELS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_level_has_examples(oci_store: Invoke, level: tuple[str, ...], flag: str) -> None:
    done = oci_store(*level, flag)
    assert (done.code, done.err) == (0, "")
    assert examples(done.out)
    assert "TEXT" not in done.out, "an option does not say what it takes"
    assert max(map(len, done.out.splitlines())) <= 100


def test_there_are_all_verbs_of_all_backends() -> None:
    for backend in ("s3", "gcs", "azure", "fs"):
        for verb in ("push", "pull", "ls", "inspect", "serve"):
            assert (backend, verb) in LEVELS


def test_every_example_is_understood(oci_store: Invoke, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = {line for level in LEVELS for line in examples(oci_store(*level, "--help").out)}
    assert len(typed) > 40
    oci_store("stores", "add", "prod", "fs", "--dir", "images")
    for line in sorted(typed):
        words = shlex.split(line, comments=True)
        if line.startswith("eval") or words[1] in ("demo", "completion", "stores"):
            continue
        assert words.pop(0) == "oci-store"
        if "ls" in words or "inspect" in words:
            monkeypatch.setattr("ocistore_tui.cli.verbs.Run.ls", lambda run: None)
            monkeypatch.setattr("ocistore_tui.cli.verbs.Run.inspect", lambda run, platform: None)
        if "serve" in words:
            monkeypatch.setattr("ocistore_tui.cli.verbs.Run.serve", lambda run, options: None)
        done = oci_store(*words)
        assert done.code in (0, 8), (line, done)


def test_the_examples_of_saved_connections_work(oci_store: Invoke) -> None:
    lines = [line for level in LEVELS if level[:1] == ("stores",) for line in examples(oci_store(*level, "--help").out)]
    adding = [line for line in lines if " add " in line]
    assert adding
    for line in adding:
        assert oci_store(*shlex.split(line)[1:]).code == 0, line


def test_the_exit_codes_are_listed(oci_store: Invoke) -> None:
    text = oci_store("--help").out
    assert "Exit codes:" in text
    for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 70, 130, 143):
        assert re.search(rf"\b{code} \w", text)


def test_nothing_typed_is_help(oci_store: Invoke) -> None:
    done = oci_store()
    assert (done.code, done.err) == (0, "")
    assert "Usage: oci-store" in done.out


def test_only_options_of_use_are_offered(oci_store: Invoke) -> None:
    for verb, is_offered in (("ls", False), ("inspect", False), ("push", True), ("pull", True)):
        assert ("--docker-host" in oci_store("s3", verb, "--help").out) is is_offered
    for backend in ("s3", "azure"):
        assert "SECRET" in oci_store(backend, "ls", "--help").out
        assert "SECRET" not in oci_store("stores", "add", "x", backend, "--help").out
    assert oci_store("fs", "ls", "--docker-host", "unix:///nowhere").code == 0, "scripts may give it to every verb"


def test_help_holds_no_markup(oci_store: Invoke) -> None:
    assert not [level for level in LEVELS if "``" in oci_store(*level, "--help").out]


def test_the_version(oci_store: Invoke) -> None:
    assert oci_store("--version").out == f"ocistore-tui {__version__}\n"
    assert in_a_process(["--version"], program=OCISTORE_TUI).out == f"ocistore-tui {__version__}\n"
