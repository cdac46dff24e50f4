"""The queue's rules: what runs, in which order, and totals that never go back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ocistore_tui.errors import AccessDenied, Unavailable
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PullRequest, PushPlan, PushRequest, PushResult, Way
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerProgress, LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import Mode
from ocistore_tui.tui import parting
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.ports import Outcome
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.session import Session
from ocistore_tui.tui.transfer_lines import job_lines, layer_lines
from ocistore_tui.tui.transfer_words import amount, counts, ending, pace, sum_line, title
from ocistore_tui.tui.transfers import State, Transfer
from tests.fakes.service import FakeService
from tests.fakes.stores import PROD

NOW = 1000.0
SESSION = Session(PROD, FakeService(), Mode.ADD_ONLY)
GLYPHS = Glyphs()


def push(tag: str = "1") -> PushRequest:
    return PushRequest(Reference("team/app", tag), f"app:{tag}")


def plan_of(request: PushRequest, transfer_bytes: int | None, image: str = "image") -> PushPlan:
    return PushPlan(
        request, request.target, "docker", Digest.of(image.encode()), ("linux/amd64",), (), None, None, True,
        transfer_bytes, Way("archive", ""),
    )  # fmt: skip


def snapshot(done: int, total: int, **changes: object) -> JobSnapshot:
    made = JobSnapshot("push", "team/app:1", JobState.RUNNING, "reading", (), done, total, done, 0.0, None, 0.0)
    return replace(made, **changes)


def running(queue: Queue, *tags: str) -> list[Transfer]:
    transfers = [queue.add(SESSION, push(tag), plan_of(push(tag), 100)) for tag in tags]
    for transfer in transfers:
        transfer.begin(NOW)
    return transfers


# what runs next


def test_two_run_and_the_third_waits_until_one_is_over() -> None:
    queue = Queue()
    first, second, third = (queue.add(SESSION, push(tag)) for tag in "123")

    for expected in (first, second):
        started = queue.next_to_run()
        assert started is expected
        started.begin(NOW)
    assert queue.next_to_run() is None

    first.end(State.DONE, NOW)
    assert queue.next_to_run() is third


def test_a_paused_one_gives_its_slot_away_and_goes_on_before_those_that_wait() -> None:
    queue = Queue(slots=1)
    (first,) = running(queue, "1")
    second, third = queue.add(SESSION, push("2")), queue.add(SESSION, push("3"))

    first.state = State.PAUSED
    assert queue.next_to_run() is second
    second.begin(NOW)
    first.wants_on = True
    assert queue.next_to_run() is None, "the slot is taken"

    second.end(State.DONE, NOW)
    assert queue.next_to_run() is first
    assert third.state is State.WAITING


def test_two_transfers_of_one_target_never_run_at_once() -> None:
    queue = Queue()
    (first,) = running(queue, "1")
    again, other = queue.add(SESSION, push("1")), queue.add(SESSION, push("2"))

    assert queue.next_to_run() is other
    other.begin(NOW)
    first.end(State.DONE, NOW)
    assert queue.next_to_run() is again


def test_the_order_changes_among_those_that_wait_only() -> None:
    queue = Queue()
    (first,) = running(queue, "1")
    second, third = queue.add(SESSION, push("2")), queue.add(SESSION, push("3"))

    assert queue.move(third, -1)
    assert list(queue) == [first, third, second]
    assert not queue.move(third, -1), "what runs is not overtaken"
    assert not queue.move(second, 1)
    assert not queue.move(first, 1)


def test_clearing_leaves_what_is_still_to_come() -> None:
    queue = Queue()
    done, failed, active = running(queue, "1", "2", "3")
    done.end(State.DONE, NOW)
    failed.end(State.FAILED, NOW, error=Unavailable("gone"))
    halted = queue.add(SESSION, push("4"), state=State.INTERRUPTED)

    assert queue.clear() == 2
    assert list(queue) == [active, halted]


# progress


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("report"), st.integers(0, 1000), st.integers(0, 1000)),
            st.tuples(st.just("retry"), st.integers(0, 1000), st.just(0)),
        ),
        max_size=30,
    )
)
def test_neither_bar_nor_bytes_ever_go_back(steps: list[tuple[str, int, int]]) -> None:
    transfer = Transfer(1, SESSION, push(), plan_of(push(), 1000))
    transfer.begin(NOW)
    fraction, done = transfer.fraction, transfer.done_bytes

    for step, first, second in steps:
        if step == "report":
            transfer.report(snapshot(min(first, second), max(first, second)), NOW)
        else:
            transfer.end(State.FAILED, NOW)
            transfer.again()
            transfer.planned(plan_of(push(), first))
            transfer.begin(NOW)
        assert transfer.fraction >= fraction
        assert transfer.done_bytes >= done
        assert 0 <= transfer.fraction <= 1
        assert transfer.total_bytes is not None
        assert transfer.done_bytes <= transfer.total_bytes
        fraction, done = transfer.fraction, transfer.done_bytes


def test_what_an_earlier_attempt_brought_counts_as_brought() -> None:
    transfer = Transfer(1, SESSION, push(), plan_of(push(), 100))
    transfer.begin(NOW)
    transfer.report(snapshot(60, 100), NOW)
    transfer.end(State.FAILED, NOW)

    transfer.again()
    transfer.planned(plan_of(push(), 40))  # the rest: 60 of 100 are in the store by now
    transfer.begin(NOW)
    transfer.report(snapshot(20, 40), NOW)

    assert (transfer.done_bytes, transfer.total_bytes) == (80, 100)


def test_a_new_attempt_that_has_not_counted_yet_is_not_nearly_done() -> None:
    transfer = Transfer(1, SESSION, push(), plan_of(push(), 100))
    transfer.begin(NOW)
    transfer.report(snapshot(16, 100), NOW)
    transfer.end(State.CANCELLED, NOW)

    transfer.again()
    transfer.planned(plan_of(push(), 100))
    transfer.begin(NOW)
    transfer.report(snapshot(0, 0, stage="planning"), NOW)
    assert (transfer.fraction, transfer.done_bytes, transfer.total_bytes) == (0.16, 16, 100)
    transfer.report(snapshot(50, 100), NOW)
    assert transfer.fraction == 0.5


def test_another_image_under_the_same_name_begins_anew() -> None:
    transfer = Transfer(1, SESSION, push(), plan_of(push(), 100))
    transfer.begin(NOW)
    transfer.report(snapshot(60, 100), NOW)
    transfer.end(State.FAILED, NOW)

    transfer.again()
    transfer.planned(plan_of(push(), 500, "rebuilt"))

    assert (transfer.done_bytes, transfer.total_bytes, transfer.fraction) == (0, 500, 0.0)


@pytest.mark.parametrize("stage", ["reading", "uploading", "downloading"])
def test_silence_is_said_after_five_seconds_and_then_there_is_no_rate_and_no_guess(stage: str) -> None:
    (transfer,) = running(Queue(), "1")
    transfer.report(snapshot(10, 100, stage=stage, rate_bytes_s=41e6, eta_s=18.0), NOW)

    assert (pace(transfer, NOW + 4.9), transfer.eta_s(NOW + 4.9)) == ("41 MB/s", 18.0)
    assert (pace(transfer, NOW + 7), transfer.eta_s(NOW + 7)) == ("stalled 7 s", None)
    assert pace(transfer, NOW + 31) == "stalled 31 s, R tries again"

    transfer.report(snapshot(11, 100, rate_bytes_s=1e6), NOW + 32)
    assert pace(transfer, NOW + 33) == "1.0 MB/s"


@pytest.mark.parametrize("stage", ["exporting", "loading", "verifying"])
def test_a_stage_that_moves_no_bytes_is_named_however_long_it_takes(stage: str) -> None:
    (transfer,) = running(Queue(), "1")
    transfer.report(snapshot(10, 100, stage=stage), NOW)

    assert pace(transfer, NOW + 60) == stage


# all together


def test_what_is_paused_is_no_part_of_the_time_to_go() -> None:
    queue = Queue()
    first, second = running(queue, "1", "2")
    first.report(snapshot(50, 100, rate_bytes_s=10.0, eta_s=5.0), NOW)
    second.report(snapshot(10, 100, rate_bytes_s=20.0, eta_s=4.0), NOW)
    second.state = State.PAUSED
    assert queue.totals(NOW).eta_s == pytest.approx(50 / 10)
    assert queue.totals(NOW).total_bytes == 200, "but of what there is to move"


def test_the_sum_does_not_shrink_when_one_is_done_and_begins_anew_with_the_next_batch() -> None:
    queue = Queue()
    first, second = running(queue, "1", "2")
    first.report(snapshot(50, 100, rate_bytes_s=40.0, eta_s=1.0), NOW)
    second.report(snapshot(10, 100, rate_bytes_s=20.0, eta_s=4.0), NOW)
    assert queue.totals(NOW).rate_bytes_s == 60
    assert queue.totals(NOW).eta_s == pytest.approx(140 / 60)

    first.report(snapshot(100, 100), NOW)
    first.end(State.DONE, NOW)
    assert (queue.totals(NOW).done_bytes, queue.totals(NOW).total_bytes) == (110, 200)

    second.end(State.CANCELLED, NOW)
    assert queue.totals(NOW).fraction == 1.0, "of a cancelled one nothing more will pass"
    queue.add(SESSION, push("3"), plan_of(push("3"), 300))
    assert (queue.totals(NOW).done_bytes, queue.totals(NOW).total_bytes) == (0, 300)


def test_the_sum_says_that_it_is_a_guess_while_one_of_them_is_not_counted() -> None:
    queue = Queue()
    (first,) = running(queue, "1")
    queue.add(SESSION, push("2"))  # without a plan
    first.report(snapshot(50, 100, rate_bytes_s=10e6, eta_s=5.0), NOW)

    assert not queue.totals(NOW).is_whole
    assert queue.totals(NOW).eta_s is None
    assert "~50%" in sum_line(queue, NOW, GLYPHS, 80)


def test_the_title_counts_only_what_there_is() -> None:
    queue = Queue()
    first, second, third = running(queue, "1", "2", "3")
    queue.add(SESSION, push("4"))
    first.report(snapshot(1, 100, rate_bytes_s=63e6), NOW)
    second.state = State.CANCELLING
    third.end(State.FAILED, NOW, error=Unavailable("gone"))

    assert title(queue, NOW) == "2 running · 1 queued · 1 failed · 63 MB/s"
    assert counts(Queue()) == []


@pytest.mark.parametrize("width", [60, 80, 99])
def test_the_sum_line_is_as_wide_as_the_terminal_at_most(width: int) -> None:
    queue = Queue()
    for transfer in running(queue, "1", "2"):
        transfer.report(snapshot(41, 100, rate_bytes_s=31.5e6, eta_s=18.0), NOW)
    for tag in "345":
        queue.add(SESSION, push(tag), plan_of(push(tag), 0))

    line = sum_line(queue, NOW, GLYPHS, width)

    assert len(line) <= width
    assert "2 running, 3 queued" in line
    assert "41%" in line
    assert line.endswith("w")


# lines


@pytest.mark.parametrize("width", [76, 116, 156, 196])
@pytest.mark.parametrize("state", list(State))
def test_every_line_fits_whatever_the_names_and_errors_are(width: int, state: State) -> None:
    request = PushRequest(Reference("a" * 120, "v" * 100), "x")
    transfer = Transfer(1, SESSION, request, plan_of(request, 97_000_000))
    transfer.begin(NOW)
    layers = tuple(
        LayerProgress(f"sha256:{number:064x}", LayerState.UPLOADING, 41_000_000, 58_000_000) for number in range(9)
    )
    transfer.report(snapshot(60_000_000, 97_000_000, layers=layers, rate_bytes_s=41e6, eta_s=3599.0), NOW)
    transfer.end(state, NOW, error=AccessDenied("no " * 60, where="w" * 300, cause="c" * 300, fix="f" * 50))
    transfer.has_begun = True

    lines = [*job_lines(transfer, width, NOW, GLYPHS), *(line for _, line in layer_lines(transfer, width, GLYPHS))]

    assert max(sum(len(text) for text, _ in line) for line in lines) <= width


def test_what_to_do_about_a_failure_is_the_last_to_be_cut() -> None:
    (transfer,) = running(Queue(), "1")
    error = AccessDenied("not allowed to write", where="s3://b/" + "k" * 90, cause="c" * 200, fix="allow s3:PutObject")
    transfer.end(State.FAILED, NOW, error=error)

    shown = ["".join(text for text, _ in line) for line in job_lines(transfer, 76, NOW, GLYPHS)]

    assert shown[0].startswith("! push team/app:1  not allowed to write")
    assert shown[1].strip() == "fix: allow s3:PutObject, then R"


def test_layers_that_need_nothing_are_one_line_and_those_that_wait_too_many_are_counted() -> None:
    (transfer,) = running(Queue(), "1")
    states = [LayerState.EXISTS] * 5 + [LayerState.WAITING] * 9 + [LayerState.UPLOADING] * 2
    layers = tuple(LayerProgress(f"sha256:{n:064x}", state, 0, 10_000_000) for n, state in enumerate(states))
    transfer.report(snapshot(0, 100, layers=layers), NOW)

    shown = ["".join(text for text, _ in line).split() for _, line in layer_lines(transfer, 100, GLYPHS)]

    assert shown[0][:3] == ["kept", "5", "layers,"]
    assert [line[1] for line in shown[1:7]] == ["uploading"] * 2 + ["waiting"] * 4
    assert shown[7] == ["+5", "waiting"]


def test_hostile_names_are_inert_in_every_line() -> None:
    request = PullRequest(Reference("x\x1b]52;c;AAAA\x07", "1"))
    transfer = Transfer(1, SESSION, request)
    transfer.end(State.FAILED, NOW, error=Unavailable("gone\x1b[2J", where="w\x9b", cause="c\u202e", fix="f\r"))

    text = "".join(piece for line in job_lines(transfer, 300, NOW, GLYPHS) for piece, _ in line)

    assert text.isprintable()
    assert "gone" in text


def test_an_ending_says_what_was_sent_and_what_was_kept() -> None:
    (transfer,) = running(Queue(), "1")
    result = PushResult(Reference("team/app", "1"), Digest.of(b"m"), (), 97_000_000, 12.1, "archive")
    transfer.end(State.DONE, NOW, result=result)
    assert ending(transfer) == f"97 MB sent, 12 s, {Digest.of(b'm').short}"
    transfer.end(State.DONE, NOW, result=replace(result, via="registry"))
    assert ending(transfer) == f"97 MB sent, 12 s, by registry, {Digest.of(b'm').short}"

    (stopped,) = running(Queue(), "2")
    layers = (LayerProgress("sha256:1", LayerState.UPLOADED, 58_000_000, 58_000_000),)
    stopped.report(snapshot(58_000_000, 97_000_000, layers=layers), NOW)
    stopped.end(State.CANCELLED, NOW)
    assert ending(stopped) == "cancelled; 58 MB kept for a resume"
    assert amount(stopped) == "58 / 97 MB"


# the end of the program


def said(*states: State) -> Outcome:
    queue = Queue()
    transfers = running(queue, *(str(number) for number in range(len(states))))
    for transfer, state in zip(transfers, states, strict=True):
        transfer.end(state, NOW, error=AccessDenied("no", fix="ask") if state is State.FAILED else None)
    outcome = Outcome()
    parting.say(outcome, queue, queue.of(State.CANCELLED))
    return outcome


@pytest.mark.parametrize(
    ("states", "exit_code", "line"),
    [
        ([], 0, None),
        ([State.DONE, State.DONE], 0, "2 transfers done"),
        ([State.FAILED], 4, "1 transfer failed"),
        ([State.DONE, State.FAILED], 7, "1 transfer done, 1 transfer failed"),
        ([State.DONE, State.CANCELLED], 130, "1 transfer done, 1 transfer stopped; the next start offers to resume"),
    ],
)
def test_the_exit_code_tells_how_transfers_ended(states: list[State], exit_code: int, line: str | None) -> None:
    outcome = said(*states)

    assert outcome.exit_code == exit_code
    assert outcome.lines[:1] == ([line] if line else [])


def test_the_exit_code_of_a_signal_stays() -> None:
    outcome = Outcome(exit_code=143)
    parting.say(outcome, [], [Transfer(1, SESSION, push())])

    assert outcome.exit_code == 143
    assert outcome.lines == ["1 transfer stopped; the next start offers to resume"]
