"""The header tells which store is open and what may be done to it, at every width, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from ocistore_tui.errors import AccessDenied, IntegrityError, OciStoreError, StoreMissing, Throttled, Unavailable
from ocistore_tui.model.stores import Mode
from ocistore_tui.tui.widgets.header import HeaderFacts, StatusHeader, facts_of, header_parts, index_words, trouble_of
from tests.fakes.gates import Clock
from tests.fakes.service import FakeService
from tests.fakes.stores import PROD, READ_ONLY
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service, push, started
from tests.tui.waiting import screen_text, until

SEEN = 1_795_600_000.0
FACTS = HeaderFacts(
    name="prod-images", url="s3://acme-oci/registry", mode=Mode.ADD_ONLY, place="docker desktop-linux 27.3",
    seen_at=SEEN, now=SEEN + 125,
)  # fmt: skip


def line(facts: HeaderFacts, width: int = 120) -> str:
    return "".join(text for text, _ in header_parts(facts, width))


def count_paints(header: StatusHeader) -> list[object]:
    """A list that grows with every paint of the line."""
    painted: list[object] = []
    refresh = header.refresh

    def counted(*regions: object, **options: object) -> StatusHeader:
        painted.append(regions)
        return refresh(*regions, **options)

    header.refresh = counted
    return painted


def styles(facts: HeaderFacts, text: str, width: int = 120) -> str:
    return next(style for part, style in header_parts(facts, width) if text in part)


def test_a_wide_terminal_is_told_everything() -> None:
    told = line(FACTS)
    assert told.startswith(" ocistore  prod-images  s3://acme-oci/registry  ADD ONLY  ")
    assert told.endswith(", 2 min old ")
    assert "  docker desktop-linux 27.3  index " in told


def test_a_narrow_one_is_told_what_matters() -> None:
    assert line(FACTS, 80).rstrip() == " ocistore  prod-images  s3://acme-oci/registry  ADD ONLY"


def test_a_store_that_is_served_and_away_is_told_as_both() -> None:
    served = replace(FACTS, name="a-store-with-a-long-name", served="127.0.0.1:5000", trouble="NOT FOUND")
    assert "SERVED AT 127.0.0.1:5000 " in line(served, 80)
    assert line(served, 60).endswith("NOT FOUND SERVED AT 5000 ")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 99, 100, 120, 200])
@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_is_told_at_every_width_and_the_line_is_never_longer(width: int, mode: Mode) -> None:
    facts = replace(FACTS, mode=mode, name="a-rather-long-name-of-a-store", url="s3://" + "b" * 63 + "/some/prefix")
    told = line(facts, width)
    assert width < 40 or mode.value in told
    assert width < 40 or cell_len(told) == width


def test_a_long_address_is_cut_in_its_middle_with_a_sign() -> None:
    told = line(replace(FACTS, url="s3://" + "b" * 63 + "/prefix/registry"), 102)
    assert "…" in told
    assert "registry  ADD ONLY" in told


def test_only_the_mode_that_deletes_is_shown_reversed() -> None:
    assert "reverse" in styles(replace(FACTS, mode=Mode.MANAGE), "MANAGE")
    assert "reverse" not in styles(FACTS, "ADD ONLY")


def test_a_label_of_the_owner_stands_out_without_colour() -> None:
    labelled = replace(FACTS, label="PRODUCTION")
    assert " PRODUCTION " in line(labelled)
    assert "reverse" in styles(labelled, "PRODUCTION")


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(5, ""), (59, ""), (61, ", 1 min old"), (3599, ", 59 min old"), (7200, ", 2 h old"), (86400 * 3, ", 3 days old")],
)
def test_an_index_has_an_age_once_it_is_a_minute_old(age_s: float, words: str) -> None:
    told = index_words(replace(FACTS, now=SEEN + age_s))
    assert told.startswith("index ")
    assert told.partition(",")[1] + told.partition(",")[2] == words


def test_a_store_that_does_not_answer_is_told_even_where_there_is_little_room() -> None:
    offline = replace(FACTS, trouble="OFFLINE", now=SEEN + 7300)
    assert "OFFLINE, index 2 h old" in line(offline)
    assert "OFFLINE, index 2 h old" in line(offline, 80)
    assert index_words(replace(offline, seen_at=None)) == "OFFLINE"


def test_leaving_soon_is_told_even_where_there_is_little_room() -> None:
    assert line(replace(FACTS, notice="quits in 0:18"), 80).endswith(" quits in 0:18 ")


@pytest.mark.parametrize("url", ["s3://b", "s3://acme-oci/registry", "s3://" + "b" * 63])
@pytest.mark.parametrize("trouble", ["OFFLINE", "NOT FOUND", ""])
@pytest.mark.parametrize("notice", ["quits in 0:18", ""])
def test_nothing_runs_into_the_mode_at_any_width(url: str, trouble: str, notice: str) -> None:
    facts = replace(FACTS, name="a-rather-long-name", url=url, now=SEEN + 7300, trouble=trouble, notice=notice)
    for width in range(60, 130):
        told = line(facts, width)
        after = told.partition("ADD ONLY")[2]
        assert cell_len(told) == width
        assert after.startswith("  ") or not after.strip(), told
        assert trouble in told
        assert notice in told


def test_names_that_would_steer_a_terminal_are_inert() -> None:
    told = line(replace(FACTS, name="a\x1b]52;c;x\x07", url="s3://\u202eb", place="d\x9b31m", label="\x1b[2J"))
    assert told.isprintable()


@pytest.mark.parametrize(
    ("error", "word"),
    [(None, ""), (Throttled("slow down"), "OFFLINE"), (AccessDenied("no"), "DENIED"),
     (StoreMissing("gone"), "NOT FOUND"), (IntegrityError("odd"), "FAILED")],
)  # fmt: skip
def test_a_store_that_answers_with_no_is_not_called_offline(error: OciStoreError | None, word: str) -> None:
    assert trouble_of(error) == word


async def test_every_screen_reads_the_open_store(clock: Clock) -> None:
    service = FakeService()
    service.add_tag("app", "1")
    async with open_app(service=service, store=READ_ONLY, clock=clock) as (app, pilot):
        await until(pilot, lambda: facts_of(app).seen_at is not None)
        first = screen_text(app).splitlines()[0]
        assert first.startswith(" ocistore  archive  s3://acme-archive  READ ONLY")
        assert "docker 27.3  index" in first
        await pilot.press("question_mark")
        assert screen_text(app).splitlines()[0] == first


async def test_the_index_ages_while_nothing_happens(clock: Clock) -> None:
    async with open_app(clock=clock) as (app, pilot):
        await until(pilot, lambda: facts_of(app).seen_at is not None)
        clock.forward(180)
        app.screen.query_one(StatusHeader).refresh_facts()
        await pilot.pause()
        assert "3 min old" in screen_text(app).splitlines()[0]


async def test_the_line_is_painted_when_what_it_says_changed_and_not_at_every_step_of_a_transfer() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: facts_of(app).seen_at is not None and app.desk.is_idle)
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        header = app.screen.query_one(StatusHeader)
        painted = count_paints(header)

        service.moves["team/app:0"].show(60_000_000, stage="reading", rate_bytes_s=41e6)
        await until(pilot, lambda: "61%" in screen_text(app))
        assert painted == []

        app.runner.finish_then_quit()
        await until(pilot, lambda: "quits when all is done" in screen_text(app).splitlines()[0])
        assert len(painted) == 1


async def test_a_header_beneath_another_screen_waits_until_it_is_seen_again(clock: Clock) -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service, clock=clock) as (app, pilot):
        await until(pilot, lambda: facts_of(app).seen_at is not None)
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        painted = count_paints(app.screen.query_one(StatusHeader))
        await pilot.press("w")
        await until(pilot, lambda: "Transfers" in screen_text(app))
        app.runner.finish_then_quit()
        await until(pilot, lambda: "quits when all is done" in screen_text(app).splitlines()[0])
        assert painted == []

        await pilot.press("escape")

        await until(pilot, lambda: "quits when all is done" in screen_text(app).splitlines()[0])


async def test_a_store_that_went_away_is_offline_in_the_header() -> None:
    service = FakeService()
    service.add_tag("app", "1")
    async with open_app(service=service, store=PROD) as (app, pilot):
        await until(pilot, lambda: facts_of(app).seen_at is not None and app.desk.is_idle)
        service.fail("repositories", Unavailable("no route to host", where="s3://acme-oci", fix="check the network"))
        await pilot.press("r")
        await until(pilot, lambda: facts_of(app).trouble)
        await until(pilot, lambda: "OFFLINE, index" in screen_text(app).splitlines()[0])
