"""Local images as a person names them: a daemon image, or one of skopeo's forms (cli.md, "Headless")."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ocistore_tui.errors import UsageError
from ocistore_tui.model.platform import Platform

if TYPE_CHECKING:  # each is imported with the form that needs it: an unchanged push has 0.15 s for everything
    from ocistore_tui.daemon.archive_source import DockerArchiveSource, OciArchiveSource
    from ocistore_tui.daemon.archive_target import ArchiveTarget
    from ocistore_tui.daemon.client import EngineClient
    from ocistore_tui.daemon.engine_source import EngineSource
    from ocistore_tui.daemon.engine_target import EngineTarget
    from ocistore_tui.daemon.layout import LayoutSource, LayoutTarget

    Source = EngineSource | DockerArchiveSource | OciArchiveSource | LayoutSource
    Target = EngineTarget | ArchiveTarget | LayoutTarget

_FORMS = ("docker-archive", "oci-archive", "oci", "docker-daemon")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_NAME = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?\Z")
"""A name with an optional tag (distribution reference, "Grammar")."""


def open_source(image: str, *, engine: Callable[[], EngineClient], platform: Platform | None) -> Source:
    """The local image ``image`` names, for reading.

    Args:
        image: A daemon image, ``docker-archive:FILE[:NAME:TAG]``, ``oci-archive:FILE[:TAG]``, ``oci:DIR[:TAG]`` or
            ``docker-daemon:NAME:TAG``.
        engine: Gives the container engine, where one is needed.
        platform: Which manifest of an index; None: all that is there.

    Raises:
        UsageError: a form without its path or name.
    """
    form, rest = _split(image)
    if form in ("docker-archive", "oci-archive"):
        from ocistore_tui.daemon.archive import Archive
        from ocistore_tui.daemon.archive_source import DockerArchiveSource, OciArchiveSource

        path, name = _path_and_name(rest)
        source = DockerArchiveSource if form == "docker-archive" else OciArchiveSource
        return source(Archive(Path(path)), name, platform)
    if form == "oci":
        from ocistore_tui.daemon.layout import LayoutDirectory, LayoutSource

        path, name = _path_and_name(rest)
        return LayoutSource(LayoutDirectory(Path(path)), name, platform)
    from ocistore_tui.daemon.engine_source import EngineSource

    return EngineSource(engine(), rest, platform)


def open_target(image: str, name: str, *, engine: Callable[[], EngineClient]) -> Target:
    """The local place ``image`` names, for writing; forms as for `open_source`.

    Args:
        image: As typed.
        name: What the image is called there when ``image`` does not say, such as ``app:1``.
        engine: Gives the container engine, where one is needed.

    Raises:
        UsageError: a form without its path, or a name no engine takes.
    """
    form, rest = _split(image)
    if form in ("docker-archive", "oci-archive"):
        from ocistore_tui.daemon.archive_target import ArchiveTarget
        from ocistore_tui.daemon.documents import familiar

        path, given = _path_and_name(rest)
        if form == "docker-archive":
            return ArchiveTarget(Path(path), familiar(_checked_name(given or name)), for_docker=True)
        return ArchiveTarget(Path(path), "" if given else name, tag=given, for_docker=False)
    if form == "oci":
        from ocistore_tui.daemon.layout import LayoutDirectory, LayoutTarget

        path, given = _path_and_name(rest)
        return LayoutTarget(LayoutDirectory(Path(path)), given or name.rpartition(":")[2])
    from ocistore_tui.daemon.engine_target import EngineTarget

    return EngineTarget(engine(), _checked_name(rest))


def _split(image: str) -> tuple[str, str]:
    form, colon, rest = image.partition(":")
    if not colon or form not in _FORMS:
        return "docker-daemon", image
    if not rest:
        needed = "NAME:TAG" if form == "docker-daemon" else "PATH"
        raise UsageError(f"{form}: lacks its {needed}", where=image, fix=f"write {form}:{needed}")
    return form, rest


def daemon_image(name: str) -> str:
    """A name of a container engine's image as `open_source` takes it, also one that begins like another form."""
    return f"docker-daemon:{name}" if name.partition(":")[0] in _FORMS else name


def _path_and_name(rest: str) -> tuple[str, str | None]:
    """``PATH[:NAME]``; a path that exists is taken whole, colons and all, the longest one that does."""
    end = len(rest)
    while end > 0:
        if os.path.exists(rest[:end]):  # noqa: PTH110  # pathlib's raises for names no file can have
            return rest[:end], rest[end + 1 :] or None
        end = rest.rfind(":", 0, end)
    path, _, name = rest.partition(":")
    return path, name or None


def _checked_name(name: str) -> str:
    if not _NAME.match(name):
        raise UsageError(
            "not a usable image name",
            where=name,
            cause="names are lower-case letters, digits and . _ - between them, parts joined by /, then :TAG",
            fix="write --image NAME:TAG",
        )
    return name
