"""What is open: one store with the means to work on it, and the local side beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ocistore_tui.engine.service import Service
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.tui.ports import Served
from ocistore_tui.tui.rows.compare import Comparison


@dataclass(slots=True)
class Session:
    """One opened store. Transfers keep the session they began with, whatever is opened later."""

    store: StoreRow
    service: Service
    mode: Mode
    place: LocalPlace | None = None
    """The left side; None: the usual engine."""
    place_label: str = ""
    """What was found there, in words."""
    comparison: Comparison = field(default_factory=Comparison)
    is_to_be_served: bool = False
    """Whether a registry serves the store, or is about to."""
    served: Served | None = None
    """The registry that serves the store; None: it is not served."""

    @property
    def served_at(self) -> str:
        """``HOST:PORT`` of that registry; empty: there is none."""
        return self.served.address if self.served is not None else ""

    @property
    def allows_adding(self) -> bool:
        """Whether pushes may write here."""
        return self.mode is not Mode.READ_ONLY
