"""Which way a push or pull goes, and when a push to a registry is given up for an export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ocistore_tui.engine.ports import RegistrySource
from ocistore_tui.engine.transport import PROBE_S, sends_little, way_of_pull, way_of_push
from ocistore_tui.errors import UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, ImageFacts, SourceKind
from ocistore_tui.model.plan import PullRequest, PushRequest, Way
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference

APP = Reference("team/app", "1")
LAYERS = tuple(Digest.of(name.encode()) for name in ("one", "two", "three"))


class Archive:
    """A source that cannot push by itself."""

    label = "an archive"

    def facts(self) -> Any: ...

    def export(self, **_: Any) -> Any: ...


class Engine(Archive):
    """One that can, unless something is in the way."""

    label = "docker"
    default_platform = Platform()
    takes_index = keeps_index = True

    def __init__(self, obstacle: str = "") -> None:
        self._obstacle = obstacle

    def obstacle(self) -> str:
        return self._obstacle

    def push(self, name: str, **_: Any) -> Iterator[EngineEvent]: ...

    def pull(self, name: str, image: Any, **_: Any) -> Any: ...

    def present(self, image: Any, **_: Any) -> Any: ...

    def load(self, image: Any, **_: Any) -> Any: ...


def facts(kind: SourceKind = SourceKind.CLASSIC, size_bytes: int = 700_000_000) -> ImageFacts:
    return ImageFacts("app:1", Digest.of(b"app"), kind, Platform(), LAYERS, size_bytes)


def way(source: Any, via: str = "auto", kind: SourceKind = SourceKind.CLASSIC, *, moves: bool = True) -> str:
    found = way_of_push(PushRequest(APP, "app:1", via=via), source, facts(kind), moves=moves)
    return f"{found.via}{' or registry' if found.tries_registry else ''}: {found.why}"


def test_a_source_that_can_push_is_known_by_what_it_can_do() -> None:
    assert isinstance(Engine(), RegistrySource)
    assert not isinstance(Archive(), RegistrySource)


def test_auto_takes_the_better_way_for_the_kind_of_store() -> None:
    assert way(Engine(), kind=SourceKind.CONTENT).startswith("registry: ")
    assert way(Engine()).startswith("archive or registry: ")
    assert way(Archive()) == "archive: only container engines push by themselves"
    assert len(way(Engine(), kind=SourceKind.CONTENT)) <= 75, "the plan dialog shows it at 120 columns"
    assert way(Engine("it is far away")) == "archive: it is far away"
    assert way(Engine(), moves=False) == "archive: nothing has to be moved"


def test_what_is_asked_for_is_done_or_refused_with_its_reason() -> None:
    assert way(Engine(), "registry") == "registry: asked for"
    assert way(Engine(), "archive", SourceKind.CONTENT) == "archive: asked for"
    with pytest.raises(UsageError) as caught:
        way(Engine("it is far away"), "registry")
    assert (caught.value.where, caught.value.cause) == ("docker", "it is far away")
    assert "--via archive" in caught.value.fix


def test_a_pull_goes_as_an_archive_unless_it_is_told_otherwise() -> None:
    engine: Any = Engine()
    assert way_of_pull(PullRequest(APP), engine) == Way(
        "archive", "it leaves out every layer that is there, however it came"
    )
    far: Any = Engine("it is far away")
    assert way_of_pull(PullRequest(APP), far) == Way("archive", "it is far away")
    archive: Any = Archive()
    assert way_of_pull(PullRequest(APP), archive) == Way("archive", "only container engines pull by themselves")
    assert way_of_pull(PullRequest(APP, via="archive"), engine) == Way("archive", "asked for")
    assert way_of_pull(PullRequest(APP, via="registry"), engine).via == "registry"
    with pytest.raises(UsageError, match="is not possible") as caught:
        way_of_pull(PullRequest(APP, all_platforms=True, via="registry"), engine)
    assert "one platform" in caught.value.cause


def told(*words: tuple[str, int]) -> dict[str, EngineEvent]:
    return {
        layer.encoded[:12]: EngineEvent(layer.encoded[:12], status, 0, total)
        for layer, (status, total) in zip(LAYERS, words, strict=False)
    }


ALL = frozenset(LAYERS)


def test_layers_the_registry_has_cost_nothing_and_a_small_new_one_is_pushed() -> None:
    there = ("Layer already exists", 0)
    assert sends_little(told(there, there, ("Pushing", 1_000_000)), facts(), ALL, 0.1) is True
    assert sends_little(told(there, there, ("Pushing", 400_000_000)), facts(), ALL, 0.1) is False


def test_a_layer_the_store_has_already_in_other_bytes_is_not_pushed_again() -> None:
    there = ("Layer already exists", 0)
    assert sends_little(told(there, there, ("Pushing", 1_000_000)), facts(), ALL - {LAYERS[2]}, 0.1) is False


def test_one_layer_that_takes_longer_than_the_export_is_enough_to_know() -> None:
    known = told(("Preparing", 0), ("Waiting", 0), ("Pushing", 400_000_000))
    assert sends_little(known, facts(), ALL, 0.1) is False


def test_nothing_is_decided_before_every_layer_was_looked_at_or_the_time_is_up() -> None:
    undecided = told(("Layer already exists", 0), ("Preparing", 0), ("Waiting", 0))
    assert sends_little(undecided, facts(), ALL, PROBE_S / 2) is None
    assert sends_little(told(("Layer already exists", 0)), facts(), ALL, PROBE_S / 2) is None
    assert sends_little(undecided, facts(), ALL, PROBE_S) is False
