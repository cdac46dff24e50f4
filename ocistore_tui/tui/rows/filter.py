"""The filter line: words are AND, ``!word`` excludes, ``*?`` are globs, ``~fuzzy``, ``/regex/``, and fields.

Fields: ``size>500MB`` ``unique>0`` ``age>30d`` ``plat:arm64`` ``has:sbom`` ``digest:9f1c`` ``is:broken`` ``is:same``
``is:differs`` ``is:marked``. Bad input says why and shows every row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate

_FIELD = re.compile(r"(size|unique|age|plat|has|digest|is)([:<>])(.+)\Z")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)i?b?\Z")
_AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d|w|mo|y)\Z")
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2592000, "y": 31536000}
_STATES = ("broken", "same", "differs", "only", "marked", "partial")
_KINDS = ("signature", "sbom", "provenance", "other")
_MAX_REGEX = 200
_MAX_SUBJECT = 300
"""Characters of a name a regular expression looks at: a slow one stays bearable."""


@dataclass(slots=True)
class Facts:
    """What fields ask of a row; None and empty: not known, which matches no field."""

    size_bytes: int | None = None
    unique_bytes: int | None = None
    age_s: float | None = None
    platforms: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    digest: str = ""
    states: tuple[str, ...] = ()


Test = Callable[[str, Facts | None], bool]


class Filter:
    """A filter line, understood.

    Args:
        text: As typed.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.error = ""
        """Why it cannot be understood; empty when it is."""
        self.needs_facts = False
        self._words: list[str] = []
        self._tests: list[Test] = []
        try:
            for word in self._split(self.text):
                self._add(word)
        except ValueError as error:
            self.error = str(error)
            self._words, self._tests, self.needs_facts = [], [], False

    def __bool__(self) -> bool:
        return bool(self._words or self._tests)

    def matches(self, name: str, facts: Callable[[], Facts] | None = None) -> bool:
        """Whether a row is shown.

        Args:
            name: The row's name in lower case.
            facts: Gives what fields ask for; called only when they do.
        """
        for word in self._words:
            if word not in name:
                return False
        if not self._tests:
            return True
        known = facts() if facts is not None and self.needs_facts else None
        return all(test(name, known) for test in self._tests)

    @staticmethod
    def _split(text: str) -> list[str]:
        """Words; a regular expression may hold blanks."""
        return re.findall(r"!?/(?:[^/\\]|\\.)+/|\S+", text)

    def _add(self, word: str) -> None:
        if word.startswith("!") and len(word) > 1:
            test = self._test(word[1:])
            self._tests.append(lambda name, facts: not test(name, facts))
        elif len(word) > 1 and (word[0] in "~/" or any(c in word for c in "*?") or _FIELD.match(word)):
            self._tests.append(self._test(word))
        else:
            self._words.append(word.lower())

    def _test(self, word: str) -> Test:
        field = _FIELD.match(word)
        if field is not None:
            self.needs_facts = True
            return _field(*field.groups())
        if word.startswith("~") and len(word) > 1:
            letters = word[1:].lower()
            return lambda name, _: _is_subsequence(letters, name)
        if word.startswith("/") and len(word) > 1:
            return _regex(word[1:].removesuffix("/"))
        lower = word.lower()
        if "*" in lower or "?" in lower:
            pattern = re.compile(translate(f"*{lower}*"))
            return lambda name, _: pattern.match(name[:_MAX_SUBJECT]) is not None
        return lambda name, _: lower in name


def _regex(text: str) -> Test:
    if len(text) > _MAX_REGEX:
        raise ValueError("the regular expression is too long")
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return lambda name, _: pattern.search(name[:_MAX_SUBJECT]) is not None


def _is_subsequence(letters: str, name: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)


def _field(field: str, sign: str, value: str) -> Test:
    value = value.lower()
    if field in ("size", "unique"):
        limit = _number(_SIZE, value, _SIZES, f"{field}{sign} needs a size such as 500MB")
        return lambda _, facts: _compare(
            None if facts is None else facts.size_bytes if field == "size" else facts.unique_bytes, sign, limit
        )
    if field == "age":
        limit = _number(_AGE, value, _SECONDS, f"age{sign} needs a time such as 30d")
        return lambda _, facts: _compare(facts.age_s if facts else None, sign, limit)
    if sign != ":":
        raise ValueError(f"write {field}:{value}")
    if field == "plat":
        return lambda _, facts: facts is not None and any(value in text.lower() for text in facts.platforms)
    if field == "digest":
        plain = value.removeprefix("sha256:")
        return lambda _, facts: facts is not None and facts.digest.partition(":")[2].startswith(plain)
    allowed = _KINDS if field == "has" else _STATES
    if not any(word.startswith(value) for word in allowed):
        raise ValueError(f"{field}: knows {', '.join(allowed)}")
    if field == "has":
        return lambda _, facts: facts is not None and any(text.startswith(value) for text in facts.extras)
    return lambda _, facts: facts is not None and any(text.startswith(value) for text in facts.states)


def _number(pattern: re.Pattern[str], value: str, units: dict[str, int], error: str) -> float:
    match = pattern.match(value)
    if match is None:
        raise ValueError(error)
    return float(match[1]) * units[match[2]]


def _compare(value: float | None, sign: str, limit: float) -> bool:
    if value is None:
        return False
    return value > limit if sign == ">" else value < limit if sign == "<" else value == limit
