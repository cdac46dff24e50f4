"""Who may ask: everybody, or who knows a name and its password, or a token. Compared without telling by the time."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import Protocol

from ocistore_tui.serving.message import Request
from ocistore_tui.serving.problem import Problem

_REALM = 'Basic realm="oci-store", charset="UTF-8"'


class Access(Protocol):
    """Decides about a request before anything else happens."""

    def admit(self, request: Request) -> str:
        """Who asks, for the log; empty where nobody has to say.

        Raises:
            Problem: not admitted.
        """


class Anyone:
    """Everybody who can reach the server."""

    def admit(self, request: Request) -> str:
        """See `Access.admit`."""
        del request
        return ""


@dataclass(frozen=True, slots=True)
class Password:
    """One name with its password, as ``docker login`` sends them (RFC 7617)."""

    user: str
    password: str = field(repr=False)

    def admit(self, request: Request) -> str:
        """See `Access.admit`."""
        user, password = _basic(request)
        # Both are compared whatever comes of the first.
        if not (_same(user, self.user) & _same(password, self.password)):
            raise _unauthorized("wrong name or password" if user or password else "authentication required")
        return self.user


@dataclass(frozen=True, slots=True)
class Token:
    """Whoever knows the token: as a bearer (RFC 6750), or as the password of any name."""

    token: str = field(repr=False)

    def admit(self, request: Request) -> str:
        """See `Access.admit`."""
        scheme, _, credentials = request.header("authorization").partition(" ")
        user, given = ("", credentials.strip()) if scheme.lower() == "bearer" else _basic(request)
        if not _same(given, self.token):
            raise _unauthorized("wrong token" if given else "authentication required")
        return user or "token"


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, credentials = request.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return user, password


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _unauthorized(message: str) -> Problem:
    return Problem(401, "UNAUTHORIZED", message, headers={"WWW-Authenticate": _REALM})
