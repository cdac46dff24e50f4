"""How much memory a piece of work takes at its peak, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def peak_bytes(script: str, *words: str) -> int:
    """The largest resident size of a Python process that runs ``script``; it must end well."""
    measured = (
        textwrap.dedent(script) + "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", measured, *words]
    # A child of fork begins with its parent's peak; only exec from a small process starts anew.
    through = ["/bin/sh", "-c", '"$@" & wait $!', "sh", *command]
    done = subprocess.run(through, cwd=_ROOT, env=dict(os.environ), capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1]) * 1024
