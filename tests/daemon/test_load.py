"""Loads as engines answer them. A name means the new image or what it meant before, never something in between."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import Cancelled, IntegrityError, NoSpace, NotFound, OciStoreError, Unavailable, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PullRequest
from ocistore_tui.model.progress import JobSnapshot
from ocistore_tui.model.reference import Reference
from tests.fakes.engine import Dies, FakeEngine, fake_engine
from tests.fakes.patience import Patience, hours_pass
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.opened import directory_service, pull, push

IMAGE = Image((layer("one"), layer("two", 300_000)))
NAME = "rt/app:1"
OLD = str(Digest.of(b"an older image"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path) as running:
        yield running


@pytest.fixture
def service(engine: FakeEngine, tmp_path: Path) -> Iterator[Service]:
    """A store that holds NAME."""
    archive = images.oci_archive(tmp_path / "made.tar", "1", IMAGE)
    with directory_service(tmp_path / "store", docker_host=engine.host) as opened:
        push(opened, NAME, f"oci-archive:{archive}")
        yield opened


def answers(engine: FakeEngine, *lines: object, loads: str | None = str(IMAGE.id)) -> None:
    """Let a load be answered so, after the name came to mean ``loads``."""

    def answer() -> Iterable[bytes]:
        if loads is not None:
            engine.hold(NAME, loads, [str(Digest.of(raw)) for raw in IMAGE.layers])
        return [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\r\n" for line in lines]

    engine.load = answer


LOADED = {"stream": f"Loaded image: {NAME}\n"}


# What engines say.


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("docker", [LOADED]),
        (
            "docker with progress",
            [{"status": "Loading layer", "id": "x", "progressDetail": {"current": 9, "total": 5}}, LOADED],
        ),
        ("podman: no line end, commas", [b'{"stream":"Loaded image: localhost/rt/app:1,docker.io/rt/app:1"}']),
        ("by id", [{"stream": f"Loaded image ID: {IMAGE.id}"}]),
        ("garbage before it", [b"\x00\xffgarbage\n", b"[" * 100_000 + b"\n", b"5\n", b'["x"]\n', LOADED]),
        ("keys of the future", [{"aux": {"x": 1}}, {"stream": f"Loaded image: {NAME}", "new": [1]}]),
        ("renaming", [{"stream": "The image rt/app:1 already exists, renaming the old one with ID x\n"}, LOADED]),
        ("errors that are none", [{"error": "", "errorDetail": None}, LOADED]),
    ],
)
def test_a_good_answer(title: str, lines: list[object], engine: FakeEngine, service: Service) -> None:
    answers(engine, *lines)
    assert pull(service, NAME).image_id == IMAGE.id


@pytest.mark.parametrize("before", [None, OLD], ids=["no such name", "an older image"])
@pytest.mark.parametrize(
    ("title", "lines", "says"),
    [
        ("both", [{"errorDetail": {"message": "invalid diffID"}, "error": "invalid diffID"}], "invalid diffID"),
        ("detail only", [{"errorDetail": {"message": "invalid diffID"}}], "invalid diffID"),
        ("error only", [{"error": "invalid diffID"}], "invalid diffID"),
        ("an empty detail", [{"errorDetail": {}, "error": "invalid diffID"}], "invalid diffID"),
        ("a detail of no form", [{"errorDetail": "odd"}], "without a reason"),
        ("after success", [LOADED, {"errorDetail": {"message": "late"}}], "late"),
        ("in a stream line", [LOADED, {"stream": "Error unpacking image rt/app:1: wrong diff id\n"}], "wrong diff id"),
        ("garbage", [b"\xff\x00 nothing of use"], "did not say"),
        ("nothing", [], "did not say"),
        ("another word", [{"stream": "Done"}], "did not say"),
        ("control characters", [{"error": "\x1b[2Jcleared"}], "cleared"),
    ],
)
def test_a_bad_answer(
    title: str, lines: list[object], says: str, before: str | None, engine: FakeEngine, service: Service
) -> None:
    if before:
        engine.hold(NAME, before, [])
    answers(engine, *lines)
    with pytest.raises(Unavailable, match="could not load") as caught:
        pull(service, NAME)
    assert says in caught.value.cause
    assert "\x1b" not in caught.value.cause
    assert caught.value.fix
    assert engine.names.get(NAME) == before


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (500, b'{"message":"payload does not match any of the supported image formats"}', Unavailable, "payload"),
        (500, b"no json", Unavailable, "no json"),
        (500, b'{"cause":"x","message":"write: no space left on device"}', NoSpace, "no space left"),
        (400, b'{"message":"only one platform"}', UsageError, "only one"),
        (404, b'{"message":"page not found"}', Unavailable, "page not found"),
        (302, b"", Unavailable, ""),
    ],
)
def test_an_error_by_status(
    status: int, body: bytes, kind: type[OciStoreError], says: str, engine: FakeEngine, service: Service
) -> None:
    """Podman's way (docker-api.md §7)."""
    engine.is_podman, engine.load_status = True, status
    answers(engine, body, loads=None)
    with pytest.raises(kind) as caught:
        pull(service, NAME)
    assert says in caught.value.cause
    assert caught.value.where


