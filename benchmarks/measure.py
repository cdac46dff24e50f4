"""Times one command as a whole process: wall seconds, CPU of the process, CPU of the machine, peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run."""

    wall_s: float
    cpu_s: float
    """User and system time of the command and its children."""
    machine_cpu_s: float
    """Busy time of all processors meanwhile: what daemons and servers did for it is in here."""
    peak_mb: float
    """Largest resident set of a single process of the command."""


def machine_busy_s() -> float:
    """Seconds all processors were busy since boot."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    values = [int(field) for field in fields]
    idle = values[3] + values[4]
    return (sum(values[:8]) - idle) / os.sysconf("SC_CLK_TCK")


def run(command: list[str], *, env: dict[str, str] | None = None, timeout_s: float = 900) -> Run:
    """Run ``command`` once.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    busy = machine_busy_s()
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(stderr := Path(f"/tmp/ocistore-bench-{os.getpid()}.err")).open("wb"),  # noqa: S108
    )
    deadline = started + timeout_s
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.perf_counter() > deadline:
            process.kill()
        time.sleep(0.002)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    said = stderr.read_bytes()[-2000:].decode(errors="replace")
    stderr.unlink()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, machine_busy_s() - busy, usage.ru_maxrss / 1024)
