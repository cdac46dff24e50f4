"""The only writer of stdout and stderr. stdout is the result and nothing else; everything outside is made inert."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from ocistore_tui.cli.style import is_live, style_of
from ocistore_tui.errors import NoSpace, OciStoreError
from ocistore_tui.model.text import inert

SCHEMA = 1
EVENTS_VERSION = 1


class Output:
    """How one run of the program speaks.

    Args:
        as_json: stdout is exactly one JSON document.
        events: stderr is one JSON object a line.
        quiet: stderr carries warnings and errors only.
        verbose: stderr carries details too.
    """

    def __init__(
        self, *, as_json: bool = False, events: bool = False, quiet: bool = False, verbose: bool = False
    ) -> None:
        self.as_json, self.events, self.quiet, self.verbose = as_json, events, quiet, verbose
        self._lock = threading.RLock()
        self._has_document = False

    def result(self, text: str) -> None:
        """One line of the result for people; already inert."""
        if not self.as_json:
            self._write_result(text + "\n")

    def table(self, lines: Iterable[str]) -> None:
        """A table for people, its heading first."""
        for number, line in enumerate(lines):
            self.result(line if number else style_of(sys.stdout).bold(line))

    def document(self, kind: str, fields: Mapping[str, Any]) -> None:
        """The result for programs."""
        if self.as_json:
            self._has_document = True
            self._write_result(encode_json({"schema": SCHEMA, "kind": kind, **fields}) + "\n")

    def flush(self) -> None:
        """Let whoever reads the result have it now, where the program goes on for long."""
        with self._lock:
            if sys.stdout is not None:
                with result_errors():
                    sys.stdout.flush()

    def say(self, text: str) -> None:
        """What people should know, on stderr; already inert."""
        if not self.quiet:
            self._tell("message", text, text)

    def detail(self, text: str) -> None:
        """What only the curious should know."""
        if self.verbose:
            self.say(text)

    def warn(self, text: str) -> None:
        """Something to change, on stderr, also when quiet."""
        self._tell("warning", text, f"{style_of(sys.stderr).warning('warning:')} {text}")

    def event(self, event: str, fields: Mapping[str, Any]) -> None:
        """One event for programs, on stderr."""
        self.draw(encode_json({"v": EVENTS_VERSION, "event": event, **fields}) + "\n")

    def draw(self, text: str) -> None:
        """Text for stderr that is complete as it is: events, and the moves of a live display."""
        with self._lock:
            # A reader of both must not see the story of a result before the result.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stdout.flush()
            # Nobody may be listening any more: that is no reason to give a transfer up.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(_writable(text, sys.stderr))
                sys.stderr.flush()

    def error(self, error: OciStoreError, exit_code: int = 0) -> None:
        """An error in three short parts: what and where; the cause; what to do.

        Args:
            error: What happened. Where the one JSON document has been written already, stderr hears of it.
            exit_code: What the program ends with, where that is not the error's own.
        """
        message, where, fix = inert(error.message), inert(error.where, limit=300), inert(error.fix)
        cause = inert(error.cause)
        parts = {
            "kind": error.kind, "message": f"{message}: {cause}" if cause else message, "where": where, "fix": fix,
        }  # fmt: skip
        if self.events:
            self.event("error", {**parts, "exit": exit_code or error.exit_code})
        is_document = self.as_json and not self._has_document
        if is_document:
            self._write_result(encode_json({"schema": SCHEMA, "error": parts}) + "\n")
        if self.events or is_document:
            return
        self.draw("".join(line + "\n" for line in _error_lines(error.kind, message, where, cause, fix)))

    def _tell(self, event: str, message: str, text: str) -> None:
        if self.events:
            self.event(event, {"message": message})
        else:
            self.draw(text + "\n")

    def _write_result(self, text: str) -> None:
        with self._lock:
            if sys.stdout is None:
                return
            with result_errors():
                sys.stdout.write(_writable(text, sys.stdout))


@contextlib.contextmanager
def result_errors() -> Iterator[None]:
    """Translate what writing stdout raises.

    Raises:
        BrokenPipeError: nobody reads any more.
        NoSpace: the result cannot be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NoSpace(
            "the result cannot be written", where="stdout", cause=error.strerror or str(error), fix="make room for it"
        ) from error


def _error_lines(kind: str, message: str, where: str, cause: str, fix: str) -> list[str]:
    style = style_of(sys.stderr)
    if kind == "cancelled":
        return [f"{style.bold(message)}: {cause}"]
    text = style.bold(message) + (f": {where}" if where else "")
    parts = [(style.bad("error:"), text, 7)]
    parts += [
        (style.dim(f"  {label}:{gap}"), told, 9)
        for label, gap, told in (("cause", "", cause), ("fix", "  ", fix))
        if told
    ]
    return [f"{label} {_fitted(told, indent)}" for label, told, indent in parts]


def _fitted(text: str, indent: int) -> str:
    """On a terminal, ``text`` broken between words, below its own beginning."""
    if not is_live(sys.stderr):
        return text
    import shutil
    import textwrap

    width = max(40, shutil.get_terminal_size((80, 24)).columns) - indent
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{'':{indent}}".join(lines)


def encode_json(document: object) -> str:
    """One line of JSON that no terminal can be steered with: ASCII only, DEL escaped too.

    Raises:
        ValueError: a number has no form in JSON.
    """
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("\x7f", "\\u007f")


def abandon_stdout() -> None:
    """The reader of stdout has gone: let the interpreter's last flush go nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _writable(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
