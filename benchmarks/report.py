"""The results as tables: medians, ratios to the peers, CPU and memory. Each part of RESULTS.md is written alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Run, machine

RESULTS = Path(__file__).parent / "RESULTS.md"
_TITLES = {"images": "Moving images", "start": "Starting", "listing": "Listing", "ui": "The terminal UI",
           "server": "Serving"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one contestant in one row."""

    daemon: str
    store: str
    row: str
    who: str
    run: Run


def write_part(part: str, lines: Sequence[str], *, command: str, path: Path = RESULTS) -> None:
    """Replace one part of the results; the others stay."""
    start, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    made = f"`{command}`, {time.strftime('%Y-%m-%d', time.gmtime())}, on {machine()}."
    body = [start, f"## {_TITLES[part]}", "", made, "", *lines, "", end]
    old = path.read_text() if path.exists() else "# Measurements\n"
    before, found, rest = old.partition(start)
    _, _, after = rest.partition(end)
    path.write_text((before if found else f"{old.rstrip()}\n\n") + "\n".join(body) + (after if found else "\n"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def images_table(samples: list[Sample]) -> list[str]:
    """Every row with its contestants, ours first; the ratio is our time to the contestant's."""
    rows: list[list[str]] = []
    for daemon, store, row in dict.fromkeys((s.daemon, s.store, s.row) for s in sorted(samples, key=_place)):
        alike = [s for s in samples if (s.daemon, s.store, s.row) == (daemon, store, row)]
        ours = [s.run.wall_s for s in alike if s.who == "ours"]
        for who in sorted({s.who for s in alike}, key=lambda who: (who != "ours", who)):
            runs = [s.run for s in alike if s.who == who]
            ratio = f"{statistics.median(ours) / statistics.median(r.wall_s for r in runs):.2f}" if ours else ""
            rows.append(
                [
                    daemon, store, row, who, spread([r.wall_s for r in runs]), "" if who == "ours" else ratio,
                    f"{statistics.median(r.cpu_s for r in runs):.2f}",
                    f"{statistics.median(r.machine_cpu_s for r in runs):.1f}",
                    f"{max(r.peak_mb for r in runs):.0f}",
                ]
            )  # fmt: skip
    head = ["daemon", "store", "job", "who", "wall s", "ours / it", "own CPU s", "machine CPU s", "peak memory MB"]
    return table(head, rows)


def spread(values: Sequence[float]) -> str:
    """The median, and between which values it lies."""
    median = f"{statistics.median(values):.2f}"
    return median if len(values) == 1 else f"{median} [{min(values):.2f}-{max(values):.2f}, n={len(values)}]"


_ROWS = ("first push", "re-push", "one small layer changed", "full pull", "one small layer missing")


def _place(sample: Sample) -> tuple[str, str, int]:
    order = next((at for at, start in enumerate(_ROWS) if sample.row.startswith(start)), len(_ROWS))
    return sample.daemon, sample.store, order
