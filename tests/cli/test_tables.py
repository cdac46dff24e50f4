"""Tables fit the terminal; where there is none, and in names and digests, nothing is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocistore_tui.cli.words import table
from tests.cli.running import OCI_STORE, Invoke
from tests.cli.shelf import config, put_image
from tests.cli.test_streams import on_a_terminal

STEP = "RUN make " + "every " * 100 + "thing"


@pytest.fixture
def long(store: Path) -> Path:
    """A store with an image that has long stories to tell."""
    put_image(store, "team/long", "a-tag-with-a-long-name", config(history=[{"created_by": STEP, "empty_layer": True}]))
    return store


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_lines_are_as_wide_as_the_terminal_at_most(long: Path, columns: int) -> None:
    for words in (["ls", "team/multi"], ["ls", "team/long"], ["inspect", "team/long:a-tag-with-a-long-name"]):
        code, text = on_a_terminal([OCI_STORE, "fs", *words], env={"COLUMNS": str(columns), "NO_COLOR": "1"})
        assert code == 0
        rows = text.split("\r\n\r\n")[-1] if words[0] == "inspect" else text
        assert max(map(len, rows.splitlines())) <= columns
    assert "…" in rows


def test_without_a_terminal_nothing_is_cut(oci_store: Invoke, long: Path) -> None:
    assert STEP in oci_store("fs", "inspect", "team/long:a-tag-with-a-long-name").out
    assert "linux/amd64, linux/arm64" in oci_store("fs", "ls", "team/multi").out


def test_only_the_last_column_is_cut_and_never_below_use() -> None:
    rows = [("a" * 30, "b" * 12, "c" * 40)]
    wide, narrow = table(("A", "B", "C"), rows, width=80), table(("A", "B", "C"), rows, width=40)
    assert wide[1] == f"{'a' * 30}  {'b' * 12}  {'c' * 33}…"
    assert narrow[1] == f"{'a' * 30}  {'b' * 12}  {'c' * 11}…"
    assert table(("A", "B", "C"), rows)[1].endswith("c" * 40)
