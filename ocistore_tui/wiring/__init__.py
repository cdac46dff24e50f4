"""Composition root: a place becomes a store, a store a Service."""

from ocistore_tui.wiring.place import DEFAULT_CONCURRENCY, Place, open_store
from ocistore_tui.wiring.service import LazyEngine, open_service

__all__ = ["DEFAULT_CONCURRENCY", "LazyEngine", "Place", "open_service", "open_store"]
