"""The filter line: words are AND, ``!word`` excludes, ``*?`` are globs, ``~fuzzy``, ``/regex/``, and fields.

Fields: ``size>500MB`` ``unique>0`` ``age>30d`` ``plat:arm64`` ``has:sbom`` ``digest:9f1c`` ``is:broken`` ``is:same``
``is:differs`` ``is:marked`` ``is:untagged``. Bad input says why and shows every row.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Protocol

_FIELD = re.compile(r"(size|unique|age|plat|has|digest|is)([:<>])(.+)\Z")
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([kmgt]?)i?b?\Z")
_AGE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*(s|m|h|d|w|mo|y)\Z")
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2592000, "y": 31536000}
_STATES = ("broken", "same", "differs", "only", "marked", "partial", "untagged")
_KINDS = ("signature", "sbom", "provenance", "other")
_MAX_REGEX = 200
_MAX_REPEATS = 5
_MAX_SUBJECT = 300
"""Characters of a name a regular expression looks at: a slow one stays bearable."""


class Facts(Protocol):
    """What fields ask of a row; None and empty: not known, which matches no field."""

    @property
    def size_bytes(self) -> int | None:
        """All it holds."""

    @property
    def unique_bytes(self) -> int | None:
        """What nothing else holds."""

    @property
    def age_s(self) -> float | None:
        """Since it was moved, or created."""

    @property
    def platforms(self) -> tuple[str, ...]:
        """Of images; and what kind of thing it is."""

    @property
    def extras(self) -> tuple[str, ...]:
        """Kinds of what is attached."""

    @property
    def digests(self) -> tuple[str, ...]:
        """Everything that identifies it."""

    @property
    def states(self) -> tuple[str, ...]:
        """How it stands to the other side, and whether it is marked, broken or untagged."""


NameTest = Callable[[str], object]
"""Asks a name in lower case; any true value is a yes."""
FactTest = Callable[[Facts], bool]


class Filter:
    """A filter line, understood.

    Args:
        text: As typed.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.error = ""
        """Why it cannot be understood; empty when it is."""
        self._words: list[str] = []
        self._absent: list[str] = []
        self._names: list[tuple[NameTest, bool]] = []
        """Tests, and the answer that is wanted."""
        self._fields: list[tuple[FactTest, bool]] = []
        try:
            for word in self._split(self.text):
                self._add(word)
        except ValueError as error:
            self.error = str(error)
            self._words, self._absent, self._names, self._fields = [], [], [], []

    def __bool__(self) -> bool:
        return bool(self._words or self._absent or self._names or self._fields)

    @property
    def needs_facts(self) -> bool:
        """Whether more than the name is asked for."""
        return bool(self._fields)

    def matches(self, name: str, facts: Facts | None = None) -> bool:
        """Whether a row is shown.

        Args:
            name: The row's name in lower case.
            facts: What fields ask for, and only they; None: not known.
        """
        for word in self._words:
            if word not in name:
                return False
        for word in self._absent:
            if word in name:
                return False
        for test, wanted in self._names:
            if bool(test(name)) is not wanted:
                return False
        for ask, wanted in self._fields:  # noqa: SIM110 - a generator for each of 100,000 rows costs what the test does
            if (facts is not None and ask(facts)) is not wanted:
                return False
        return True

    @staticmethod
    def _split(text: str) -> list[str]:
        """Words; a regular expression may hold blanks, and slashes within a word: names have them."""
        return re.findall(r"!?/(?:[^/\\]|\\.|/(?=\S))+/(?=\s|\Z)|\S+", text)

    def _add(self, word: str) -> None:
        wanted = not (word.startswith("!") and len(word) > 1)
        if not wanted:
            word = word[1:]
        field = _FIELD.match(word)
        if field is not None:
            self._fields.append((_field(*field.groups()), wanted))
        elif word.startswith("~") and len(word) > 1:
            self._names.append((_scattered(word[1:].lower()), wanted))
        elif word.startswith("/") and len(word) > 1:
            self._names.append((_regex(word[1:].removesuffix("/")), wanted))
        elif "*" in word or "?" in word:
            self._names.append((_glob(word.lower()), wanted))
        else:
            (self._words if wanted else self._absent).append(word.lower())


