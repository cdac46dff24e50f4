"""What is said of transfers once the terminal is restored, and the exit code that goes with it."""

from __future__ import annotations

from collections.abc import Iterable

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.text import inert
from ocistore_tui.tui.format import plural
from ocistore_tui.tui.ports import Outcome
from ocistore_tui.tui.transfer_words import failure, name
from ocistore_tui.tui.transfers import State, Transfer

_SOME_FAILED = 7
_INTERRUPTED = 130
_MOST_LINES = 10


def say(outcome: Outcome, transfers: Iterable[Transfer], stopped: Iterable[Transfer]) -> None:
    """Add the lines; an exit code that is set already, of a signal, stays.

    Args:
        outcome: Gets lines and exit code.
        transfers: All of this run that are still on the list.
        stopped: Those that were stopped because the program ends.
    """
    listed = list(transfers)
    halted = [one for one in stopped if one.state is not State.DONE]
    done = [one for one in listed if one.state is State.DONE]
    failed = [one for one in listed if one.state is State.FAILED]
    facts = [
        f"{plural(len(found), 'transfer')} {word}"
        for found, word in ((done, "done"), (failed, "failed"), (halted, "stopped"))
        if found
    ]
    if facts:
        rest = "; the next start offers to resume" if halted else ""
        outcome.lines.append(", ".join(facts) + rest)
    outcome.lines += [f"{one.verb} {name(one)}: {failure(one)}" for one in failed[:_MOST_LINES]]
    if outcome.exit_code:
        return
    if failed:
        alone = len(listed) == 1 and failed[0].error is not None
        outcome.exit_code = failed[0].error.exit_code if alone and failed[0].error else _SOME_FAILED
    elif halted:
        outcome.exit_code = _INTERRUPTED


def not_kept(error: OciStoreError) -> str:
    """What was stopped could not be written down."""
    fix = f"; {error.fix}" if error.fix else ""
    return inert(f"what was stopped is not remembered: {error}{fix}", limit=400)
