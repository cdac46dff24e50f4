"""A place becomes a Service: its store, and the container engine, each looked for when first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocistore_tui.config import cache_dir
from ocistore_tui.engine.ports import ImageSource, ImageTarget
from ocistore_tui.engine.service import Service
from ocistore_tui.model.local import LocalListing, LocalPlace
from ocistore_tui.model.platform import Platform
from ocistore_tui.wiring.place import Place, open_store

if TYPE_CHECKING:
    from ocistore_tui.daemon.client import EngineClient


def open_service(place: Place) -> Service:
    """The whole program over one place; close it after use."""
    engines = Engines(place.docker_host)

    def open_source(image: str, platform: Platform | None, docker_host: str | None) -> ImageSource:
        from ocistore_tui.daemon.local import open_source

        return open_source(image, engine=lambda: engines.client(docker_host), platform=platform)

    def open_target(image: str, name: str, docker_host: str | None) -> ImageTarget:
        from ocistore_tui.daemon.local import open_target

        return open_target(image, name, engine=lambda: engines.client(docker_host))

    def list_local(local: LocalPlace | None) -> LocalListing:
        from ocistore_tui.daemon.listing import list_local

        return list_local(local or LocalPlace("engine"), engine=engines.client)

    return Service(
        open_store(place),
        open_source=open_source,
        open_target=open_target,
        list_local=list_local,
        identity=str(place.options.get("endpoint") or ""),
        cache_dir=cache_dir(),
        concurrency=place.concurrency,
    )


class Engines:
    """Container engines by address, each looked for when it is first needed: archives work without one.

    Args:
        usual: The address of the usual one; None: found as the docker client finds it.
    """

    def __init__(self, usual: str | None) -> None:
        self._usual = usual
        self._clients: dict[str | None, EngineClient] = {}

    def client(self, docker_host: str | None = None) -> EngineClient:
        """The client of the engine at an address; without one, of the usual engine.

        Raises:
            UsageError: the address cannot be used.
        """
        address = docker_host or self._usual
        if address not in self._clients:
            from ocistore_tui.daemon.address import resolve_address
            from ocistore_tui.daemon.client import EngineClient

            self._clients[address] = EngineClient(resolve_address(address))
        return self._clients[address]
