"""The screens of stores on this machine's real stores: a real configuration file, a real folder, a real S3 server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.config import config_path, load_connections
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.ports import Opening
from ocistore_tui.tui.screens.main import MainScreen
from ocistore_tui.tui.screens.store_editor import StoreEditorScreen
from ocistore_tui.tui.screens.stores import StoresScreen
from ocistore_tui.wiring.rows import embedded_row
from ocistore_tui.wiring.stores import LocalStores
from tests.testbed import servers
from tests.tui.waiting import screen_text, until

REPOSITORIES = Path("docker") / "registry" / "v2" / "repositories"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OCISTORE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setattr(StoreEditorScreen, "check_delay_s", 0.01)
    return tmp_path


@asynccontextmanager
async def open_picker() -> AsyncIterator[tuple[Any, Any, StoresScreen]]:
    app = OcistoreApp(Opening(embedded_row()), LocalStores())
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, StoresScreen))
        screen = app.screen
        assert isinstance(screen, StoresScreen)
        await until(pilot, lambda: not screen._is_looking and "this computer" in screen_text(app))
        yield app, pilot, screen


async def test_a_folder_is_described_tried_saved_opened_and_forgotten(here: Path) -> None:
    (here / "images" / "registry" / REPOSITORIES / "app" / "_manifests").mkdir(parents=True)
    async with open_picker() as (app, pilot, _):
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, StoreEditorScreen))
        app.screen.query_one("#kind").focus()
        await pilot.press("left")
        app.screen._input("dir").value = str(here / "images")
        app.screen._input("dir").focus()
        await until(pilot, lambda: app.screen.draft.text("root_dir") == "registry", "the prefix is found")
        await until(pilot, lambda: "found under registry/" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen) and app.session.store.name == "images")
        saved = load_connections()["images"]
        assert saved.settings == {"dir": str(here / "images"), "root_dir": "registry", "mode": "read-only"}
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, StoresScreen) and app.screen.rows.saved)
        await pilot.press("x", "x")
        await until(pilot, lambda: not app.screen.rows.saved)
        assert load_connections() == {}
        assert (here / "images" / "registry" / REPOSITORIES / "app").is_dir()


async def test_a_broken_file_is_told_with_its_path_and_a_directory_opens_all_the_same(here: Path) -> None:
    config_path().write_text("[connections.prod\n")
    async with open_picker() as (app, pilot, screen):
        await until(pilot, lambda: "the configuration file is not TOML" in screen_text(app))
        assert "fix mend or move it" in screen_text(app)
        await pilot.press("U")
        screen.url_line.value = str(here)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.session.store.url == f"file://{here}"
        assert config_path().read_text() == "[connections.prod\n"


async def test_a_bucket_of_an_s3_server_is_found_by_the_environment_and_tried_while_it_is_typed(
    moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-word")
    bucket = servers.make_bucket(moto)
    async with open_picker() as (app, pilot, _):
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, StoreEditorScreen))
        assert app.screen.draft.text("endpoint") == moto
        app.screen._input("bucket").value = "no-such-bucket-here"
        await until(pilot, lambda: app.screen._check is not None and app.screen._check.failed)
        assert "no-such-bucket-here" in str(app.screen._check.failed)
        app.screen._input("bucket").value = bucket
        await until(pilot, lambda: "✓ list" in screen_text(app))
        await until(pilot, lambda: "the first push" in screen_text(app))
        app.screen.query_one("#mode").focus()
        await until(pilot, lambda: not app.screen._check.is_running)
        await pilot.press("V")
        await until(pilot, lambda: "✓ write" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.session.store.url == f"s3://{bucket}"
        assert "a-secret-word" not in config_path().read_text()
