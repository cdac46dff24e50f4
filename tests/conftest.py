"""Every test runs in a home of its own, signed in nowhere; servers start once a session, when first asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed import daemons, servers

_FOREIGN = (
    "AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "STORAGE_EMULATOR_HOST", "DOCKER_", "OCISTORE_DIR", "XDG_", "NO_COLOR",
)  # fmt: skip

_MAX_ID = 100


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``: one more than there are processors, for many tests wait for engines, servers and terminals."""
    return (os.cpu_count() or 1) + 1


def pytest_make_parametrize_id(val: object) -> str | None:
    """A short name for a long value: names travel between processes with every report, and are kept there."""
    return f"{type(val).__name__}-of-{len(val)}" if isinstance(val, str | bytes) and len(val) > _MAX_ID else None


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the credentials, contexts or caches of whoever runs it, and none leaves any behind."""
    monkeypatch.setenv("OCISTORE_REAL_CACHE", os.environ.get("OCISTORE_REAL_CACHE") or str(Path.home() / ".cache"))
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home", numbered=True)))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The URL of an S3 server that keeps conditions."""
    with servers.moto() as url:
        yield url


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an S3 server that ignores conditions."""
    with servers.rclone(tmp_path_factory.mktemp("rclone")) as url:
        yield url


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of Azurite's account."""
    with servers.azurite(tmp_path_factory.mktemp("azurite")) as url:
        yield url


@pytest.fixture(scope="session")
def docker_classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Docker 20.10 with the classic store."""
    with daemons.docker(tmp_path_factory.mktemp("docker")) as host:
        yield host


@pytest.fixture(scope="session")
def docker26_classic() -> Iterator[str]:
    """Docker 26 with the classic store."""
    with daemons.modern_docker("classic", containerd_store=False) as host:
        yield host


@pytest.fixture(scope="session")
def docker26_containerd() -> Iterator[str]:
    """Docker 26 with the containerd store."""
    with daemons.modern_docker("containerd", containerd_store=True) as host:
        yield host


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Podman's docker-compatible socket."""
    with daemons.podman(tmp_path_factory.mktemp("podman")) as host:
        yield host
