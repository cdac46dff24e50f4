"""From one side to the other, whatever the size is."""

from __future__ import annotations

import pytest

from tests.tui.conftest import open_app
from tests.tui.test_main_lists import a_store
from tests.tui.waiting import until


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_tab_goes_to_the_other_side_and_back(size: tuple[int, int]) -> None:
    async with open_app(service=a_store(), size=size) as (app, pilot):
        main = app.main_screen
        await until(pilot, lambda: app.focused is main.bucket.rows_list)
        for pane in (main.local, main.bucket, main.local):
            await pilot.press("tab")
            await until(pilot, lambda pane=pane: app.focused is pane.rows_list)
            assert main.side is pane


async def test_tab_leaves_the_filter_for_the_other_side() -> None:
    async with open_app(service=a_store()) as (app, pilot):
        main = app.main_screen
        await pilot.press("2", "slash", *"api", "tab")
        await until(pilot, lambda: app.focused is main.local.rows_list)
        assert main.bucket.model.filter.text == "api", "it stays as it is"
