"""A place becomes a Service: its store, and the container engine, each looked for when first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocistore_tui.config import cache_dir
from ocistore_tui.engine.ports import ImageSource, ImageTarget
from ocistore_tui.engine.service import Service
from ocistore_tui.model.platform import Platform
from ocistore_tui.wiring.place import Place, open_store

if TYPE_CHECKING:
    from ocistore_tui.daemon.client import EngineClient


def open_service(place: Place) -> Service:
    """The whole program over one place; close it after use."""
    engine = LazyEngine(place.docker_host)

    def open_source(image: str, platform: Platform | None) -> ImageSource:
        from ocistore_tui.daemon.local import open_source

        return open_source(image, engine=engine.client, platform=platform)

    def open_target(image: str, name: str) -> ImageTarget:
        from ocistore_tui.daemon.local import open_target

        return open_target(image, name, engine=engine.client)

    return Service(
        open_store(place),
        open_source=open_source,
        open_target=open_target,
        engine=engine,
        cache_dir=cache_dir(),
        concurrency=place.concurrency,
    )


class LazyEngine:
    """The container engine, looked for when it is first needed: archives work without one."""

    def __init__(self, docker_host: str | None) -> None:
        self._docker_host = docker_host
        self._client: EngineClient | None = None

    def client(self) -> EngineClient:
        """The engine's client.

        Raises:
            UsageError: its address cannot be used.
        """
        if self._client is None:
            from ocistore_tui.daemon.address import resolve_address
            from ocistore_tui.daemon.client import EngineClient

            self._client = EngineClient(resolve_address(self._docker_host))
        return self._client

    @property
    def label(self) -> str:
        """Name, version and address."""
        return self.client().label

    def images(self) -> list[Any]:
        """What it holds."""
        return self.client().images()
