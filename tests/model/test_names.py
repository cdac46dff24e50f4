"""Names typed by people and names found in buckets."""

import pytest

from ocistore_tui.errors import UsageError
from ocistore_tui.model.natural import natural_key
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference, is_repository, is_tag
from ocistore_tui.model.text import inert

D = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app", Reference("app", "latest")),
        ("a/b-c/d__e.f:V1.0_x-y", Reference("a/b-c/d__e.f", "V1.0_x-y")),
        (f"app@{D}", Reference("app", None, D)),
        (f"app:1@{D}", Reference("app", "1", D)),
    ],
)
def test_references(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected
    assert Reference.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "App",
        "a//b",
        "/a",
        "a/",
        "../etc",
        "a:.x",
        "a:" + "x" * 129,
        "a@sha256:1",
        "a b",
        "a\n",
        "a:1\n",
        "x" * 256,
    ],
)
def test_refused_references_say_what_is_wrong(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Reference.parse(text)
    assert caught.value.fix


def test_grammar_ends_at_the_end() -> None:
    assert not is_repository("a\n")
    assert not is_tag("a\n")
    assert not is_repository("a/Upper")


def test_platforms() -> None:
    arm = Platform.parse("linux/arm64")
    assert Platform(os="linux", architecture="arm64", variant="v8").matches(arm)
    assert arm.matches(Platform.parse("linux/arm64/v8"))
    assert not Platform.parse("linux/amd64").matches(arm)
    assert Platform.parse("linux/arm/v7").matches(Platform.parse("linux/arm"))
    with pytest.raises(UsageError):
        Platform.parse("amd64")


def test_natural_order() -> None:
    tags = ["1.10", "1.9", "v10", "v2", "latest", "1.9-rc1", "1.0"]
    assert sorted(tags, key=natural_key) == ["1.0", "1.9", "1.9-rc1", "1.10", "latest", "v2", "v10"]


def test_inert_text_cannot_steer_a_terminal() -> None:
    hostile = "a\x1b]52;c;AA\x07b\x9bc\u202ed\u200be\x7ff\tg\nh\U000e0041i\ud800"
    clean = inert(hostile)
    assert clean.encode("utf-8")
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u202e\u200b" for char in clean)
    assert len(inert("x" * 10_000)) == 512
