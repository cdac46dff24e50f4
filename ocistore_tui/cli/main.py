"""The two doors of the program. Only here an error becomes text and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from ocistore_tui.cli.interrupt import Interrupted, raise_on_signals
from ocistore_tui.cli.options import Globals
from ocistore_tui.cli.output import Output, abandon_stdout
from ocistore_tui.cli.tree import root
from ocistore_tui.errors import OciStoreError, UsageError

EXIT_BUG = 70


def main() -> None:
    """``ocistore-tui``: the terminal UI, or headless with ``--no-tui``."""
    arguments = sys.argv[1:]
    if not is_headless(arguments):
        sys.exit(_report(_no_tui_yet(), Output()))
    leave(run(arguments, name="ocistore-tui"))


def main_headless() -> None:
    """``oci-store``: always headless."""
    leave(run(sys.argv[1:], name="oci-store"))


def is_headless(arguments: Sequence[str]) -> bool:
    """Whether no terminal UI is wanted or possible: asked for, help, no terminal, CI, a dumb terminal."""
    return (
        "--no-tui" in arguments
        or any(word in arguments for word in ("--help", "-h", "--version", "completion", "stores"))
        or any(name.endswith("_COMPLETE") for name in os.environ)
        or os.environ.get("CI", "").lower() in ("1", "true")
        or os.environ.get("TERM") == "dumb"
        or not (sys.stdin.isatty() and sys.stdout.isatty())
    )


def run(arguments: Sequence[str], *, name: str = "oci-store") -> int:
    """Run one command line and return its exit code (cli.md, "Output")."""
    state = Globals()
    try:
        raise_on_signals()
        root.main(list(arguments), prog_name=name, standalone_mode=False, obj=state)
        sys.stdout.flush()
    except OciStoreError as error:
        return _report(error, state.output())
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stdout.write(error.format_message() + "\n")
        return UsageError.exit_code
    except click.ClickException as error:
        return _report(_usage(error, name), state.output())
    except (Interrupted, KeyboardInterrupt, click.Abort) as stopped:
        kept = stopped.kept if isinstance(stopped, Interrupted) else ""
        state.output().warn(f"interrupted{': ' + kept if kept else ''}")
        return stopped.exit_code if isinstance(stopped, Interrupted) else 130
    except BrokenPipeError:
        abandon_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the one place a fault of the program itself ends
        return _report_bug(error, state.output())
    return 0


def _report(error: OciStoreError, output: Output) -> int:
    try:
        output.error(error)
    except BrokenPipeError:
        abandon_stdout()
    return error.exit_code


def _usage(error: click.ClickException, name: str) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else name
    return UsageError(error.format_message().rstrip("."), fix=f"see {path} --help")


def _report_bug(error: Exception, output: Output) -> int:
    log = _write_log(error)
    output.error(
        OciStoreError(
            "a fault of the program itself",
            where=log,
            cause=f"{type(error).__name__} in {_place_of(error)}",
            fix="report it with the log file; it holds no data and no secrets",
        )
    )
    return EXIT_BUG


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def _write_log(error: BaseException) -> str:
    """Where things went wrong, without values: neither messages nor locals, because both can hold secrets."""
    from platformdirs import user_state_path

    path = user_state_path("ocistore") / "last-fault.log"
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError:
        return "(no log could be written)"
    return str(path)


def leave(code: int) -> NoReturn:
    """End the program; at once when it was interrupted, because threads stuck in a socket must not hold it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    if code > 128:
        os._exit(code)
    sys.exit(code)


def _no_tui_yet() -> UsageError:
    return UsageError(
        "the terminal UI is not part of this version yet",
        fix="run headless: ocistore-tui --no-tui …, or oci-store …; see oci-store --help",
    )
