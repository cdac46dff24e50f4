"""Composition root: a place becomes a store, a store a Service."""

from ocistore_tui.wiring.place import DEFAULT_CONCURRENCY, Place, open_store
from ocistore_tui.wiring.service import Engines, open_service

__all__ = ["DEFAULT_CONCURRENCY", "Engines", "Place", "open_service", "open_store"]
