"""Pushes and pulls of the large image: ours beside docker through docker-registry and skopeo, in turn on each daemon.

Contestants run in turn, never at once, each with an image of its own. Nothing is deleted before the end: an ext4 that
has just lost many files is slow for minutes. Every first push and every full pull moves layers its store or its daemon
has not seen.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.image import make_variant
from benchmarks.measure import Run, run
from benchmarks.report import Sample
from benchmarks.stores import Store, tool

OURS = str(Path(sys.executable).with_name("oci-store"))
SKOPEO = tool("skopeo") or "skopeo"
T = TypeVar("T")
_NEW_LAYER_BYTES = 1_000_000
_WAYS = {"ours": "auto", "archive": "archive", "registry": "registry"}
"""What takes part for us, and its ``--via``."""
_SAID = {"archive": "ours, archive", "registry": "ours, registry"}


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon to measure on."""

    host: str
    version: str
    containerd: bool
    """Whether it keeps images in containerd's store."""

    @property
    def label(self) -> str:
        return f"{self.version} {'containerd' if self.containerd else 'classic'}"

    @property
    def word(self) -> str:
        """As part of an image's name."""
        return re.sub(r"[^a-z0-9]+", "-", self.label)

    @property
    def api_refuses_old_skopeo(self) -> bool:
        return int(self.version.split(".")[0]) >= 25


@dataclass(slots=True)
class Bench:
    """What all rows share, and the results so far."""

    work: Path
    image: Path
    who: frozenset[str]
    """Of ``ours``, ``archive`` and ``registry`` (ours, told which way to go), ``docker`` and ``skopeo``."""
    stamp: int = field(default_factory=lambda: int(time.time()))
    samples: list[Sample] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def survived(self, *what: str) -> Iterator[None]:
        """A contestant that fails loses its rows; the others go on."""
        os.sync()  # what the one before wrote is not for this one to wait for
        try:
            yield
        except RuntimeError as error:
            failure = f"{', '.join(what)} failed: {' '.join(str(error).split())}"
            print(failure, flush=True)
            self.failures.append(failure)

    def note(self, daemon: Daemon, store: Store, row: str, who: str, result: Run) -> None:
        """Keep one run and say it."""
        print(f"{daemon.label:22} {store.kind:3} {row:38} {who:30} {result.wall_s:7.2f} s", flush=True)
        self.samples.append(Sample(daemon.label, store.kind, row, who, result))

    def skopeo_reaches(self, daemon: Daemon) -> bool:
        """Whether skopeo takes part: before 1.10 it asks for an API that newer daemons have dropped."""
        return "skopeo" in self.who and not (daemon.api_refuses_old_skopeo and _skopeo_version() < (1, 10))


