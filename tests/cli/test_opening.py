"""What the program's words make the terminal UI begin with, and what is said once it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from msgspec import structs

from ocistore_tui.cli import main
from ocistore_tui.config import Connection, save_connection, state_dir
from ocistore_tui.errors import Unavailable
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.stores import Mode
from ocistore_tui.tui.ports import Opening, Outcome, Stores
from tests.cli.running import Done

Words = Callable[..., Done]


@dataclass
class Screen:
    """The terminal UI, as far as the command line can see: it is shown, and left."""

    openings: list[Opening] = field(default_factory=list)
    stores: list[Stores] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    while_shown: Callable[[Opening, Stores], None] | None = None

    def run(self, opening: Opening, stores: Stores) -> Outcome:
        self.openings.append(opening)
        self.stores.append(stores)
        if self.while_shown is not None:
            self.while_shown(opening, stores)
        return self.outcome

    @property
    def opening(self) -> Opening:
        (opening,) = self.openings
        return opening


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """In place of the real one, which `tests/tui` is about."""
    screen = Screen()
    module = ModuleType("ocistore_tui.tui.app")
    module.run = screen.run
    monkeypatch.setitem(sys.modules, "ocistore_tui.tui.app", module)
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    return screen


@pytest.fixture
def ocistore_tui(screen: Screen, capsys: pytest.CaptureFixture[str]) -> Iterator[Words]:
    """Run ``ocistore-tui`` with these words, as on a terminal."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def invoke(*words: str) -> Done:
        capsys.readouterr()
        code = main.run(words, name="ocistore-tui", has_screen=True)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    yield invoke
    for number, handler in before.items():
        signal.signal(number, handler)


def test_alone_it_opens_the_store_of_this_computer(ocistore_tui: Words, screen: Screen) -> None:
    assert ocistore_tui() == Done(0, "", "")
    row = screen.opening.store
    assert (row.origin, row.mode) == ("embedded", Mode.ADD_ONLY)
    assert row.url == f"file://{os.environ['HOME']}/.local/share/ocistore/store"
    assert screen.opening.requests == ()


def test_the_next_time_it_opens_what_was_open_last(ocistore_tui: Words, screen: Screen) -> None:
    screen.while_shown = lambda opening, stores: stores.opened(opening.store)
    ocistore_tui("s3://acme/registry")
    ocistore_tui()
    first, second = (opening.store for opening in screen.openings)
    assert (second.url, second.settings) == (first.url, first.settings)
    assert second.mode is Mode.READ_ONLY


def test_a_saved_store_that_is_gone_is_not_opened_again(ocistore_tui: Words, screen: Screen) -> None:
    save_connection(Connection("prod", "s3", {"bucket": "acme"}))
    screen.while_shown = lambda opening, stores: stores.opened(opening.store)
    ocistore_tui("prod")
    ocistore_tui()
    screen.stores[0].forget("prod")
    ocistore_tui()
    assert [opening.store.origin for opening in screen.openings] == ["saved", "saved", "embedded"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"store": {"backend": "s3"}}', '{"store": {"backend": ["s3"]}}'])
def test_a_damaged_memory_of_the_last_store_is_as_good_as_none(
    ocistore_tui: Words, screen: Screen, damage: str
) -> None:
    state_dir().mkdir(parents=True)
    (state_dir() / "last-store.json").write_text(damage)
    assert ocistore_tui().code == 0
    assert screen.opening.store.origin == "embedded"


def test_a_name_or_a_url_is_a_store(ocistore_tui: Words, screen: Screen, here: Path) -> None:
    save_connection(Connection("prod", "s3", {"bucket": "acme"}))
    for words in (["prod"], ["@prod"], ["s3://acme/registry"], ["./images"], [f"file://{here}/images"]):
        assert ocistore_tui(*words).code == 0
    urls = [opening.store.url for opening in screen.openings]
    directory = f"file://{here}/images"
    assert urls == ["s3://acme", "s3://acme", "s3://acme/registry", directory, directory]


def test_what_is_no_store_is_a_usage_error_and_opens_nothing(ocistore_tui: Words, screen: Screen) -> None:
    done = ocistore_tui("pussh")
    assert done.code == 2
    assert "no store of this name: pussh" in done.err
    assert "s3://BUCKET" in done.err
    assert screen.openings == []


