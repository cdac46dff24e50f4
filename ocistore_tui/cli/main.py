"""The two doors of the program. Only here an error becomes text and an exit code."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from ocistore_tui.cli.interrupt import Interrupted, raise_on_signals
from ocistore_tui.cli.options import Globals
from ocistore_tui.cli.output import Output, abandon_stdout, result_errors
from ocistore_tui.cli.tree import root
from ocistore_tui.errors import Cancelled, OciStoreError, UsageError

EXIT_BUG = 70
_NO_TUI_YET = "the terminal UI is not part of this version yet"


def main() -> None:
    """``ocistore-tui``: the terminal UI, or headless with ``--no-tui``."""
    arguments = sys.argv[1:]
    if not is_headless(arguments):
        if _first_word(arguments) != "demo":
            leave(_report(_no_tui_yet(), Globals.guess(arguments).output()))
        # Whoever tries the program out is better served by the demo there is than by an error.
        Globals.guess(arguments).output().say(f"{_NO_TUI_YET}: this is the headless demo")
    leave(run(arguments, name="ocistore-tui"))


def main_headless() -> None:
    """``oci-store``: always headless."""
    leave(run(sys.argv[1:], name="oci-store"))


def is_headless(arguments: Sequence[str]) -> bool:
    """Whether no terminal UI is wanted or possible: asked for, help, no terminal, CI, a dumb terminal."""
    return (
        _first_word(arguments) in ("completion", "stores")
        or any(word in arguments for word in ("--no-tui", "--help", "-h", "--version"))
        or _is_completing()
        or os.environ.get("CI", "").lower() in ("1", "true")
        or os.environ.get("TERM") == "dumb"
        or not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout))
    )


def run(arguments: Sequence[str], *, name: str = "oci-store") -> int:
    """Run one command line and return its exit code (``--help`` lists them)."""
    # Until the command line is understood, an error has to be told in the way that was asked for nevertheless.
    state = Globals.guess(arguments)
    # What libraries warn of is for their users, not ours; and it would spoil stderr for programs.
    warnings.simplefilter("ignore")
    try:
        raise_on_signals()
        root.main(list(arguments), prog_name=name, standalone_mode=False, obj=state)
        if sys.stdout is not None:
            with result_errors():
                sys.stdout.flush()
    except OciStoreError as error:
        return 1 if _is_completing() else _report(error, state.output())
    except click.exceptions.NoArgsIsHelpError as error:
        return _no_verb(error, name, state.output())
    except click.ClickException as error:
        return _report(_usage(error, name), state.output())
    except (Interrupted, KeyboardInterrupt, click.Abort) as stopped:
        interrupted = stopped if isinstance(stopped, Interrupted) else Interrupted(2)
        told = Cancelled(interrupted.word, cause=interrupted.kept, fix="run the same command again")
        _report(told, state.output())
        return interrupted.exit_code
    except (BrokenPipeError, SystemExit):
        # The reader has gone, as `head` does. Asked not to exit by itself, click does so in this one case.
        abandon_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the one place a fault of the program itself ends
        from ocistore_tui.cli.fault import fault_of

        return _report(fault_of(error), state.output())
    return 0


def leave(code: int) -> NoReturn:
    """End the program; at once when it was interrupted, because threads stuck in a socket must not hold it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    if code > 128:
        os._exit(code)
    sys.exit(code)


def _report(error: OciStoreError, output: Output) -> int:
    try:
        output.error(error)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, OciStoreError):
        abandon_stdout()
    return error.exit_code


def _usage(error: click.ClickException, name: str) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else name
    # click puts choices on lines of their own.
    message = re.sub(r"[ \t\n]+", " ", error.format_message()).strip().rstrip(".")
    message = message if message[:2].isupper() else message[:1].lower() + message[1:]
    return UsageError(message, fix=f"see {path} --help")


def _no_verb(error: click.exceptions.NoArgsIsHelpError, name: str, output: Output) -> int:
    if output.as_json or output.events:
        return _report(_usage(click.UsageError(_missing_words(error.ctx), error.ctx), name), output)
    output.draw(error.format_message() + "\n")
    return UsageError.exit_code


def _missing_words(context: click.Context | None) -> str:
    """What has to follow: ``NAME and one of s3, gcs, azure, fs are missing``."""
    if context is None:
        return "a command is missing"
    command = context.command
    words = [parameter.make_metavar(context) for parameter in command.params if isinstance(parameter, click.Argument)]
    if isinstance(command, click.Group):
        words.append(f"one of {', '.join(command.list_commands(context))}")
    return f"{' and '.join(words)} {'is' if len(words) == 1 else 'are'} missing"


def _first_word(arguments: Sequence[str]) -> str:
    return next((word for word in arguments if not word.startswith("-")), "")


def _is_terminal(stream: object) -> bool:
    return bool(stream is not None and stream.isatty())  # type: ignore[attr-defined]  # a text stream


def _is_completing() -> bool:
    return any(variable in os.environ for variable in ("_OCI_STORE_COMPLETE", "_OCISTORE_TUI_COMPLETE"))


def _no_tui_yet() -> UsageError:
    return UsageError(
        _NO_TUI_YET,
        fix="run headless: ocistore-tui --no-tui …, or oci-store …; see oci-store --help",
    )
