"""The two doors of the program. Only here an error becomes text and an exit code."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from ocistore_tui.cli.garbage import look_as_usual, look_no_more, look_rarely
from ocistore_tui.cli.interrupt import Interrupted, end_on_signals, raise_on_signals
from ocistore_tui.cli.options import Globals
from ocistore_tui.cli.output import Output, abandon_stdout, result_errors
from ocistore_tui.cli.tree import root
from ocistore_tui.errors import Cancelled, OciStoreError, UsageError
from ocistore_tui.model.text import inert

if TYPE_CHECKING:
    from ocistore_tui.tui.ports import Opening, Stores


def main() -> None:
    """``ocistore-tui``: the terminal UI, or headless with ``--no-tui``."""
    look_rarely()
    arguments = sys.argv[1:]
    leave(run(arguments, name="ocistore-tui", has_screen=not is_headless(arguments)))


def main_headless() -> None:
    """``oci-store``: always headless."""
    look_rarely()
    leave(run(sys.argv[1:], name="oci-store"))


def is_headless(arguments: Sequence[str]) -> bool:
    """Whether no terminal UI is wanted or possible: asked for, help, no terminal, CI, a dumb terminal."""
    return (
        any(word in arguments for word in ("--no-tui", "--json", "--help", "-h", "--version"))
        or _is_completing()
        or os.environ.get("CI", "").lower() in ("1", "true")
        or os.environ.get("TERM") == "dumb"
        or not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout))
    )


def run(arguments: Sequence[str], *, name: str = "oci-store", has_screen: bool = False) -> int:
    """Run one command line and return its exit code (``--help`` lists them).

    Args:
        arguments: The words behind the program's name.
        name: What the program is called.
        has_screen: Whether the terminal UI may be shown.
    """
    # Until the command line is understood, an error has to be told in the way that was asked for nevertheless.
    state = Globals.guess(arguments)
    if has_screen:
        state.screen = lambda opening, stores: _show(state, opening, stores)
    # What libraries warn of is for their users, not ours; and it would spoil stderr for programs.
    warnings.simplefilter("ignore")
    try:
        raise_on_signals()
        root.main(list(arguments), prog_name=name, standalone_mode=False, obj=state)
        if sys.stdout is not None:
            with result_errors():
                sys.stdout.flush()
    except OciStoreError as error:
        return 1 if _is_completing() else _report(error, state.output(), state.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        return _no_verb(error, name, state.output())
    except click.ClickException as error:
        return _report(_usage(error, name), state.output())
    except (Interrupted, KeyboardInterrupt, click.Abort) as stopped:
        interrupted = stopped if isinstance(stopped, Interrupted) else Interrupted(2)
        told = Cancelled(interrupted.word, cause=interrupted.kept, fix="run the same command again")
        return _report(told, state.output(), interrupted.exit_code)
    except (BrokenPipeError, SystemExit):
        # The reader has gone, as `head` does. Asked not to exit by itself, click does so in this one case.
        abandon_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the one place a fault of the program itself ends
        from ocistore_tui.cli.fault import fault_of

        return _report(fault_of(error), state.output())
    return state.exit_code


def _show(state: Globals, opening: Opening, stores: Stores) -> None:
    """Show the terminal UI until it is left, then say what came of it. Nothing else here loads a screen."""
    from ocistore_tui.tui.app import run as run_screen

    look_as_usual()
    # The event loop takes Ctrl-C as it comes, and gives the terminal back before it ends.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    outcome = run_screen(opening, stores)
    raise_on_signals()
    state.exit_code = outcome.exit_code
    for line in outcome.lines:
        state.output().result(inert(line, limit=2000))
    if outcome.error is not None:
        raise outcome.error


def leave(code: int) -> NoReturn:
    """End the program; at once when it was interrupted, because threads stuck in a socket must not hold it."""
    end_on_signals()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    if code > 128:
        os._exit(code)
    look_no_more()
    sys.exit(code)


def _report(error: OciStoreError, output: Output, exit_code: int = 0) -> int:
    """Tell an error; its exit code, unless another one says more."""
    try:
        output.error(error, exit_code)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, OciStoreError):
        abandon_stdout()
    return exit_code or error.exit_code


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


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _is_completing() -> bool:
    return any(variable in os.environ for variable in ("_OCI_STORE_COMPLETE", "_OCISTORE_TUI_COMPLETE"))
