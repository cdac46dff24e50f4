"""Servers as child processes: started, waited for, ended by their own id."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    ready: Callable[[], bool],
    log: Path,
    env: Mapping[str, str] | None = None,
    drop: Sequence[str] = ("AWS_CA_BUNDLE",),
    timeout_s: float = 60,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` until the ``with`` ends; entered once ``ready`` says True."""
    clean = {name: value for name, value in os.environ.items() if name not in drop}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, env={**clean, **(env or {})}, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    try:
        deadline = time.monotonic() + timeout_s
        while not ready():
            said = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}: {said}"
            assert time.monotonic() < deadline, f"{command[0]} is not ready after {timeout_s} s: {said}"
            threading.Event().wait(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def found_in(log: Path, pattern: str) -> str:
    """The first group of ``pattern`` in a server's log; empty while it is not there."""
    match = re.search(pattern, log.read_text(errors="replace")) if log.exists() else None
    return match[1] if match else ""
