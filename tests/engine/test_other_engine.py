"""A push or pull may name another container engine than the one the service was opened with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.errors import NotFound
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.wiring import Engines
from tests.fakes.engine import FakeEngine, fake_engine
from tests.fakes.held import IMAGE, NAME, hold
from tests.testbed.opened import directory_service, push

TARGET = Reference.parse("app:1")


@pytest.fixture
def usual(tmp_path: Path) -> Iterator[FakeEngine]:
    (tmp_path / "usual").mkdir()
    with fake_engine(tmp_path / "usual") as engine:
        yield engine


@pytest.fixture
def other(tmp_path: Path) -> Iterator[FakeEngine]:
    (tmp_path / "other").mkdir()
    with fake_engine(tmp_path / "other") as engine:
        hold(engine, "docker 20")
        yield engine


def test_a_push_takes_from_the_engine_it_names(usual: FakeEngine, other: FakeEngine, tmp_path: Path) -> None:
    with directory_service(tmp_path / "store", docker_host=usual.host) as service:
        with pytest.raises(NotFound):
            service.plan_push(PushRequest(TARGET, NAME))
        plan = service.plan_push(PushRequest(TARGET, NAME, docker_host=other.host))
        assert other.host in plan.source
        service.push(plan)
        assert [row.image_ids for row in service.tags("app")] == [(IMAGE.id,)]
    assert not usual.get_asked.is_set()


def test_a_pull_goes_to_the_engine_it_names(usual: FakeEngine, other: FakeEngine, tmp_path: Path) -> None:
    with directory_service(tmp_path / "store", docker_host=other.host) as service:
        push(service, "app:1", NAME)
        plan = service.plan_pull(PullRequest(TARGET, docker_host=usual.host))
        assert usual.host in plan.target
        assert other.host in service.plan_pull(PullRequest(TARGET)).target


def test_each_place_lists_its_own_engine(usual: FakeEngine, other: FakeEngine, tmp_path: Path) -> None:
    with directory_service(tmp_path / "store", docker_host=usual.host) as service:
        assert service.local_images().rows == ()
        assert [row.name for row in service.local_images(LocalPlace("engine", other.host)).rows] == [NAME]
        assert service.local_images(LocalPlace("engine")).place.address == ""


def test_an_engine_is_asked_once_who_it_is(usual: FakeEngine, other: FakeEngine) -> None:
    engines = Engines(usual.host)
    assert engines.client() is engines.client(usual.host)
    assert engines.client(other.host) is engines.client(other.host)
    assert engines.client(other.host) is not engines.client()
