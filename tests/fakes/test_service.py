"""The fake is held to the shape of the real thing."""

from __future__ import annotations

import inspect

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import Unavailable
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.progress import JobState
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.ports import Stores
from tests.fakes.service import FakeService
from tests.fakes.stored import make_image
from tests.fakes.stores import FakeStores

_NOT_FOR_THE_UI = {"flaws"}


@pytest.mark.parametrize(("real", "fake"), [(Service, FakeService), (Stores, FakeStores)])
def test_every_public_method_takes_the_same_parameters(real: type, fake: type) -> None:
    for name, method in inspect.getmembers(real, inspect.isfunction):
        if name.startswith("_") or name in _NOT_FOR_THE_UI:
            continue
        wanted, given = (inspect.signature(found).parameters for found in (method, getattr(fake, name)))
        assert list(wanted) == list(given), name
        assert [p.kind for p in wanted.values()] == [p.kind for p in given.values()], name


def test_a_push_adds_its_tag_and_a_pull_its_local_row() -> None:
    fake = FakeService()
    fake.add_local("app:1", make_image("app"))
    seen = []

    fake.push(fake.plan_push(PushRequest(Reference("team/app", "1"), "app:1")), on_progress=seen.append)
    row = next(iter(fake.tags("team/app")))
    fake.pull(fake.plan_pull(PullRequest(Reference("team/app", "1"), "other:1")))

    assert row.digest == make_image("app").digest
    assert [snapshot.state for snapshot in seen] == [JobState.RUNNING, JobState.DONE]
    assert [row.name for row in fake.local_images().rows] == ["app:1", "other:1"]


def test_an_inspection_is_made_of_real_documents() -> None:
    fake = FakeService()
    fake.add_tag("team/app", "1", make_image("app", platforms=("linux/amd64", "linux/arm64")))

    index = fake.inspect(Reference("team/app", "1"))

    assert [row.platform for row in index.platforms] == ["linux/amd64", "linux/arm64"]


def test_a_call_fails_as_often_as_was_said() -> None:
    fake = FakeService()
    fake.fail("repositories", Unavailable("gone"), times=1)

    with pytest.raises(Unavailable):
        list(fake.repositories())

    assert list(fake.repositories()) == []
