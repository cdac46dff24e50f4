"""The results as a table: medians, ratios to the best peer, CPU and memory."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Run

START, END = "<!-- images: made by benchmarks.run -->", "<!-- end of images -->"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one contestant in one row."""

    daemon: str
    store: str
    row: str
    who: str
    run: Run


def write_report(path: Path, samples: list[Sample], *, command: str, machine: str) -> None:
    """Replace the images part of ``path``; other parts stay."""
    lines = [START, "", f"Machine: {machine}. Command: `{command} DOCKER_HOST …`. Wall seconds are medians, [min-max] behind.", ""]
    lines += ["| daemon | store | job | who | n | wall s | ratio to us | own CPU s | machine CPU s | peak MB |"]
    lines += ["|---|---|---|---|---|---|---|---|---|---|"]
    for key in dict.fromkeys((s.daemon, s.store, s.row) for s in samples):
        rows = [s for s in samples if (s.daemon, s.store, s.row) == key]
        ours = [s.run.wall_s for s in rows if s.who == "ours"]
        for who in dict.fromkeys(s.who for s in rows):
            runs = [s.run for s in rows if s.who == who]
            walls = [r.wall_s for r in runs]
            median = statistics.median(walls)
            ratio = f"{median / statistics.median(ours):.2f}" if ours else ""
            lines.append(
                f"| {key[0]} | {key[1]} | {key[2]} | {who} | {len(runs)} | {median:.2f} [{min(walls):.2f}-{max(walls):.2f}] "
                f"| {ratio} | {statistics.median(r.cpu_s for r in runs):.2f} "
                f"| {statistics.median(r.machine_cpu_s for r in runs):.1f} | {max(r.peak_mb for r in runs):.0f} |"
            )
    lines += ["", END]
    old = path.read_text() if path.exists() else f"# Measurements\n\n{START}\n{END}\n"
    before, _, rest = old.partition(START)
    _, _, after = rest.partition(END)
    path.write_text(before + "\n".join(lines) + after)
