"""Times one command as a whole process: wall seconds, CPU of the process, CPU of the machine, peak memory."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")


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


def run(command: list[str], *, env: dict[str, str] | None = None, timeout_s: float = 900) -> Run:
    """Run ``command`` once.

    Raises:
        RuntimeError: it failed or took too long; with the end of what it said.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said, os.fdopen(reading) as report:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(writing), *command],
            env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            pass_fds=(writing,), start_new_session=True,
        )  # fmt: skip
        os.close(writing)
        try:
            code = process.wait(timeout_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise RuntimeError(f"{' '.join(command)} is not done after {timeout_s:.0f} s") from error
            raise
        if code:
            said.seek(max(0, said.seek(0, os.SEEK_END) - 2000))
            text = said.read().decode(errors="replace")
            raise RuntimeError(f"{' '.join(command)} ended with {code}: {text}")
        return Run(*map(float, report.read().split()))


def machine() -> str:
    """What the figures were taken on."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return (
        f"{os.cpu_count()} processors ({_processor()}), {int(memory.split()[1]) / 1e6:.0f} GB, "
        f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