def test_a_full_disk_is_told_as_one(engine: FakeEngine, service: Service) -> None:
    answers(engine, {"errorDetail": {"message": "write /var/lib/x: no space left on device"}}, loads=None)
    with pytest.raises(NoSpace, match="disk is full"):
        pull(service, NAME)


@pytest.mark.parametrize("found", [OLD, None], ids=["another image", "nothing"])
def test_a_success_that_is_none(found: str | None, engine: FakeEngine, service: Service) -> None:
    answers(engine, LOADED, loads=found)
    with pytest.raises(Unavailable, match="holds another image"):
        pull(service, NAME)
    assert NAME not in engine.names


def test_thousands_of_progress_lines_are_read_without_keeping_them(engine: FakeEngine, service: Service) -> None:
    line = (
        json.dumps({"status": "Loading layer", "progressDetail": {"current": 1, "total": 2}, "id": "x" * 12}) + "\r\n"
    )
    answers(engine, line.encode() * 60_000, LOADED)
    assert pull(service, NAME).image_id == IMAGE.id


def test_an_answer_that_never_ends_a_line_is_no_answer(engine: FakeEngine, service: Service) -> None:
    answers(engine, *[b"x" * 1_000_000] * 3)
    with pytest.raises(Unavailable, match="not a container engine"):
        pull(service, NAME)


def test_a_partial_load_that_fails_is_done_again_in_full(engine: FakeEngine, service: Service) -> None:
    base = Digest.of(IMAGE.layers[0])
    engine.hold("rt/base:1", OLD, [str(base)])
    said = iter([[{"errorDetail": {"message": "open x/layer.tar: no such file"}}], [LOADED]])

    def answer() -> Iterable[bytes]:
        lines = next(said)
        if lines == [LOADED]:
            engine.hold(NAME, str(IMAGE.id), [])
        return [json.dumps(line).encode() for line in lines]

    engine.load = answer
    pulled = pull(service, NAME)
    partial, full = engine.loaded
    assert full - partial > len(IMAGE.blobs[0])
    assert any("whole image after all" in note and "no such file" in note for note in pulled.notes)
    assert NAME in engine.names


# Engines that die or say nothing.


@pytest.mark.parametrize("reads", [0, 100_000])
def test_an_engine_that_dies_while_it_reads(reads: int, engine: FakeEngine, service: Service) -> None:
    engine.load_reads_bytes = reads
    with pytest.raises(Unavailable) as caught:
        pull(service, NAME)
    assert caught.value.where == engine.host
    assert caught.value.fix
    engine.load_reads_bytes = None
    answers(engine, LOADED)
    assert pull(service, NAME).image_id == IMAGE.id


def test_an_engine_that_refuses_while_much_is_still_to_send_is_heard(engine: FakeEngine, service: Service) -> None:
    said = b'{"errorDetail":{"message":"invalid tar header"},"error":"invalid tar header"}\r\n'
    engine.load_reads_bytes = 50_000
    refused = b'{"message":"invalid tar header"}'
    for answer in (
        b"HTTP/1.1 200 OK\r\n\r\n" + said,
        b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n" % len(refused) + refused,
    ):
        engine.early_answer = answer
        with pytest.raises(Unavailable) as caught:
            pull(service, NAME)
        assert "invalid tar header" in caught.value.cause


def test_an_engine_that_dies_while_it_unpacks(engine: FakeEngine, service: Service) -> None:
    def dies() -> Iterator[bytes]:
        raise Dies
        yield b""

    for script in (dies, lambda: iter(())):
        engine.load = script
        with pytest.raises(Unavailable):
            pull(service, NAME)
        assert engine.names == {}


