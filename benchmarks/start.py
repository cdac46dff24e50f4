"""Cold start: what a whole process takes for ``--help``, ``--version`` and ``ls`` of a small store."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.image import build_image
from benchmarks.images import OURS, SKOPEO
from benchmarks.measure import Run, run
from benchmarks.report import spread, table
from benchmarks.stores import Store, directory_store, s3_store

REPOSITORIES = ("team/app", "team/web", "tools/jq")
RUNS = 15


def measure_start(work: Path, *, runs: int = RUNS) -> list[str]:
    """All rows, as the lines of the report."""
    with (
        tempfile.TemporaryDirectory(prefix="home-", dir=work) as home,
        directory_store(work) as directory,
        s3_store(work) as bucket,
    ):
        for store in (directory, bucket):
            _fill(work, store)
        rows = [
            ("python -c pass", [sys.executable, "-c", "pass"], {}),
            ("oci-store --version", [OURS, "--version"], {}),
            ("oci-store --help", [OURS, "--help"], {}),
            ("oci-store fs ls", [OURS, *directory.backend, "ls", *directory.options], directory.env),
            ("oci-store s3 ls", [OURS, *bucket.backend, "ls", *bucket.options, bucket.target.rstrip("/")], bucket.env),
        ]
        samples: dict[str, list[Run]] = {name: [] for name, _, _ in rows}
        for turn in range(runs + 1):
            for name, command, env in rows:
                result = run(command, env={**_plain(home), **env}, timeout_s=30)
                if turn:  # the first one compiles and fills the page cache
                    samples[name].append(result)
    lines = []
    for name, results in samples.items():
        walls = spread([result.wall_s for result in results])
        cpu = sum(result.cpu_s for result in results) / runs
        lines.append([f"`{name}`", walls, f"{cpu:.2f}", f"{max(result.peak_mb for result in results):.0f}"])
        print(f"start: {name:24} {walls} s", flush=True)
    said = (
        f"Whole processes, each {runs} times in turn after one to warm up; the stores hold {len(REPOSITORIES)} images."
    )
    return [said, "", *table(["command", "wall s", "mean CPU s", "peak MB"], lines)]


def _fill(work: Path, store: Store) -> None:
    """A few small images, put there through docker-registry."""
    image = build_image(work, tiny=True)
    for name in REPOSITORIES:
        target = f"docker://{store.registry}/{name}:1"
        command = [SKOPEO, "copy", "--quiet", "--dest-tls-verify=false", f"docker-archive:{image}", target]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _plain(home: str) -> dict[str, str]:
    """Nobody's settings."""
    return {"HOME": home, "XDG_CACHE_HOME": f"{home}/.cache", "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
