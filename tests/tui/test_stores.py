"""The picker of stores: what is saved, built in and found, each one key away; nothing of it can break the screen."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import AccessDenied, UsageError
from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from ocistore_tui.tui.screens.main import MainScreen
from ocistore_tui.tui.screens.store_editor import StoreEditorScreen
from ocistore_tui.tui.screens.stores import StoresScreen
from tests.fakes.service import FakeService
from tests.fakes.stores import PROD, READ_ONLY, FakeStores
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

EMBEDDED = StoreRow("embedded", "this computer", "fs", "file:///data/store", mode=Mode.ADD_ONLY)
PROFILE = StoreRow("found", "profile default", "s3", "", {"profile": "default"}, note="single sign-on")
DENIED = AccessDenied(
    "listing was denied", where="s3://acme-oci", cause="needs s3:ListBucket on acme-oci", fix="ask for that right"
)


@pytest.fixture
def stores() -> FakeStores:
    stores = FakeStores()
    stores.rows = [PROD, READ_ONLY]
    stores.finds = [EMBEDDED, PROFILE]
    stores.services = {READ_ONLY.name: FakeService(), EMBEDDED.name: FakeService()}
    return stores


async def open_picker(app: Any, pilot: Any) -> StoresScreen:
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, StoresScreen))
    screen = app.screen
    await until(pilot, lambda: len(screen.rows.saved) and not screen._is_looking, "what is saved and found")
    return screen


def shown(app: Any, name: str) -> str:
    """The line of a store on the list."""
    return next(line for line in screen_text(app).splitlines() if name in line)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_every_store_is_listed_with_its_place_its_mode_and_where_it_is_from(
    stores: FakeStores, size: tuple[int, int]
) -> None:
    async with open_app(stores=stores, size=size) as (app, pilot):
        await open_picker(app, pilot)
        text = screen_text(app)
        assert "2 saved · 1 found here" in text
        assert "ADD ONLY" in shown(app, "s3://acme-oci/registry")
        assert "READ ONLY" in shown(app, "s3://acme-archive")
        assert "built in" in shown(app, "this computer")
        assert "s3://(bucket)" in shown(app, "profile default")
        await pilot.press("G")
        assert "note      single sign-on" in screen_text(app)
        assert "open now" in next(line for line in text.splitlines()[2:] if "prod-images" in line)
        for key in ("Open", "New", "Edit", "Forget", "Test"):
            assert key in text.splitlines()[-1]


async def test_rows_stand_there_while_the_search_goes_on(stores: FakeStores) -> None:
    stores.hold("found", PROFILE.name)
    async with open_app(stores=stores) as (app, pilot):
        await pilot.press("c")
        await until(pilot, lambda: "this computer" in screen_text(app))
        assert "looking…" in screen_text(app)
        assert "profile default" not in screen_text(app)
        stores.release("found", PROFILE.name)
        await until(pilot, lambda: "profile default" in screen_text(app))
        await until(pilot, lambda: "looking…" not in screen_text(app))


async def test_enter_opens_the_store_under_the_cursor_and_the_left_side_stays(stores: FakeStores) -> None:
    async with open_app(stores=stores) as (app, pilot):
        place = stores.local_places[0]
        app.session.place = place
        await open_picker(app, pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.session.store == READ_ONLY
        assert app.session.mode is Mode.READ_ONLY
        assert app.session.place == place
        assert app.session.service is stores.services[READ_ONLY.name]


async def test_a_sign_in_that_was_found_asks_for_its_bucket(stores: FakeStores) -> None:
    async with open_app(stores=stores) as (app, pilot):
        await open_picker(app, pilot)
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, StoreEditorScreen))
        assert app.focused is not None
        assert app.focused.id == "field-bucket"
        assert app.screen.draft.text("profile") == "default"


async def test_a_store_is_forgotten_by_a_second_x_and_only_on_the_same_row(stores: FakeStores) -> None:
    async with open_app(stores=stores) as (app, pilot):
        screen = await open_picker(app, pilot)
        await pilot.press("down", "x")
        assert "x again forgets archive; its content stays" in screen_text(app)
        await pilot.press("up", "down", "x")
        assert stores.count("forget") == 0
        await pilot.press("escape")
        assert app.screen is screen
        assert "x again" not in screen_text(app)
        await pilot.press("x", "x")
        await until(pilot, lambda: len(screen.rows.saved) == 1)
        assert [row.name for row in stores.rows] == ["prod-images"]
        assert "forgot archive" in screen_text(app)


async def test_what_is_not_saved_cannot_be_forgotten_and_x_says_why(stores: FakeStores) -> None:
    async with open_app(stores=stores) as (app, pilot):
        await open_picker(app, pilot)
        await pilot.press("G", "x")
        assert "it was found on this machine" in screen_text(app)
        await pilot.press("x")
        assert stores.count("forget") == 0


async def test_a_test_tells_each_step_as_it_comes_and_what_to_do_about_the_one_that_fails(stores: FakeStores) -> None:
    stores.steps = [CheckStep("reach", True, "41 ms"), CheckStep("list", False, "", DENIED)]
    stores.policy_text = '{\n  "Version": "2012-10-17"\n}'
    stores.hold("check", "list")
    async with open_app(stores=stores) as (app, pilot):
        await open_picker(app, pilot)
        await pilot.press("V")
        await until(pilot, lambda: "✓ reach 41 ms" in screen_text(app))
        assert "checking…" in screen_text(app)
        stores.release("check", "list")
        await until(pilot, lambda: "! list: listing was denied" in screen_text(app))
        await until(pilot, lambda: "checking" not in screen_text(app))
        assert "needs s3:ListBucket on acme-oci" in screen_text(app)
        assert "ask for that right" in screen_text(app)
        assert "Copy policy" in screen_text(app).splitlines()[-1]
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == '{ "Version": "2012-10-17" }')
        await pilot.press("down")
        assert "listing was denied" not in screen_text(app)
        await pilot.press("y")
        assert app.clipboard == "s3://acme-archive"


async def test_a_test_of_another_row_silences_the_one_before(stores: FakeStores) -> None:
    stores.hold("check", "reach")
    async with open_app(stores=stores) as (app, pilot):
        screen = await open_picker(app, pilot)
        await pilot.press("V", "down", "V")
        await until(pilot, lambda: stores.waiting("check", "reach") == 2)
        stores.release("check", "reach")
        await until(pilot, lambda: "✓ list" in screen_text(app))
        await pilot.press("up")
        await until(pilot, lambda: app.desk.is_idle)
        assert screen._checks[screen.rows_list.cursor_key].steps == []
        assert "checking" not in screen_text(app)


async def test_an_error_in_the_file_is_told_with_its_fix_and_the_rest_works(stores: FakeStores) -> None:
    stores.fail("saved", UsageError("the configuration file is not TOML", where="/etc/config.toml", fix="mend it"))
    async with open_app(stores=stores) as (app, pilot):
        await pilot.press("c")
        await until(pilot, lambda: "is not TOML" in screen_text(app))
        await until(pilot, lambda: "this computer" in screen_text(app))
        assert "/etc/config.toml" in screen_text(app)
        assert "mend it" in screen_text(app)
        stores.heal("saved")
        await pilot.press("r")
        await until(pilot, lambda: "is not TOML" not in screen_text(app))
        await until(pilot, lambda: "s3://acme-archive" in screen_text(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_a_url_is_opened_read_only_and_what_means_no_store_is_told_in_place(stores: FakeStores) -> None:
    async with open_app(stores=stores) as (app, pilot):
        screen = await open_picker(app, pilot)
        await pilot.press("U", *"qnx", "enter")  # letters that are keys elsewhere
        await until(pilot, lambda: "write a saved name or a URL" in screen_text(app))
        assert app.screen is screen
        assert stores.count("parse", "qnx") == 1
        assert stores.count("forget") == 0
        await pilot.press("ctrl+u", *"s3://other", "enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.session.store.url == "s3://other"
        assert app.session.mode is Mode.READ_ONLY


async def test_a_store_opened_by_its_url_is_on_the_list_and_e_keeps_it(stores: FakeStores) -> None:
    row = StoreRow("url", "other", "s3", "s3://other", {"bucket": "other"})
    async with open_app(stores=stores, store=row) as (app, pilot):
        await open_picker(app, pilot)
        assert "open now" in shown(app, "┃ other")
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, StoreEditorScreen))
        await until(pilot, lambda: app.screen._taken)
        await pilot.press("enter")
        await until(pilot, lambda: app.session.store.origin == "saved")
        assert [saved.name for saved in stores.rows] == [PROD.name, READ_ONLY.name, "other"]


async def test_back_from_an_editor_the_list_is_new(stores: FakeStores) -> None:
    async with open_app(stores=stores) as (app, pilot):
        screen = await open_picker(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, StoreEditorScreen))
        stores.rows.append(replace(READ_ONLY, name="added-elsewhere"))
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.rows.saved) == 3)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_the_built_in_store_is_not_edited_and_a_row_without_a_bucket_is_not_tested(stores: FakeStores) -> None:
    async with open_app(stores=stores) as (app, pilot):
        screen = await open_picker(app, pilot)
        await pilot.press("down", "down", "E")
        assert "it is built in" in screen_text(app)
        await pilot.press("down", "V")
        assert "its bucket is to be said first" in screen_text(app)
        assert app.screen is screen
        assert stores.count("check") == 0


async def test_names_that_would_steer_a_terminal_are_inert_everywhere(stores: FakeStores) -> None:
    evil = "\x1b]52;c;cHduZWQ=\x07[bold]\u202eevil"
    stores.finds = [StoreRow("found", evil, "s3", f"s3://{evil}", {"profile": evil, "region": evil}, note=evil)]
    stores.steps = [CheckStep(evil, True, evil), CheckStep(evil, False, evil, AccessDenied(evil, where=evil, fix=evil))]
    async with open_app(stores=stores) as (app, pilot):
        await open_picker(app, pilot)
        await pilot.press("G", "V")
        await until(pilot, lambda: "fix" in screen_text(app))
        text = screen_text(app)
        assert "[bold]" in text
        await pilot.press("y")
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, StoreEditorScreen))
        text += screen_text(app)
        assert not {"\x1b", "\x07", "\u202e"} & set(text + app.clipboard)


@pytest.mark.parametrize("error", [None, UsageError("the file cannot be written", fix="free space there")])
async def test_the_screen_may_be_left_before_a_store_is_forgotten(stores: FakeStores, error: UsageError | None) -> None:
    stores.hold("forget")
    if error is not None:
        stores.fail("forget", error)
    async with open_app(stores=stores) as (app, pilot):
        await open_picker(app, pilot)
        await pilot.press("x", "x")
        await until(pilot, lambda: stores.waiting("forget"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        stores.release("forget")
        await until(pilot, lambda: app.desk.is_idle)
        assert app.is_running
        assert ("the file cannot be written" in screen_text(app)) == (error is not None)
