"""The registry the terminal UI serves a store with, asked over HTTP."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.errors import Unavailable
from ocistore_tui.wiring import Place
from ocistore_tui.wiring.served import Served
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.opened import directory_service, push


@pytest.fixture
def place(tmp_path: Path) -> Place:
    archive = images.oci_archive(tmp_path / "made.tar", "1", Image((layer("a"),)))
    with directory_service(tmp_path / "store") as service:
        push(service, "team/app:1", f"oci-archive:{archive}")
    return Place("fs", options={"dir": str(tmp_path / "store")})


def asked(address: str, path: str, method: str = "GET") -> object:
    request = urllib.request.Request(f"http://{address}{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_a_store_is_served_to_be_read(place: Place) -> None:
    served = Served(place)
    try:
        assert asked(served.address, "/v2/_catalog") == {"repositories": ["team/app"]}
        assert asked(served.address, "/v2/team/app/tags/list") == {"name": "team/app", "tags": ["1"]}
        with pytest.raises(urllib.error.HTTPError) as caught:
            asked(served.address, "/v2/team/app/blobs/uploads/", "POST")
        assert caught.value.code == 405
    finally:
        served.close()
    with pytest.raises(urllib.error.URLError):
        asked(served.address, "/v2/")


def test_where_the_usual_port_is_taken_another_one_does(place: Place) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 5000))
            taken.listen()
        except OSError:
            pass  # somebody has it already: the better
        served = Served(place)
        try:
            assert not served.address.endswith(":5000")
            assert asked(served.address, "/v2/") == {}
        finally:
            served.close()


def test_a_store_that_cannot_be_reached_is_tried_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Place] = []

    def refuse(place: Place, **_: object) -> ObjectStore:
        tried.append(place)
        raise Unavailable("the server does not answer")

    monkeypatch.setattr("ocistore_tui.wiring.serve.open_store", refuse)
    with pytest.raises(Unavailable, match="does not answer"):
        Served(place)
    assert tried == [place]
