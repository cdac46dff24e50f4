"""Container engines as docker contexts, sockets and the environment name them."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from ocistore_tui.found import find_engines


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "run/podman").mkdir(parents=True)
    return {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


def add_context(environ: dict[str, str], name: str, host: object, *, has_certificates: bool = False) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    directory = Path(environ["HOME"]) / ".docker/contexts"
    (directory / "meta" / key).mkdir(parents=True)
    document = {"Name": name, "Endpoints": {"docker": {"Host": host}}}
    (directory / "meta" / key / "meta.json").write_text(json.dumps(document))
    if has_certificates:
        (directory / "tls" / key / "docker").mkdir(parents=True)


def use(environ: dict[str, str], name: str) -> None:
    path = Path(environ["HOME"]) / ".docker/config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"currentContext": name}))


def found(environ: dict[str, str]) -> list[tuple[str, str]]:
    """Name and address, but for the sockets every machine has at the same place."""
    return [
        (e.name, e.address) for e in find_engines(environ) if not e.address.startswith(("unix:///run", "unix:///var"))
    ]


def test_the_usual_one_is_always_first_and_has_no_address(environ: dict[str, str]) -> None:
    assert found(environ) == [("docker", "")]


def test_contexts_follow_the_current_one(environ: dict[str, str]) -> None:
    add_context(environ, "remote", "ssh://ada@build")
    add_context(environ, "desktop", "unix:///home/ada/.docker/desktop.sock")
    assert found(environ) == [
        ("docker", ""),
        ("desktop", "unix:///home/ada/.docker/desktop.sock"),
        ("remote", "ssh://ada@build"),
    ]
    use(environ, "remote")
    assert found(environ)[:2] == [("remote", ""), ("desktop", "unix:///home/ada/.docker/desktop.sock")]
    assert found({**environ, "DOCKER_CONTEXT": "desktop"})[:2] == [("desktop", ""), ("remote", "ssh://ada@build")]


def test_docker_host_goes_before_every_context(environ: dict[str, str]) -> None:
    add_context(environ, "remote", "ssh://ada@build")
    use(environ, "remote")
    engines = found({**environ, "DOCKER_HOST": "tcp://127.0.0.1:2375"})
    assert engines == [("tcp://127.0.0.1:2375", ""), ("remote", "ssh://ada@build")]


def test_podman_is_found_by_its_socket(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Path(environ["XDG_RUNTIME_DIR"])
    monkeypatch.chdir(runtime)  # addresses of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("podman/podman.sock")
        assert ("podman", f"unix://{runtime}/podman/podman.sock") in found(environ)


def test_a_context_whose_certificates_no_address_brings_along_goes_by_its_name(environ: dict[str, str]) -> None:
    add_context(environ, "secured", "tcp://build:2376", has_certificates=True)
    assert found(environ) == [("docker", ""), ("secured", "context://secured")]
    use(environ, "secured")
    assert found(environ) == [("secured", "")]


def test_damaged_contexts_are_passed_over(environ: dict[str, str]) -> None:
    add_context(environ, "a", 5)
    add_context(environ, "b", None)
    add_context(environ, "c\x1b[31m", "unix:///c")
    add_context(environ, "d", "unix:///\x1b]0;title\x07")
    meta = Path(environ["HOME"]) / ".docker/contexts/meta"
    (meta / "file").write_text("not a directory")
    (meta / "empty").mkdir()
    (meta / "damaged").mkdir()
    (meta / "damaged/meta.json").write_text('{"Name": "e", "Endpoints": []}')
    use(environ, "gone")
    assert found(environ) == [("docker", "")]
