"""A directory with images as files, a store that holds them, and the program to run on both."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui import wiring
from ocistore_tui.cli.demo import make_images
from ocistore_tui.cli.main import run
from ocistore_tui.cli.tree import root
from ocistore_tui.demo import images as demo_images
from ocistore_tui.wiring import Place
from tests.cli.recorder import Recorder, Seen
from tests.cli.running import Done, Invoke


@pytest.fixture(scope="session")
def images() -> dict[str, demo_images.Image]:
    """The demo's images by ``NAME:TAG``."""
    return make_images()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, images: dict[str, demo_images.Image], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory: ``hello.tar`` (docker), ``tools.tar`` (OCI), ``multi/`` (a layout of two platforms)."""
    for name in ("CI", "NO_COLOR", "OCISTORE_CONFIG", "OCISTORE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hello.tar").write_bytes(demo_images.docker_archive({"hello:1.0": images["hello:1.0"]}))
    (tmp_path / "tools.tar").write_bytes(demo_images.oci_archive({"2.0": images["tools:2.0"]}))
    for path, content in demo_images.oci_layout({"1.0": images["multi:1.0"]}).items():
        (tmp_path / "multi" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "multi" / path).write_bytes(content)
    return tmp_path


@pytest.fixture
def oci_store(capsys: pytest.CaptureFixture[str]) -> Iterator[Invoke]:
    """Run ``oci-store`` with these words in this process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def invoke(*words: str) -> Done:
        capsys.readouterr()
        code = run(words)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    yield invoke
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory, images: dict[str, demo_images.Image]) -> Path:
    place = tmp_path_factory.mktemp("filled")
    (place / "hello.tar").write_bytes(demo_images.docker_archive({"hello:1.0": images["hello:1.0"]}))
    (place / "tools.tar").write_bytes(demo_images.oci_archive({"2.0": images["tools:2.0"]}))
    (place / "multi.tar").write_bytes(demo_images.oci_archive({"1.0": images["multi:1.0"]}))
    for target, image in (
        ("team/hello:1.0", f"docker-archive:{place}/hello.tar"),
        ("team/tools:2.0", f"oci-archive:{place}/tools.tar"),
        ("team/multi:1.0", f"oci-archive:{place}/multi.tar"),
    ):
        words = ["fs", "push", target, "--image", image, "--dir", str(place / "store"), "--quiet"]
        root.main(words, prog_name="oci-store", standalone_mode=False)
    return place / "store"


@pytest.fixture
def store(_filled: Path, monkeypatch: pytest.MonkeyPatch, here: Path) -> Path:
    """The directory ``fs`` means: a store of three repositories."""
    monkeypatch.setenv("OCISTORE_DIR", str(here / "store"))
    shutil.copytree(_filled, here / "store")
    return here / "store"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The places and requests the program comes to; nothing is opened."""
    seen = Seen()

    def open_service(place: Place) -> Recorder:
        seen.places.append(place)
        return Recorder(seen)

    monkeypatch.setattr(wiring, "open_service", open_service)
    return seen
