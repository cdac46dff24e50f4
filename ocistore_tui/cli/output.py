"""The only writer of stdout and stderr. stdout is the result and nothing else; everything outside is made inert."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.text import inert

SCHEMA = 1


class Output:
    """How one run of the program speaks.

    Args:
        as_json: stdout is exactly one JSON document.
        quiet: stderr carries errors only.
        verbose: stderr carries details too.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.as_json, self.quiet, self.verbose = as_json, quiet, verbose
        self._lock = threading.RLock()

    def result(self, text: str) -> None:
        """One line of the result for people."""
        if not self.as_json:
            self._write(sys.stdout, text + "\n")

    def document(self, kind: str, fields: Mapping[str, Any]) -> None:
        """The result for programs."""
        if self.as_json:
            self._write(sys.stdout, encode_json({"schema": SCHEMA, "kind": kind, **fields}) + "\n")

    def say(self, text: str) -> None:
        """What people should know, on stderr."""
        if not self.quiet:
            self._write(sys.stderr, text + "\n")

    def detail(self, text: str) -> None:
        """What only the curious should know."""
        if self.verbose and not self.quiet:
            self._write(sys.stderr, text + "\n")

    def warn(self, text: str) -> None:
        """Something to change, on stderr, also when quiet."""
        self._write(sys.stderr, f"warning: {text}\n")

    def raw_error(self, text: str) -> None:
        """Text for stderr that is already complete: progress lines and terminal control."""
        self._write(sys.stderr, text)

    def error(self, error: OciStoreError) -> None:
        """An error in three short parts: what and where; the cause; what to do."""
        if self.as_json:
            parts = {"kind": error.kind, "message": error.message, "where": error.where, "fix": error.fix}
            if error.cause:
                parts["cause"] = error.cause
            self._write(sys.stdout, encode_json({"schema": SCHEMA, "error": parts}) + "\n")
            return
        where = f": {inert(error.where, limit=300)}" if error.where else ""
        lines = [f"error: {inert(error.message)}{where}"]
        if error.cause:
            lines.append(f"  cause: {inert(error.cause)}")
        if error.fix:
            lines.append(f"  fix:   {inert(error.fix)}")
        self._write(sys.stderr, "\n".join(lines) + "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        with self._lock:
            if stream is sys.stderr:
                # A reader of stdout must not see the story of a result before the result.
                flush(sys.stdout)
            try:
                stream.write(text.encode("utf-8", "replace").decode("utf-8"))
                stream.flush()
            except UnicodeEncodeError:
                stream.write(text.encode("ascii", "backslashreplace").decode("ascii"))
                stream.flush()


def encode_json(document: object) -> str:
    """One line of JSON that no terminal can be steered with: ASCII only, DEL escaped too."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")


def flush(stream: TextIO) -> None:
    """Flush, unless nobody reads any more."""
    try:
        stream.flush()
    except (BrokenPipeError, ValueError):
        return


def abandon_stdout() -> None:
    """The reader of stdout has gone: let the interpreter's last flush go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
