"""The demo runs the whole job, says each command, checks the round trip, and leaves nothing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ocistore_tui.cli import demo
from ocistore_tui.demo import images as demo_images
from tests.cli.running import OCISTORE_TUI, Invoke, in_a_process
from tests.cli.test_streams import on_a_terminal


@pytest.fixture(autouse=True)
def temporary(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made."""
    (here / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(here / "temporary"))
    return here / "temporary"


def test_it_pushes_lists_inspects_pulls_and_compares(temporary: Path) -> None:
    done = in_a_process(["--no-tui", "demo"], program=OCISTORE_TUI, env={"DOCKER_HOST": "unix:///nonexistent"})
    assert done.code == 0, done.err
    typed = [line for line in done.out.splitlines() if line.startswith("$ oci-store fs ")]
    verbs = [line.split()[3] for line in typed]
    assert {"push", "ls", "inspect", "pull"} == set(verbs)
    assert done.out.count("  ok: ") == 10
    assert "All 10 checks passed" in done.out
    assert list(temporary.iterdir()) == []
    assert not (Path(os.environ["HOME"]) / ".cache").exists()
    assert not (Path(os.environ["HOME"]) / ".local").exists()


def test_its_last_line_works_where_oci_store_is_not_on_the_path(
    oci_store: Invoke, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    monkeypatch.setenv("PATH", str(Path(OCISTORE_TUI).parent))
    assert oci_store("demo", "--quiet").out.endswith("To begin your own: oci-store --help\n")
    monkeypatch.setenv("PATH", str(here))
    assert oci_store("demo", "--quiet").out.endswith("To begin your own: python -m ocistore_tui --no-tui --help\n")


def test_on_a_terminal_it_stays_headless_when_told_how_to_talk(temporary: Path) -> None:
    code, text = on_a_terminal([OCISTORE_TUI, "demo", "--progress", "none"])
    assert code == 0
    assert "All 10 checks passed" in text


def test_with_json_it_is_one_document(oci_store: Invoke) -> None:
    done = oci_store("demo", "--json")
    assert done.code == 0
    assert done.err == ""
    document = done.document
    assert (document["kind"], document["verified"], len(document["checks"])) == ("demo", True, 10)
    assert any("push" in line for line in document["commands"])


def test_quiet_says_only_how_it_ended(oci_store: Invoke) -> None:
    done = oci_store("demo", "--quiet")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("All 10 checks passed")
    assert done.out.count("\n") == 1


def test_it_leaves_the_directory_and_the_environment_as_they_were(oci_store: Invoke) -> None:
    before, environment = Path.cwd(), dict(os.environ)
    assert oci_store("demo").code == 0
    assert Path.cwd() == before
    assert dict(os.environ) == environment


def test_what_comes_back_different_is_exit_6(
    oci_store: Invoke, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    honest = demo._members
    monkeypatch.setattr(
        demo, "_members", lambda archive: {n: b + b"!" if "blobs/" in n else b for n, b in honest(archive).items()}
    )
    done = oci_store("demo")
    assert done.code == 6
    assert "this does not hold" in done.err
    assert list(temporary.iterdir()) == []


def test_a_command_that_fails_ends_it_with_its_own_error(
    oci_store: Invoke, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr(demo_images, "docker_archive", lambda images: b"no archive at all")
    assert oci_store("demo").code == 6
    assert list(temporary.iterdir()) == []


def test_its_images_are_the_same_on_every_machine() -> None:
    made = demo.make_images()
    assert made == demo.make_images()
    raw = {name: [layer.diff_id for layer in image.layers] for name, image in made.items()}
    assert raw["hello:1.0"][0] == raw["tools:2.0"][0]
    assert made["hello:1.0"].image_id == "sha256:" + IMAGE_ID


IMAGE_ID = "fad683031d22a485fbfe8eb92b20ef40b51376345811f5bf5398f4ce69162062"
"""Of hello:1.0: its tar files and configuration depend on nothing but this program."""
