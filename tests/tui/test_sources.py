"""The picker of the left side: engines, folders of archives and OCI layouts, found or typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ocistore_tui.errors import NotFound, OciStoreError, Unavailable, UsageError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.tui.paths import completed, directories, place_at
from ocistore_tui.tui.screens.main import MainScreen
from ocistore_tui.tui.screens.sources import PathInput, SourcesScreen
from tests.fakes.stores import FakeStores
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service
from tests.tui.waiting import screen_text, until

DOCKER = LocalPlace("engine", "", "desktop-linux")
REMOTE = LocalPlace("engine", "tcp://build:2375", "build")
PODMAN = LocalPlace("engine", "unix:///run/user/1000/podman/podman.sock", "podman")


@pytest.fixture
def stores() -> FakeStores:
    stores = FakeStores()
    stores.local_places = [DOCKER, REMOTE, PODMAN]
    return stores


@asynccontextmanager
async def open_sources(stores: FakeStores, size: tuple[int, int] = (120, 36)) -> AsyncIterator[tuple[Any, Any]]:
    async with open_app(stores=stores, size=size) as (app, pilot):
        app.push_screen(SourcesScreen(app.session))
        await until(pilot, lambda: isinstance(app.screen, SourcesScreen))
        await until(pilot, lambda: not app.screen._is_looking)
        yield app, pilot


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_every_place_of_this_machine_is_listed_and_the_one_shown_is_marked(
    stores: FakeStores, size: tuple[int, int]
) -> None:
    async with open_sources(stores, size) as (app, _):
        lines = screen_text(app).splitlines()
        assert any("desktop-linux" in line and "shown now" in line for line in lines)
        assert any("build" in line and "tcp://build:2375" in line for line in lines)
        assert any("podman" in line and "podman.sock" in line for line in lines)
        assert sum("shown now" in line for line in lines) == 1
        for words in ("a folder of image archives…", "an OCI layout directory…", "Choose (Enter)"):
            assert any(words in line for line in lines), words


async def test_enter_shows_the_place_on_the_left(stores: FakeStores) -> None:
    async with open_sources(stores) as (app, pilot):
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.session.place == REMOTE
        await until(pilot, lambda: app.screen.side is app.screen.local)


async def test_a_place_that_was_typed_before_is_on_the_list(stores: FakeStores, tmp_path: Path) -> None:
    async with open_app(stores=stores) as (app, pilot):
        app.session.place = LocalPlace("folder", str(tmp_path), "my archives")
        app.push_screen(SourcesScreen(app.session))
        await until(pilot, lambda: "my archives" in screen_text(app))
        await until(pilot, lambda: "podman" in screen_text(app))
        await until(pilot, lambda: "shown now" in screen_text(app))
        line = next(line for line in screen_text(app).splitlines() if "shown now" in line)
        assert "my archives" in line
        assert app.screen.query_one("#sources-list").cursor_key == app.session.place


async def test_a_folder_is_typed_with_tab_to_complete_it(stores: FakeStores, tmp_path: Path) -> None:
    (tmp_path / "archives-of-today").mkdir()
    (tmp_path / "archive.tar").touch()
    async with open_sources(stores) as (app, pilot):
        await pilot.press("G", "up", "enter")
        field = app.screen.query_one(PathInput)
        assert app.focused is field
        await pilot.press("ctrl+u", *f"{tmp_path}/arc")
        await until(pilot, lambda: field.choices == (f"{tmp_path}/archives-of-today/",))
        await pilot.press("tab")
        assert field.value == f"{tmp_path}/archives-of-today/"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.session.place == LocalPlace("folder", f"{tmp_path}/archives-of-today", "archives-of-today")


async def test_a_directory_that_is_no_layout_is_told_in_place_and_escape_goes_one_step_back(
    stores: FakeStores,
) -> None:
    # A short name: what is said of a long one goes on in the next line.
    with TemporaryDirectory(prefix="o") as directory:
        await _refuse_and_step_back(stores, directory)


async def _refuse_and_step_back(stores: FakeStores, directory: str) -> None:
    async with open_sources(stores) as (app, pilot):
        dialog = app.screen
        await pilot.press("G", "enter", "ctrl+u", *directory, "enter")
        await until(pilot, lambda: "; there is no index.json in it; " in screen_text(app))
        assert app.screen is dialog
        await pilot.press("escape")
        assert app.screen is dialog
        assert "index.json" not in screen_text(app)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)
        assert app.session.place is None


async def test_when_nothing_can_be_found_a_folder_can_still_be_typed(stores: FakeStores) -> None:
    stores.fail("places", Unavailable("cannot look for engines", cause="the disk is gone", fix="mount it"))
    async with open_sources(stores) as (app, pilot):
        await until(pilot, lambda: "the disk is gone" in screen_text(app))
        assert "a folder of image archives…" in screen_text(app)
        stores.heal("places")
        await pilot.press("r")
        await until(pilot, lambda: "podman" in screen_text(app))
        assert "the disk is gone" not in screen_text(app)


async def test_while_places_are_looked_for_the_dialog_says_so(stores: FakeStores) -> None:
    stores.hold("places")
    async with open_app(stores=stores) as (app, pilot):
        app.push_screen(SourcesScreen(app.session))
        await until(pilot, lambda: "looking…" in screen_text(app))
        stores.release("places")
        await until(pilot, lambda: "desktop-linux" in screen_text(app))
        assert "looking…" not in screen_text(app)


async def test_names_of_engines_are_inert(stores: FakeStores) -> None:
    evil = "\x1b]0;title\x07[red]\u202e"
    stores.local_places = [DOCKER, LocalPlace("engine", f"tcp://{evil}", evil)]
    async with open_sources(stores) as (app, _):
        text = screen_text(app)
        assert "[red]" in text
        assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_directories_are_found_by_how_they_begin(tmp_path: Path) -> None:
    for name in ("images", "images-old", ".hidden", "evil\x1b[2J"):
        (tmp_path / name).mkdir()
    (tmp_path / "image.tar").touch()
    assert directories(f"{tmp_path}/im") == (f"{tmp_path}/images-old/", f"{tmp_path}/images/")
    assert directories(f"{tmp_path}/") == (f"{tmp_path}/images-old/", f"{tmp_path}/images/")
    assert directories(f"{tmp_path}/.") == (f"{tmp_path}/.hidden/",)
    assert directories(f"{tmp_path}/nothing/here") == ()
    assert directories("\0") == ()
    assert directories("~nobody-of-this-name/") == ()


@pytest.mark.parametrize(
    ("text", "found", "whole"),
    [
        ("/a", ("/alpha/", "/alps/"), "/alp"), ("/a", ("/alpha/",), "/alpha/"), ("/a", (), "/a"),
        ("/b", ("/alpha/",), "/b"), ("/alp", ("/alp-one/", "/alp/"), "/alp"), ("", ("x/", "y/"), ""),
    ],
)  # fmt: skip
def test_a_path_is_completed_as_far_as_all_agree(text: str, found: tuple[str, ...], whole: str) -> None:
    assert completed(text, found) == whole


def test_a_directory_becomes_a_place_and_what_is_none_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = tmp_path / "layout"
    layout.mkdir()
    (layout / "index.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place_at("oci", "./layout/") == LocalPlace("oci", str(layout), "layout")
    assert place_at("folder", "~/layout") == LocalPlace("folder", str(layout), "layout")
    wrong: list[tuple[str, str, type[OciStoreError]]] = [
        ("folder", "", UsageError), ("folder", "nowhere", NotFound), ("folder", "layout/index.json", UsageError),
        ("oci", ".", UsageError), ("folder", "a\0b", NotFound), ("folder", "x" * 5000, UsageError),
    ]  # fmt: skip
    for kind, text, error in wrong:
        with pytest.raises(error) as caught:
            place_at(kind, text)
        assert caught.value.fix


async def test_images_of_the_place_before_are_gone_at_once_and_their_marks_with_them() -> None:
    service = loaded_service()
    service.add_local("team/app:0", place=PODMAN, label="podman 5")
    async with open_app(service=service) as (app, pilot):
        local = app.main_screen.local
        await until(pilot, lambda: local.model.total == 6)
        await pilot.press("1", "g", "asterisk")
        assert len(local.model.marks) == 6
        service.hold("local_images")
        app.set_place(PODMAN)
        await until(pilot, lambda: service.waiting("local_images"))
        await until(pilot, lambda: "looking for images" in screen_text(app))
        await pilot.press("p")
        assert isinstance(app.screen, MainScreen), "nothing of docker is pushed as if podman had it"

        service.release("local_images")
        await until(pilot, lambda: local.model.total == 1)
        assert not len(local.model.marks)
