"""The engine is found as the docker client finds it, over every kind of connection, or it is said why not."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from ocistore_tui.daemon.address import parse_address, resolve_address
from ocistore_tui.errors import UsageError
from tests.testbed.contexts import context, key


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the contexts ``tcp``, ``ssh`` and ``broken``."""
    context(tmp_path, "tcp", {"Host": "tcp://far:2375"})
    context(tmp_path, "ssh", {"Host": "ssh://me@far", "SkipTLSVerify": False})
    context(tmp_path, "unsafe", {"Host": "tcp://far:2376", "SkipTLSVerify": True})
    context(tmp_path, "odd", {"Host": 5})
    context(tmp_path, "list", [])
    (tmp_path / ".docker/contexts/meta" / key("broken")).mkdir()
    (tmp_path / ".docker/contexts/meta" / key("broken") / "meta.json").write_text("{")
    return tmp_path


def resolved(home: Path, given: str | None = None, **environ: str) -> str:
    return str(resolve_address(given, {"HOME": str(home), **environ}))


# Where it is.


def test_the_first_that_is_given_counts(home: Path) -> None:
    (home / ".docker/config.json").write_text(json.dumps({"currentContext": "ssh"}))
    every = {"DOCKER_HOST": "tcp://host:1", "DOCKER_CONTEXT": "tcp"}
    assert resolved(home, "tcp://option:1", **every) == "tcp://option:1"
    assert resolved(home, **every) == "tcp://host:1"
    assert resolved(home, DOCKER_CONTEXT="tcp") == "tcp://far:2375"
    assert resolved(home) == "ssh://me@far"
    assert resolved(home, DOCKER_CONTEXT="default", XDG_RUNTIME_DIR="/none").startswith("unix:///")


def test_the_configuration_may_lie_elsewhere(home: Path, tmp_path: Path) -> None:
    shutil.move(home / ".docker", tmp_path / "elsewhere")
    (tmp_path / "elsewhere/config.json").write_text(json.dumps({"currentContext": "tcp"}))
    assert resolved(home, DOCKER_CONFIG=str(tmp_path / "elsewhere")) == "tcp://far:2375"


@pytest.mark.parametrize("name", ["nope", "broken", "list", "../../etc", ""])
def test_an_unknown_context_is_an_error_not_the_default_engine(name: str, home: Path) -> None:
    (home / ".docker/config.json").write_text(json.dumps({"currentContext": "nope"}))
    with pytest.raises(UsageError, match="no such docker context") as caught:
        resolved(home, DOCKER_CONTEXT=name)
    assert caught.value.fix


def test_a_context_that_skips_verifying_speaks_tls_all_the_same(home: Path) -> None:
    """Also without any certificate, as the docker client does."""
    found = resolve_address(None, {"HOME": str(home), "DOCKER_CONTEXT": "unsafe"})
    assert (found.tls, found.tls_verify, found.cert_dir) == (True, False, None)
    plain = resolve_address(None, {"HOME": str(home), "DOCKER_CONTEXT": "tcp"})
    assert (plain.tls, plain.tls_verify) == (False, True)


def test_a_context_whose_host_is_no_address(home: Path) -> None:
    with pytest.raises(UsageError, match="not an engine address"):
        resolved(home, DOCKER_CONTEXT="odd")


@pytest.mark.parametrize("config", ["{", "[]", '{"currentContext":5}', '{"currentContext":""}', "{}"])
def test_a_configuration_of_no_use_is_none(config: str, home: Path) -> None:
    (home / ".docker/config.json").write_text(config)
    assert resolved(home, XDG_RUNTIME_DIR="/none").startswith("unix:///")


def test_rootless_sockets_are_found(tmp_path: Path) -> None:
    if any(map(os.path.exists, ("/var/run/docker.sock", "/run/podman/podman.sock"))):
        pytest.skip("this machine has an engine of its own")
    assert resolved(tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) == "unix:///var/run/docker.sock"
    (tmp_path / "podman").mkdir()
    (tmp_path / "podman/podman.sock").touch()
    assert resolved(tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) == f"unix://{tmp_path}/podman/podman.sock"
    (tmp_path / "docker.sock").touch()
    assert resolved(tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) == f"unix://{tmp_path}/docker.sock"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///run/x.sock", "unix:///run/x.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("tcp://host:2375", "tcp://host:2375"),
        ("tcp://host:2375/", "tcp://host:2375"),
        ("tcp://:2375", "tcp://127.0.0.1:2375"),
        ("http://host:1", "tcp://host:1"),
        ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ("ssh://host", "ssh://host"),
        ("ssh://me@host:22", "ssh://me@host:22"),
    ],
)
def test_addresses_are_read(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("host:2375", "not an engine address"),
        ("/run/docker.sock", "not an engine address"),
        ("npipe:////./pipe/docker", "cannot begin with npipe"),
        ("tcp://host", "lacks a port"),
        ("tcp://[::1]", "lacks a port"),
        ("tcp://host:2375/api", "has a path"),
        ("ssh://host/run/docker.sock", "has a path"),
        ("tcp://host:port", "not a port"),
        ("tcp://host:0", "not a port"),
        ("tcp://host:-1", "not a port"),
        ("tcp://host:65536", "not a port"),
        ("tcp://host:" + "9" * 5000, "not a port"),
        ("tcp://host:²", "not a port"),
        ("ssh://", "not a usable ssh address"),
        ("ssh://-oProxyCommand=touch", "not a usable ssh address"),
        ("ssh://-oProxyCommand=touch@host", "not a usable ssh address"),
    ],
)
def test_addresses_that_are_none(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_address(text)
    assert caught.value.fix
