"""Stopping while the network hangs: soon, with nothing published, then or later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.s3 import S3Store
from ocistore_tui.errors import Cancelled
from ocistore_tui.model.digest import Digest
from tests.backends.s3_bed import BIG, Bed
from tests.backends.s3_buckets import without_waiting
from tests.faults.proxy import FaultProxy

FOREVER = 10**6


@pytest.fixture
def proxy(moto: str) -> Iterator[FaultProxy]:
    with FaultProxy(moto) as proxy:
        yield proxy


@pytest.fixture
def bed(moto: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Bed:
    without_waiting(monkeypatch)
    return Bed(moto, proxy)


def cancelled_while_stalled(bed: Bed, request: str, run: Callable[[threading.Event], object], **more: Any) -> float:
    """Set the signal once a request hangs; the seconds until the work ended."""
    cancel = threading.Event()
    fault = bed.proxy.fail(request, "stall", times=FOREVER, **more)
    stalled_at: list[float] = []

    def stop() -> None:
        assert fault.happened.wait(10)
        stalled_at.append(time.monotonic())
        cancel.set()

    watcher = threading.Thread(target=stop)
    watcher.start()
    with pytest.raises(Cancelled):
        run(cancel)
    watcher.join()
    return time.monotonic() - stalled_at[0]


@pytest.fixture
def patient(moto: str, proxy: FaultProxy) -> Bed:
    """As users have it: a read that hangs is given a minute."""
    bed = Bed(moto, proxy)
    bed.store = S3Store(replace(bed.store.options, read_timeout_s=60))
    return bed


@pytest.mark.parametrize(
    ("request_line", "on", "size_bytes"),
    [
        ("PUT .*/b", "request", 5),
        ("PUT .*/b", "reply", 5),
        ("POST .*uploads", "request", 20 * MIB),
        ("PUT .*partNumber=1", "request", 20 * MIB),
        ("PUT .*partNumber=3", "reply", 20 * MIB),
        ("POST .*uploadId", "request", 20 * MIB),
    ],
)
def test_cancel_ends_an_upload_that_hangs(patient: Bed, request_line: str, on: str, size_bytes: int) -> None:
    took_s = cancelled_while_stalled(
        patient, request_line, lambda cancel: patient.upload(BIG[:size_bytes], cancel=cancel), on=on
    )
    assert took_s < 3
    assert patient.content("b") in ((None, BIG[:5]) if on == "reply" else (None,))
    assert patient.unfinished() == []


def test_cancel_ends_an_upload_on_a_dead_network(patient: Bed) -> None:
    took_s = cancelled_while_stalled(
        patient, "PUT|DELETE", lambda cancel: patient.upload(cancel=cancel), on="request", after_bytes=0
    )
    assert took_s < 5
    assert patient.content("b") is None
    patient.proxy.heal()
    (left,) = patient.store.list_unfinished("")
    patient.store.abort(left)  # the next run, or a clean-up, finds what nobody could be told to drop
    assert patient.unfinished() == []


def test_cancel_ends_a_copy_that_hangs(patient: Bed) -> None:
    patient.write("from", b"hello")
    took_s = cancelled_while_stalled(
        patient,
        "PUT .*/to",
        lambda cancel: patient.store.copy_from(
            patient.store, "from", "to", size_bytes=5, digest=Digest.of(b"hello"), cancel=cancel
        ),
        on="request",
    )
    assert took_s < 3
    assert patient.content("to") is None


def test_a_cancel_while_the_sdk_tries_again_is_a_cancel(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = threading.Event()
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: cancel.set()))
    bed.proxy.fail("PUT .*partNumber=1", "reset", on="request", after_bytes=MIB)
    with pytest.raises(Cancelled):
        bed.upload(cancel=cancel)
    assert bed.proxy.count("PUT .*partNumber=1(&|$)") == 1, "the second attempt is not made"
    assert bed.content("b") is None
    assert bed.unfinished() == []


def test_an_abandoned_write_is_not_made_later(bed: Bed) -> None:
    """The thread that was left behind must not publish, once the network is back, what the user has stopped."""
    cancel = threading.Event()
    fault = bed.proxy.fail("PUT .*/b", "stall", on="request")
    stopping = threading.Thread(target=lambda: fault.happened.wait(10) and cancel.set())
    stopping.start()
    with pytest.raises(Cancelled):
        bed.upload(b"hello", cancel=cancel)
    stopping.join()
    before = {thread for thread in threading.enumerate() if thread.name.startswith("part-")}
    for thread in before:
        thread.join(10)  # its request times out, and is not sent again
    assert bed.proxy.count("PUT .*/b") == 1
    assert bed.content("b") is None
