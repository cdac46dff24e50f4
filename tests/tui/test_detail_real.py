"""The Layers tab beside a real engine: which layers are here already, and what a pull would fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.screens.detail import DetailScreen
from tests.fakes.stores import FakeStores
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.opened import directory_service, push
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

pytestmark = pytest.mark.xdist_group("engines")


class RealStores(FakeStores):
    """A machine whose one store is a real directory."""

    def __init__(self, service: Any) -> None:
        super().__init__()
        self.real = service

    def open(self, row: object) -> Any:
        return self.real


async def test_layers_tell_which_of_them_the_engine_has(docker_classic: str, tmp_path: Path) -> None:
    shared, old, new = (images.layer(f"detail {name}") for name in ("shared", "old", "new"))
    made = {"detail/app:1": images.Image((shared, old)), "detail/app:2": images.Image((shared, new))}
    for number, (name, image) in enumerate(made.items()):
        client(docker_classic, "load", "--input", str(images.docker_archive(tmp_path / f"{number}.tar", {name: image})))
    service = directory_service(tmp_path / "store", docker_host=docker_classic)
    for name in made:
        push(service, name)
    client(docker_classic, "rmi", "detail/app:2")
    try:
        async with open_app(stores=cast("FakeStores", RealStores(service))) as (app, pilot):
            for tag, here, fetch in (("1", ["yes", "yes"], "no layer: all are here"), ("2", ["yes", "no"], "1 layer")):
                screen = DetailScreen(app.session, Reference("detail/app", tag), None, tab="layers")
                await app.push_screen(screen)
                await until(pilot, lambda: "A pull would fetch" in screen_text(app))
                rows = screen.rows_list.source
                assert [rows.row(index).cells[6] for index in range(len(rows))] == here
                assert f"A pull would fetch {fetch}" in screen_text(app)
                await pilot.press("escape")
    finally:
        client(docker_classic, "rmi", "detail/app:1")
        service.close()
