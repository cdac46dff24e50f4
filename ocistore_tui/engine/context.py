"""What every part of the engine works with."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.engine.cache import Cache
from ocistore_tui.engine.documents import Documents
from ocistore_tui.engine.ports import ImageSource, ImageTarget
from ocistore_tui.engine.workers import Workers
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.model.local import LocalListing, LocalPlace
from ocistore_tui.model.platform import Platform

OpenSource = Callable[[str, Platform | None, str | None], ImageSource]
"""Opens a local image: as typed, the platform wanted (None: all that it has), and the container engine's address
(None: the usual one)."""
OpenTarget = Callable[[str, str, str | None], ImageTarget]
"""Opens a local place: as typed, the name an image gets there where the place alone does not say, and the container
engine's address (None: the usual one)."""
ListLocal = Callable[[LocalPlace | None], LocalListing]
"""Lists a local place; None: the usual container engine."""


class Context(Struct, frozen=True):
    """One store and the means to work on it."""

    store: ObjectStore
    blobs: Blobs
    documents: Documents
    cache: Cache
    workers: Workers
    open_source: OpenSource
    open_target: OpenTarget
