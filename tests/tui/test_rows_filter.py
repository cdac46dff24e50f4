"""The filter line: what it lets through, and that nothing that is typed can break it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocistore_tui.tui.rows.filter import Filter

DAY = 86400.0
NAMES = ("team/api:2.4.1", "team/api:2.4.0-rc1", "team/web:2.4.1", "base/debian:12")


@dataclass
class Known:
    """What is known of a row."""

    size_bytes: int | None = None
    unique_bytes: int | None = None
    age_s: float | None = None
    platforms: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


def shown(text: str) -> list[str]:
    return [name for name in NAMES if Filter(text).matches(name)]


def lets(text: str, facts: Known) -> bool:
    return Filter(text).matches("team/api:2.4.1", facts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", list(NAMES)),
        ("api", ["team/api:2.4.1", "team/api:2.4.0-rc1"]),
        ("API 2.4.1", ["team/api:2.4.1"]),
        ("2.4 !rc", ["team/api:2.4.1", "team/web:2.4.1"]),
        ("api:2.*.1", ["team/api:2.4.1"]),
        ("we?:", ["team/web:2.4.1"]),
        ("!team/*", ["base/debian:12"]),
        ("~tw241", ["team/web:2.4.1"]),
        ("!~tapi", ["team/web:2.4.1", "base/debian:12"]),
        ("/:[0-9]+$/", ["base/debian:12"]),
        ("/api|debian/ !rc", ["team/api:2.4.1", "base/debian:12"]),
        ("!/rc[0-9]/ team", ["team/api:2.4.1", "team/web:2.4.1"]),
        ("[0-9]", []),
        ("/m/api:|no such/", ["team/api:2.4.1", "team/api:2.4.0-rc1"]),
        ("/m/web/ 2", ["team/web:2.4.1"]),
        ("/", [name for name in NAMES if "/" in name]),
        ("nothing", []),
    ],
)
def test_words_exclusions_globs_letters_and_expressions(text: str, expected: list[str]) -> None:
    assert Filter(text).error == ""
    assert shown(text) == expected


def test_a_plain_word_means_itself_and_no_pattern() -> None:
    assert Filter("a.i").matches("a.i:1")
    assert not Filter("a.i").matches("api:1")


def test_fields_ask_for_facts() -> None:
    facts = Known(
        size_bytes=600_000_000, unique_bytes=5, age_s=40 * DAY, platforms=("linux/arm64", "linux/amd64"),
        extras=("sbom",), digests=("sha256:9f1cab", "sha256:77aa10"), states=("differs", "marked"),
    )  # fmt: skip
    for text in (
        "size>500MB", "size>0.5g", "size<1GB", "unique>0", "age>30d", "age<2mo", "age>5w", "plat:arm64", "has:sbom",
        "digest:9f1c", "digest:sha256:9f1c", "digest:77aa", "is:differs", "is:marked",
        "api size>1kB has:sbom", "!has:sig", "!is:same",
    ):  # fmt: skip
        assert lets(text, facts), text
    for text in (
        "size>700MB", "unique>5", "age<30d", "plat:s390x", "has:sig", "digest:1c", "is:same", "!is:differs",
        "web size>1kB",
    ):  # fmt: skip
        assert not lets(text, facts), text


def test_what_is_not_known_matches_no_field() -> None:
    for text in ("size>0", "size<1TB", "unique<1TB", "age>0s", "age<10y", "plat:amd64", "has:sbom", "digest:a"):
        assert not lets(text, Known()), text
        assert not Filter(text).matches("team/api:1"), text


def test_facts_are_asked_for_only_by_fields_and_when_the_words_fit() -> None:
    class Costly(Known):
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"nobody asked for {name}")

    assert Filter("api !web /2/").matches("team/api:2", Costly())
    assert not Filter("web size>1").matches("team/api:2", Costly())
    assert not Filter("api").needs_facts
    assert Filter("api !has:sbom").needs_facts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/(/", "regular expression"),
        ("api /[/", "regular expression"),
        ("/" + "a" * 500 + "/", "too long"),
        ("size>big", "500MB"),
        ("age>30", "30d"),
        ("/(a+)+$/", "within a repeat"),
        ("/(?:api|web)*x/", "within a repeat"),
        ("/((a?b)c)+/", "within a repeat"),
        ("/.*.*.*.*.*.*x/", "too many"),
        ("has:cheese", "sbom"),
        ("is:strange", "broken"),
        ("plat>arm64", "plat:arm64"),
    ],
)
def test_what_cannot_be_understood_says_why_and_hides_nothing(text: str, why: str) -> None:
    bad = Filter(text)
    assert why in bad.error
    assert not bad, "it filters nothing"
    assert bad.matches("anything:1")


@pytest.mark.parametrize("text", ["/api(?:-rc)?/", "/(2|3)\\.[0-9]+$/", "/^(?P<team>[a-z]+)/.*:2/", "/[(+*]|:2/"])
def test_usual_expressions_are_not_refused(text: str) -> None:
    assert Filter(text).error == ""
    assert Filter(text).matches("team/api:2.4")


@given(st.text(max_size=40), st.text(max_size=20))
@example("!", "")
@example("~", "a")
@example("!/", "a")
@example("/[[a]/", "a")
@example("size>" + "9" * 400, "a")
@example("size:", "a")
@example("/(?P<a>/", "a")
@example("/\\/", "a")
@example("**", "")
def test_nothing_that_is_typed_raises(text: str, name: str) -> None:
    typed = Filter(text)
    facts = Known(size_bytes=1, age_s=1.0, platforms=("linux/amd64",), digests=("sha256:0",))
    assert typed.matches(name.lower(), facts) in (True, False)
    if typed.error:
        assert not typed


WORDS = st.lists(st.sampled_from(["api", "!web", "2.4", "~t1", "te*m", "/[24]/", "size>1", "!rc"]), max_size=5)


@given(WORDS, st.sampled_from(NAMES))
def test_all_words_together_are_what_each_says_alone(words: list[str], name: str) -> None:
    facts = Known(size_bytes=5)
    each = all(Filter(word).matches(name, facts) for word in words)
    assert Filter(" ".join(words)).matches(name, facts) is each
