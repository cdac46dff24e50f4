"""Questions that block are asked in threads; their answers come back to one thread, and only while they are wanted."""

from __future__ import annotations

import threading

from ocistore_tui.errors import NotFound, OciStoreError
from ocistore_tui.tui.desk import Fault
from tests.tui.pump import Pump


def test_an_answer_is_delivered_in_the_thread_that_asked() -> None:
    pump = Pump()
    seen: list[tuple[str, bool]] = []
    me = threading.current_thread()

    pump.desk.ask(
        "name",
        lambda _: threading.current_thread() is me,
        lambda in_my_thread: (
            seen.append(("worked in mine", in_my_thread))
            or seen.append(("told in mine", threading.current_thread() is me))
        ),
    )
    pump.settle()

    assert seen == [("worked in mine", False), ("told in mine", True)]


def test_asking_again_stops_the_question_before_and_drops_its_late_answer() -> None:
    pump = Pump()
    answers: list[str] = []
    late, cancels = threading.Event(), []

    def slow(cancel: threading.Event) -> str:
        cancels.append(cancel)
        late.wait(10)
        return "old"

    pump.desk.ask("page", slow, answers.append)
    pump.until(lambda: cancels)
    pump.desk.ask("page", lambda _: "new", answers.append)
    assert cancels[0].is_set(), "the first was told to stop"
    pump.until(lambda: answers == ["new"])
    late.set()
    pump.settle()

    assert answers == ["new"]


def test_other_topics_do_not_disturb_each_other() -> None:
    pump = Pump()
    answers: list[str] = []
    pump.desk.ask("left", lambda _: "left", answers.append)
    pump.desk.ask("right", lambda _: "right", answers.append)
    pump.settle()
    assert sorted(answers) == ["left", "right"]


def test_what_is_forgotten_is_neither_answered_nor_failed() -> None:
    pump = Pump()
    told: list[object] = []
    gate, begun = threading.Event(), threading.Event()

    def work(_: threading.Event) -> None:
        begun.set()
        gate.wait(10)
        raise NotFound("gone", fix="look again")

    pump.desk.ask("tag", work, told.append, told.append)
    assert begun.wait(10)
    pump.desk.forget("tag")
    gate.set()
    pump.settle()

    assert told == []


def test_an_error_is_handed_over_as_it_is() -> None:
    pump = Pump()
    errors: list[OciStoreError] = []
    error = NotFound("no such repository", fix="list the repositories")

    def work(_: threading.Event) -> None:
        raise error

    pump.desk.ask("tags", work, lambda _: None, errors.append)
    pump.settle()

    assert errors == [error]


def test_a_bug_in_a_thread_becomes_an_error_that_says_so() -> None:
    pump = Pump()
    errors: list[OciStoreError] = []
    pump.desk.ask("sizes", lambda _: 1 // 0, lambda _: None, errors.append)
    pump.settle()
    fault = errors[0]
    assert isinstance(fault, Fault)
    assert fault.where == "sizes"
    assert "ZeroDivisionError" in fault.cause
    assert "Traceback" in fault.details


def test_an_error_nobody_wants_is_dropped_and_the_desk_is_idle_again() -> None:
    pump = Pump()
    pump.desk.ask("sizes", lambda _: 1 // 0, lambda _: None)
    assert not pump.desk.is_idle
    pump.settle()
    assert pump.desk.is_idle


def test_rows_told_on_the_way_come_before_the_answer() -> None:
    pump = Pump()
    told: list[str] = []

    def work(_: threading.Event) -> str:
        pump.desk.tell(lambda: told.append("page"))
        return "end"

    pump.desk.ask("tags", work, told.append)
    pump.settle()

    assert told == ["page", "end"]


def test_the_end_waits_for_what_has_to_be_kept_but_not_for_ever() -> None:
    pump = Pump()
    kept: list[str] = []
    pump.desk.finish("remember", lambda: kept.append("listing"), within_s=10)
    assert kept == ["listing"]

    never = threading.Event()
    pump.desk.finish("remember", lambda: never.wait(10) and kept.append("late"), within_s=0.01)
    assert kept == ["listing"]
    never.set()
