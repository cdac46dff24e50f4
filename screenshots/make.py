"""Makes the pictures of the README from the demo store: ``python -m screenshots.make [SCENE …]``.

Everything in them is real: the program on a throw-away store with demo content, one push of a larger image caught on
its way. Nothing leaves the machine; Docker is not needed.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"

from textual.pilot import Pilot

from benchmarks.ui import write_archive
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.ports import Opening
from ocistore_tui.wiring.stores import LocalStores

HERE = Path(__file__).parent
WIDE, NARROW = (120, 36), (80, 24)
AGE_S = 2 * 3600 + 600
"""The demo content looks this old: “0s” in every line tells nothing."""
LARGE_BYTES = 1_800_000_000
"""Enough that its push can be caught on its way."""
_SETTLED_S = 15.0

Keys = Callable[["Stage"], Awaitable[None]]


class Stage:
    """The running program.

    Args:
        app: It.
        pilot: Its keyboard.
    """

    def __init__(self, app: OcistoreApp, pilot: Pilot[object]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        """Press keys, and let the program come to rest after each."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Until nothing is asked any more."""
        end = time.monotonic() + _SETTLED_S
        calm = 0
        while calm < 4 and time.monotonic() < end:
            await self.pilot.pause(0.05)
            calm = calm + 1 if self.app.desk.is_idle else 0

    async def catch_transfer(self) -> None:
        """Until a transfer is well under way, and stands still there."""
        while True:
            for transfer in self.app.runner.queue:
                seen = transfer.snapshot
                if seen is not None and seen.elapsed_s > 1 and seen.done_bytes > seen.total_bytes * 0.3:
                    return
            await self.pilot.pause(0.05)


async def _nothing(_: Stage) -> None: ...


async def _plan(stage: Stage) -> None:
    await stage.press("1", "s", "j", "p")


async def _transfer(stage: Stage) -> None:
    await stage.press("1", "s")
    stage.app.main_screen.local.rows_list.move_to(stage.big)
    await stage.press("p")
    await stage.pilot.press("enter")
    await stage.catch_transfer()


async def _detail(stage: Stage) -> None:
    stage.app.main_screen.bucket.open_tag("demo/multi", "1.0")
    await stage.settle()
    await stage.press("right_square_bracket")


async def _stores(stage: Stage) -> None:
    await stage.press("c")


async def _help(stage: Stage) -> None:
    await stage.press("question_mark")


SCENES: dict[str, tuple[Keys, str]] = {
    "main": (_nothing, ""),
    "plan": (_plan, ""),
    "transfer": (_transfer, ""),
    "detail": (_detail, ""),
    "stores": (_stores, ""),
    "help": (_help, ""),
    "light": (_nothing, "ocistore-light"),
}


async def make(only: list[str]) -> None:
    """Every scene at both sizes."""
    with tempfile.TemporaryDirectory(prefix="ocistore-") as name:
        directory = Path(name) / "demo"
        for variable in ("OCISTORE_CACHE", "OCISTORE_CONFIG", "XDG_STATE_HOME", "HOME"):
            os.environ[variable] = str(Path(name) / variable.lower())
        for scene, (keys, theme) in SCENES.items():
            for width, height in (WIDE, NARROW):
                if only and scene not in only:
                    continue
                shutil.rmtree(directory, ignore_errors=True)
                await _shoot(directory, scene, keys, theme, (width, height))


async def _shoot(directory: Path, scene: str, keys: Keys, theme: str, size: tuple[int, int]) -> None:
    directory.mkdir(parents=True)
    stores = LocalStores(demo_dir=directory)
    row = stores.demo_row()
    with stores.open(row) as service:
        place = stores.add_demo(service, lambda _: None)
    big = Path(place.address) / "data-2026.3.tar"
    if scene == "transfer":
        write_archive(big, "demo/data:2026.3", LARGE_BYTES, 1)
    opening = Opening(row, place=place, theme=theme)
    app = OcistoreApp(opening, stores, clock=lambda: time.time() + (0 if scene == "transfer" else AGE_S))
    async with app.run_test(size=size, notifications=True) as pilot:
        stage = Stage(app, pilot)
        stage.big = f"docker-archive:{big}:demo/data:2026.3"
        await stage.settle()
        await keys(stage)
        await pilot.pause(0.2)
        target = HERE / f"{scene}-{size[0]}x{size[1]}.svg"
        target.write_text(_clean(app.export_screenshot(title=" "), directory))
        print(target.name)
        app.runner.stop_all()


def _clean(svg: str, directory: Path) -> str:
    """No fonts from elsewhere, no path of this machine, no name that differs from run to run."""
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    svg = re.sub(r"terminal-[0-9]+-", "t-", svg)
    return svg.replace(str(directory), "/tmp/demo").replace(str(directory.parent), "/tmp")


if __name__ == "__main__":
    asyncio.run(make(sys.argv[1:]))
