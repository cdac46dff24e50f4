"""How much one server takes upon itself, in bytes, seconds and connections."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Limits of one server; bodies of manifests and pages of lists are limited by the registry itself."""

    max_connections: int = 512
    """Beyond this, the connection that has been idle for the longest time makes room for a new one."""
    head_s: float = 15.0
    """A request's headers have to be there within this time, from their first byte."""
    idle_s: float = 90.0
    """A connection on which nothing was asked for so long is closed."""
    silence_s: float = 60.0
    """A peer in the middle of a body may send or take nothing for so long."""
    max_head_bytes: int = 32 * 1024
    """The request line and all headers together."""
    max_dropped_bytes: int = 1024 * 1024
    """What is left of a body nobody wants is read up to this size, to keep the connection."""
    linger_s: float = 2.0
    """How long a connection that is given up stays open for the peer to read the answer."""
    grace_s: float = 30.0
    """How long running requests may go on once the server is to stop."""