def _glob(text: str) -> NameTest:
    """Its pieces one after the other, anywhere in the name; each is searched once, so no pattern is slow."""
    pieces = [re.compile(".".join(map(re.escape, piece.split("?"))), re.DOTALL) for piece in text.split("*") if piece]
    if len(pieces) == 1:
        return pieces[0].search

    def test(name: str) -> bool:
        at = 0
        for piece in pieces:
            match = piece.search(name, at)
            if match is None:
                return False
            at = match.end()
        return True

    return test


def _scattered(letters: str) -> NameTest:
    """The letters in this order, whatever is between them."""
    return re.compile("".join(f"[^{re.escape(letter)}]*{re.escape(letter)}" for letter in letters)).match


def _regex(text: str) -> NameTest:
    if len(text) > _MAX_REGEX:
        raise ValueError("the regular expression is too long")
    _must_be_quick(text)
    try:
        with warnings.catch_warnings():  # such as "possible nested set"
            warnings.simplefilter("ignore")
            pattern = re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return lambda name: pattern.search(name[:_MAX_SUBJECT])


def _must_be_quick(text: str) -> None:
    """Repeats of what repeats itself, such as ``(a+)+``, take for ever on the wrong name."""
    groups = [False]
    repeats = 0
    plain = re.sub(r"\\.|\[\^?\]?[^\]]*\]|(?<=\()\?(?:P?<\w+>|<?[=!]|[:>])", "x", text, flags=re.DOTALL)
    for position, sign in enumerate(plain):
        if sign == "(":
            groups.append(False)
        elif sign == ")" and len(groups) > 1:
            varies = groups.pop()
            if varies and plain[position + 1 : position + 2] in ("*", "+", "{"):
                raise ValueError("a repeat within a repeat may never end: write it another way")
            groups[-1] = groups[-1] or varies
        elif sign in "*+{|?":
            groups[-1] = True
            repeats += sign in "*+{"
    if repeats > _MAX_REPEATS:
        raise ValueError("too many repeats in the regular expression")


def _field(field: str, sign: str, value: str) -> FactTest:
    value = value.lower()
    if field in ("size", "unique"):
        limit = _number(_SIZE, value, _SIZES, f"{field}{sign} needs a size such as 500MB")
        if field == "size":
            return lambda facts: _compare(facts.size_bytes, sign, limit)
        return lambda facts: _compare(facts.unique_bytes, sign, limit)
    if field == "age":
        limit = _number(_AGE, value, _SECONDS, f"age{sign} needs a time such as 30d")
        return lambda facts: _compare(facts.age_s, sign, limit)
    if sign != ":":
        raise ValueError(f"write {field}:{value}")
    if field == "plat":
        return lambda facts: any(value in text.lower() for text in facts.platforms)
    if field == "digest":
        plain = value.removeprefix("sha256:")
        return lambda facts: any(text.partition(":")[2].startswith(plain) for text in facts.digests)
    allowed = _KINDS if field == "has" else _STATES
    if not any(word.startswith(value) for word in allowed):
        raise ValueError(f"{field}: knows {', '.join(allowed)}")
    if field == "has":
        return lambda facts: any(text.startswith(value) for text in facts.extras)
    return lambda facts: any(text.startswith(value) for text in facts.states)


def _number(pattern: re.Pattern[str], value: str, units: dict[str, int], error: str) -> float:
    match = pattern.match(value)
    if match is None:
        raise ValueError(error)
    return float(match[1]) * units[match[2]]


def _compare(value: float | None, sign: str, limit: float) -> bool:
    if value is None:
        return False
    return value > limit if sign == ">" else value < limit if sign == "<" else value == limit
