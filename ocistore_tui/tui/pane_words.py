"""What a list says where it has no rows or has to wait: the state, its cause, and the keys that help (ux.md §2.9)."""

from __future__ import annotations

from collections.abc import Iterable

from ocistore_tui.errors import AccessDenied, NotFound, OciStoreError
from ocistore_tui.model.stores import StoreRow
from ocistore_tui.model.text import inert

Line = tuple[str, str]
"""Text and style."""
SLOW_S = 5.0
"""After that much waiting a person wants to know for whom."""


def error_lines(error: OciStoreError, keys: Iterable[str], *, with_fix: bool = True) -> list[Line]:
    """What went wrong, where and why, what helps, and the keys for it."""
    lines = [(inert(error.message), "bad")]
    lines += [(inert(text), "dim") for text in (error.where, error.cause) if text]
    lines += [(inert(error.fix), "")] if error.fix and with_fix else []
    return [*lines, ("", ""), *((key, "") for key in keys)]


def why_no_tags(error: OciStoreError | None) -> str:
    """Why keys for tags cannot work where there are none."""
    return "nothing is stored here yet" if error is None else "this store could not be listed: r tries again"


def not_served(repository: str, tag: str | None) -> str:
    """Of a tag, or a repository, that can be seen and not be named."""
    name = repository if tag is None else f"{repository}:{tag}"
    return f"{name} is an invalid name: registries cannot serve it"


def waiting_words(asked_at: float | None, now: float, whom: str) -> str:
    """``still waiting for s3, 7 s``; empty as long as nobody wonders."""
    if asked_at is None or now - asked_at < SLOW_S:
        return ""
    return f"still waiting for {inert(whom, limit=40)}, {int(now - asked_at)} s"


def store_error_lines(error: OciStoreError) -> list[Line]:
    """A store that cannot be listed."""
    if isinstance(error, NotFound):
        return error_lines(error, ["F4  edit this store", "c   another store"])
    keys = ["r   try again", "c   another store", ":   open REPOSITORY:TAG by name"]
    if isinstance(error, AccessDenied):
        keys.append("y   copy the rights that are needed")
    return error_lines(error, keys)


def empty_store_lines(store: StoreRow, *, allows_adding: bool, has_layout: bool | None) -> list[Line]:
    """A store that was listed and holds no repository.

    Args:
        store: Which.
        allows_adding: Whether pushes may write to it.
        has_layout: Whether a registry's directories are there; None: not known.
    """
    lines = [("Nothing is stored here yet.", "bold")]
    if store.backend == "fs":
        lines.append(("This is a folder on this computer, laid out exactly as in a bucket.", "dim"))
    if has_layout:
        lines.append(("A registry's layout is there, with 0 repositories.", "dim"))
    elif has_layout is False and store.origin not in ("embedded", "demo"):
        lines.append(("There is no registry's layout here: if there should be, look at bucket and prefix.", "dim"))
    lines.append(("", ""))
    if allows_adding:
        lines.append(("n   add demo content (small images, made here, no download)", ""))
        lines.append(("p   on the left side pushes an image here", ""))
    if has_layout is False and store.origin not in ("embedded", "demo"):
        lines.append(("F4  edit this store: another bucket or prefix", ""))
    lines.append(("c   another store: S3, GCS, Azure, a folder", ""))
    return lines


def image_layout_lines(store: StoreRow) -> list[Line]:
    """An OCI image layout that was opened as a store."""
    what = "it" if store.backend == "fs" else "a copy of it"
    return [
        ("This is an OCI image layout, not a store.", "bold"),
        ("Its images belong on the left: from there they can be pushed into a store.", "dim"), ("", ""),
        (f"1, then F4, opens {what}: an OCI layout directory", ""), ("c   another store: S3, GCS, Azure, a folder", ""),
    ]  # fmt: skip


def local_error_lines(error: OciStoreError) -> list[Line]:
    """A local place that cannot be listed."""
    keys = ["r   look again", "F4  another engine, or a folder of archives"]
    if isinstance(error, AccessDenied) and command_of(error):
        keys.append("y   copy the command")
    # Options of the command line are no help here: the keys do the same.
    return error_lines(error, keys, with_fix=" --" not in error.fix)


def command_of(error: OciStoreError) -> str:
    """The command line that a fix names, as ``…: sudo usermod …, then …`` does; empty when it names none."""
    _, found, rest = error.fix.partition("sudo ")
    return f"sudo {rest.partition(', then')[0]}".rstrip(" .") if found else ""
