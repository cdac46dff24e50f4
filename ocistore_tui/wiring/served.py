"""The registry that the terminal UI serves a store with: read only, to this computer only."""

from __future__ import annotations

from ocistore_tui.wiring.place import Place
from ocistore_tui.wiring.serve import ServeOptions, Serving


class Served:
    """Serves until it is closed, at the usual port, or at any that is free.

    Args:
        place: The store.

    Raises:
        OciStoreError: the store cannot be reached, or nothing be listened at.
    """

    def __init__(self, place: Place) -> None:
        options = ServeOptions(any_port=True)
        self._serving = Serving(place, options, log=lambda _: None, fault=lambda _: None)
        self.address = self._serving.urls[0].partition("://")[2]
        """``HOST:PORT``."""

    def close(self) -> None:
        """Serve no more, once running requests have finished or their time is up."""
        self._serving.close()
