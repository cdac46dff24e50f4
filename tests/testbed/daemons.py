"""Container engines, as context managers that yield an address: every kind of store there is.

``docker-20.10`` is Debian 12's own. ``docker-26`` comes from a Debian 13 tree that ``.ci/modern-docker`` makes; its
engine runs with the classic store and with the containerd store. Each start gets a data directory of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.testbed.need import bed, missing, program
from tests.testbed.process import running

_OPTIONS = ("--iptables=false", "--ip6tables=false", "--bridge=none")
CONTAINERD_STORE = '{"features": {"containerd-snapshotter": true}}'


def _answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        probe.connect(str(path))
        probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in probe.recv(64)
    return False


def _need_root(name: str) -> None:
    if os.geteuid() != 0:
        missing(name, "a container engine of the tests' own needs root")


@contextlib.contextmanager
def docker(directory: Path) -> Iterator[str]:
    """This system's docker engine, with the classic store."""
    _need_root("docker-20.10")
    binary = program("dockerd", hint="apt-get install docker.io")
    place = directory / "d"
    place.mkdir()
    listen = place / "docker.sock"
    command = [
        binary, *_OPTIONS, "--data-root", str(place / "data"), "--exec-root", str(place / "exec"),
        "-p", str(place / "pid"), "-H", f"unix://{listen}",
    ]  # fmt: skip
    try:
        with running(command, ready=lambda: _answers(listen), log=directory / "dockerd.log"):
            yield f"unix://{listen}"
    finally:
        _unmount_below(place)


@contextlib.contextmanager
def modern_docker(name: str, *, containerd_store: bool) -> Iterator[str]:
    """Docker 26 with either store, out of its tree."""
    _need_root("docker-26")
    root = bed() / "root"
    if not (root / "usr/sbin/dockerd").exists():
        missing("docker-26", "there is no tree with docker 26: run .ci/modern-docker")
    _mount(root)
    inside = f"/test-{name}-{os.getpid()}"
    place = root / inside[1:]
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "daemon.json").write_text(CONTAINERD_STORE if containerd_store else "{}")
    listen = place / "docker.sock"
    command = [
        "chroot", str(root), "dockerd", *_OPTIONS, "--data-root", f"{inside}/data", "--exec-root", f"{inside}/exec",
        "-H", f"unix://{inside}/docker.sock", "-p", f"{inside}/pid", "--config-file", f"{inside}/daemon.json",
    ]  # fmt: skip
    try:
        with running(command, ready=lambda: _answers(listen), log=place / "log"):
            yield f"unix://{listen}"
    finally:
        _unmount_below(place)
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def podman(directory: Path) -> Iterator[str]:
    """Podman's docker-compatible socket."""
    _need_root("podman")
    binary = program("podman", hint="apt-get install podman")
    listen = directory / "podman.sock"
    # Podman takes no runroot of more than 50 characters.
    with tempfile.TemporaryDirectory(prefix="podman-") as run:
        command = [
            binary, "--root", str(directory / "root"), "--runroot", run, "--storage-driver", "vfs",
            "--cgroup-manager", "cgroupfs", "--events-backend", "file", "system", "service", "--time", "0",
            f"unix://{listen}",
        ]  # fmt: skip
        with running(command, ready=lambda: _answers(listen), log=directory / "podman.log"):
            yield f"unix://{listen}"


def client(host: str, *words: str, stdin: bytes | None = None) -> str:
    """What the docker client says; raises when it fails."""
    command = [program("docker", hint="apt-get install docker.io"), "-H", host, *words]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode()


def _unmount_below(place: Path) -> None:
    """Take away the mount of its own data that an engine leaves behind: nobody could remove the directory."""
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        where = line.split()[1]
        if where.startswith(f"{place}/"):
            subprocess.run(["umount", "--lazy", where], check=False)


def _mount(root: Path) -> None:
    # dockerd remounts /, so the tree has to be a mount of its own.
    mounts: Sequence[tuple[str, list[str]]] = (
        ("", ["--bind", str(root)]), ("/proc", ["--bind", "/proc"]), ("/dev", ["--rbind", "/dev"]),
        ("/sys", ["--rbind", "/sys"]),
    )  # fmt: skip
    for where, words in mounts:
        if f" {root}{where} " not in Path("/proc/mounts").read_text():
            subprocess.run(["mount", *words, f"{root}{where}"], check=True)
            if not where:
                subprocess.run(["mount", "--make-rprivate", str(root)], check=True)
