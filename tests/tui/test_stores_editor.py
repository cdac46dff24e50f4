"""The form of a store: it is tried while it is typed, says what fails and why, and keeps no secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import AccessDenied, UsageError
from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from ocistore_tui.tui.screens.main import MainScreen
from ocistore_tui.tui.screens.store_editor import StoreEditorScreen
from tests.fakes.service import FakeService
from tests.fakes.stores import PROD, FakeStores
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

DENIED = AccessDenied(
    "listing was denied", where="s3://acme-oci", cause="needs s3:ListBucket on acme-oci", fix="ask for that right"
)
SAVED = replace(PROD, settings={"bucket": "acme-oci", "root_dir": "registry"})


@pytest.fixture
def stores() -> FakeStores:
    stores = FakeStores()
    stores.rows = [SAVED]
    return stores


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoreEditorScreen, "check_delay_s", 0.01)


@asynccontextmanager
async def open_editor(
    stores: FakeStores, row: StoreRow | None = None, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[tuple[Any, Any, StoreEditorScreen]]:
    async with open_app(stores=stores, size=size) as (app, pilot):
        editor = StoreEditorScreen(row)
        app.push_screen(editor)
        await until(pilot, lambda: editor._taken == tuple(row.name for row in stores.rows))
        yield app, pilot, editor


def found_elsewhere(*prefixes: str) -> CheckStep:
    error = UsageError("no layout", cause=f"there is one under: {', '.join(prefixes)}",
                       fix=f"set the prefix to {prefixes[0]}")  # fmt: skip
    return CheckStep("layout", False, "no layout", error)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_the_whole_form_is_in_sight(stores: FakeStores, size: tuple[int, int]) -> None:
    async with open_editor(stores, size=size) as (app, _, _editor):
        text = screen_text(app)
        for words in ("(•) S3 and compatible", "( ) GCS", "( ) Azure", "( ) Folder", "bucket", "prefix", "endpoint",
                      "region", "(•) environment or instance role", "( ) anonymous", "(•) read only", "( ) add only",
                      "Keys are never typed or kept here", "Cancel (Esc)", "Save and open (Enter)"):  # fmt: skip
            assert words in text, words


async def test_a_name_that_is_typed_is_tried_once_when_nobody_types_any_more(
    stores: FakeStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoreEditorScreen, "check_delay_s", 3600.0)
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme-oci")
        assert stores.count("check") == 0
        editor.check_now()  # what the timer does when its time has come
        await until(pilot, lambda: "✓ list" in screen_text(app))
        assert stores.count("check") == 1
        assert stores.calls[-1] == ("check", "acme-oci")
        assert editor._timer is None


async def test_letters_that_are_keys_elsewhere_are_typed_in_a_field(stores: FakeStores) -> None:
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"Vycnqx", "f5", "f8", "f10")
        assert app.screen is editor
        assert editor.draft.text("bucket") == "Vycnqx"
        assert stores.count("policy") == 0


async def test_a_step_that_fails_names_the_right_and_the_fix(stores: FakeStores) -> None:
    stores.steps = [CheckStep("reach", True, "41 ms"), CheckStep("list", False, "", DENIED),
                    CheckStep("write", None)]  # fmt: skip
    async with open_editor(stores, size=(80, 24)) as (app, pilot, _):
        await pilot.press(*"acme-oci")
        await until(pilot, lambda: "! list: listing was denied" in screen_text(app))
        text = screen_text(app)
        assert "✓ reach 41 ms" in text
        assert "· write not tested" in text
        assert "needs s3:ListBucket on acme-oci" in text
        assert "ask for that right" in text


async def test_what_an_older_check_says_is_dropped(stores: FakeStores) -> None:
    stores.hold("check", "reach")
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acm")
        await until(pilot, lambda: stores.waiting("check", "reach") == 1)
        await pilot.press("e")
        await until(pilot, lambda: stores.waiting("check", "reach") == 2)
        stores.steps = [CheckStep("reach", True, "new")]
        stores.release("check", "reach")
        await until(pilot, lambda: app.desk.is_idle)
        assert editor._check is not None
        assert editor._check.row.url == "s3://acme"
        assert [step.step for step in editor._check.steps].count("reach") == 1
        assert not editor._check.is_running


async def test_a_flaw_is_told_at_once_and_nothing_is_tried_or_saved(stores: FakeStores) -> None:
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme", "tab", "tab", *"minio:9000")
        assert "! endpoint: write https://HOST or http://HOST:PORT" in screen_text(app)
        before = stores.count("check")
        await pilot.press("tab", "enter")
        assert app.screen is editor
        assert app.focused is not None
        assert app.focused.id == "field-endpoint"
        assert stores.count("save") == 0
        await until(pilot, lambda: app.desk.is_idle)
        assert stores.count("check") == before


async def test_the_first_letters_of_a_bucket_are_asked_of_nobody(stores: FakeStores) -> None:
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"ac")
        assert editor._timer is None
        await pilot.press("m")
        await until(pilot, lambda: "✓ list" in screen_text(app))
        assert [name for method, name in stores.calls if method == "check"] == ["acm"]


async def test_a_prefix_that_was_found_goes_with_its_bucket(stores: FakeStores) -> None:
    stores.steps = [found_elsewhere("registry")]
    async with open_editor(stores) as (_app, pilot, editor):
        await pilot.press(*"acme")
        await until(pilot, lambda: editor.draft.text("root_dir") == "registry")
        stores.steps = []
        await pilot.press(*"-2")
        assert editor.draft.text("root_dir") == ""
        assert editor._input("root_dir").value == ""


async def test_the_prefix_is_found_not_asked(stores: FakeStores) -> None:
    stores.steps = [found_elsewhere("registry")]
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme")
        await until(pilot, lambda: editor.draft.text("root_dir") == "registry")
        stores.steps = [CheckStep("layout", True, "found under registry/, 214 repositories")]
        editor.check_now()
        await until(pilot, lambda: "found under registry/, 214 repositories" in screen_text(app))


async def test_one_of_several_prefixes_is_picked_with_up_and_down(stores: FakeStores) -> None:
    stores.steps = [found_elsewhere("registry", "images/prod")]
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme")
        await until(pilot, lambda: "up and down in its field: registry, images/prod" in screen_text(app))
        assert editor.draft.text("root_dir") == ""
        await pilot.press("tab", "down")
        assert editor.draft.text("root_dir") == "registry"
        await until(pilot, lambda: editor._input("root_dir").choices)
        await pilot.press("down")
        assert editor.draft.text("root_dir") == "images/prod"


async def test_a_saved_prefix_is_not_changed_behind_anybodys_back(stores: FakeStores) -> None:
    stores.steps = [found_elsewhere("elsewhere")]
    row = replace(SAVED, settings={"bucket": "acme-oci"})
    async with open_editor(stores, row) as (app, pilot, editor):
        await until(pilot, lambda: "up and down in its field: elsewhere" in screen_text(app))
        assert editor.draft.text("root_dir") == ""


async def test_save_and_open_keeps_it_and_opens_it_read_only(stores: FakeStores) -> None:
    stores.services["acme-oci"] = FakeService()
    async with open_editor(stores) as (app, pilot, _):
        await pilot.press(*"acme-oci", "enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert stores.rows[-1] == StoreRow("saved", "acme-oci", "s3", "s3://acme-oci", {"bucket": "acme-oci"})
        assert app.session.store.name == "acme-oci"
        assert app.session.mode is Mode.READ_ONLY


async def test_add_only_has_to_be_chosen(stores: FakeStores) -> None:
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme-oci")
        editor.query_one("#mode").focus()
        await pilot.press("right")
        assert "(•) add only" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.session.mode is Mode.ADD_ONLY


async def test_who_does_not_sign_in_is_offered_no_adding(stores: FakeStores) -> None:
    async with open_editor(stores, SAVED) as (app, pilot, editor):
        editor.query_one("#sign-in").focus()
        await pilot.press("right")
        assert "(•) anonymous" in screen_text(app)
        assert "add only" not in screen_text(app)
        await pilot.press("left")
        assert "(•) add only" in screen_text(app)


async def test_what_was_seen_to_fail_is_saved_only_by_a_second_enter(stores: FakeStores) -> None:
    stores.steps = [CheckStep("list", False, "", DENIED)]
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme")
        await until(pilot, lambda: "listing was denied" in screen_text(app))
        await pilot.press("enter")
        assert "Enter again saves and opens it all the same" in screen_text(app)
        assert stores.count("save") == 0
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert stores.rows[-1].name == "acme"
        assert app.screen is not editor


async def test_a_store_that_cannot_be_saved_says_so_and_the_form_stays(stores: FakeStores) -> None:
    stores.fail("save", UsageError("the configuration file is not TOML", where="config.toml", fix="mend it"), times=1)
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme", "enter")
        await until(pilot, lambda: "is not TOML" in screen_text(app))
        assert "mend it" in screen_text(app)
        assert app.screen is editor
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_another_name_replaces_the_old_one(stores: FakeStores) -> None:
    async with open_editor(stores, SAVED) as (app, pilot, editor):
        editor._input("name").focus()
        await pilot.press("ctrl+u", *"production", "enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert [(row.name, row.settings) for row in stores.rows] == [("production", SAVED.settings)]


async def test_each_kind_has_fields_of_its_own_and_no_field_for_a_secret(stores: FakeStores) -> None:
    async with open_editor(stores) as (_app, pilot, editor):
        editor.query_one("#kind").focus()
        labels = {}
        for kind in ("s3", "gcs", "azure", "fs"):
            assert editor.draft.kind == kind
            boxes = [box for box in editor.query(".store-field") if box.display]
            labels[kind] = [str(box.query_one(".store-label").render()) for box in boxes]
            await pilot.press("right")
        assert labels == {
            "s3": ["bucket", "prefix", "endpoint", "region", "name"],
            "gcs": ["bucket", "prefix", "name"],
            "azure": ["container", "prefix", "account", "endpoint", "name"],
            "fs": ["directory", "prefix", "name"],
        }


async def test_profiles_of_this_machine_are_picked_with_up_and_down(stores: FakeStores) -> None:
    stores.finds = [StoreRow("found", f"profile {name}", "s3", "", {"profile": name}) for name in ("default", "work")]
    async with open_editor(stores) as (app, pilot, editor):
        editor.query_one("#sign-in").focus()
        await pilot.press("left")
        await until(pilot, lambda: "found: default, work; up and down pick" in screen_text(app))
        await pilot.press("tab", "down", "down")
        assert editor.draft.text("profile") == "work"


async def test_a_test_of_writing_and_the_policy_are_keys_outside_the_fields(stores: FakeStores) -> None:
    stores.policy_text = '{\n  "Version": "2012-10-17"\n}'
    async with open_editor(stores) as (app, pilot, editor):
        await pilot.press(*"acme")
        await until(pilot, lambda: "✓ list" in screen_text(app))
        assert "✓ write" not in screen_text(app)
        editor.query_one("#mode").focus()
        await pilot.press("V")
        await until(pilot, lambda: "✓ write" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == '{ "Version": "2012-10-17" }')


async def test_a_transfer_goes_on_while_another_store_is_opened(stores: FakeStores) -> None:
    service, other = stores.service, FakeService()
    stores.services["acme"] = other
    service.add_local("app:1")
    service.hold("push")
    async with open_editor(stores) as (app, pilot, _):
        session = app.session
        app.runner.start(session, [PushRequest(target=Reference("app", "1"), image="app:1")])
        await until(pilot, lambda: service.waiting("push"))
        await pilot.press(*"acme", "enter")
        await until(pilot, lambda: app.session.service is other)
        assert app.runner.is_busy
        service.release("push")
        await until(pilot, lambda: not app.runner.is_busy)
        assert app.session is not session
