"""Names of a listing in the order people expect, which is not quite the one object stores list them in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ocistore_tui.backends.base import ObjectStore

_HELD_NAMES = 100


def names_in_order(names: Iterable[str], exists: Callable[[str], bool] | None = None) -> Iterator[str]:
    """Child names in byte order, from a listing that gives them in the order of ``name/`` (every object store does).

    The two differ where a name begins another that goes on with a byte below ``/``: ``r-a/`` < ``r/`` but ``r`` <
    ``r-a``. A name is held back only until the names it could have to wait for are surely past; where that are too
    many (``v1.0`` to ``v1.99999`` all wait for ``v1``), ``exists`` is asked about those.
    """
    held: list[str] = []  # in the order of names; all of them wait for the release of the first
    barrier = ""
    asked: dict[str, bool] = {}
    for name in names:
        if asked.get(name):
            continue  # given out when it was asked about
        if held and f"{name}/" > barrier:
            yield from sorted(held, key=str.encode)
            held = []
        if not held:
            barrier = max((f"{start}/" for start in _beginnings(name) if start not in asked), default="")
            if not barrier:
                yield name
                continue
        held.append(name)
        if exists is not None and len(held) >= _HELD_NAMES:
            waited_for = {start for other in held for start in _beginnings(other) if f"{start}/" > f"{name}/"}
            answers = {start: exists(start) for start in sorted(waited_for) if start not in asked}
            asked |= answers
            yield from sorted([*held, *(start for start, is_there in answers.items() if is_there)], key=str.encode)
            held = []
    yield from sorted(held, key=str.encode)


def _beginnings(name: str) -> Iterator[str]:
    """The names that come before ``name`` and are listed after it."""
    return (name[:at] for at in range(1, len(name)) if name[at] < "/")


def child_exists(store: ObjectStore, prefix: str, start_after: str | None) -> Callable[[str], bool]:
    """What `names_in_order` asks of an object store: one request a name."""

    def exists(name: str) -> bool:
        return (start_after is None or name > start_after) and any(True for _ in store.list_entries(f"{prefix}{name}/"))

    return exists
