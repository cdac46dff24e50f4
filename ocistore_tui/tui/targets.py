"""What an image is called on the other side when nobody says otherwise."""

from __future__ import annotations

import re
from pathlib import Path

from ocistore_tui.errors import UsageError
from ocistore_tui.model.local import LocalPlace, LocalRow
from ocistore_tui.model.reference import Reference, is_repository, is_tag

UNNAMED = Reference("unnamed", "latest")
"""Target of an image whose name tells none: a person has to say."""
FILE_FORMS = ("docker-archive:", "oci-archive:", "oci:")
"""How an image outside an engine is written."""
_NAME_LIKE = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/@\[\]-]*\Z")
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


def local_name(image: str | None) -> str | None:
    """The name an engine's image has by the way it is asked for; None: it is not asked for by a name."""
    if image is None or image.startswith((*FILE_FORMS, "sha256:")):
        return None
    return image.removeprefix("docker-daemon:")


def mended(name: str) -> str:
    """The nearest ``REPOSITORY:TAG`` to a name that is none; empty when nothing of it is left."""
    repository, tag = split_name(name)
    parts = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in repository.split("/")]
    repository = "/".join(part for part in parts if part)
    tag = re.sub(r"[^A-Za-z0-9_.-]+", "-", tag).lstrip(".-")[:128] or "latest"
    return f"{repository}:{tag}" if is_repository(repository) else ""


def suggested(image: str | None) -> str:
    """What to call an image without a usable name: after its file, where it has one; else empty."""
    if image is None or not image.startswith(FILE_FORMS):
        return ""
    file = Path(image.partition(":")[2].partition(":")[0]).name
    return mended(re.sub(r"\.(?:tar|tar\.gz|tgz)\Z", "", file))


def parse_local(text: str) -> str | None:
    """A name for a pulled image, or a file form, as typed; None: the engine's default.

    Raises:
        UsageError: it can be neither.
    """
    text = text.strip()
    if not text:
        return None
    is_file = text.startswith(FILE_FORMS)
    if is_file and not text.partition(":")[2]:
        raise UsageError("the path is missing", where=text, fix=f"write {text}PATH")
    if not is_file and not _NAME_LIKE.match(text):
        raise UsageError(
            "not a usable image name", where=text[:300],
            cause="names are lower-case letters, digits and . _ - between them, parts joined by /, then :TAG",
            fix="write NAME:TAG, oci-archive:FILE, docker-archive:FILE or oci:DIR",
        )  # fmt: skip
    return text


def full_name(name: str) -> str:
    """A local name so that two ways to write it are equal: ``docker.io/library/app`` is ``app:latest``."""
    name = name.removeprefix("docker-daemon:")
    for prefix in ("docker.io/library/", "docker.io/", "localhost/"):
        name = name.removeprefix(prefix)
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def pull_image(reference: Reference, place: LocalPlace | None) -> str | None:
    """What `PullRequest.image` is for a local place; None: the engine's default, ``REPOSITORY:TAG``."""
    if place is None or place.kind == "engine":
        return None
    if place.kind == "oci":
        return f"oci:{place.address}:{reference.image_tag}"
    file = Path(place.address) / f"{reference.repository.replace('/', '-')}-{reference.image_tag}.tar"
    return f"oci-archive:{file}:{reference.image_tag}"
