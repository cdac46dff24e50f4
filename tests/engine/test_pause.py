"""A paused transfer stands still, keeps what it has, and goes on or ends when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ocistore_tui.engine.job import StopSignal, run_job
from ocistore_tui.engine.pause import PauseSignal
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.errors import Cancelled
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerState
from ocistore_tui.model.reference import Reference
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.opened import directory_service, push

WAIT_S = 20.0
IMAGE = Image(tuple(layer(f"pause {number}", 1_500_000) for number in range(5)))


class Middle:
    """Pauses a job the first time that some but not all of its bytes are done."""

    def __init__(self) -> None:
        self.signal = PauseSignal()
        self.snapshots: list[JobSnapshot] = []
        self.paused = threading.Event()

    def __call__(self, snapshot: JobSnapshot) -> None:
        self.snapshots.append(snapshot)
        if not self.paused.is_set() and 0 < snapshot.done_bytes < snapshot.total_bytes:
            self.signal.pause()
            self.paused.set()

    @property
    def last(self) -> JobSnapshot:
        return self.snapshots[-1]


class Running:
    """A job in a thread of its own, as the terminal UI runs it."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.errors: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - looked at by the test
                self.errors.append(error)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()


def stands_still(middle: Middle, running: Running) -> int:
    """Bytes done of a paused job, once what was in flight has come to rest."""
    assert middle.paused.wait(WAIT_S)
    before = -1
    while before != middle.last.moved_bytes + middle.last.done_bytes:
        before = middle.last.moved_bytes + middle.last.done_bytes
        running.thread.join(0.4)
    assert running.thread.is_alive()
    assert middle.last.done_bytes < middle.last.total_bytes
    assert middle.last.rate_bytes_s == 0
    assert middle.last.eta_s is None
    return middle.last.done_bytes


@pytest.fixture
def archive(tmp_path: Path) -> str:
    return f"docker-archive:{images.docker_archive(tmp_path / 'image.tar', {'app:1': IMAGE})}"


def test_a_paused_push_stands_still_and_then_ends_well(archive: str, tmp_path: Path) -> None:
    middle = Middle()
    with directory_service(tmp_path / "store") as service:
        plan = service.plan_push(PushRequest(Reference.parse("app:1"), archive))
        running = Running(lambda: service.push(plan, on_progress=middle, cancel=middle.signal))
        done_bytes = stands_still(middle, running)
        assert list(service.tag_names("app")) == []
        middle.signal.resume()
        running.end()
        assert running.errors == []
        assert middle.last.state is JobState.DONE
        assert middle.last.done_bytes > done_bytes
        assert [row.flaw for row in service.tags("app")] == [""]


def test_a_paused_pull_stands_still_and_then_ends_well(archive: str, tmp_path: Path) -> None:
    middle = Middle()
    with directory_service(tmp_path / "store") as service:
        push(service, "app:1", archive)
        plan = service.plan_pull(PullRequest(Reference.parse("app:1"), f"oci-archive:{tmp_path / 'out.tar'}:1"))
        running = Running(lambda: service.pull(plan, on_progress=middle, cancel=middle.signal))
        stands_still(middle, running)
        assert not (tmp_path / "out.tar").exists()
        middle.signal.resume()
        running.end()
        assert running.errors == []
        assert (tmp_path / "out.tar").stat().st_size > sum(map(len, IMAGE.layers)) * 0.9


def test_an_engine_waits_for_a_paused_push_and_pull(docker_classic: str, archive: str, tmp_path: Path) -> None:
    with directory_service(tmp_path / "store", docker_host=docker_classic) as service:
        push(service, "paused:1", archive)
        down, up = Middle(), Middle()
        pulled = service.plan_pull(PullRequest(Reference.parse("paused:1")))
        running = Running(lambda: service.pull(pulled, on_progress=down, cancel=down.signal))
        stands_still(down, running)
        down.signal.resume()
        running.end()
        assert running.errors == []
    with directory_service(tmp_path / "another", docker_host=docker_classic) as service:
        pushed = service.plan_push(PushRequest(Reference.parse("paused:1")))
        assert pushed.needs_export
        running = Running(lambda: service.push(pushed, on_progress=up, cancel=up.signal))
        stands_still(up, running)
        up.signal.resume()
        running.end()
        assert running.errors == []
        assert [row.image_ids for row in service.tags("paused")] == [(IMAGE.id,)]


