"""What the terminal UI is handed: where stores come from, and what to begin with. ``wiring`` implements it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.stores import CheckStep, StoreRow


class Served(Protocol):
    """A store that is served as a registry."""

    @property
    def address(self) -> str:
        """``HOST:PORT``, as clients name it before a repository."""

    def close(self) -> None:
        """Serve no more, once running requests have finished or their time is up; may block."""


class Stores(Protocol):
    """Stores and local places of this machine. Every method may block and is called from worker threads."""

    def saved(self) -> Sequence[StoreRow]:
        """Saved connections, in the order of the file; raises what the file is wrong about."""

    def found(self) -> Iterator[StoreRow]:
        """What was found on this machine: AWS profiles, gcloud, Azure, an endpoint in the environment; as found."""

    def parse(self, text: str) -> StoreRow:
        """The store a name or URL means; `UsageError` when it means none."""

    def open(self, row: StoreRow) -> Service:
        """Open it; nothing is read or written yet. `UsageError` when it is of no use as described."""

    def serve(self, row: StoreRow) -> Served:
        """Serve it as a registry, read only, to this computer only; raises what is in the way."""

    def check(self, row: StoreRow, *, write: bool = False) -> Iterator[CheckStep]:
        """Try it step by step; with ``write`` also put and delete one object. Never raises but `UsageError`."""

    def policy(self, row: StoreRow) -> str:
        """The least rights this program needs there, ready to paste; empty where there is no such text."""

    def save(self, row: StoreRow) -> StoreRow:
        """Keep it under its name; `UsageError` when it cannot be."""

    def forget(self, name: str) -> None:
        """Remove a saved connection."""

    def opened(self, row: StoreRow) -> None:
        """Remember that this store was opened last."""

    def places(self) -> Sequence[LocalPlace]:
        """Local places that were found: the usual engine first, then docker contexts, podman sockets, kept folders."""

    def add_demo(self, service: Service, on_step: Callable[[str], None]) -> LocalPlace:
        """Fill a store with demo content, made here; returns the folder of demo archives for the left side."""

    def unfinished(self, store: StoreRow) -> Sequence[PushRequest | PullRequest]:
        """Transfers of this store that were stopped in an earlier session and can go on."""

    def keep_unfinished(self, store: StoreRow, requests: Sequence[PushRequest | PullRequest]) -> None:
        """Remember, or forget when empty, what was stopped."""


@runtime_checkable
class Preferences(Protocol):
    """What `Stores` may keep besides stores. Without it nothing is kept, and everything else works."""

    def settings(self) -> Mapping[str, Any]:
        """What `keep_settings` kept last; empty when nothing was, or it cannot be read. One small file."""

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep texts, booleans, lists of texts and one mapping of texts, in place of what was kept."""

    def about(self) -> Sequence[tuple[str, str]]:
        """Files of this program on this machine, as a label and a path each, and where it looks for stores."""

    def write_text(self, name: str, text: str) -> str:
        """Write a text a person asked for into a new file of about this name; returns its path."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the program was started with."""

    store: StoreRow
    requests: tuple[PushRequest | PullRequest, ...] = ()
    """Transfers whose plan is to be shown at once."""
    place: LocalPlace | None = None
    """The left side; None: the usual engine."""
    mouse: bool = True
    slow: bool = False
    """Whether the terminal is far away (SSH): fewer repaints."""
    ascii: bool = False
    """Whether to draw with plain characters, whatever the terminal says it can."""
    theme: str = ""
    """A theme's name; empty: the usual one."""


@dataclass(slots=True)
class Outcome:
    """How the program ended; said after the terminal is restored."""

    lines: list[str] = field(default_factory=list)
    error: OciStoreError | None = None
    exit_code: int = 0
