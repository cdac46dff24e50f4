"""How the tests run the program: in this process, or as a person's shell does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OCI_STORE = str(Path(sys.executable).with_name("oci-store"))
OCISTORE_TUI = str(Path(sys.executable).with_name("ocistore-tui"))
LONGEST_S = 60


@dataclass(frozen=True)
class Done:
    """What one run of the program left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """stdout, which is exactly one JSON document."""
        assert self.out.endswith("\n")
        found: dict[str, Any] = json.loads(self.out)
        assert self.out.count("\n") == 1
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """stderr, which is one JSON object a line."""
        return [json.loads(line) for line in self.err.splitlines()]


Invoke = Callable[..., Done]


def in_a_process(words: Sequence[str], *, env: Mapping[str, str] | None = None, program: str = OCI_STORE) -> Done:
    """Run the installed program with pipes at its ends."""
    ended = subprocess.run(
        [program, *words], env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=LONGEST_S, check=False,
    )  # fmt: skip
    return Done(ended.returncode, ended.stdout, ended.stderr)


def check_error(done: Done, code: int, *words: str) -> None:
    """The exit code, an error of at most three lines on stderr that holds ``words``, and nothing on stdout."""
    assert done.code == code, done
    assert done.out == ""
    lines = done.err.splitlines()
    assert lines[0].startswith("error: ")
    assert [line[:9] for line in lines[1:]] in (["  cause: ", "  fix:   "], ["  fix:   "], ["  cause: "]), done.err
    assert lines[-1].startswith("  fix:   ") or "it holds: " in lines[-1], "says what to do, or what there is"
    for word in words:
        assert word in done.err
