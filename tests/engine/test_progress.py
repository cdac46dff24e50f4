"""Snapshots tell the truth: bytes never go back, never pass the total, and the last one always arrives."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.engine.progress import Tracker
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerState


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(seen: list[JobSnapshot]) -> tuple[Tracker, Clock]:
    clock = Clock()
    return Tracker("push", "app:1", seen.append, clock=clock), clock


def test_at_most_ten_a_second_and_always_the_last() -> None:
    seen: list[JobSnapshot] = []
    tracker, clock = make(seen)
    tracker.layer("a", LayerState.UPLOADING, total_bytes=1000)
    before = len(seen)
    for done in range(1000):
        clock.now += 0.001
        tracker.layer("a", LayerState.UPLOADING, done_bytes=done)
    assert 9 <= len(seen) - before <= 11
    tracker.finish(JobState.DONE)
    assert seen[-1].state is JobState.DONE
    assert seen[-1].done_bytes == seen[-1].total_bytes


def test_done_never_goes_back_and_never_passes_the_total() -> None:
    seen: list[JobSnapshot] = []
    tracker, clock = make(seen)
    tracker.expect(100)
    for layer, state, done in [
        ("a", LayerState.UPLOADING, 60),
        ("a", LayerState.UPLOADING, 10),
        ("b", LayerState.UPLOADING, 90),
        ("a", LayerState.EXISTS, 60),
    ]:
        clock.now += 1
        tracker.layer(layer, state, done_bytes=done, total_bytes=90)
    done = [snapshot.done_bytes for snapshot in seen]
    assert done == sorted(done)
    assert all(snapshot.done_bytes <= snapshot.total_bytes for snapshot in seen)


def test_kept_layers_are_left_out_of_the_total() -> None:
    tracker, _ = make([])
    tracker.layer("kept", LayerState.EXISTS, total_bytes=5000)
    tracker.layer("linked", LayerState.LINKED, total_bytes=5000)
    tracker.layer("new", LayerState.COMPRESSING, done_bytes=5, total_bytes=10)
    assert (tracker.snapshot().done_bytes, tracker.snapshot().total_bytes) == (5, 10)


def test_a_failed_job_says_so_on_every_unfinished_layer() -> None:
    tracker, _ = make([])
    tracker.layer("a", LayerState.UPLOADED, total_bytes=5)
    tracker.layer("b", LayerState.UPLOADING, total_bytes=5)
    tracker.finish(JobState.CANCELLED)
    states = {layer.id: layer.state for layer in tracker.snapshot().layers}
    assert states == {"a": LayerState.UPLOADED, "b": LayerState.CANCELLED}


def test_no_eta_before_it_means_something() -> None:
    tracker, clock = make([])
    tracker.layer("a", LayerState.UPLOADING, done_bytes=50, total_bytes=100)
    clock.now += 1
    assert tracker.snapshot().eta_s is None
    clock.now += 4
    assert tracker.snapshot().eta_s == 5.0


def test_the_time_before_the_first_byte_does_not_count_for_the_eta() -> None:
    tracker, clock = make([])
    tracker.layer("a", LayerState.READING, total_bytes=100)
    clock.now += 60
    tracker.layer("a", LayerState.READING, done_bytes=1)
    tracker.snapshot()
    clock.now += 5
    tracker.layer("a", LayerState.READING, done_bytes=50)
    assert tracker.snapshot().eta_s == 5.0


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(LayerState),
        st.none() | st.integers(0, 200),
        st.none() | st.integers(0, 100),
        st.floats(0, 5),
    )
)


@given(_EVENTS, st.integers(0, 500), st.sampled_from([JobState.DONE, JobState.FAILED, JobState.CANCELLED]))
def test_whatever_is_told_in_whatever_order_snapshots_stay_honest(events, expected: int, end: JobState) -> None:
    seen: list[JobSnapshot] = []
    tracker, clock = make(seen)
    tracker.expect(expected)
    for layer, state, done, total, seconds in events:
        clock.now += seconds
        tracker.layer(layer, state, done_bytes=done, total_bytes=total)
        tracker.moved(done or 0)
        seen.append(tracker.snapshot())
    tracker.finish(end)
    assert seen[-1].state is end
    for one, next_one in pairwise(seen):
        assert one.done_bytes <= next_one.done_bytes
        assert one.moved_bytes <= next_one.moved_bytes
        uploaded = {row.id for row in one.layers if row.state is LayerState.UPLOADED}
        assert uploaded <= {row.id for row in next_one.layers if row.state is LayerState.UPLOADED}
    for snapshot in seen:
        assert 0 <= snapshot.done_bytes <= snapshot.total_bytes
        assert snapshot.rate_bytes_s >= 0
        assert snapshot.eta_s is None or snapshot.eta_s >= 0
    if end is JobState.DONE:
        assert seen[-1].done_bytes == seen[-1].total_bytes
    else:
        assert all(row.state.is_final for row in seen[-1].layers)
