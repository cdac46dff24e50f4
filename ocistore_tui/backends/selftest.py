"""The steps of `ObjectStore.check` that are the same on every store in a cloud."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

from ocistore_tui.backends.base import Finding, ObjectStore
from ocistore_tui.errors import AccessDenied, OciStoreError, PreconditionFailed, UsageError

CLOCK_LIMIT_S = 300.0
"""Clouds refuse signatures that are further off than five to fifteen minutes."""


def check_store(
    store: ObjectStore, connect: Callable[[], object], clock_offset_s: Callable[[], float | None], *, write: bool
) -> Iterator[Finding]:
    """Sign in, reach and list, compare clocks, read, and with ``write`` write, try conditions and tidy up."""
    try:
        connect()
    except OciStoreError as error:
        yield Finding("sign in", False, error.message, error)
        return
    started = time.monotonic()
    try:
        first = next(store.list_entries(""), None)
    except OciStoreError as error:
        refused = isinstance(error, AccessDenied)
        yield Finding("reach", refused, error.message, None if refused else error)
        if refused:
            yield Finding("list", False, error.message, error)
        yield from _check_clock(clock_offset_s())
        return
    yield Finding("reach", True, f"answered in {(time.monotonic() - started) * 1000:.0f} ms")
    yield Finding("list", True, "" if first else "nothing there yet")
    yield from _check_clock(clock_offset_s())
    if first is None:
        yield Finding("read", None, "nothing there to read")
    else:
        yield _step("read", lambda: store.head(first.key))
    if write:
        yield from _check_writing(store)
    else:
        yield Finding("write", None, "not tried")


def clock_offset_s(date: str | None) -> float | None:
    """How far this machine's clock is ahead of the ``Date`` of an answer; None without one that can be read."""
    try:
        return time.time() - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None


def _check_clock(offset_s: float | None) -> Iterator[Finding]:
    if offset_s is None:
        return
    detail = f"{abs(offset_s):.0f} s {'ahead of' if offset_s > 0 else 'behind'} the server"
    if abs(offset_s) < CLOCK_LIMIT_S:
        yield Finding("clock", True, detail)
    else:
        error = UsageError("this machine's clock is wrong", cause=detail, fix="set the clock, best by NTP")
        yield Finding("clock", False, detail, error)


def _check_writing(store: ObjectStore) -> Iterator[Finding]:
    key = f".ocistore-check/{uuid.uuid4().hex}"
    try:
        token = store.put(key, b"first")
    except OciStoreError as error:
        yield Finding("write", False, error.message, error)
        return
    yield Finding("write", True)
    kept = []
    for condition in ({"if_absent": True}, {"if_token": token + "0"}):
        try:
            store.put(key, b"second", **condition)
        except PreconditionFailed:
            kept.append(condition)
        except OciStoreError as error:
            yield Finding("conditions", False, error.message, error)
            break
    else:
        honoured = len(kept) == 2
        detail = "" if honoured else "ignored by this server: of two writers the last one wins"
        yield Finding("conditions", True if honoured else None, detail)
    failed = store.delete([key])
    yield Finding("delete", not failed, failed[0][1].message if failed else "", failed[0][1] if failed else None)


def _step(name: str, run: Callable[[], object]) -> Finding:
    try:
        run()
    except OciStoreError as error:
        return Finding(name, False, error.message, error)
    return Finding(name, True)
