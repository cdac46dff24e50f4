"""Lists a store as a process of its own and says what it cost: ``python -m benchmarks.list_client JOB PLACE…``.

Prints one JSON object: seconds, CPU seconds, and resident memory at a tenth of the way and at its peak. CPU and seconds
count from the opened store on.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.wiring import Place, open_service, open_store

AT_ONCE = 16
SCREEN, VISIBLE, TAGS_SHOWN = 100, 40, 100
_AZURE_KEY = "bm90LWEtc2VjcmV0"


def place(backend: str, where: str) -> Place:
    """A place of the benchmark: a directory, or a server at ``where``."""
    options: dict[str, dict[str, object]] = {
        "fs": {"dir": where},
        "s3": {"endpoint": where, "region": "us-east-1", "access_key": "ocistore", "secret_key": "ocistore-secret"},
        "gcs": {"endpoint": where, "anonymous": True, "project_id": "bench"},
        "azure": {"endpoint": f"{where}/bench", "account_name": "bench", "account_key": _AZURE_KEY},
    }
    return Place(backend, "" if backend == "fs" else "bench", options[backend])


def keys(store: ObjectStore, expected: int) -> dict[str, float]:
    """Every key of the store."""
    next(store.list_entries("docker/registry/v2/"))  # connections, probes and lazy imports are not what is measured
    early = 0.0
    cpu, started = time.process_time(), time.perf_counter()
    count = 0
    for _ in store.list_entries("docker/registry/v2/"):
        count += 1
        if count == expected // 10:
            early = _resident_mb()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    if count != expected:
        raise SystemExit(f"listed {count} keys of {expected}")
    return {"seconds": seconds, "cpu_s": cpu, "early_mb": early, "peak_mb": _peak_mb()}


def names(where: Place, *, screen: bool) -> dict[str, float]:
    """All repositories and all their tags; or, of the first hundred, a screen's tags of the first forty."""
    with open_service(where) as service, ThreadPoolExecutor(AT_ONCE) as pool:
        cpu, started = time.process_time(), time.perf_counter()
        repositories = [row.name for row in islice(service.repositories(), SCREEN if screen else None)]
        shown, limit = (repositories[:VISIBLE], TAGS_SHOWN) if screen else (repositories, None)
        tags = sum(pool.map(lambda name: len(list(islice(service.tag_names(name), limit))), shown))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {
        "seconds": seconds, "cpu_s": cpu, "peak_mb": _peak_mb(), "repositories": len(repositories), "tags": tags
    }  # fmt: skip


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Do the job that was asked for."""
    job, backend, where = sys.argv[1:4]
    if job == "keys":
        with open_store(place(backend, where)) as store:
            result = keys(store, int(sys.argv[4]))
    else:
        result = names(place(backend, where), screen=job == "screen")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
