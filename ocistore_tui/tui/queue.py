"""All transfers of a run of the program: which of them runs next, and what they come to. Rules only, no threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ocistore_tui.tui.session import Session
from ocistore_tui.tui.transfers import Plan, Request, State, Transfer

SLOTS = 2
"""Transfers that run at once; each moves several layers at once by itself."""


@dataclass(frozen=True, slots=True)
class Totals:
    """All transfers in one line."""

    done_bytes: int
    total_bytes: int
    is_whole: bool
    """False: more bytes will come that nobody has counted yet."""
    rate_bytes_s: float
    eta_s: float | None

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1."""
        return self.done_bytes / self.total_bytes if self.total_bytes else 0.0


def _goes_on_in(earlier: Transfer, transfer: Transfer) -> bool:
    ours, theirs = earlier.session.store.place, transfer.session.store.place
    is_same = (ours, earlier.target) == (theirs, transfer.target)
    return is_same and (earlier.state is State.INTERRUPTED or earlier.needs_a_look)


class Queue:
    """All transfers of this run of the program, in the order they start.

    Args:
        slots: How many run at once.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._slots = slots
        self._transfers: list[Transfer] = []
        self._last = 0
        self._batch = 0

    def __iter__(self) -> Iterator[Transfer]:
        return iter(self._transfers)

    def __len__(self) -> int:
        return len(self._transfers)

    def __getitem__(self, number: int) -> Transfer:
        for transfer in self._transfers:
            if transfer.id == number:
                return transfer
        raise KeyError(number)

    def add(
        self, session: Session, request: Request, plan: Plan | None = None, state: State = State.WAITING
    ) -> Transfer:
        """A new one, behind the others; takes the place of what its target left interrupted, or to be looked at."""
        self._open_batch()
        self._last += 1
        transfer = Transfer(self._last, session, request, plan)
        transfer.state = state
        transfer.batch = self._batch
        if state is not State.INTERRUPTED:
            self._transfers = [one for one in self._transfers if not _goes_on_in(one, transfer)]
        self._transfers.append(transfer)
        return transfer

    def again(self, transfer: Transfer) -> None:
        """Put one that ended back."""
        self._open_batch()
        transfer.again()
        transfer.batch = self._batch

    def remove(self, transfer: Transfer) -> None:
        """Take one off the list."""
        self._transfers.remove(transfer)

    def clear(self) -> int:
        """Take all that ended off the list; how many those were."""
        kept = [one for one in self._transfers if one.state.is_unfinished or one.state is State.INTERRUPTED]
        gone = len(self._transfers) - len(kept)
        self._transfers = kept
        return gone

    def move(self, transfer: Transfer, step: int) -> bool:
        """Change places with the next (1) or last (-1) one that waits; False: there is none."""
        waiting = [index for index, one in enumerate(self._transfers) if one.state is State.WAITING]
        if transfer.state is not State.WAITING:
            return False
        here = waiting.index(self._transfers.index(transfer))
        if not 0 <= here + step < len(waiting):
            return False
        a, b = waiting[here], waiting[here + step]
        self._transfers[a], self._transfers[b] = self._transfers[b], self._transfers[a]
        return True

    def next_to_run(self) -> Transfer | None:
        """Which one gets the free slot: a paused one told to go on, then who has waited longest."""
        active = self.of(State.RUNNING, State.CANCELLING)
        if len(active) >= self._slots:
            return None
        held = [one for one in self._transfers if one.state is State.PAUSED]
        for transfer in held:
            if transfer.wants_on:
                return transfer
        taken = {one.target for one in (*active, *held) if one.has_begun}
        return next((one for one in self.of(State.WAITING) if one.target not in taken), None)

    def of(self, *states: State) -> Sequence[Transfer]:
        """Those in one of these states, in order."""
        return [transfer for transfer in self._transfers if transfer.state in states]

    @property
    def is_busy(self) -> bool:
        """Whether anything still runs, or will."""
        return any(transfer.state.is_unfinished for transfer in self._transfers)

    def by_state(self) -> dict[State, int]:
        """How many are in each state, without those that nothing is in."""
        counts = {state: len(self.of(state)) for state in State}
        return {state: number for state, number in counts.items() if number}

    def totals(self, now: float) -> Totals:
        """Everything since the queue was last empty, so that the sum does not shrink when one of them is done."""
        done = total = paused = 0
        rate = 0.0
        is_whole, is_known = True, False
        for transfer in self._transfers:
            if transfer.batch != self._batch or transfer.state is State.INTERRUPTED:
                continue
            done += transfer.done_bytes
            if transfer.state.is_unfinished:
                wanted = transfer.total_bytes
                is_whole &= wanted is not None
                total += wanted if wanted is not None else transfer.done_bytes
                if transfer.state is State.PAUSED:  # goes on nobody knows when
                    paused += (wanted or transfer.done_bytes) - transfer.done_bytes
            else:
                total += transfer.done_bytes  # no more of it will pass
            rate += transfer.rate_bytes_s(now)
            is_known |= transfer.eta_s(now) is not None
        eta = (total - done - paused) / rate if rate > 0 and is_known and is_whole else None
        return Totals(done, total, is_whole, rate, eta)

    def _open_batch(self) -> None:
        if not self.is_busy:
            self._batch += 1
