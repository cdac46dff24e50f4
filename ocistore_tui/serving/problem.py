"""What a request is refused with: status, code and words (distribution-spec, "Error Codes")."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ocistore_tui.errors import (
    IntegrityError,
    NoSpace,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    Refused,
    StoreMissing,
    Throttled,
    UsageError,
)
from ocistore_tui.model.text import inert
from ocistore_tui.serving.message import Response

_RETRY_S = "5"


class Problem(Exception):
    """A refusal with its answer.

    Args:
        status: HTTP status.
        code: One of the specification's codes.
        message: For people.
        headers: Beside the usual ones.
    """

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        errors = [{"code": self.code, "message": inert(self.message, limit=1000)}]
        return json_response({"errors": errors}, status=self.status, headers=self.headers)


def json_response(document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document as an answer."""
    raw = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, raw)


def problem_of(error: OciStoreError) -> Problem:
    """What an error of the store means to a client; the client's own mistakes are found before it comes to that.

    Other failures of the store, such as its own refusal of our credentials, are no fault of the client: 503.
    """
    # Where it happened names the bucket, which is for the log of whoever runs this.
    message = f"{error.message}: {error.cause}" if error.cause else error.message
    retry = {"Retry-After": _RETRY_S}
    match error:
        case Throttled():
            return Problem(429, "TOOMANYREQUESTS", message, headers=retry)
        case NoSpace():
            return Problem(507, "UNAVAILABLE", message)
        case StoreMissing():
            return Problem(503, "UNAVAILABLE", message)
        case NotFound():
            return Problem(404, "NAME_UNKNOWN", message)
        case PreconditionFailed():
            return Problem(412, "DENIED", message)
        case Refused():
            return Problem(409, "DENIED", message)
        case UsageError():
            return Problem(400, "NAME_INVALID", message)
        case IntegrityError():
            return Problem(500, "UNKNOWN", f"what the store holds is damaged: {message}")
        case _:
            return Problem(503, "UNAVAILABLE", message, headers=retry)
