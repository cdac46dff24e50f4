"""Requests, plans and results of push and pull. A plan is what ``--dry-run`` prints and what the move then does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ocistore_tui.errors import UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference


class PushRequest(Struct, frozen=True):
    """Bring one local image into the store."""

    target: Reference
    image: str | None = None
    """A daemon image, or ``docker-archive:…``, ``oci-archive:…``, ``oci:…``, ``docker-daemon:…``; None: as target."""
    platform: Platform | None = None
    all_platforms: bool = False
    via: str = "auto"
    docker_host: str | None = None
    """The container engine's address; None: the one the service was opened with."""


class PullRequest(Struct, frozen=True):
    """Bring one stored image to a daemon or into an archive."""

    source: Reference
    image: str | None = None
    """Name in the daemon, or one of the archive forms; None: ``REPOSITORY:TAG``."""
    platform: Platform | None = None
    all_platforms: bool = False
    via: str = "auto"
    docker_host: str | None = None
    """The container engine's address; None: the one the service was opened with."""


def check_request(request: PushRequest | PullRequest) -> None:
    """Refuse what no push or pull can do.

    Raises:
        UsageError: an unknown transport, or one platform and all of them.
    """
    if request.via not in ("auto", "archive", "registry"):
        raise UsageError("no such way", where=f"--via {request.via}", fix="use auto, archive or registry")
    if request.platform is not None and request.all_platforms:
        raise UsageError("--platform and --all-platforms exclude each other", fix="use one of them")


class Way(Struct, frozen=True):
    """How bytes go between a container engine and the store."""

    via: str
    """``archive`` or ``registry``."""
    why: str
    """The reason, in words."""
    tries_registry: bool = False
    """Whether the engine is asked first how little a push to a registry would send."""


class PlannedLayer(Struct, frozen=True):
    """What will happen to one layer (or to the config)."""

    action: LayerState
    """``exists``, ``linked``, ``uploaded`` (will be), ``present``, ``downloaded`` (will be)."""
    size_bytes: int | None
    """Stored size; None: only compressing tells."""
    digest: Digest | None = None
    diff_id: Digest | None = None
    media_type: str = ""

    @property
    def word(self) -> str:
        """What will happen to it, in one word."""
        return PLAN_WORDS[self.action]


PLAN_WORDS = {
    LayerState.EXISTS: "exist",
    LayerState.LINKED: "link",
    LayerState.UPLOADED: "upload",
    LayerState.PRESENT: "here",
    LayerState.DOWNLOADED: "download",
}
"""Every state a plan can give a layer."""


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push will do, made by looking only."""

    request: PushRequest
    reference: Reference
    source: str
    """What it comes from, in words."""
    image_id: Digest
    platforms: tuple[str, ...]
    layers: tuple[PlannedLayer, ...]
    digest: Digest | None
    """Of the manifest or index to be tagged; None: only the move tells."""
    tag_before: Digest | None
    """What the tag names now; None: the tag is new (or the target is a digest)."""
    needs_export: bool
    """False: links are enough, nothing is read from the source."""
    transfer_bytes: int | None
    """Source bytes to read and send at most; None: not known before reading."""
    way: Way
    notes: tuple[str, ...] = ()
    detail: Any = field(default=None, repr=False, compare=False)
    """The engine's own working state; of no meaning outside."""

    @property
    def is_noop(self) -> bool:
        """Whether the store already holds exactly this under this tag."""
        return not self.needs_export and self.digest is not None and self.digest == self.tag_before


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What a pull will do, made by looking only."""

    request: PullRequest
    reference: Reference
    target: str
    """Where it goes, in words."""
    image: str
    """Name it gets there."""
    digest: Digest
    platform: str
    layers: tuple[PlannedLayer, ...]
    download_bytes: int
    way: Way
    notes: tuple[str, ...] = ()
    detail: Any = field(default=None, repr=False, compare=False)


class MovedLayer(Struct, frozen=True):
    """What happened to one layer."""

    digest: Digest
    diff_id: Digest | None
    size_bytes: int
    state: LayerState
    """Push: ``uploaded``, ``linked`` or ``exists``; pull: ``downloaded`` or ``present``."""


class PushResult(Struct, frozen=True):
    """A finished push."""

    reference: Reference
    digest: Digest
    layers: tuple[MovedLayer, ...]
    uploaded_bytes: int
    duration_s: float
    via: str
    notes: tuple[str, ...] = ()


class PullResult(Struct, frozen=True):
    """A finished pull."""

    image: str
    image_id: Digest
    digest: Digest
    layers: tuple[MovedLayer, ...]
    downloaded_bytes: int
    duration_s: float
    via: str
    notes: tuple[str, ...] = ()
