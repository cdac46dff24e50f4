"""A registry for one transfer: on this computer only, at a free port, behind a name nobody can guess."""

from __future__ import annotations

from typing import Self

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.errors import Unavailable
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.model.local import LOOPBACK_PREFIX
from ocistore_tui.serving.addresses import Address, listen
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Listener, Rules
from ocistore_tui.serving.server import Server

_TRIES = 6
_FIRST_PORT, _PORTS = 20_000, 10_000
"""Below what systems give to those who ask for any port."""


class Loopback:
    """Listens while it is entered; with the process it ends, however that ends.

    Every path begins with a secret, so other users of this computer, who can reach the port, find nothing. Engines
    note for good where each layer came from or went: that stays one note a repository, for the same secret gives the
    same port, unless somebody listens there.

    Args:
        store: What is served; stays the caller's.
        secret: 128 random bits in hexadecimal digits.
        rules: What the engine may do.
        listener: Hears of what it does.
        blobs: As for `Registry`.

    Raises:
        Unavailable: no port is free, on entering.
    """

    def __init__(
        self, store: ObjectStore, secret: str, rules: Rules, listener: Listener, blobs: Blobs | None = None
    ) -> None:
        self._path = f"{LOOPBACK_PREFIX}{secret}"
        self._port = _FIRST_PORT + int(secret, 16) % _PORTS
        self._registry = Registry(store, rules=rules, prefix=self._path, listener=listener, blobs=blobs)

    def name(self, repository: str) -> str:
        """What engines call a repository here: ``localhost`` is what they speak plain HTTP with."""
        return f"localhost:{self._server.ports[0][1]}/{self._path}/{repository}"

    def __enter__(self) -> Self:
        for left in reversed(range(_TRIES)):
            try:
                # Engines take either for localhost (docker-api.md §5), and find the other's port with somebody else.
                sockets = listen([Address("127.0.0.1", self._port), Address("::1", self._port)])
                break
            except Unavailable:
                if not left:
                    self._registry.close()
                    raise
                self._port = 0
        self._server = Server(self._registry, sockets, has_metrics=False)
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(grace_s=0.0)
