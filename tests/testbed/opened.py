"""A `Service` over a real store, as the command line opens it."""

from __future__ import annotations

from pathlib import Path

from ocistore_tui.engine.service import Service
from ocistore_tui.model.plan import PullRequest, PullResult, PushRequest, PushResult
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.wiring import Place, open_service

NOWHERE = "unix:///nonexistent/docker.sock"


def directory_service(root: Path, *, docker_host: str = NOWHERE) -> Service:
    """A directory store beside an engine."""
    return open_service(Place("fs", options={"dir": str(root)}, docker_host=docker_host))


def push(
    service: Service, target: str, image: str | None = None, *, platform: str | None = None, all_platforms: bool = False
) -> PushResult:
    """Plan and move at once."""
    wanted = Platform.parse(platform) if platform else None
    return service.push(service.plan_push(PushRequest(Reference.parse(target), image, wanted, all_platforms)))


def pull(
    service: Service, source: str, image: str | None = None, *, platform: str | None = None, all_platforms: bool = False
) -> PullResult:
    """Plan and move at once."""
    wanted = Platform.parse(platform) if platform else None
    return service.pull(service.plan_pull(PullRequest(Reference.parse(source), image, wanted, all_platforms)))
