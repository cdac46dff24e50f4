"""A line of an adapter's table of errors, and what lies beneath the errors of its client."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

from ocistore_tui.errors import OciStoreError

_DEPTH = 20
_OBJECT = re.compile(r"^<?[\w.]+\w*(?:\(| object).*?[)>]: ")
"""``HTTPSConnection(host='…', port=443): `` and the like, with which urllib3 begins."""


class Row(NamedTuple):
    """A line of the table."""

    error: type[OciStoreError]
    message: str
    cause: str
    fix: str

    def made(self, where: str, said: str = "") -> OciStoreError:
        """The error, with what the far end said."""
        cause = "; ".join(part for part in (self.cause, said) if part)
        return self.error(self.message, where=where, cause=cause, fix=self.fix)


def root_cause(error: BaseException) -> str:
    """What the operating system, the name service or the TLS library said, without all that was wrapped around it."""
    for _ in range(_DEPTH):
        around = (error.__cause__, getattr(error, "inner_exception", None), getattr(error, "reason", None), *error.args)
        inner = next((each for each in around if isinstance(each, BaseException)), None)
        if inner is None or isinstance(inner, socket.gaierror):  # what is around that one has the host's name
            break
        error = inner
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return re.sub(r" \(_ssl\.c:\d+\)$", "", _OBJECT.sub("", text.strip()))
