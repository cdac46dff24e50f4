"""A push or pull that goes as far as a test lets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.model.plan import PlannedLayer
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerProgress, LayerState


@dataclass
class Move:
    """One running push or pull: a test shows its progress with it."""

    subject: str
    verb: str
    layers: tuple[LayerProgress, ...]
    total_bytes: int
    on_progress: Callable[[JobSnapshot], None] | None
    cancel: CancelSignal | None = None
    done_bytes: int = 0

    def show(self, done_bytes: int, **changes: object) -> JobSnapshot:
        """Report this far, and never less than before; ``changes`` are fields of the snapshot."""
        self.done_bytes = done_bytes = max(self.done_bytes, done_bytes)
        snapshot = JobSnapshot(
            self.verb, self.subject, JobState.RUNNING, "uploading" if self.verb == "push" else "downloading",
            self.layers, done_bytes, self.total_bytes, done_bytes, 0.0, None, 0.0,
        )  # fmt: skip
        snapshot = replace(snapshot, **changes)
        if self.on_progress is not None:
            self.on_progress(snapshot)
        return snapshot


def progress_of(layer: PlannedLayer, state: LayerState, *, is_done: bool = False) -> LayerProgress:
    if layer.action not in (LayerState.UPLOADED, LayerState.DOWNLOADED):
        state = layer.action
    total = layer.size_bytes or 0
    return LayerProgress(str(layer.digest), state, total if is_done else 0, total, layer.digest)
