"""What the program loads before it does what it is asked for: it starts fast because it loads little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.servers import S3_KEYS

SDKS = {"boto3", "botocore", "google", "azure", "requests", "docker"}
SCREENS = {"textual", "rich"}
LOADED = """
import sys
from ocistore_tui.cli.main import run
code = run(sys.argv[1:])
print(code, *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded_by(*words: str, **env: str) -> set[str]:
    """The top-level names of everything a command has loaded when it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], env={**os.environ, **env}, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    code, *names = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    assert "ocistore_tui" in names
    return set(names)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A store of one repository."""
    (tmp_path / "docker/registry/v2/repositories/app/_manifests/tags").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("s3", "push", "--help"), ("stores", "ls")])
def test_help_loads_no_sdk_and_no_screen(words: tuple[str, ...]) -> None:
    assert not loaded_by(*words) & (SDKS | SCREENS)


def test_listing_a_directory_loads_no_sdk_and_no_screen(directory: Path) -> None:
    assert not loaded_by("fs", "ls", "--dir", str(directory)) & (SDKS | SCREENS)
    assert not loaded_by("fs", "ls", "app", "--dir", str(directory)) & (SDKS | SCREENS)


def test_listing_a_bucket_loads_no_sdk_but_its_own(moto: str) -> None:
    from tests.backends import s3_buckets

    bucket = s3_buckets.new_bucket(moto).bucket
    keys = {"AWS_ACCESS_KEY_ID": S3_KEYS[0], "AWS_SECRET_ACCESS_KEY": S3_KEYS[1]}
    loaded = loaded_by("s3", "ls", bucket, "--endpoint", moto, "--region", "us-east-1", **keys)
    assert "botocore" in loaded
    assert not loaded & (SCREENS | SDKS - {"boto3", "botocore"})


OPENED = """
import sys
from types import ModuleType
from ocistore_tui.cli.main import run
shown = ModuleType("ocistore_tui.tui.app")
def show(opening, stores):
    from ocistore_tui.tui.ports import Outcome
    stores.open(opening.store).close()
    list(stores.found()), stores.saved(), stores.places(), stores.unfinished(opening.store)
    return Outcome()
shown.run = show
sys.modules["ocistore_tui.tui.app"] = shown
code = run(sys.argv[1:], has_screen=True)
print(code, *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [(), ("./images",), ("fs", "pull", "app:1"), ("demo",)])
def test_nothing_but_the_ui_itself_loads_a_screen_and_no_sdk_is_loaded_before_it(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPENED, *words], capture_output=True, text=True, timeout=60, check=True
    )
    code, *names = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    assert not set(names) & (SDKS | SCREENS)


def test_the_rooms_import_downwards_only() -> None:
    """The contracts of pyproject.toml, checked as CI does."""
    program = Path(sys.executable).with_name("lint-imports")
    if not program.exists():
        pytest.skip("import-linter is not installed")
    root = Path(__file__).parent.parent
    done = subprocess.run([program, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