def test_push_opens_with_its_plan_and_nothing_runs(ocistore_tui: Words, screen: Screen, here: Path) -> None:
    done = ocistore_tui("fs", "push", "team/app:1", "--image", "docker-archive:hello.tar", "--dir", "images")
    assert (done.code, done.out) == (0, "")
    (request,) = screen.opening.requests
    assert isinstance(request, PushRequest)
    assert (str(request.target), request.image) == ("team/app:1", "docker-archive:hello.tar")
    assert screen.opening.store.url == f"file://{here}/images"
    assert screen.opening.store.mode is Mode.ADD_ONLY
    assert not (here / "images").exists()


def test_pull_opens_with_its_plan_in_a_store_that_is_only_read(ocistore_tui: Words, screen: Screen) -> None:
    assert ocistore_tui("s3", "pull", "acme/team/app:1", "--region", "eu-west-1", "--platform", "linux/arm64").code == 0
    (request,) = screen.opening.requests
    assert isinstance(request, PullRequest)
    assert (str(request.source), str(request.platform)) == ("team/app:1", "linux/arm64")
    row = screen.opening.store
    assert (row.url, row.mode, row.settings) == ("s3://acme", Mode.READ_ONLY, {"bucket": "acme", "region": "eu-west-1"})


def test_keys_that_were_typed_reach_the_store_and_nothing_that_is_shown_or_kept(
    ocistore_tui: Words, screen: Screen, moto: str
) -> None:
    from tests.testbed import servers

    access, secret = servers.S3_KEYS
    bucket = servers.make_bucket(moto)

    def look(opening: Opening, stores: Stores) -> None:
        with stores.open(opening.store) as service:
            assert list(service.repositories()) == []
        changed = structs.replace(opening.store, mode=Mode.ADD_ONLY)
        assert all(step.ok is not False for step in stores.check(changed))
        stores.opened(opening.store)
        assert secret not in repr(opening)

    screen.while_shown = look
    done = ocistore_tui("s3", "pull", f"{bucket}/app", "-e", moto, "--access-key", access, "--secret-key", secret)
    assert done.code == 0, done.err
    assert "use AWS_ACCESS_KEY_ID" in done.err
    assert not any(secret in path.read_text() for path in Path(os.environ["HOME"]).rglob("*") if path.is_file())


def test_a_saved_store_keeps_its_mode_whatever_the_verb(ocistore_tui: Words, screen: Screen) -> None:
    save_connection(Connection("prod", "s3", {"bucket": "acme", "mode": "read-only", "label": "PRODUCTION"}))
    assert ocistore_tui("@prod", "push", "app:1").code == 0
    assert (screen.opening.store.name, screen.opening.store.mode) == ("prod", Mode.READ_ONLY)
    assert screen.opening.store.settings["label"] == "PRODUCTION"


@pytest.mark.parametrize(
    "line",
    [
        "push app:1 --dry-run --image docker-archive:hello.tar",
        "push app:1 --quiet --image docker-archive:hello.tar",
        "pull team/hello:1.0 --progress plain --image oci:x",
        "ls",
        "ls team/hello",
        "inspect team/hello:1.0",
    ],
)
def test_what_asks_for_words_gets_words(ocistore_tui: Words, screen: Screen, store: Path, line: str) -> None:
    done = ocistore_tui("fs", *line.split())
    assert done.code == 0, done.err
    assert done.out
    assert screen.openings == []


def test_the_demo_is_a_store_with_content_that_is_gone_afterwards(
    ocistore_tui: Words, screen: Screen, here: Path
) -> None:
    seen: list[Path] = []

    def look(opening: Opening, stores: Stores) -> None:
        assert opening.store.origin == "demo"
        assert isinstance(opening.place, LocalPlace)
        with stores.open(opening.store) as service:
            assert "demo/hello" in [row.name for row in service.repositories()]
        seen.append(Path(opening.place.address))
        assert list(seen[0].glob("*.tar"))
        stores.opened(opening.store)

    screen.while_shown = look
    assert ocistore_tui("demo").code == 0
    assert not seen[0].exists()
    assert not seen[0].parent.exists()
    home = Path(os.environ["HOME"])
    assert [path for path in home.rglob("*") if path.is_file()] == [], "nothing is left in the user's directory"
    assert "OCISTORE_CACHE" not in os.environ


