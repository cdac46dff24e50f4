"""What an image is called on the other side when nobody says otherwise."""

from __future__ import annotations

from pathlib import Path

from ocistore_tui.model.local import LocalPlace, LocalRow
from ocistore_tui.model.reference import Reference, is_repository, is_tag

_remembered: dict[str, str] = {}
"""Where a local repository was sent in this session, by its name."""


def split_name(name: str) -> tuple[str, str]:
    """``host:5000/team/app:1`` as repository without host and tag: ``team/app``, ``1``; tag ``latest`` when absent."""
    repository, tag = name, "latest"
    if ":" in name.rpartition("/")[2]:
        repository, _, tag = name.rpartition(":")
    host, slash, rest = repository.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        repository = rest
    return repository, tag


def push_target(row: LocalRow) -> tuple[str, str] | None:
    """Repository and tag a local image goes to; None: its name can be none, so a person has to say."""
    if not row.name:
        return None
    repository, tag = split_name(row.name)
    repository = _remembered.get(repository, repository)
    return (repository, tag) if is_repository(repository) and is_tag(tag) else None


def remember_target(local_name: str, repository: str) -> None:
    """Use the same repository the next time."""
    _remembered[split_name(local_name)[0]] = repository


def pull_image(reference: Reference, place: LocalPlace | None) -> str | None:
    """What `PullRequest.image` is for a local place; None: the engine's default, ``REPOSITORY:TAG``."""
    if place is None or place.kind == "engine":
        return None
    tag = reference.tag or (reference.digest.encoded[:12] if reference.digest else "latest")
    if place.kind == "oci":
        return f"oci:{place.address}:{tag}"
    file = Path(place.address) / f"{reference.repository.replace('/', '-')}-{tag}.tar"
    return f"oci-archive:{file}:{tag}"
