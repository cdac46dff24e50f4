"""When a request to Azure is tried again, and for how long."""

from __future__ import annotations

import random
import time
from threading import Event
from typing import Any

from azure.core.exceptions import (
    AzureError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy

RETRY_FOR_S = 30.0
AGAIN = (408, 429, 500, 502, 503, 504)
"""Statuses of a server that may do better the next time."""
_CONNECT_FOR_S = 2.0


class BoundedRetry(HTTPPolicy[Any, Any]):
    """Tries again after 0.5, 1, 2, 4, 8, 8 s, and for no more than half a minute; a refused connection, for 2 s.

    The client's own policies wait 15 s before the second try and do not know status 429. A request whose ``abandoned``
    event is set is not tried again.
    """

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """See `HTTPPolicy.send`."""
        options = request.context.options
        location = options.pop("location_mode", None) or "primary"
        abandoned = options.pop("abandoned", None) or Event()
        for name in ("hosts", "retry_hook", "retry_total", "retry_to_secondary"):
            options.pop(name, None)  # meant for the client's own policy; the transport does not know them
        started, wait_s = time.monotonic(), 0.5
        is_first = True
        while True:
            failure: AzureError | None = None
            response = None
            try:
                response = self.next.send(request)
            except AzureError as error:
                if not _may_pass(error):
                    raise
                failure = error
            if response is not None and response.http_response.status_code not in AGAIN:
                response.http_response.location_mode = location  # where the client's listings look for it
                return response
            pause_s = wait_s * random.uniform(0.7, 1.3)  # noqa: S311 - only so that many clients do not march in step
            if response is not None:
                pause_s = max(pause_s, _retry_after_s(response.http_response.headers))
            for_s = _CONNECT_FOR_S if isinstance(failure, ServiceRequestError) else RETRY_FOR_S
            is_late = time.monotonic() + pause_s > started + for_s
            # One connection that fell silent has used up all the time, and says nothing of the next.
            is_silence = is_first and isinstance(failure, ServiceResponseTimeoutError)
            if (is_late and not is_silence) or abandoned.wait(pause_s):
                if failure is not None:
                    raise failure
                assert response is not None
                response.http_response.location_mode = location
                return response
            wait_s, is_first = min(8.0, wait_s * 2), False


def _may_pass(error: AzureError) -> bool:
    """Whether it was the network, and another try may do better."""
    if isinstance(error, ServiceRequestError):
        text = str(error)
        return "SSL" not in text and "certificate" not in text
    return isinstance(error, ServiceResponseError | IncompleteReadError)


def _retry_after_s(headers: Any) -> float:
    try:
        return min(10.0, float(headers.get("Retry-After") or 0))
    except ValueError:
        return 0.0
