"""A `Service` over a real store, as the command line opens it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ocistore_tui.engine.service import Service
from ocistore_tui.model.plan import PullRequest, PullResult, PushRequest, PushResult
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.progress import JobSnapshot
from ocistore_tui.model.reference import Reference
from ocistore_tui.wiring import Place, open_service

NOWHERE = "unix:///nonexistent/docker.sock"


def directory_service(root: Path, *, docker_host: str = NOWHERE) -> Service:
    """A directory store beside an engine."""
    return open_service(Place("fs", options={"dir": str(root)}, docker_host=docker_host))


def push(
    service: Service,
    target: str,
    image: str | None = None,
    *,
    platform: str | None = None,
    all_platforms: bool = False,
    via: str = "auto",
    on_progress: Callable[[JobSnapshot], None] | None = None,
) -> PushResult:
    """Plan and move at once."""
    wanted = Platform.parse(platform) if platform else None
    request = PushRequest(Reference.parse(target), image, wanted, all_platforms, via)
    return service.push(service.plan_push(request), on_progress=on_progress)


def pull(
    service: Service,
    source: str,
    image: str | None = None,
    *,
    platform: str | None = None,
    all_platforms: bool = False,
    via: str = "auto",
) -> PullResult:
    """Plan and move at once."""
    wanted = Platform.parse(platform) if platform else None
    return service.pull(service.plan_pull(PullRequest(Reference.parse(source), image, wanted, all_platforms, via)))
