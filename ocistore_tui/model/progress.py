"""Progress of one job as whole snapshots: every snapshot tells all, so any of them may be dropped but the last."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ocistore_tui.model.digest import Digest


class LayerState(StrEnum):
    """Where one layer is."""

    WAITING = "waiting"
    EXISTS = "exists"
    """Already in this repository; nothing is sent."""
    LINKED = "linked"
    """Found elsewhere in the store; only a link is written."""
    PRESENT = "present"
    """Pull: the target has it already."""
    READING = "reading"
    COMPRESSING = "compressing"
    UPLOADING = "uploading"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    LOADING = "loading"
    UPLOADED = "uploaded"
    DOWNLOADED = "downloaded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the layer will not change any more."""
        return self in _FINAL


_FINAL = frozenset(
    {
        LayerState.EXISTS, LayerState.LINKED, LayerState.PRESENT, LayerState.UPLOADED, LayerState.DOWNLOADED,
        LayerState.FAILED, LayerState.CANCELLED,
    }
)  # fmt: skip


class JobState(StrEnum):
    """Where a job is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class LayerProgress(Struct, frozen=True):
    """One layer of a job."""

    id: str
    """Stable within the job: blob digest, or diff ID while the digest is not known yet."""
    state: LayerState
    done_bytes: int = 0
    total_bytes: int = 0
    digest: Digest | None = None


class JobSnapshot(Struct, frozen=True):
    """A job at one moment. ``done_bytes`` never goes back and never passes ``total_bytes``."""

    verb: str
    """``push`` or ``pull``."""
    subject: str
    state: JobState
    stage: str
    """One word for people: ``planning``, ``reading``, ``uploading``, ``verifying``, ``loading``, ``done`` …"""
    layers: tuple[LayerProgress, ...]
    done_bytes: int
    total_bytes: int
    """Source bytes that have to pass (push) or bytes to download (pull)."""
    moved_bytes: int
    """Bytes really sent to or read from the store."""
    rate_bytes_s: float
    """Moving average over about ten seconds."""
    eta_s: float | None
    """None while it would be a guess."""
    elapsed_s: float
    notes: tuple[str, ...] = ()
    """What people should know: partial index, recoded layers, fall-backs."""
