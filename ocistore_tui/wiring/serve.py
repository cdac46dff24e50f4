"""A place becomes a registry on the network; what would be unsafe or cannot work is refused before anything listens."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.errors import NotFound, StoreMissing, Unavailable, UsageError
from ocistore_tui.layout import paths
from ocistore_tui.serving.access import Access, Anyone, Password, Token
from ocistore_tui.serving.addresses import Address, listen, parse_listen
from ocistore_tui.serving.connection import Answered
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from ocistore_tui.serving.server import Server
from ocistore_tui.wiring.place import Place, open_store

DEFAULT_LISTEN = "127.0.0.1:5000"
_MAX_SECRET_BYTES = 4096


class ServeOptions(Struct, frozen=True):
    """How to serve, as a person says it."""

    listen: tuple[str, ...] = (DEFAULT_LISTEN,)
    can_write: bool = False
    can_delete: bool = False
    user: str | None = None
    password_file: str | None = None
    token_file: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    insecure: bool = False
    """Listen beyond this computer without authentication or TLS, too."""
    any_port: bool = False
    """Where a port is taken, listen at one that is free."""


class Serving:
    """A store that is served until it is closed.

    Args:
        place: Where it is.
        options: How.
        log: Hears of every answer, from any thread.
        fault: Hears of faults of the program, as text.

    Raises:
        UsageError: an option is of no use as given, or would open the store to everybody.
        NotFound: there is no such store.
        OciStoreError: the store cannot be reached, or the address not be listened at.
    """

    def __init__(
        self, place: Place, options: ServeOptions, *, log: Callable[[Answered], None], fault: Callable[[str], None]
    ) -> None:
        access, tls = _access(options), _tls(options)
        addresses = tuple(address for text in options.listen for address in parse_listen(text))
        if not options.insecure:
            _check_safe(addresses, has_access=not isinstance(access, Anyone), has_tls=tls is not None)
        self._scheme = "https" if tls else "http"
        with ExitStack() as stack:
            may_be_missing = place.is_embedded or options.can_write
            # Where nobody makes it, a directory that goes away is told as that, and not as one with no images.
            store = stack.enter_context(open_store(place, create=may_be_missing))
            _look(store, may_be_missing=may_be_missing)
            self.store_url = store.url
            rules = Rules(can_write=options.can_write, can_delete=options.can_write and options.can_delete)
            registry = Registry(store, rules=rules, access=access)
            self._server = Server(
                registry, _listen(addresses, any_port=options.any_port), tls=tls, log=log, fault=fault
            )
            self._server.start()
            self._stack = stack.pop_all()

    @property
    def urls(self) -> list[str]:
        """Where clients find it."""
        return [f"{self._scheme}://{Address(host, port)}" for host, port in self._server.ports]

    def close(self, *, grace_s: float | None = None) -> int:
        """Let running requests finish, then end; may be called again to make it shorter.

        Args:
            grace_s: Seconds they get; None: the usual time.

        Returns:
            How many requests were cut off.
        """
        left = self._server.stop(grace_s=grace_s)
        self._stack.close()
        return left


def _listen(addresses: tuple[Address, ...], *, any_port: bool) -> list[socket.socket]:
    try:
        return listen(addresses)
    except Unavailable:
        if not any_port:
            raise
        return listen([Address(address.host, 0) for address in addresses])


def _look(store: ObjectStore, *, may_be_missing: bool) -> None:
    """Find out now, not at the first request, that the store cannot be read."""
    try:
        next(store.list_dirs(paths.ROOT), None)
    except StoreMissing:
        raise
    except NotFound:
        if not may_be_missing:
            raise


def _access(options: ServeOptions) -> Access:
    if options.token_file is not None:
        if options.user is not None or options.password_file is not None:
            raise UsageError("--token-file and --user exclude one another", fix="leave one of them out")
        return Token(_secret(options.token_file, "--token-file"))
    if (options.user is None) != (options.password_file is None):
        missing = "--password-file" if options.password_file is None else "--user"
        raise UsageError("a user needs a name and a password", fix=f"add {missing}")
    if options.user is None or options.password_file is None:
        return Anyone()
    if not options.user or ":" in options.user or not options.user.isprintable():
        raise UsageError("not a user's name", where="--user", fix="use a name without a colon")
    return Password(options.user, _secret(options.password_file, "--password-file"))


def _secret(file: str, option: str) -> str:
    """The first line of a file."""
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(_MAX_SECRET_BYTES + 1)
        text = raw.decode().split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError("the secret cannot be read", where=file, cause=cause or "", fix=f"check {option}") from error
    if not text or len(raw) > _MAX_SECRET_BYTES:
        cause = f"it has more than {_MAX_SECRET_BYTES} bytes" if text else "its first line is empty"
        raise UsageError("the file holds no secret", where=file, cause=cause, fix="write it on the first line")
    return text


def _tls(options: ServeOptions) -> ssl.SSLContext | None:
    if (options.tls_cert is None) != (options.tls_key is None):
        missing = "--tls-key" if options.tls_key is None else "--tls-cert"
        raise UsageError("TLS needs a certificate and its key", fix=f"add {missing}")
    if options.tls_cert is None or options.tls_key is None:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty password, for none must be asked for on a terminal.
        tls.load_cert_chain(options.tls_cert, options.tls_key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
        raise UsageError(
            "the certificate and its key cannot be used", where=f"{options.tls_cert}, {options.tls_key}",
            cause=str(reason).replace("_", " ").lower(), fix="check --tls-cert and --tls-key: PEM, without a password",
        ) from error  # fmt: skip
    return tls


def _check_safe(addresses: tuple[Address, ...], *, has_access: bool, has_tls: bool) -> None:
    beyond = [address for address in addresses if not address.is_loopback]
    if not beyond or (has_access and has_tls):
        return
    lacks = " and no ".join(
        what
        for what, has in (
            ("authentication (--user and --password-file, or --token-file)", has_access),
            ("TLS (--tls-cert and --tls-key)", has_tls),
        )
        if not has
    )
    raise UsageError(
        "this would open the store to the network", where=str(beyond[0]), cause=f"there is no {lacks}",
        fix=f"add it, listen at 127.0.0.1:{beyond[0].port or 5000}, or say --insecure where the network is safe",
    )  # fmt: skip
