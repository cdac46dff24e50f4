"""The program as a person starts it, with a watch on its event loop: written to the file named first when it ends.

python -m benchmarks.ui_program FILE SLOTS FOLDER ARGUMENTS…
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

_EVERY_S = 0.02


def main() -> None:
    """Run ``ocistore-tui ARGUMENTS`` with ``SLOTS`` transfers at once and a folder of archives on the left."""
    report, slots, folder, sys.argv[1:] = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    from ocistore_tui.cli.main import main as program
    from ocistore_tui.model.local import LocalPlace
    from ocistore_tui.tui import app
    from ocistore_tui.tui.ports import Opening, Stores
    from ocistore_tui.tui.queue import Queue

    queue = Queue.__init__
    Queue.__init__ = lambda self, _=slots: queue(self, slots)
    made = app.OcistoreApp.__init__

    def with_folder(self: app.OcistoreApp, opening: Opening, stores: Stores) -> None:
        made(self, replace(opening, place=LocalPlace("folder", folder, "archives")), stores)

    app.OcistoreApp.__init__ = with_folder
    late: list[tuple[float, float]] = []
    mounted = app.OcistoreApp.on_mount

    async def watch() -> None:
        try:
            while True:
                before = time.monotonic()
                await asyncio.sleep(_EVERY_S)
                late.append((before, time.monotonic() - before - _EVERY_S))
        finally:
            report.write_text(json.dumps(late))

    def on_mount(self: app.OcistoreApp) -> None:
        mounted(self)
        self.watching = asyncio.get_running_loop().create_task(watch())

    app.OcistoreApp.on_mount = on_mount
    program()


if __name__ == "__main__":
    main()