def test_options_of_the_screen_are_understood_before_and_behind_the_words(ocistore_tui: Words, screen: Screen) -> None:
    ocistore_tui("--ascii", "--theme", "light", "s3://acme")
    ocistore_tui("s3", "pull", "acme/app", "--no-mouse")
    first, second = screen.openings
    assert (first.ascii, first.theme, first.mouse) == (True, "light", True)
    assert (second.ascii, second.theme, second.mouse) == (False, "", False)


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_TTY"])
def test_a_terminal_far_away_is_slow(
    ocistore_tui: Words, screen: Screen, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "somewhere")
    ocistore_tui()
    assert screen.opening.slow


def test_what_is_left_to_say_is_said_when_the_terminal_is_back(ocistore_tui: Words, screen: Screen) -> None:
    screen.outcome = Outcome(lines=["2 transfers done", "a \x1b[31mred\x1b[0m name"])
    assert ocistore_tui() == Done(0, "2 transfers done\na �[31mred�[0m name\n", "")


def test_an_error_and_an_exit_code_are_told_as_ever(ocistore_tui: Words, screen: Screen) -> None:
    screen.outcome = Outcome(error=Unavailable("the store does not answer", fix="try again"))
    done = ocistore_tui()
    assert (done.code, done.err) == (5, "error: the store does not answer\n  fix:   try again\n")
    screen.outcome = Outcome(lines=["stopped"], error=Unavailable("the store does not answer"), exit_code=143)
    done = ocistore_tui()
    assert (done.code, done.out) == (143, "stopped\n")


def test_a_fault_of_the_screen_is_told_without_what_it_held(ocistore_tui: Words, screen: Screen) -> None:
    def break_down(opening: Opening, stores: Stores) -> None:
        raise RuntimeError("AKIASECRET")

    screen.while_shown = break_down
    done = ocistore_tui()
    assert done.code == 70
    assert "a fault of the program itself" in done.err
    assert "AKIASECRET" not in done.err + (state_dir() / "last-fault.log").read_text()


def test_a_headless_push_to_a_read_only_store_is_refused(ocistore_tui: Words, here: Path) -> None:
    save_connection(Connection("usb", "fs", {"dir": str(here / "usb"), "mode": "read-only"}))
    image = ("--image", "docker-archive:hello.tar")
    done = ocistore_tui("@usb", "push", "app:1", *image, "--quiet")
    assert done.code == 8
    assert 'mode = "add-only"' in done.err
    assert not (here / "usb").exists()
    save_connection(Connection("usb", "fs", {"dir": str(here / "usb"), "mode": "add-only"}))
    assert ocistore_tui("@usb", "push", "app:1", *image, "--quiet").code == 0


SHOWN = """
import json, os, sys
from types import ModuleType
from ocistore_tui.cli import main
shown = ModuleType("ocistore_tui.tui.app")
def run(opening, stores):
    from ocistore_tui.tui.ports import Outcome
    return Outcome(lines=["shown"])
shown.run = run
sys.modules["ocistore_tui.tui.app"] = shown
sys.argv = ["ocistore-tui", *sys.argv[1:]]
main.main()
"""


@pytest.mark.parametrize(
    ("words", "env", "is_shown"),
    [
        ([], {}, True),
        (["./images"], {}, True),
        ([], {"CI": "true"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--no-tui"], {}, False),
        (["--version"], {}, False),
        (["--help"], {}, False),
    ],
)
def test_on_a_terminal_the_ui_is_shown_unless_it_is_not_wanted(
    words: list[str], env: dict[str, str], is_shown: bool
) -> None:
    from tests.cli.test_streams import on_a_terminal

    code, text = on_a_terminal([sys.executable, "-c", SHOWN, *words], env)
    assert code == 0
    assert (text == "shown\r\n") is is_shown, text


def test_without_a_terminal_there_is_help_and_no_ui() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOWN], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ocistore-tui")
    assert "ocistore-tui demo" in done.stdout


def test_json_is_never_a_screen(ocistore_tui: Words) -> None:
    assert main.is_headless(["--json", "s3", "ls", "b"])
    assert json.loads(ocistore_tui("fs", "ls", "--json").out)["kind"] == "repositories"