def test_a_push_that_is_cancelled_while_paused_ends(archive: str, tmp_path: Path) -> None:
    middle = Middle()
    with directory_service(tmp_path / "store") as service:
        plan = service.plan_push(PushRequest(Reference.parse("app:1"), archive))
        running = Running(lambda: service.push(plan, on_progress=middle, cancel=middle.signal))
        stands_still(middle, running)
        middle.signal.set()
        running.end()
        assert [type(error) for error in running.errors] == [Cancelled]
        assert middle.last.state is JobState.CANCELLED
        assert list(service.tag_names("app")) == []
        assert not middle.signal.is_paused


def test_work_that_ends_during_a_pause_is_told_at_once() -> None:
    signal = PauseSignal()
    seen: list[JobSnapshot] = []

    def work(_: StopSignal) -> str:
        signal.pause()
        return "done"

    assert run_job(Tracker("push", "app:1", seen.append), (), work, signal) == "done"
    assert seen[-1].state is JobState.DONE


def test_a_part_that_fails_during_a_pause_frees_the_others() -> None:
    signal = PauseSignal()
    signal.pause()
    stop = StopSignal(signal)
    answers: list[bool] = []
    held = Running(lambda: answers.append(stop.is_set()))
    held.thread.join(0.2)
    assert answers == []
    stop.fail()
    held.end()
    assert answers == [True]
    assert not signal.is_cancelled


@pytest.mark.parametrize("answer", [False, True], ids=["goes on", "stops"])
def test_a_signal_of_another_kind_may_hold_whoever_asks(answer: bool) -> None:
    asked, gate = threading.Event(), threading.Event()

    class Gate:
        def is_set(self) -> bool:
            asked.set()
            assert gate.wait(WAIT_S)
            return answer

    def work(stop: StopSignal) -> str:
        if stop.is_set():
            raise Cancelled("stopped")
        return "done"

    results: list[str] = []
    running = Running(lambda: results.append(run_job(Tracker("push", "app:1"), (), work, Gate())))
    assert asked.wait(WAIT_S)
    gate.set()
    running.end()
    assert results == ([] if answer else ["done"])
    assert [type(error) for error in running.errors] == ([Cancelled] if answer else [])


def test_no_rate_and_no_estimate_from_before_a_pause() -> None:
    now = [100.0]
    seen: list[JobSnapshot] = []
    tracker = Tracker("push", "app:1", seen.append, clock=lambda: now[0])

    def move(seconds: int, total: int) -> None:
        for _ in range(seconds):
            now[0] += 1
            tracker.moved(10)
            tracker.layer("a", LayerState.UPLOADING, done_bytes=tracker.moved_bytes, total_bytes=total)

    move(20, 1000)
    running = tracker.snapshot()
    assert running.rate_bytes_s == pytest.approx(10, rel=0.2)
    assert running.eta_s is not None
    tracker.pause(True)
    now[0] += 3600
    paused = tracker.snapshot()
    assert (paused.rate_bytes_s, paused.eta_s) == (0, None)
    assert (seen[-1].rate_bytes_s, seen[-1].eta_s) == (0, None), "the pause itself is told"
    tracker.pause(False)
    assert tracker.snapshot().rate_bytes_s == 0
    move(5, 1000)
    again = tracker.snapshot()
    assert again.rate_bytes_s == pytest.approx(10, rel=0.2)
    assert again.eta_s is not None
    assert again.eta_s < running.eta_s
    assert again.done_bytes > running.done_bytes
