"""One image, as each kind of engine has it."""

from __future__ import annotations

from collections.abc import Callable

from ocistore_tui.model.digest import Digest
from tests.fakes.engine import FakeEngine, classic
from tests.testbed import archives
from tests.testbed.archives import Members
from tests.testbed.images import Image, layer

IMAGE = Image((layer("one"), layer("two", 300_000), layer("three")))
NAME = "rt/app:1"
KINDS: dict[str, Callable[[], Members]] = {
    "docker 20": lambda: archives.docker_20({NAME: IMAGE}),
    "docker 26": lambda: archives.docker_26(NAME, IMAGE),
    "podman": lambda: archives.podman(NAME, IMAGE),
    "containerd": lambda: archives.containerd(NAME, IMAGE),
}


def hold(engine: FakeEngine, kind: str, archive: bytes | None = None) -> None:
    """Have IMAGE as that kind of engine has it."""
    archive = KINDS[kind]().tar() if archive is None else archive
    classic(engine, NAME, IMAGE.config, IMAGE.layers, archive)
    if kind == "containerd":
        engine.is_containerd = True
        engine.hold(NAME, str(IMAGE.digest), [str(Digest.of(raw)) for raw in IMAGE.layers])
