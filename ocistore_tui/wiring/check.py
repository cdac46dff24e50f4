"""A live check of a store, step by step: its own self-test, then whether a registry's layout is where it was said."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.errors import NotFound, OciStoreError, UsageError
from ocistore_tui.layout.catalog import repositories
from ocistore_tui.model.stores import CheckStep
from ocistore_tui.model.text import inert
from ocistore_tui.wiring.place import Place, open_store

_LAYOUT = "docker/registry/v2/"
_COUNTED = 200
"""Repositories counted at most: a check is quick in a large store too."""
_PREFIXES = 40
"""Prefixes looked into at each depth when there is no layout under the root."""


def check_place(place: Place, *, write: bool) -> Iterator[CheckStep]:
    """Try a place; nothing is raised for what does not work there.

    Args:
        place: Where.
        write: Also put one small object, and delete it again.

    Raises:
        UsageError: an option is of no use as given.
    """
    with open_store(place) as store:
        failed: OciStoreError | None = None
        for finding in store.check(write=write).findings:
            failed = failed or (finding.error if finding.ok is False else None)
            if place.is_embedded and isinstance(finding.error, NotFound):
                yield CheckStep(finding.step, None, "the first push makes it")
            else:
                yield CheckStep(finding.step, finding.ok, inert(finding.detail, limit=300), finding.error)
        if failed is None:
            yield from _check_layout(place, store)


def _check_layout(place: Place, store: ObjectStore) -> Iterator[CheckStep]:
    try:
        if any(True for _ in store.list_dirs(_LAYOUT)):
            yield CheckStep("layout", True, _told(store, str(place.options.get("root_dir") or "").strip("/")))
            return
        root_dir, candidates = "", _prefixes(store)
        if place.options.get("root_dir"):
            elsewhere = {**place.options, "root_dir": ""}
            with closing(open_store(dataclasses.replace(place, options=elsewhere))) as whole:
                if any(True for _ in whole.list_dirs(_LAYOUT)):
                    candidates = ["", *candidates]
                else:
                    root_dir = str(place.options["root_dir"]).strip("/")
                    candidates = [f"{root_dir}/{name}" for name in candidates] or _prefixes(whole)
        is_empty = not candidates and next(store.list_entries(""), None) is None
    except OciStoreError as error:
        yield CheckStep("layout", False, error.message, error)
        return
    if candidates:
        yield _elsewhere(candidates)
    elif is_empty:
        yield CheckStep("layout", None, "nothing there yet: the first push begins it")
    else:
        yield CheckStep("layout", None, "no registry layout under this prefix: the first push begins one")


def _elsewhere(candidates: list[str]) -> CheckStep:
    first = inert(candidates[0], limit=120)
    others = f"found {len(candidates)} other {'prefix' if len(candidates) == 1 else 'prefixes'}"
    message = f"no registry layout under this prefix ({others})"
    named = ", ".join(inert(name, limit=60) or "the top" for name in candidates[:5])
    fix = f"set the prefix to {first}" if first else "leave the prefix out"
    return CheckStep("layout", False, message, UsageError(message, cause=f"there is one under: {named}", fix=fix))


def _told(store: ObjectStore, root_dir: str) -> str:
    """What the layout holds, in words."""
    count = sum(1 for _ in islice(repositories(store), _COUNTED + 1))
    number = f"more than {_COUNTED}" if count > _COUNTED else str(count)
    where = f"under {inert(root_dir, limit=120)}/" if root_dir else "at the top"
    return f"found {where}, {number} {'repository' if count == 1 else 'repositories'}"


def _prefixes(store: ObjectStore) -> list[str]:
    """Prefixes one or two deep that hold a registry's layout."""
    names = [name for name in islice(store.list_dirs(""), _PREFIXES) if name not in ("docker", ".ocistore-check")]
    found = [name for name in names if _has_layout(store, name)]
    if found:
        return found
    below = (f"{name}/{child}" for name in names for child in islice(store.list_dirs(f"{name}/"), _PREFIXES))
    return [prefix for prefix in islice(below, _PREFIXES) if _has_layout(store, prefix)]


def _has_layout(store: ObjectStore, prefix: str) -> bool:
    return any(True for _ in store.list_dirs(f"{prefix}/{_LAYOUT}"))
