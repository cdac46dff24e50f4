"""Times one command as a whole process: wall seconds, CPU of the process, CPU of the machine, peak memory."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
import threading
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
        RuntimeError: it failed or took too long; with the end of what it said.
    """
    with tempfile.TemporaryFile() as said:
        busy = machine_busy_s()
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
        watchdog = threading.Timer(timeout_s, process.kill)
        watchdog.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
        finally:
            watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(max(0, said.seek(0, os.SEEK_END) - 2000))
            text = said.read().decode(errors="replace")
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {text}")
    return Run(wall, usage.ru_utime + usage.ru_stime, machine_busy_s() - busy, usage.ru_maxrss / 1024)


def machine() -> str:
    """What the figures were taken on."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return (
        f"{os.cpu_count()} processors ({_processor()}), {int(memory.split()[1]) / 1e6:.0f} GB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
