"""Measures us beside the peers, on each daemon given, and writes the table to benchmarks/RESULTS.md.

    python -m benchmarks.run [--runs 3] [--stores fs,s3] [--image FILE] DOCKER_HOST [DOCKER_HOST …]

Contestants run in turn, never at once. Images are never deleted between runs: an ext4 that has just lost many files is slow for
minutes. Every first push and every full pull moves an image no contestant has seen.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.image import make_variant
from benchmarks.measure import Run, run
from benchmarks.report import Sample, write_report
from benchmarks.stores import Store, directory_store, s3_store

OURS = str(Path(sys.executable).with_name("oci-store"))


class Bench:
    """All rows of one daemon over one store."""

    def __init__(self, host: str, label: str, store: Store, image: Path, work: Path, samples: list[Sample]) -> None:
        self.host, self.label, self.store, self.image, self.work, self.samples = host, label, store, image, work, samples

    def note(self, row: str, who: str, result: Run) -> None:
        """Keep one run and say it."""
        print(f"{self.label:24} {self.store.kind:3} {row:28} {who:12} {result.wall_s:7.2f} s", flush=True)
        self.samples.append(Sample(self.label, self.store.kind, row, who, result))

    def docker(self, *words: str) -> Run:
        """The docker client against this daemon."""
        return run(["docker", "-H", self.host, *words])

    def ours(self, verb: str, *words: str) -> Run:
        """Our own command line against this daemon."""
        command = [OURS, *self.store.backend, verb, "--quiet", "--docker-host", self.host, *self.store.options, *words]
        cache = self.work / "cache"
        return run(command, env={**self.store.env, "XDG_CACHE_HOME": str(cache)})

    def load(self, name: str, *, base: str | None = None) -> None:
        """Put a new image into the daemon: unique in every layer, or ``base`` with one new small layer."""
        archive = self.work / "variant.tar"
        make_variant(self.image, archive, name=f"bench/{name}:1", unique=name, only_top=base is not None, base=base)
        self.docker("load", "-i", str(archive))
        archive.unlink()

    def push_rows(self, turn: int) -> None:
        """First push, re-push, one layer changed: each contestant with an image of its own."""
        registry = self.store.registry
        contestants: dict[str, Callable[[str], Run]] = {
            "ours": lambda name: self.ours("push", f"{self.store.target}{name}:1", "--image", f"bench/{name}:1"),
            "docker push": lambda name: self._docker_push(name),
            "skopeo": lambda name: run(
                [
                    "skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--src-daemon-host", self._skopeo_host(),
                    f"docker-daemon:bench/{name}:1", f"docker://{registry}/{name}:1",
                ]
            ),
        }  # fmt: skip
        stamp = f"{self.label.replace('.', '').replace(' ', '-')}-{self.store.kind}-{turn}-{int(time.time())}"
        for who, push in contestants.items():
            if who == "skopeo" and "26" in self.label:
                continue  # Debian 12's skopeo is too old for this daemon's API.
            name = f"{who.replace(' ', '-')}-{stamp}"
            self.load(name)
            self.note("first push", who, push(name))
            self.note("re-push, nothing changed", who, push(name))
            changed = f"{name}-b"
            self.load(changed, base=name)
            if who == "ours":
                target = f"{self.store.target}{name}:1"
                self.note("one small layer changed", who, self.ours("push", target, "--image", f"bench/{changed}:1"))
            elif who == "docker push":
                self.docker("tag", f"bench/{changed}:1", f"{registry}/{name}:1")
                self.note("one small layer changed", who, self.docker("push", "-q", f"{registry}/{name}:1"))

    def pull_rows(self, turn: int) -> None:
        """Full pull, and a pull of which all but one small layer is there already."""
        registry = self.store.registry
        stamp = f"pull-{self.label.replace('.', '').replace(' ', '-')}-{self.store.kind}-{turn}-{int(time.time())}"
        for who in ("ours", "docker pull"):
            name = f"{who.replace(' ', '-')}-{stamp}"
            archive, top = self.work / "variant.tar", self.work / "top.tar"
            make_variant(self.image, archive, name=f"bench/{name}:1", unique=name)
            make_variant(self.image, top, name=f"bench/{name}-b:1", unique=f"{name}-b", only_top=True, base=name)
            for tag, file in (("1", archive), ("2", top)):
                if who == "ours":
                    words = (f"{self.store.target}{name}:{tag}", "--image", f"docker-archive:{file}")
                    self.ours("push", *words)
                else:
                    run(
                        ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"docker-archive:{file}",
                         f"docker://{registry}/{name}:{tag}"]
                    )  # fmt: skip
                file.unlink()
            os.sync()
            for row, tag in (("full pull", "1"), ("one small layer missing", "2")):
                if who == "ours":
                    target = f"{self.store.target}{name}:{tag}"
                    self.note(row, who, self.ours("pull", target, "--image", f"bench/{name}:{tag}"))
                else:
                    self.note(row, who, self.docker("pull", "-q", f"{registry}/{name}:{tag}"))

    def _docker_push(self, name: str) -> Run:
        target = f"{self.store.registry}/{name}:1"
        self.docker("tag", f"bench/{name}:1", target)
        return self.docker("push", "-q", target)

    def _skopeo_host(self) -> str:
        return self.host


def main() -> None:
    """Run everything that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="*", metavar="DOCKER_HOST")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--stores", default="fs,s3")
    parser.add_argument("--rows", default="push,pull")
    parser.add_argument("--image", type=Path, default=None, help="a docker-archive to use instead of the built one")
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / ".work")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    from benchmarks.image import build_image

    image = options.image or build_image(options.work)
    samples: list[Sample] = []
    openers = {"fs": directory_store, "s3": s3_store}
    for kind in options.stores.split(","):
        with openers[kind](options.work) as store:
            for turn in range(options.runs):
                for host in options.hosts:
                    bench = Bench(host, _label(host), store, image, options.work, samples)
                    if "push" in options.rows:
                        bench.push_rows(turn)
                    if "pull" in options.rows:
                        bench.pull_rows(turn)
    command = "python -m benchmarks.run " + " ".join(["--runs", str(options.runs), "--stores", options.stores])
    write_report(Path(__file__).parent / "RESULTS.md", samples, command=command, machine=_machine(image))


def _label(host: str) -> str:
    line = subprocess.run(
        ["docker", "-H", host, "info", "--format", "{{.ServerVersion}} {{.DriverStatus}}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    store = "containerd" if "io.containerd.snapshotter" in line else "classic"
    return f"docker {line.split()[0].split('+')[0]} {store}"


def _machine(image: Path) -> str:
    size = image.stat().st_size / 1e6
    return f"{os.cpu_count()} processors, {platform.system()} {platform.release()}, Python {platform.python_version()}, image {size:.0f} MB"


if __name__ == "__main__":
    main()
