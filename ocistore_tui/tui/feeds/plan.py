"""What a plan dialog needs to know of one push or pull: the engine's plan, and what goes on around it."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.local import LocalPlace, LocalRow
from ocistore_tui.model.manifest import Manifest
from ocistore_tui.model.plan import PullPlan, PullRequest, PushPlan, PushRequest
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.rows.compare import Comparison, ids_of
from ocistore_tui.tui.targets import FILE_FORMS, full_name


@dataclass(frozen=True, slots=True)
class Looked:
    """One plan, with what the dialog says beside it."""

    plan: PushPlan | PullPlan
    moved_at: float | None = None
    """Push that moves a tag: when what it names now was pushed, seconds since 1970."""
    platforms: tuple[str, ...] = ()
    """Pull of an index: what it holds."""
    replaces: str = ""
    """Pull: a local name that means another image now and will mean this one."""
    is_here: bool = False
    """Pull: the local side has exactly this under this name."""


def look_at(
    service: Service, comparison: Comparison, request: PushRequest | PullRequest, cancel: threading.Event
) -> Looked:
    """Make the plan; blocks.

    Args:
        service: The open store.
        comparison: What is known already: asked before the store is.
        request: What is wanted.
        cancel: Set when nobody waits any more.

    Raises:
        OciStoreError: as the plan's maker says.
    """
    if isinstance(request, PushRequest):
        plan = service.plan_push(request, cancel=cancel)
        is_move = plan.tag_before is not None and plan.tag_before != plan.digest
        return Looked(plan, _moved_at(service, comparison, plan, cancel) if is_move else None)
    pull = service.plan_pull(request, cancel=cancel)
    tag = _tag(service, comparison, request.source, cancel, digest=pull.digest)
    platforms, ids = _inside(service, request.source, tag, pull.digest)
    if pull.image.startswith(FILE_FORMS):
        return Looked(pull, platforms=platforms)
    there = _local(service, request, pull.image)
    is_same = there is not None and not ids.isdisjoint(there.ids)
    return Looked(
        pull, None, platforms,
        replaces=there.name if there is not None and not is_same else "",
        is_here=is_same and all(layer.action is LayerState.PRESENT for layer in pull.layers) and len(platforms) < 2,
    )  # fmt: skip


def _moved_at(service: Service, comparison: Comparison, plan: PushPlan, cancel: threading.Event) -> float | None:
    tag = _tag(service, comparison, plan.reference, cancel, digest=plan.tag_before)
    return tag.pushed if tag is not None and tag.digest == plan.tag_before else None


def _tag(
    service: Service,
    comparison: Comparison,
    reference: Reference,
    cancel: threading.Event,
    *,
    digest: Digest | None,
) -> TagRow | None:
    """What the tag is: from memory when that is of ``digest``; else the store is asked."""
    if reference.tag is None:
        return None
    known = comparison.tag(reference.repository, reference.tag)
    if known is not None and digest in (known.digest, *known.manifests):
        return known
    with suppress(OciStoreError):
        return next(iter(service.describe_tags(reference.repository, [reference.tag], cancel=cancel)), None)
    return None


def _inside(
    service: Service, reference: Reference, tag: TagRow | None, digest: Digest
) -> tuple[tuple[str, ...], set[Digest]]:
    """Platforms, when it is an index, and everything the image is identified by."""
    if tag is not None and tag.digest is not None and reference.digest is None:
        return tag.platforms if tag.kind == "index" else (), {digest, *ids_of(tag)}
    with suppress(OciStoreError):
        found = service.inspect(reference)
        if found.kind == "index":
            stored = tuple(row.platform for row in found.platforms if row.is_stored and row.platform)
            return stored, {digest, *(row.descriptor.digest for row in found.platforms)}
        return (), {digest, *({found.manifest.config.digest} if isinstance(found.manifest, Manifest) else ())}
    return (), {digest}


def _local(service: Service, request: PullRequest, image: str) -> LocalRow | None:
    """What an engine calls by this name now."""
    place = LocalPlace("engine", request.docker_host) if request.docker_host else None
    with suppress(OciStoreError):
        wanted = full_name(image)
        return next(
            (row for row in service.local_images(place).rows if row.name and full_name(row.name) == wanted), None
        )
    return None