def find_daemon(host: str) -> Daemon:
    """What answers at ``host``.

    Raises:
        RuntimeError: nothing does.
    """
    found = subprocess.run(
        ["docker", "-H", host, "info", "--format", "{{.ServerVersion}} {{.DriverStatus}}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode or not found.stdout[:1].isdigit():
        raise RuntimeError(f"no docker daemon at {host}: {found.stdout}{found.stderr}")
    return Daemon(host, found.stdout.split()[0].split("+")[0], "io.containerd.snapshotter" in found.stdout)


def push_rows(bench: Bench, daemon: Daemon, stores: list[Store], turn: int) -> None:
    """First push, re-push, and one layer more, into every store.

    docker and skopeo share an image: skopeo compresses by itself and pushes to another repository.
    """
    names = {who: f"{who}-{daemon.word}-{turn}-{bench.stamp}" for who in (*_WAYS, "docker") if _takes_part(bench, who)}
    for name in names.values():
        _load(bench, daemon, name)
        _add_layer(bench, daemon, name)
    contestants: list[tuple[str, Callable[[Store], None]]] = [
        (who, partial(_push_ours, bench, daemon, names[who], who)) for who in _WAYS if who in names
    ]
    if "docker" in bench.who:
        contestants.append(("docker", lambda store: _push_docker(bench, daemon, store, names["docker"])))
    if bench.skopeo_reaches(daemon):
        contestants.append(("skopeo", lambda store: _push_skopeo(bench, daemon, store, names["docker"])))
    for store in _rotated(stores, turn):
        for who, push in _rotated(contestants, turn):
            with bench.survived(daemon.label, store.kind, who):
                push(store)
        if "ours" in names and "docker" in bench.who and not daemon.containerd and turn == 0:
            with bench.survived(daemon.label, store.kind, "docker push, digests unknown"):
                _push_docker_unknown(bench, daemon, store, names["ours"])
    if "ours" in names and "docker" in bench.who and not daemon.containerd and turn == 1:
        store = _rotated(stores, turn)[0]
        with bench.survived(daemon.label, store.kind, "pulls onto a loaded image"):
            _pull_onto_loaded(bench, daemon, store, names["ours"])


def pull_rows(bench: Bench, daemons: list[Daemon], store: Store, turn: int) -> None:
    """Full pull, and a pull of which all but one small layer is there already. Daemons share what is stored."""

    def pull_ours(via: str) -> Callable[[Daemon, str, str], Run]:
        return lambda daemon, name, tag: _ours(
            bench, daemon, store, "pull", f"{name}:{tag}", "--image", f"bench/{name}:{tag}", "--via", via
        )

    contestants: dict[str, Callable[[Daemon, str, str], Run]] = {
        **{who: pull_ours(via) for who, via in _WAYS.items()},
        "docker": lambda daemon, name, tag: _docker(daemon, "pull", "-q", f"{store.registry}/{name}:{tag}"),
        "skopeo": lambda daemon, name, tag: run(
            [SKOPEO, "copy", "--quiet", "--src-tls-verify=false", "--dest-daemon-host", daemon.host,
             f"docker://{store.registry}/{name}:{tag}", f"docker-daemon:bench/{name}:{tag}"]
        ),
    }  # fmt: skip
    names = {who: f"{who}-pull-{store.kind}-{turn}-{bench.stamp}" for who in contestants if who in bench.who}
    if turn or not any(bench.skopeo_reaches(daemon) for daemon in daemons):
        names.pop("skopeo", None)  # once is enough
    for name in names.values():
        _store(bench, store, name)
    for daemon in daemons:
        for who, name in _rotated(list(names.items()), turn):
            if who == "skopeo" and not bench.skopeo_reaches(daemon):
                continue
            said = _SAID.get(who, "docker pull" if who == "docker" else who)
            with bench.survived(daemon.label, store.kind, said):
                bench.note(daemon, store, "full pull", said, contestants[who](daemon, name, "1"))
                bench.note(daemon, store, "one small layer missing", said, contestants[who](daemon, name, "2"))


def remove_images(bench: Bench, daemon: Daemon) -> list[str]:
    """Take this run's images out of the daemon again; says which it would not let go."""
    docker = ["docker", "-H", daemon.host]
    left: list[str] = []
    for _ in range(4):  # an image others are built on goes only after them
        listed = subprocess.run(
            [*docker, "images", "--format", "{{.Repository}} {{.Tag}} {{.ID}}"],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        rows = [line.split() for line in listed]
        mine = re.compile(rf"(bench|localhost:\d+)/.*-{bench.stamp}(-b)?\Z")
        left = sorted({f"{name}:{tag}" if tag != "<none>" else image for name, tag, image in rows if mine.match(name)})
        if not left:
            break
        subprocess.run([*docker, "rmi", "-f", *left], capture_output=True, check=False)
    return left


def _push_ours(bench: Bench, daemon: Daemon, name: str, who: str, store: Store) -> None:
    def push(image: str) -> Run:
        words = ("--image", f"bench/{image}:1", "--via", _WAYS[who])
        return _ours(bench, daemon, store, "push", f"{name}:1", *words)

    said = _SAID.get(who, who)
    bench.note(daemon, store, "first push", said, push(name))
    bench.note(daemon, store, "re-push, nothing changed", said, push(name))
    bench.note(daemon, store, "one small layer changed", said, push(f"{name}-b"))


def _push_docker(bench: Bench, daemon: Daemon, store: Store, name: str) -> None:
    bench.note(daemon, store, "first push", "docker push", _docker_push(daemon, store, name, name))
    bench.note(daemon, store, "re-push, nothing changed", "docker push", _docker_push(daemon, store, name, name))
    changed = _docker_push(daemon, store, f"{name}-b", name)
    bench.note(daemon, store, "one small layer changed", "docker push", changed)


def _push_docker_unknown(bench: Bench, daemon: Daemon, store: Store, name: str) -> None:
    """What docker does when the store has the other layers from us, so that it does not know their digests."""
    pushed = _docker_push(daemon, store, f"{name}-b", name)
    bench.note(daemon, store, "one small layer changed", "docker push, digests unknown", pushed)


def _pull_onto_loaded(bench: Bench, daemon: Daemon, store: Store, name: str) -> None:
    """A pull of which the daemon has all but one small layer, from an archive. It can be shown once an image.

    Docker learns the layers' digests by its pull, and fetches none of them again from then on.
    """
    _docker(daemon, "rmi", f"bench/{name}-b:1")
    pulled = _ours(bench, daemon, store, "pull", f"{name}:1", "--image", f"bench/{name}-b:1")
    bench.note(daemon, store, "one small layer missing, rest loaded", "ours", pulled)
    _docker(daemon, "rmi", f"bench/{name}-b:1")
    pulled = _docker(daemon, "pull", "-q", f"{store.registry}/{name}:1")
    bench.note(daemon, store, "one small layer missing, rest loaded", "docker pull", pulled)


def _push_skopeo(bench: Bench, daemon: Daemon, store: Store, name: str) -> None:
    command = [
        SKOPEO, "copy", "--quiet", "--dest-tls-verify=false", "--src-daemon-host", daemon.host,
        f"docker-daemon:bench/{name}:1", f"docker://{store.registry}/{name.replace('docker', 'skopeo', 1)}:1",
    ]  # fmt: skip
    bench.note(daemon, store, "first push", "skopeo", run(command))
    bench.note(daemon, store, "re-push, nothing changed", "skopeo", run(command))


def _docker_push(daemon: Daemon, store: Store, image: str, name: str) -> Run:
    target = f"{store.registry}/{name}:1"
    _docker(daemon, "tag", f"bench/{image}:1", target)
    return _docker(daemon, "push", "-q", target)


def _docker(daemon: Daemon, *words: str) -> Run:
    return run(["docker", "-H", daemon.host, *words])


def _ours(bench: Bench, daemon: Daemon | None, store: Store, verb: str, target: str, *words: str) -> Run:
    where = ["--docker-host", daemon.host] if daemon else []
    command = [OURS, *store.backend, verb, "--quiet", *where, *store.options, f"{store.target}{target}", *words]
    return run(command, env={**store.env, "XDG_CACHE_HOME": str(bench.work / f"cache-{store.kind}-{bench.stamp}")})


def _load(bench: Bench, daemon: Daemon, name: str) -> None:
    archive = bench.work / "variant.tar"
    make_variant(bench.image, archive, name=f"bench/{name}:1", unique=name)
    _docker(daemon, "load", "-i", str(archive))
    archive.unlink()


def _add_layer(bench: Bench, daemon: Daemon, name: str) -> None:
    """``NAME-b``: the image with one small layer more, as a build makes it."""
    context = bench.work / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(f"FROM bench/{name}:1\nCOPY new.bin /opt/new.bin\n")
    (context / "new.bin").write_bytes(os.urandom(_NEW_LAYER_BYTES))
    command = ["docker", "-H", daemon.host, "build", "-q", "--network=none", "-t", f"bench/{name}-b:1", str(context)]
    run(command, env={"DOCKER_BUILDKIT": "0"})


def _store(bench: Bench, store: Store, name: str) -> None:
    """Put ``NAME:1`` and ``NAME:2``, which differ in the top layer, into the store, past all daemons."""
    for tag, words in (("1", {"unique": name}), ("2", {"unique": f"{name}-b", "base": name})):
        archive = bench.work / "variant.tar"
        make_variant(bench.image, archive, name=f"bench/{name}:{tag}", only_top=tag == "2", **words)
        if "ours" in bench.who:
            _ours(bench, None, store, "push", f"{name}:{tag}", "--image", f"docker-archive:{archive}")
        else:
            run(
                [SKOPEO, "copy", "--quiet", "--dest-tls-verify=false", f"docker-archive:{archive}",
                 f"docker://{store.registry}/{name}:{tag}"]
            )  # fmt: skip
        archive.unlink()


def _takes_part(bench: Bench, who: str) -> bool:
    return who in bench.who or (who == "docker" and "skopeo" in bench.who)


def _rotated(items: list[T], turn: int) -> list[T]:
    at = turn % len(items) if items else 0
    return items[at:] + items[:at]


def _skopeo_version() -> tuple[int, int]:
    said = subprocess.run([SKOPEO, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


@contextlib.contextmanager
def cleaned(bench: Bench, daemons: list[Daemon], *, keep: bool) -> Iterator[None]:
    """Whatever happens inside, the daemons lose this run's images afterwards."""
    try:
        yield
    finally:
        for daemon in () if keep else daemons:
            if left := remove_images(bench, daemon):
                print(f"{daemon.label} keeps {' '.join(left)}", flush=True)
