"""The two ways between a container engine and the store, and which is the better one (README, "Two ways").

*archive*: the engine's save and load streams, which every engine has. *registry*: for the length of one transfer the
engine pushes to or pulls from a registry of ours over the store; then it moves only what it knows to be missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set

from ocistore_tui.engine.ports import ImageSource, ImageTarget, RegistrySource, RegistryTarget
from ocistore_tui.errors import UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, ImageFacts, SourceKind
from ocistore_tui.model.plan import PullRequest, PushRequest, Way

PROBE_S = 1.0
"""How long an engine gets to say what it would send; it compares layers for a part of that."""
_COMPRESSED_BYTES_S, _EXPORTED_BYTES_S = 30e6, 130e6
"""What a classic engine compresses on one core, one layer on one core, and what it exports, both per second
(performance.md, "Design insights")."""
_UNDECIDED = frozenset({"Preparing", "Waiting"})


def way_of_push(request: PushRequest, source: ImageSource, facts: ImageFacts, *, moves: bool) -> Way:
    """How a push is to move its layers.

    Args:
        request: What is wanted.
        source: The image.
        facts: What is known of it.
        moves: Whether anything has to be moved at all.

    Raises:
        UsageError: the registry way is asked for, and is not possible.
    """
    if request.via == "archive" or (request.via == "auto" and not moves):
        return Way("archive", "asked for" if moves else "nothing has to be moved")
    obstacle = source.obstacle() if isinstance(source, RegistrySource) else "only container engines push by themselves"
    if request.via == "registry":
        return _asked_for(obstacle, source.label)
    if obstacle:
        return Way("archive", obstacle)
    if facts.kind is SourceKind.CONTENT:
        return Way("registry", "this engine hands its blobs over faster than it exports them")
    return Way(
        "archive", "this engine exports faster than it compresses; it is asked first how little it would send", True
    )


def way_of_pull(request: PullRequest, target: ImageTarget) -> Way:
    """How a pull is to move its layers; by default as an archive, which leaves out every layer the engine has.

    A pull through a registry takes as long, and fetches layers again that the engine did not get from one.

    Raises:
        UsageError: the registry way is asked for, and is not possible.
    """
    if request.via == "archive":
        return Way("archive", "asked for")
    obstacle = target.obstacle() if isinstance(target, RegistryTarget) else "only container engines pull by themselves"
    if request.via == "auto":
        return Way("archive", obstacle or "it leaves out every layer that is there, however it came")
    if not obstacle and request.all_platforms:
        obstacle = "an engine pulls one platform at a time"
    return _asked_for(obstacle, target.label)


def sends_little(
    told: Mapping[str, EngineEvent], facts: ImageFacts, lacking: Set[Digest | None], elapsed_s: float
) -> bool | None:
    """Whether a push to a registry ends sooner than an export, and sends no more; None: it cannot be told yet.

    Args:
        told: The last thing the engine said of each layer; its total is the most it ever named.
        facts: The image.
        lacking: Diff IDs of the layers that the store does not have.
        elapsed_s: Since the push began.
    """
    needed = {diff_id.encoded[:12] for diff_id in lacking if diff_id is not None}
    if any(event.status.startswith("Push") and layer not in needed for layer, event in told.items()):
        return False  # the store has it, in other bytes: an export leaves it out
    if _registry_s(event.total_bytes for event in told.values()) > facts.size_bytes / _EXPORTED_BYTES_S:
        return False  # whatever else is to come
    undecided = len(told) < len(set(facts.diff_ids)) or any(event.status in _UNDECIDED for event in told.values())
    if undecided:
        return None if elapsed_s < PROBE_S else False
    return True


def _registry_s(sizes_bytes: Iterable[int]) -> float:
    sizes = [size for size in sizes_bytes if size]
    cores = min(os.cpu_count() or 1, len(sizes)) or 1
    return max(max(sizes, default=0), sum(sizes) / cores) / _COMPRESSED_BYTES_S


def _asked_for(obstacle: str, where: str) -> Way:
    if obstacle:
        raise UsageError(
            "the registry way is not possible here", where=where, cause=obstacle,
            fix="use --via archive, or leave --via out",
        )  # fmt: skip
    return Way("registry", "asked for")
