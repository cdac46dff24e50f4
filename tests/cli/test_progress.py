"""Progress goes to stderr: live on a terminal, plain lines elsewhere, JSON events, or not at all."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from ocistore_tui.cli import live, progress, render
from ocistore_tui.cli.output import Output
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.progress import JobSnapshot, JobState, LayerProgress, LayerState
from tests.cli.running import OCI_STORE, Invoke
from tests.cli.test_streams import on_a_terminal

A, B, C = (Digest.of(name) for name in (b"a", b"b", b"c"))
NOON = dt.datetime(2026, 1, 2, 12, 0, tzinfo=dt.UTC)


class Clock:
    """Seconds that pass when the test says so."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def time(self) -> dt.datetime:
        return NOON + dt.timedelta(seconds=self.now_s - 100)


def layer(digest: Digest, state: LayerState, done: int = 0, total: int = 1000) -> LayerProgress:
    return LayerProgress(digest, state, done, total, digest)


def snapshot(*layers: LayerProgress, state: JobState = JobState.RUNNING, notes: tuple[str, ...] = ()) -> JobSnapshot:
    done = sum(one.done_bytes for one in layers)
    return JobSnapshot(
        verb="push", subject="team/app:1", state=state, stage="reading", layers=layers, done_bytes=done,
        total_bytes=sum(one.total_bytes for one in layers), moved_bytes=done, rate_bytes_s=500.0, eta_s=4.2,
        elapsed_s=1.0, notes=notes,
    )  # fmt: skip


