"""The program on a terminal of its own with three pushes that never end; says how it was left in a file."""

from __future__ import annotations

import fcntl
import json
import sys
import termios
import threading
from pathlib import Path

from ocistore_tui.tui import app as program
from ocistore_tui.tui.ports import Opening
from tests.fakes.stores import PROD, FakeStores
from tests.tui.moving import loaded_service, push


def main(folder: Path) -> int:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that the kernel tells of its end
    service = loaded_service()
    service.hold("push")
    stores = FakeStores(service)
    mounted = program.OcistoreApp.on_mount

    def told_when_running() -> None:
        while service.waiting("push") < 2:
            threading.Event().wait(0.02)
        (folder / "runs").touch()

    def on_mount(app: program.OcistoreApp) -> None:
        mounted(app)
        app.runner.start(app.session, [push(n) for n in range(3)])
        threading.Thread(target=told_when_running, daemon=True).start()

    program.OcistoreApp.on_mount = on_mount
    outcome = program.run(Opening(PROD), stores)
    told = {"lines": outcome.lines, "kept": [str(one.target) for one in stores.kept["prod-images"]]}
    (folder / "left").write_text(json.dumps(told))
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
