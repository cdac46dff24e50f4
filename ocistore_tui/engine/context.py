"""What every part of the engine works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.engine.cache import Cache
from ocistore_tui.engine.documents import Documents
from ocistore_tui.engine.ports import ImageSource, ImageTarget
from ocistore_tui.engine.workers import Workers
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.model.platform import Platform

OpenSource = Callable[[str, Platform | None], ImageSource]
"""Opens a local image: as typed, and the platform wanted; None: all that it has."""
OpenTarget = Callable[[str, str], ImageTarget]
"""Opens a local place: as typed, and the name an image gets there where the place alone does not say."""


@dataclass(frozen=True, slots=True)
class Context:
    """One store and the means to work on it."""

    store: ObjectStore
    blobs: Blobs
    documents: Documents
    cache: Cache
    workers: Workers
    open_source: OpenSource
    open_target: OpenTarget
