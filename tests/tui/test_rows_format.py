"""Sizes, ages and names in few columns, and the one table of signs."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.progress import LayerState
from ocistore_tui.tui.format import bar, count, fit, plural, short_age, short_digest, short_size, to_go
from ocistore_tui.tui.glyphs import Glyphs

BOTH = (Glyphs(), Glyphs.plain())
MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, "…"), (0, "0 B"), (7, "7 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_951, "10 kB"),
        (311_400_000, "311 MB"), (999_499_999, "999 MB"), (999_500_000, "1.0 GB"), (1_940_000_000, "1.9 GB"),
        (612_000_000_000, "612 GB"), (5 * 10**18, "5000 PB"),
    ],
)  # fmt: skip
def test_sizes_have_three_digits_at_most(size_bytes: int | None, text: str) -> None:
    assert short_size(size_bytes) == text


@given(st.integers(0, 10**17))
def test_a_size_fits_its_column(size_bytes: int) -> None:
    assert len(short_size(size_bytes)) <= 7


def test_names_are_cut_in_their_middle_and_sentences_at_their_end() -> None:
    assert fit("platform/api-gateway", 11) == "platf…teway"
    assert fit("Show only rows that match", 11, is_prose=True) == "Show only …"
    assert fit("short", 11, is_prose=True) == "short      "
    assert fit("日本語の文", 6, is_prose=True) == "日本 …"


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (0, "0s"), (59, "59s"), (MINUTE, "1m"), (10 * MINUTE, "10m"), (2 * HOUR, "2h"), (6 * DAY, "6d"),
        (21 * DAY, "3w"), (150 * DAY, "5mo"), (3 * 365 * DAY, "3y"), (-5, "0s"),
    ],
)  # fmt: skip
def test_ages_are_one_number(age_s: int, text: str) -> None:
    assert short_age(1e9 - age_s, 1e9) == text


def test_what_is_not_known_has_no_age_and_no_digest() -> None:
    assert short_age(None, 1e9) == ""
    assert short_digest(None) == "…"
    assert short_digest(Digest.of(b"")) == "e3b0c44298fc"


def test_numbers_for_people() -> None:
    assert count(38120) == "38 120"
    assert [plural(number, "tag") for number in (0, 1, 3912)] == ["0 tags", "1 tag", "3 912 tags"]
    assert plural(2, "repository") == "2 repositories"
    assert [plural(number, "repo", is_whole=False) for number in (1, 2)] == ["1+ repos", "2+ repos"]
    assert [to_go(seconds) for seconds in (0.2, 18, 61, 599, 840)] == ["0:00", "0:18", "1:00", "10:00", "14 min"]


@given(st.text(alphabet="ab/:日本é👍", max_size=30), st.integers(0, 20), st.booleans())
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, width: int, right: bool) -> None:
    fitted = fit(text, width, right=right)
    assert cell_len(fitted) == width
    if cell_len(text) <= width:
        assert fitted.strip() == text.strip()


def test_a_long_name_keeps_both_its_ends() -> None:
    assert fit("frontend/web:build-2026.11.23", 17) == "frontend…26.11.23"
    assert fit("1.9 GB", 8, right=True) == "  1.9 GB"


@given(st.floats(-1, 2), st.integers(0, 40))
def test_a_bar_is_as_wide_as_asked(fraction: float, width: int) -> None:
    for glyphs in BOTH:
        assert cell_len(bar(fraction, width, glyphs)) == width


def test_a_bar_is_full_only_at_the_end() -> None:
    assert [bar(part, 4, Glyphs.plain()) for part in (0.0, 0.5, 1.0)] == ["----", "##--", "####"]
    assert bar(0.375, 4, Glyphs()) == "━╸──"


def test_plain_signs_are_ascii_and_as_wide_as_the_others() -> None:
    rich, plain = BOTH
    for sign in fields(Glyphs):
        if sign.name in ("is_ascii", "layer", "arrow"):
            continue
        assert getattr(plain, sign.name).isascii(), sign.name
        assert cell_len(getattr(plain, sign.name)) == cell_len(getattr(rich, sign.name)), sign.name
    for state in LayerState:
        assert plain.layer[state].isascii()
        assert cell_len(rich.layer[state]) == cell_len(plain.layer[state]) == 1


def test_states_are_told_apart_without_colour() -> None:
    for glyphs in BOTH:
        states = [glyphs.same, glyphs.only, glyphs.differs, glyphs.partial, glyphs.unknown, glyphs.broken]
        assert len(set(states)) == len(states)
        assert glyphs.marked != glyphs.some_marked
        assert glyphs.ticked != glyphs.unticked
        assert glyphs.chosen != glyphs.unchosen


def test_a_console_gets_ascii_and_so_does_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert Glyphs.for_terminal(forced_ascii=True).is_ascii
    monkeypatch.setenv("TERM", "linux")
    assert Glyphs.for_terminal().is_ascii
