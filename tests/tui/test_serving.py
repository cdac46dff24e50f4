"""The open store as a registry on this computer: begun and ended by one key, said in the header, ready to copy."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.pilot import Pilot

from ocistore_tui.errors import AccessDenied
from ocistore_tui.tui import serving
from ocistore_tui.tui.command_line import serve_line
from ocistore_tui.tui.screens.copy import CopyScreen
from tests.fakes.service import FakeService
from tests.fakes.stored import make_image
from tests.fakes.stores import PROD, READ_ONLY, FakeStores
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until


def a_store() -> FakeStores:
    service = FakeService()
    service.add_tag("team/app", "1", make_image("app"))
    return FakeStores(service)


async def serve(pilot: Pilot[Any], app: Any) -> None:
    await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
    await pilot.press("S")
    await until(pilot, lambda: "SERVED AT 127.0.0.1:5000" in screen_text(app).splitlines()[0])


async def test_one_key_serves_the_store_and_the_same_key_stops() -> None:
    stores = a_store()
    async with open_app(stores=stores) as (app, pilot):
        await serve(pilot, app)
        await pilot.press("S")
        await until(pilot, lambda: stores.served[0].is_closed)
        await until(pilot, lambda: "SERVED" not in screen_text(app).splitlines()[0])
        assert [line for _, line, _ in app.commands_done] == ["oci-store @prod-images serve --listen 127.0.0.1:5000"]


async def test_the_line_that_pulls_from_it_can_be_copied_only_while_it_is_served() -> None:
    async with open_app(stores=a_store()) as (app, pilot):
        await serve(pilot, app)
        await pilot.press("2", "G", "y")
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        assert "docker pull 127.0.0.1:5000/team/app:1" in screen_text(app)
        await pilot.press("escape", "S")
        await until(pilot, lambda: not app.session.served_at)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        assert "docker pull 127.0.0.1:5000/team" not in screen_text(app)


async def test_another_store_is_not_served_in_its_place() -> None:
    stores = a_store()
    async with open_app(stores=stores) as (app, pilot):
        await serve(pilot, app)
        app.open_store(READ_ONLY)
        await until(pilot, lambda: stores.served[0].is_closed)
        assert app.session.served is None
        assert len(stores.served) == 1


async def test_pressed_again_before_it_has_begun_it_does_not_begin() -> None:
    stores = a_store()
    stores.hold("serve")
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await pilot.press("S")
        await until(pilot, lambda: stores.waiting("serve"))
        await pilot.press("S")
        stores.release("serve")
        await until(pilot, lambda: stores.served and stores.served[0].is_closed)
        assert app.session.served is None
        assert len(stores.served) == 1


async def test_a_store_that_was_left_before_it_was_served_is_not_served() -> None:
    stores = a_store()
    stores.hold("serve", PROD.name)
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await pilot.press("S")
        await until(pilot, lambda: stores.waiting("serve"))
        app.open_store(READ_ONLY)
        await serve(pilot, app)
        stores.release("serve", PROD.name)
        await until(pilot, lambda: len(stores.served) == 2 and stores.served[1].is_closed)
        assert app.session.served is stores.served[0]


@pytest.mark.parametrize("is_pulling", [False, True])
async def test_leaving_says_who_was_cut_off(is_pulling: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(serving, "_GRACE_S", 0.0 if is_pulling else 30.0)
    async with open_app(stores=a_store()) as (app, pilot):
        await serve(pilot, app)
        if is_pulling:
            app.session.served.close = over.wait
        serving.end(app, app.session)
        assert (
            app.outcome.lines
            == ["somebody was still pulling from the store that was served: that broke off"] * is_pulling
        )
    over.set()


async def test_what_is_in_the_way_is_said() -> None:
    stores = a_store()
    stores.fail("serve", AccessDenied("not allowed to listen there", fix="use another port"))
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: app.main_screen.bucket.model.is_complete)
        await pilot.press("S")
        await until(pilot, lambda: "not allowed to listen there" in screen_text(app))
        assert app.session.served is None


def test_the_command_line_names_the_store_as_it_is_opened() -> None:
    assert serve_line(PROD, "127.0.0.1:5000") == "oci-store @prod-images serve --listen 127.0.0.1:5000"
