"""Numbers about one server, as Prometheus reads them (text exposition format 0.0.4)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)
_KNOWN_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"})


class Metrics:
    """Counts requests, bytes and connections; any thread may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._took: Counter[float] = Counter()
        self._took_s = 0.0
        self._totals: Counter[str] = Counter()

    def request(self, method: str, status: int, took_s: float) -> None:
        """A request has ended."""
        method = method if method in _KNOWN_METHODS else "other"
        with self._lock:
            self._requests[method, status] += 1
            self._took_s += took_s
            for bucket in _BUCKETS_S:
                if took_s <= bucket:
                    self._took[bucket] += 1
                    break

    def add(self, name: str, amount: int = 1) -> None:
        """More of ``received_bytes``, ``sent_bytes``, ``connections``, ``evicted_connections`` or the like."""
        with self._lock:
            self._totals[name] += amount

    def text(self, gauges: Mapping[str, int]) -> bytes:
        """All numbers.

        Args:
            gauges: What is so at this moment, by name.
        """
        with self._lock:
            lines = list(self._lines(gauges))
        return ("\n".join(lines) + "\n").encode()

    def _lines(self, gauges: Mapping[str, int]) -> Iterator[str]:
        yield "# HELP ocistore_requests_total Requests answered."
        yield "# TYPE ocistore_requests_total counter"
        for (method, status), count in sorted(self._requests.items()):
            yield f'ocistore_requests_total{{method="{method}",status="{status}"}} {count}'
        yield "# HELP ocistore_request_seconds Time from a request's first byte to the last one of its answer."
        yield "# TYPE ocistore_request_seconds histogram"
        below, total = 0, sum(self._requests.values())
        for bucket in _BUCKETS_S:
            below += self._took[bucket]
            yield f'ocistore_request_seconds_bucket{{le="{bucket}"}} {below}'
        yield f'ocistore_request_seconds_bucket{{le="+Inf"}} {total}'
        yield f"ocistore_request_seconds_sum {self._took_s:.6f}"
        yield f"ocistore_request_seconds_count {total}"
        for name, amount in sorted(self._totals.items()):
            yield f"# TYPE ocistore_{name}_total counter"
            yield f"ocistore_{name}_total {amount}"
        for name, amount in gauges.items():
            yield f"# TYPE ocistore_{name} gauge"
            yield f"ocistore_{name} {amount}"
