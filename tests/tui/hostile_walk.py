"""The real program on a real terminal, walked through every scene.

``python -m tests.tui.hostile_walk LOCKS``, with the locks that hold: ``both``, ``second``, ``first`` or ``none``.

Between two scenes it writes a mark that no terminal shows, with the scene's name, what was copied, and what failed.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import traceback

os.environ["TEXTUAL_ANIMATIONS"] = "none"


def unlock_first() -> None:
    """Have `inert` do nothing, except in the second lock: before any screen is imported."""
    from ocistore_tui.model import text
    from ocistore_tui.tui import inert_filter

    def nothing(text: str, *, limit: int = 512) -> str:
        return text

    assert inert_filter.inert is not nothing
    text.inert = nothing


def unlock_second() -> None:
    """Have no line filter of ours."""
    from textual.app import App

    from ocistore_tui.tui.app import OcistoreApp

    OcistoreApp.get_line_filters = lambda self: App.get_line_filters(self)


def main(locks: str) -> None:
    if locks in ("second", "none"):
        unlock_first()
    if locks in ("first", "none"):
        unlock_second()

    from textual import _wait
    from textual.app import App

    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.ports import Opening
    from tests.tui.hostile_scenes import SCENES, UNLOCKED, settle
    from tests.tui.hostile_store import STORE, hostile_stores

    _wait.SLEEP_GRANULARITY, _wait.SLEEP_IDLE = 0.004, 0.002  # a key takes a fraction of what it usually does
    stores = hostile_stores()
    app = OcistoreApp(Opening(STORE), stores)
    copied: list[str] = []
    began = [time.monotonic()]
    real = App.copy_to_clipboard

    def copy(self: App, text: str) -> None:
        text = text.encode("utf-8", "replace").decode()  # half a pair of surrogates cannot be told in JSON
        copied.append(text)
        real(self, text)

    App.copy_to_clipboard = copy  # what our own has let through

    def mark(name: str, failed: str = "") -> None:
        told = json.dumps(
            {"scene": name, "copied": copied, "failed": failed, "took": round(time.monotonic() - began[0], 1)}
        )
        began[0] = time.monotonic()
        copied.clear()
        app._driver.write(f"\x1b_SCENE {base64.b64encode(told.encode()).decode()}\x1b\\")

    async def walk(pilot) -> None:
        await settle(pilot)
        mark("start")
        scenes = UNLOCKED if locks == "none" else SCENES if locks == "first" else {**SCENES, **UNLOCKED}
        for name, show in scenes.items():
            failed = ""
            try:
                await show(pilot)
                app.refresh(repaint=True)
                await pilot.pause()
            except Exception:  # noqa: BLE001 - told to the test that reads the stream
                failed = traceback.format_exc(limit=-6)
            mark(name, failed)
            app.clear_notifications()
            while len(app.screen_stack) > 2:
                app.pop_screen()
            await settle(pilot)
        stores.let_go()
        stores.service.let_go()
        app.exit()

    app.run(auto_pilot=walk)
    if app.fault is not None:
        traceback.print_exception(app.fault)


if __name__ == "__main__":
    main(sys.argv[1])
