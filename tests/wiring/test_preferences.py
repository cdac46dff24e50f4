"""What a person likes outlives the program, on a real disk; texts are written beside what is there, never over it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from ocistore_tui import __version__
from ocistore_tui.cli.fault import fault_of
from ocistore_tui.config import cache_dir, config_path, data_dir, state_dir
from ocistore_tui.errors import AccessDenied, NoSpace
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.ports import Opening, Preferences
from ocistore_tui.tui.screens.palette import PaletteScreen
from ocistore_tui.wiring.rows import embedded_row
from ocistore_tui.wiring.stores import LocalStores
from tests.tui.waiting import until

LIKED = {"theme": "ocistore-light", "is_ascii": True, "keymap": {"send": "b"}, "recent": ["command:zoom"]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OCISTORE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


def settings_file() -> Path:
    return state_dir() / "settings.json"


# settings


def test_this_machines_stores_keep_preferences() -> None:
    assert isinstance(LocalStores(), Preferences)


def test_settings_are_there_for_the_next_start_and_for_their_owner_alone() -> None:
    assert LocalStores().settings() == {}
    LocalStores().keep_settings(LIKED)
    assert LocalStores().settings() == LIKED
    assert settings_file().stat().st_mode & 0o777 == 0o600
    LocalStores().keep_settings({})
    assert LocalStores().settings() == {}


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"settings": 5}', '{"settings": ["theme"]}', "[" * 100_000, b"\xff\xfe{", b"{" * 2_000_000],
    ids=range(8),
)
def test_a_damaged_file_is_as_good_as_none_and_is_mended_by_the_next_change(damage: str | bytes) -> None:
    LocalStores().keep_settings(LIKED)
    settings_file().write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    assert LocalStores().settings() == {}
    LocalStores().keep_settings(LIKED)
    assert LocalStores().settings() == LIKED


def test_values_of_no_kind_that_is_kept_are_left_out() -> None:
    LocalStores().keep_settings(LIKED)
    odd = {"theme": "ocistore-light", "is_ascii": 7, "keymap": {"send": 3}, "recent": ["a", None], "more": {"a": []}}
    settings_file().write_text(json.dumps({"v": 1, "settings": odd}))
    assert LocalStores().settings() == {"theme": "ocistore-light"}


def test_what_was_kept_stays_whole_when_the_new_settings_cannot_be_written() -> None:
    LocalStores().keep_settings(LIKED)
    with pytest.raises(TypeError):
        LocalStores().keep_settings({"theme": object()})
    assert LocalStores().settings() == LIKED
    assert list(state_dir().iterdir()) == [settings_file()]


def test_that_settings_cannot_be_kept_is_said_with_a_fix() -> None:
    state_dir().parent.mkdir(parents=True, exist_ok=True)
    state_dir().write_text("a file where a directory must be")
    with pytest.raises(AccessDenied) as told:
        LocalStores().keep_settings(LIKED)
    assert told.value.where == str(settings_file())
    assert told.value.cause
    assert told.value.fix


def test_two_programs_that_keep_at_once_leave_one_of_both_and_no_rubbish() -> None:
    both = [{"theme": f"theme-{number}", "recent": ["x" * 5000]} for number in range(2)]
    ready = threading.Barrier(2)

    def keep(settings: dict[str, object]) -> None:
        ready.wait()
        for _ in range(20):
            LocalStores().keep_settings({})
            LocalStores().keep_settings(settings)

    threads = [threading.Thread(target=keep, args=(settings,)) for settings in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LocalStores().settings() in (*both, {})
    assert list(state_dir().iterdir()) == [settings_file()]


# the demo


def test_the_demo_knows_what_a_person_likes_and_keeps_what_is_changed_in_it(tmp_path: Path) -> None:
    LocalStores().keep_settings(LIKED)
    demo = LocalStores(demo_dir=tmp_path / "demo")
    assert demo.settings() == LIKED
    demo.keep_settings(LIKED | {"theme": "ocistore-contrast"})
    assert LocalStores().settings()["theme"] == "ocistore-contrast"


def test_what_the_palette_did_in_the_demo_is_not_remembered(tmp_path: Path) -> None:
    demo = LocalStores(demo_dir=tmp_path / "demo")
    demo.keep_settings({"recent": ["store:demo"]})
    assert not settings_file().exists(), "trying the demo leaves nothing behind"
    LocalStores().keep_settings(LIKED)
    demo.keep_settings(LIKED | {"recent": ["store:demo", "command:zoom"]})
    assert LocalStores().settings() == LIKED


# files


def test_the_files_of_the_program_are_told_where_they_are(tmp_path: Path) -> None:
    told = dict(LocalStores().about())
    assert (Path(told[f"program {__version__}"]) / "__init__.py").is_file()
    assert told["saved stores"] == str(config_path())
    assert told["cache"] == str(cache_dir())
    assert str(data_dir()) in told.values()
    assert told["log of a fault"] == fault_of(ValueError()).where
    LocalStores().keep_settings(LIKED)
    assert Path(told["settings"]).is_file()
    assert str(tmp_path / "demo") in dict(LocalStores(demo_dir=tmp_path / "demo").about()).values()


# texts


def test_a_text_is_a_new_file_here_and_never_takes_the_place_of_another(here: Path) -> None:
    paths = [LocalStores().write_text("screen.txt", f"{number} ≠\n") for number in range(3)]
    assert paths == [str(here / name) for name in ("screen.txt", "screen-2.txt", "screen-3.txt")]
    assert [Path(path).read_text(encoding="utf-8") for path in paths] == ["0 ≠\n", "1 ≠\n", "2 ≠\n"]


def test_a_link_in_the_way_is_not_followed(here: Path, tmp_path: Path) -> None:
    (here / "screen.txt").symlink_to(tmp_path / "elsewhere")
    assert LocalStores().write_text("screen.txt", "text") == str(here / "screen-2.txt")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["../../up.txt", "/etc/up.txt", ".hidden", "a\x1b[31m/b\n.txt", "", "..", "x" * 300])
def test_a_name_from_outside_stays_a_plain_name_in_this_directory(here: Path, name: str) -> None:
    path = Path(LocalStores().write_text(name, "text"))
    assert path.parent == here
    assert path.name.isprintable()
    assert not path.name.startswith(".")


def test_where_nothing_can_be_written_the_data_directory_takes_it(here: Path) -> None:
    here.rmdir()
    path = LocalStores().write_text("screen.txt", "text")
    assert path == str(data_dir() / "screen.txt")
    assert Path(path).read_text() == "text"


def test_a_full_disk_leaves_no_half_text_and_is_said(here: Path) -> None:
    import resource
    import signal

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(NoSpace) as told:
            LocalStores().write_text("screen.txt", "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert told.value.fix
    assert os.listdir(here) == os.listdir(data_dir()) == []


# the whole program


async def test_a_theme_chosen_in_the_palette_is_there_on_the_next_start() -> None:
    app = OcistoreApp(Opening(embedded_row()), LocalStores())
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        usual = app.theme
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, PaletteScreen))
        await pilot.press(*"ocistore-light", "enter")
        await until(pilot, lambda: app.theme == "ocistore-light")
        # The palette keeps twice at once: what it did, and the theme.
        await until(pilot, lambda: app.desk.is_idle)
    assert LocalStores().settings() == {"theme": "ocistore-light", "recent": ["theme:ocistore-light"]}
    assert usual != "ocistore-light"
    again = OcistoreApp(Opening(embedded_row()), LocalStores())
    async with again.run_test(size=(120, 36), notifications=True):
        assert again.theme == "ocistore-light"
