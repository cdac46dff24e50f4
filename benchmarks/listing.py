"""Listing: client CPU per million keys; all names of a store, and the first screen of one, beside docker-registry."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.list_client import AT_ONCE, SCREEN, TAGS_SHOWN, VISIBLE
from benchmarks.list_server import shape
from benchmarks.report import spread, table
from benchmarks.stores import registry, registry_on_s3

LATENCY_S = 0.06
REPOSITORIES, TAGS = 2000, 20
GIVE_UP_S = 30
"""When the registry walks a whole store for its first screen."""
SAMPLED = 200
"""Repositories the registry is asked for over the slow store; its time for all is ten times as much."""


def measure_listing(work: Path, *, keys: int, runs: int = 3) -> list[str]:
    """All rows, as the lines of the report."""
    return [
        *_per_million(keys, runs),
        "",
        *_all_names(work, runs),
        "",
        *_first_screen(work, runs),
    ]


def _per_million(keys: int, runs: int) -> list[str]:
    rows = []
    for backend in ("s3", "azure", "gcs"):
        with server("pages", str(keys)) as url:
            found = [_client("keys", backend, url, str(keys)) for _ in range(runs)]
        scale = 1_000_000 / keys
        rows.append(
            [
                backend, spread([each["cpu_s"] * scale for each in found]),
                spread([each["seconds"] * scale for each in found]),
                f"{max(each['early_mb'] for each in found):.0f}", f"{max(each['peak_mb'] for each in found):.0f}",
            ]
        )  # fmt: skip
        print(f"listing {backend}: {rows[-1][1]} s of CPU for a million keys", flush=True)
    said = f"Client CPU for a million keys, from {keys:,} keys in canned pages; the server is another process."
    head = ["store", "client CPU s", "wall s", "resident MB at a tenth", "peak MB"]
    return [said, "", *table(head, rows)]


def _all_names(work: Path, runs: int) -> list[str]:
    name = f"teams-{REPOSITORIES}-{TAGS}"
    rows: list[list[str]] = []

    def both(store: str, ours: Callable[[], dict[str, Any]], theirs: Callable[[], float]) -> None:
        mine = [ours() for _ in range(runs)]
        for each in mine:
            if (each["repositories"], each["tags"]) != (REPOSITORIES, REPOSITORIES * TAGS):
                raise RuntimeError(f"listed {each['repositories']} repositories and {each['tags']} tags")
        other = theirs()
        median = sorted(each["seconds"] for each in mine)[runs // 2]
        peak = f"{max(each['peak_mb'] for each in mine):.0f}"
        rows.append([store, spread([each["seconds"] for each in mine]), f"{other:.2f}", f"{median / other:.3f}", peak])
        print(f"listing all names, {store}: ours {median:.2f} s, docker-registry {other:.2f} s", flush=True)

    with _directory(work, name) as root, registry(root.parent, f"  filesystem: {{rootdirectory: {root}}}") as address:
        both("fs", lambda: _client("names", "fs", str(root)), lambda: _registry_names(address, REPOSITORIES))
    with server("store", name, str(LATENCY_S)) as url, _registry(work, url) as address:
        scale = REPOSITORIES // SAMPLED
        both(
            f"S3, {LATENCY_S * 1000:.0f} ms a request",
            lambda: _client("names", "s3", url),
            lambda: scale * _registry_names(address, SAMPLED),
        )
    said = (
        f"All names of {REPOSITORIES:,} repositories with {TAGS} tags each. docker-registry is asked for its catalog, "
        f"then for the tags of each repository, {AT_ONCE} at once; over the slow store for {SAMPLED} repositories, "
        f"times {REPOSITORIES // SAMPLED}."
    )
    return [said, "", *table(["store", "ours s", "docker-registry s", "ours / it", "our peak MB"], rows)]


def _first_screen(work: Path, runs: int) -> list[str]:
    rows = []
    for tags in (1_000, 100_000):
        with server("store", f"flat-10000-{tags}", str(LATENCY_S)) as url, _registry(work, url) as address:
            requests_of(url)
            found, asked = [], []
            for _ in range(runs):
                found.append(_client("screen", "s3", url)["seconds"])
                asked.append(requests_of(url))
            try:
                other = f"{_registry_names(address, SCREEN, VISIBLE, timeout_s=GIVE_UP_S):.2f}"
            except TimeoutError:
                other = f"over {GIVE_UP_S}"
            rows.append([f"{tags:,}", spread(found), str(max(asked)), other, str(requests_of(url))])
        print(f"listing a screen, {tags} tags: {rows[-1][1]} s, {rows[-1][2]} requests", flush=True)
    said = (
        f"The first {SCREEN} of 10,000 repositories, with up to {TAGS_SHOWN} tags of each of the first {VISIBLE}, S3 "
        f"at {LATENCY_S * 1000:.0f} ms a request. The first repository has as many tags as said, each other one."
    )
    head = ["tags in the first", "ours s", "our requests", "docker-registry s", "its requests"]
    return [said, "", *table(head, rows)]


@contextlib.contextmanager
def server(*words: str) -> Iterator[str]:
    """`benchmarks.list_server` in a process of its own; yields its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.list_server", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@contextlib.contextmanager
def _registry(work: Path, url: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=work) as own, registry(Path(own), registry_on_s3(url)) as address:
        yield address


@contextlib.contextmanager
def _directory(work: Path, name: str) -> Iterator[Path]:
    """A store in a directory, in memory where there is room: so many directories are slow to make and to remove."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**30
    with tempfile.TemporaryDirectory(prefix="ocistore-bench-", dir=memory if roomy else work) as own:
        root = Path(own) / "data"
        link = root / "link"
        root.mkdir()
        link.write_text(f"sha256:{'0' * 64}")
        for number, key in enumerate(shape(name)):
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            if number % 1000 == 0:  # ext4 takes 65,000 names of one file
                link.unlink()
                link.write_text(f"sha256:{'0' * 64}")
            os.link(link, path)
        link.unlink()
        yield root


def _client(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.list_client", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def requests_of(url: str) -> int:
    """How many requests came to `server` since this was last asked."""
    with urllib.request.urlopen(f"{url}/-/requests") as reply:
        return int(reply.read())


def _registry_names(address: str, repositories: int, with_tags: int | None = None, *, timeout_s: float = 600) -> float:
    """Seconds for the catalog up to so many repositories and the tags of them (or of the first ``with_tags``).

    Raises:
        TimeoutError: one answer takes longer than ``timeout_s``; the registry goes on with it.
    """
    started = time.perf_counter()
    names: list[str] = []
    query = f"/v2/_catalog?n={min(1000, repositories)}"
    while len(names) < repositories:
        page = _get(address, query, timeout_s)["repositories"]
        if not page:
            break
        names += page
        query = f"/v2/_catalog?n={min(1000, repositories)}&last={names[-1]}"
    if len(names) != repositories:
        raise RuntimeError(f"docker-registry lists {len(names)} repositories of {repositories}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(
            lambda name: _get(address, f"/v2/{name}/tags/list", timeout_s)["tags"], names[:with_tags]
        ):
            if not found:
                raise RuntimeError("docker-registry lists a repository without tags")
    return time.perf_counter() - started


def _get(address: str, path: str, timeout_s: float) -> dict[str, Any]:
    connection = http.client.HTTPConnection(address.replace("localhost", "127.0.0.1"), timeout=timeout_s)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
    finally:
        connection.close()
    if reply.status != 200:
        raise RuntimeError(f"docker-registry answers {reply.status} to {path}: {body[:300]!r}")
    return dict(json.loads(body))
