"""What a registry lets its clients do, and what it tells its owner meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from ocistore_tui.model.digest import Digest


class Rules(Struct, frozen=True):
    """What clients may do, and how much of it; sizes in bytes, times in seconds."""

    can_write: bool = False
    can_delete: bool = False
    """Counts only where writing is allowed."""
    adopts: bool = False
    """Whether a blob that any repository has is found, and then linked, where a client asks a repository for it: what
    a push asks before it sends."""
    sets_tags: bool = True
    """Whether a manifest that comes under a tag is tagged; where not, the owner is told and does it."""
    takes_partial: bool = False
    """Whether an index may name manifests that are not there."""
    large_moves: int = 1
    """Large blobs sent to a bucket at once, each in parallel parts, which are held in memory for that. What comes
    meanwhile is spooled."""
    max_uploads: int = 1000
    """Uploads under way, over all clients."""
    upload_idle_s: float = 3600.0
    """An upload nobody has touched for so long is forgotten."""
    max_page: int = 10_000
    """Names in one answer."""


class What(Enum):
    """What happens to a blob or tag."""

    BEGUN = "begun"
    """An upload; digest and size may not be known yet."""
    BYTES = "bytes"
    """That many more bytes of an upload came in."""
    STORED = "stored"
    """An upload is in the store, and linked."""
    EXISTS = "exists"
    """A client asked for it, or sent it, and it was there."""
    LINKED = "linked"
    """It was there, and this repository now has it too."""
    FAILED = "failed"
    """An upload came to nothing."""
    READ = "read"
    """That many bytes of it went out."""
    DAMAGED = "damaged"
    """It was read, and is not what its digest says; nobody got it to its end."""
    TAGGED = "tagged"
    """A manifest is there under a tag."""


class Event(Struct, frozen=True):
    """One thing that happened."""

    what: What
    repository: str
    digest: Digest | None = None
    size_bytes: int = 0
    upload: str = ""
    """Which upload; empty where there is none."""
    tag: str = ""


Listener: TypeAlias = Callable[[Event], None]
"""Hears of everything, from any thread; may hold an upload up, or end it with `BodyBroken`, where it hears of bytes."""
