"""The whole exception tree. Every error says what happened, where, why, and what to do about it.

::

    OciStoreError                 exit 70  (never raised itself)
    ├── UsageError                exit 2   bad flag, reference, connection, configuration
    ├── NotFound                  exit 3   repository, tag, image
    │   └── StoreMissing          exit 3   the bucket, container or directory itself
    ├── AccessDenied              exit 4   no credentials, or not enough rights
    ├── Unavailable               exit 5   network, throttling, daemon down
    │   ├── Throttled             exit 5   the store asks to slow down, after all retries
    │   ├── Unsupported           exit 5   the server does not offer the operation
    │   ├── PartialLoadRefused    exit 5   the daemon wants the whole image after all (handled by the engine)
    │   └── NoSpace               exit 5   disk or quota full
    ├── IntegrityError            exit 6   a digest, size or document is not what it must be
    ├── Refused                   exit 8   read-only, tag moved since the plan, stale plan
    │   └── PreconditionFailed    exit 8   a conditional write met another version
    └── Cancelled                 exit 130
"""

from __future__ import annotations

from typing import ClassVar


class OciStoreError(Exception):
    """An error a person can act on.

    Args:
        message: What happened, in one short sentence without a trailing full stop.
        where: The thing concerned (URL, key, reference, path); never a secret.
        cause: Why, as far as it is known.
        fix: What to do about it: a command, an option, a permission.
    """

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, where: str = "", cause: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} ({self.where})" if self.where else self.message


class UsageError(OciStoreError):
    """The command, reference, connection or configuration is not usable as given."""

    kind = "usage"
    exit_code = 2


class NotFound(OciStoreError):
    """The repository, tag, blob or image does not exist."""

    kind = "not_found"
    exit_code = 3


class StoreMissing(NotFound):
    """The bucket, container or directory itself does not exist, and writing to it does not make it."""


class AccessDenied(OciStoreError):
    """No credentials, expired ones, or not enough rights."""

    kind = "access_denied"
    exit_code = 4


class Unavailable(OciStoreError):
    """The store or the daemon cannot be reached, or gave up."""

    kind = "unavailable"
    exit_code = 5


class Throttled(Unavailable):
    """The store keeps asking to slow down."""

    kind = "throttled"


class Unsupported(Unavailable):
    """The server does not offer the operation."""

    kind = "unsupported"


class PartialLoadRefused(Unavailable):
    """The daemon lacks layers it seemed to have; the whole image has to be loaded."""

    kind = "partial_load_refused"


class NoSpace(Unavailable):
    """The disk or the quota is full."""

    kind = "no_space"


class IntegrityError(OciStoreError):
    """Bytes or documents are not what their name or descriptor promises."""

    kind = "integrity"
    exit_code = 6


class Refused(OciStoreError):
    """The program will not do this: read-only store, moved tag, stale plan."""

    kind = "refused"
    exit_code = 8


class PreconditionFailed(Refused):
    """A conditional write or delete met another version of the object."""

    kind = "precondition_failed"


class Cancelled(OciStoreError):
    """The user stopped the work; nothing half-done is visible."""

    kind = "cancelled"
    exit_code = 130