def exporting() -> JobSnapshot:
    """Before the engine has sent a byte."""
    return replace(snapshot(layer(A, LayerState.WAITING)), stage="exporting", rate_bytes_s=0.0, eta_s=None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def push(oci_store: Invoke, mode: str, *more: str) -> str:
    done = oci_store(
        "fs", "push", "app:1", "--image", "docker-archive:hello.tar", "--dir", "s", "--progress", mode, *more
    )
    assert done.code == 0
    assert done.out.startswith("app:1@sha256:")
    return done.err


# -- what a push writes ------------------------------------------------------------------------------------------------


def test_without_a_terminal_it_is_plain_ascii_lines_with_the_time(oci_store: Invoke, here: Path) -> None:
    for mode in ("auto", "plain"):
        story = push(oci_store, mode, "--root-dir", mode)
        assert story.isascii()
        assert "\x1b" not in story
        *lines, summary = story.splitlines()
        assert all(re.match(r"\d\d:\d\d:\d\dZ (plan|push)  ", line) for line in lines)
        assert "plan  2 layers: 2 upload" in lines[0]
        assert sum("  uploaded  " in line for line in lines) == 2
        assert summary.startswith("pushed in ")


def test_tty_is_live_wherever_it_goes(oci_store: Invoke, here: Path) -> None:
    assert "\x1b[J" in push(oci_store, "tty")


def test_none_says_only_how_it_ended(oci_store: Invoke, here: Path) -> None:
    assert re.fullmatch(r"pushed in .*\n", push(oci_store, "none"))


def test_json_is_one_object_a_line_and_nothing_else(oci_store: Invoke, here: Path, images: dict[str, object]) -> None:
    done = oci_store(
        "fs", "push", "app:1", "--image", "oci-archive:tools.tar", "--dir", "s", "--progress", "json", "--json"
    )
    events = done.events
    assert all(event["v"] == 1 for event in events)
    assert {"plan", "layer", "end", "message"} <= {event["event"] for event in events}
    layers = [event for event in events if event["event"] == "layer"]
    assert all(list(event) == ["v", "event", "digest", "state", "done_bytes", "total_bytes"] for event in layers)
    last = {event["digest"]: event for event in layers}
    pushed = {row["digest"]: row["size_bytes"] for row in done.document["layers"]}
    for digest, size_bytes in pushed.items():
        assert (last[digest]["state"], last[digest]["done_bytes"]) == ("uploaded", size_bytes)
    totals = [event["done_bytes"] for event in events if event["event"] in ("progress", "end")]
    assert totals == sorted(totals)


def test_a_raw_layer_is_joined_by_its_diff_id(oci_store: Invoke, here: Path) -> None:
    words = ("fs", "push", "app:1", "--image", "docker-archive:hello.tar", "--dir", "s", "--progress", "json", "--json")
    done = oci_store(*words)
    layers = [event for event in done.events if event["event"] == "layer"]
    ends = {event["diff_id"]: event["digest"] for event in layers if event["state"] == "uploaded"}
    assert ends == {row["diff_id"]: row["digest"] for row in done.document["layers"]}
    assert {event["diff_id"] for event in layers if event["state"] == "compressing"} == ends.keys()


def test_a_layer_starts_and_ends_under_one_name(oci_store: Invoke, here: Path) -> None:
    lines = [line.split()[2:] for line in push(oci_store, "plain").splitlines() if " push  " in line]
    started = [words[0] for words in lines if words[1] == "compressing"]
    ended = {words[0]: words[-1] for words in lines if words[1] == "uploaded"}
    assert sorted(started) == sorted(ended)
    layers = oci_store("fs", "inspect", "app:1", "--dir", "s", "--json").document["layers"]
    assert ended == {row["diff_id"][7:19]: row["digest"][7:19] for row in layers}


@pytest.mark.parametrize("image", ["oci-archive:tools.tar", "oci:multi", "docker-archive:hello.tar"])
def test_every_layer_is_two_plain_lines(oci_store: Invoke, here: Path, image: str) -> None:
    words = ("fs", "push", "app:1", "--image", image, "--dir", "s", "--progress", "plain", "--json")
    done = oci_store(*words)
    told = [tuple(line.split()[2:4]) for line in done.err.splitlines() if " push  " in line]
    assert len(told) == len(set(told)) == 2 * len(done.document["layers"])


def test_json_events_of_a_failure_end_with_the_error(oci_store: Invoke, store: Path) -> None:
    done = oci_store("fs", "pull", "team/hello:nope", "--image", "oci:x", "--progress=json")
    assert (done.code, done.out) == (3, "")
    assert [event["event"] for event in done.events] == ["error"]
    assert done.events[0]["exit"] == 3


def test_on_a_terminal_it_is_live_and_gone_at_the_end(here: Path) -> None:
    words = [OCI_STORE, "fs", "push", "app:1", "--image", "docker-archive:hello.tar", "--dir", "s"]
    code, text = on_a_terminal(words)
    assert code == 0
    assert "━" in text
    assert "\x1b[J" in text
    kept = text.rpartition("\x1b[J")[2].splitlines()
    assert kept[0].startswith("pushed in ")
    assert kept[1].startswith("app:1@sha256:")
    assert len(kept) == 2


# -- when it writes ----------------------------------------------------------------------------------------------------


def test_plain_lines_come_once_a_second_at_most_and_lose_nothing(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    display = progress.PlainLines(Output(), clock=clock, now=clock.time)
    display.show(snapshot(layer(A, LayerState.READING), layer(B, LayerState.WAITING)))
    assert capsys.readouterr().err == f"12:00:00Z push  {A.short}  reading  1.0 kB\n"
    clock.now_s += 0.5
    display.show(snapshot(layer(A, LayerState.UPLOADED, 1000), layer(B, LayerState.READING)))
    assert capsys.readouterr().err == ""
    clock.now_s += 0.5
    display.tick()
    assert capsys.readouterr().err.splitlines() == [
        f"12:00:00Z push  {A.short}  uploaded  1.0 kB",
        f"12:00:00Z push  {B.short}  reading  1.0 kB",
    ]


def test_plain_lines_say_the_total_every_ten_seconds_even_when_nothing_moves(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    display = progress.PlainLines(Output(), clock=clock, now=clock.time)
    display.show(snapshot(layer(A, LayerState.READING, 250)))
    capsys.readouterr()
    said = []
    for _ in range(60):
        clock.now_s += 0.5
        display.tick()
        said += capsys.readouterr().err.splitlines()
    total = "push  push team/app:1  reading  25%  250 Bytes of 1.0 kB  500 Bytes/s  4 s left"
    assert said == [f"12:00:{second}Z {total}" for second in (10, 20, 30)]


def test_plain_lines_say_that_the_engine_prepares_its_export(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = progress.PlainLines(Output(), clock=clock, now=clock.time)
    display.show(exporting())
    clock.now_s += 30
    display.tick()
    assert capsys.readouterr().err == "12:00:30Z push  push team/app:1  waiting for the engine's export\n"


def test_a_blob_two_rows_turn_out_to_be_ends_once(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = progress.PlainLines(Output(), clock=clock, now=clock.time)
    blob = layer(A, LayerState.UPLOADED, 1000)
    display.show(snapshot(blob, replace(blob, id=B), state=JobState.DONE))
    assert capsys.readouterr().err == f"12:00:00Z push  {A.short}  uploaded  1.0 kB\n"


def test_layers_that_need_not_move_are_no_lines(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = progress.PlainLines(Output(), clock=clock, now=clock.time)
    kept = (layer(A, LayerState.EXISTS), layer(B, LayerState.LINKED), layer(C, LayerState.PRESENT))
    display.show(snapshot(*kept, state=JobState.DONE, notes=("the index is partial",)))
    display.close()
    assert capsys.readouterr().err == "12:00:00Z note  the index is partial\n"


def test_json_events_repeat_the_total_when_nothing_moves(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = progress.JsonEvents(Output(events=True), clock=clock)
    display.show(snapshot(layer(A, LayerState.READING, 250)))
    capsys.readouterr()
    clock.now_s += 9
    display.tick()
    assert capsys.readouterr().err == ""
    clock.now_s += 1
    display.tick()
    assert '"event":"progress"' in capsys.readouterr().err


# -- the live display --------------------------------------------------------------------------------------------------


def drawn(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on the screen, without control sequences."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", capsys.readouterr().err).splitlines()


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_it_never_takes_more_than_eight_lines_nor_one_too_wide(
    capsys: pytest.CaptureFixture[str], clock: Clock, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    display = live.Live(Output(), clock=clock)
    many = [layer(Digest.of(bytes([n])), LayerState.UPLOADING, n * 10) for n in range(30)]
    display.show(replace(snapshot(*many), subject="a/very/long/name/" * 10))
    lines = drawn(capsys)
    assert len(lines) == live.MAX_LINES
    assert max(map(len, lines)) < columns
    assert "25 more" in lines[-1]


def test_it_redraws_in_place_and_ends_with_the_notes(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = live.Live(Output(), clock=clock)
    display.show(snapshot(layer(A, LayerState.UPLOADING, 10)))
    first = capsys.readouterr().err.count("\n")
    clock.now_s += 1
    display.show(snapshot(layer(A, LayerState.UPLOADING, 20), notes=("something \x1b[2J to know",)))
    assert capsys.readouterr().err.startswith(f"\x1b[{first}F")
    display.close()
    assert capsys.readouterr().err == f"\x1b[{first}F\x1b[Jnote: something \ufffd[2J to know\n"
    display.tick()
    assert capsys.readouterr().err == ""


def test_it_says_when_nothing_moves(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = live.Live(Output(), clock=clock)
    display.show(snapshot(layer(A, LayerState.UPLOADING, 10)))
    assert "stalled" not in drawn(capsys)[0]
    clock.now_s += 7
    display.tick()
    assert "stalled 7.0 s" in drawn(capsys)[0]


def test_an_engine_that_prepares_its_export_is_not_stalled(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = live.Live(Output(), clock=clock)
    display.show(exporting())
    clock.now_s += 70
    display.tick()
    assert drawn(capsys)[-3].rstrip() == "push team/app:1  waiting for the engine's export  1:10 min"


def test_an_engine_that_unpacks_what_it_got_is_not_stalled(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = live.Live(Output(), clock=clock)
    display.show(replace(snapshot(layer(A, LayerState.LOADING, 100)), stage="loading"))
    clock.now_s += 20
    display.tick()
    assert drawn(capsys)[-3].rstrip().endswith("kB  20 s")


@pytest.mark.parametrize(("via", "why"), [("registry", "little to send"), ("archive", "own push failed")])
def test_the_way_it_went_after_all_is_told_with_its_reason(via: str, why: str) -> None:
    said = render.other_way(via)
    assert said.startswith(f"via    {via} after all: ")
    assert why in said
