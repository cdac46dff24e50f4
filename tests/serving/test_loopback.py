"""The registry of one transfer: found by whoever knows its secret, at the same place every time."""

from __future__ import annotations

import http.client
import secrets

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.serving.loopback import Loopback
from ocistore_tui.serving.rules import Event, Rules
from tests.layout.content import image, store_image


def hear(event: Event) -> None:
    """Nobody listens."""


@pytest.fixture
def secret() -> str:
    return secrets.token_hex(16)


def opened(store: LocalStore, secret: str) -> Loopback:
    return Loopback(store, secret, Rules(), hear)


def tags(name: str, repository: str) -> int:
    """The status of a list of tags."""
    connection = http.client.HTTPConnection(name.partition("/")[0], timeout=10)
    connection.request("GET", f"/v2/{repository}/tags/list")
    return connection.getresponse().status


def test_engines_note_one_name_however_often_an_image_moves(stocked: LocalStore, secret: str) -> None:
    names = set()
    for _ in range(3):
        with opened(stocked, secret) as loopback:
            names.add(loopback.name("team/app"))
    assert len(names) == 1


def test_two_at_once_do_not_meet(stocked: LocalStore, secret: str) -> None:
    with opened(stocked, secret) as first, opened(stocked, secret) as second:
        assert first.name("team/app").partition("/")[2] == second.name("team/app").partition("/")[2]
        assert first.name("team/app") != second.name("team/app"), "each has a port of its own"


def test_who_does_not_know_the_secret_finds_nothing(stocked: LocalStore, secret: str) -> None:
    store_image(stocked, "team/app", image("app"), "1")
    with opened(stocked, secret) as loopback:
        name = loopback.name("team/app")
        assert tags(name, name.partition("/")[2]) == 200
        assert tags(name, "team/app") == 404
        assert tags(name, f"ocistore-{secrets.token_hex(16)}/team/app") == 404