def test_an_engine_may_unpack_for_hours_without_a_word(
    engine: FakeEngine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    answers(engine, LOADED)
    then = engine.load
    engine.load = lambda: then() if gate.wait(60) else []
    plan = service.plan_pull(PullRequest(Reference.parse(NAME)))
    hours_pass(monkeypatch, engine.load_read, gate)
    assert service.pull(plan, cancel=Patience(engine.load_read, gate)).image_id == IMAGE.id


@pytest.mark.parametrize("before", [None, OLD], ids=["no such name", "an older image"])
def test_a_cancel_while_the_engine_unpacks_ends_at_once(
    before: str | None, engine: FakeEngine, service: Service
) -> None:
    if before:
        engine.hold(NAME, before, [])
    gate, cancel, since = threading.Event(), threading.Event(), []
    engine.load = engine.silence(gate)

    def cancels() -> None:
        assert engine.load_read.wait(60)
        since.append(time.monotonic())
        cancel.set()

    threading.Thread(target=cancels, daemon=True).start()
    with pytest.raises(Cancelled):
        service.pull(service.plan_pull(PullRequest(Reference.parse(NAME))), cancel=cancel)
    assert time.monotonic() - since[0] < 2, "the issue promises a second"
    assert engine.hung_up.wait(10), "the engine is told to stop"
    gate.set()
    assert engine.names.get(NAME) == before


def test_a_damaged_layer_ends_the_load_before_the_archive_is_whole(
    engine: FakeEngine, service: Service, tmp_path: Path
) -> None:
    digest = Digest.of(IMAGE.blobs[1])
    path = tmp_path / "store/docker/registry/v2/blobs/sha256" / digest.encoded[:2] / digest.encoded / "data"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(IntegrityError):
        pull(service, NAME)
    assert engine.loaded == []
    assert engine.names == {}


# Names.


@pytest.mark.parametrize(
    ("asked", "called"),
    [
        ("x", "x:latest"),
        ("x:1", "x:1"),
        ("a/b", "a/b:latest"),
        ("docker.io/library/x:1", "x:1"),
        ("docker.io/a/b:1", "a/b:1"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        ("localhost/x:1", "localhost/x:1"),
        ("docker-daemon:x:2", "x:2"),
    ],
)
def test_an_image_gets_exactly_the_name_that_was_asked_for(
    asked: str, called: str, engine: FakeEngine, service: Service
) -> None:
    def answer() -> Iterable[bytes]:
        engine.hold(called, str(IMAGE.id), [])
        return [json.dumps(LOADED).encode()]

    engine.load = answer
    assert pull(service, NAME, asked).image == called
    assert f'"RepoTags":["{called}"]'.encode() in engine.last_archive


# Real engines.


@dataclasses.dataclass(frozen=True)
class Lying(Image):
    """An image whose config promises other layers than it has: docker cannot unpack it (podman does not look)."""

    @property
    def config(self) -> bytes:
        return super().config.replace(str(Digest.of(self.layers[-1])).encode(), str(Digest.of(b"other")).encode())


@pytest.mark.xdist_group("engines")
@pytest.mark.parametrize("fixture", ["docker_classic", "docker26_classic", "docker26_containerd"])
@pytest.mark.parametrize("had", ["nothing", "an image"])
def test_after_a_failed_load_a_real_engine_is_as_before(
    had: str, fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    host = request.getfixturevalue(fixture)
    name = f"rt/{tmp_path.name.lower().replace('_', '-').strip('-')}"
    lying = Lying((layer(name + "a"), layer(name + "b")))
    find: Callable[[], str] = lambda: client(host, "images", "-q", "--no-trunc", f"{name}:1").strip()  # noqa: E731
    with directory_service(tmp_path / "store", docker_host=host) as service:
        push(service, f"{name}:bad", f"oci-archive:{images.oci_archive(tmp_path / 'bad.tar', 'bad', lying)}")
        good = Image((layer(name + "good"),))
        push(service, f"{name}:good", f"oci-archive:{images.oci_archive(tmp_path / 'good.tar', 'good', good)}")
        if had == "an image":
            pull(service, f"{name}:good", f"{name}:1")
            assert find()
        before = find()
        with pytest.raises(Unavailable) as caught:
            pull(service, f"{name}:bad", f"{name}:1")
        assert caught.value.cause
        assert find() == before
        assert "ocistore-kept" not in client(host, "images")
        if before:
            assert push(service, f"{name}:back", f"{name}:1").digest == good.digest
            # And a load that goes well leaves nothing behind either.
            other = Image((layer(name + "other"),))
            push(service, f"{name}:other", f"oci-archive:{images.oci_archive(tmp_path / 'other.tar', '1', other)}")
            pull(service, f"{name}:other", f"{name}:1")
            assert find() != before
            assert "ocistore-kept" not in client(host, "images")


@pytest.mark.xdist_group("engines")
@pytest.mark.parametrize("fixture", ["docker_classic", "docker26_classic", "docker26_containerd", "podman"])
@pytest.mark.parametrize("moment", ["downloading", "loading"])
def test_a_cancel_leaves_a_real_engine_with_the_whole_image_or_without_it(
    moment: str, fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Once all is sent an engine may finish what it began: then what it has is whole."""
    host = request.getfixturevalue(fixture)
    name = f"rt/{tmp_path.name.lower().replace('_', '-').strip('-')}"
    image = Image((layer(name + "a"), layer(name + "b", 3_000_000)))
    cancel = threading.Event()
    with directory_service(tmp_path / "store", docker_host=host) as service:
        push(service, f"{name}:1", f"oci-archive:{images.oci_archive(tmp_path / 'made.tar', '1', image)}")
        plan = service.plan_pull(PullRequest(Reference.parse(f"{name}:1")))

        def watch(snapshot: JobSnapshot) -> None:
            if any(row.state == moment for row in snapshot.layers):
                cancel.set()

        with contextlib.suppress(Cancelled):
            service.pull(plan, on_progress=watch, cancel=cancel)
        assert cancel.is_set()
        with contextlib.suppress(NotFound):
            pushed = push(service, f"{name}:back", f"{name}:1")
            assert {row.diff_id for row in pushed.layers} == {*map(Digest.of, image.layers)}
        assert pull(service, f"{name}:1").image_id in (image.id, image.digest)
