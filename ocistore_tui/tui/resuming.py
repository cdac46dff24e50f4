"""Going on with transfers that ended too early; writing to a READ ONLY store, and moving a tag, asks first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocistore_tui.tui.transfers import State, Transfer

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp


def resume(app: OcistoreApp, transfers: Sequence[Transfer]) -> int:
    """Run them again; pushes show their plan first where nobody has allowed adding, or the tag to move, yet.

    Returns:
        How many are on their way at once.
    """
    asking = [one for one in transfers if _needs_consent(one)]
    going = [one for one in transfers if one not in asking]
    for transfer in going:
        app.runner.retry(transfer)
    if asking:
        from ocistore_tui.tui.screens.plan import PlanScreen

        session = asking[0].session
        app.push_screen(PlanScreen(session, [one.request for one in asking if one.session is session]))
    return len(going)


def _needs_consent(transfer: Transfer) -> bool:
    is_earlier = transfer.state is State.INTERRUPTED  # those of this time were allowed when they began
    return transfer.needs_a_look or (is_earlier and transfer.verb == "push" and not transfer.session.allows_adding)
