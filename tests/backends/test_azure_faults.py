"""Azure Blob Storage when the network is not what it should be: Azurite behind a relay that cuts, loses and damages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from azure.storage.blob import ContainerClient

from ocistore_tui.backends import azure_retry
from ocistore_tui.backends.azure import AzureStore
from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import (
    Cancelled,
    IntegrityError,
    OciStoreError,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from ocistore_tui.model.digest import Digest
from tests.contracts.object_store import chunked, keys, pattern, read_all
from tests.fakes.azure_relay import (
    AzureRelay,
    answer_with,
    cut_after,
    drop,
    flip_received,
    flip_sent,
    hold_until,
    lose_reply,
    new_container,
    options_for,
    refused,
)
from tests.faults.canned import Answer

BIG = pattern(20 * MIB)
BIG_DIGEST = Digest.of(BIG)
BUSY = answer_with(refused(503, "ServerBusy"))
BLOCK, COMMIT = "^PUT .*comp=block&", "^PUT .*comp=blocklist"


@pytest.fixture
def container(azurite: str) -> Iterator[ContainerClient]:
    with new_container(azurite) as container:
        yield container


@pytest.fixture
def relay(azurite: str) -> Iterator[AzureRelay]:
    with AzureRelay(azurite) as relay:
        yield relay


@pytest.fixture
def store(relay: AzureRelay, container: ContainerClient) -> Iterator[AzureStore]:
    with AzureStore(options_for(relay.url, container.container_name, "root")) as store:
        yield store


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives up at the first failure instead of after half a minute."""
    monkeypatch.setattr(azure_retry, "RETRY_FOR_S", 0.05)


def upload(store: AzureStore, **more: object) -> str:
    return store.put_stream("big", chunked(BIG), size_bytes=len(BIG), digest=BIG_DIGEST, **more)


def stored(container: ContainerClient) -> dict[str, bytes]:
    """What is really there."""
    return {name: container.download_blob(name).readall() for name in container.list_blob_names()}


# -- reading


def test_a_passing_fault_is_not_noticed(store: AzureStore, relay: AzureRelay) -> None:
    token = store.put("k", b"data")
    for act in (BUSY, drop, lose_reply, *(answer_with(Answer(status)) for status in (408, 429, 500, 502, 504))):
        fault = relay.fault("^GET", act)
        assert store.get("k", max_bytes=10) == (b"data", token)
        assert fault.times == 0
    relay.fault("comp=list", BUSY)
    assert keys(store) == ["k"]
    relay.fault("^HEAD", BUSY)
    assert store.head("k") is not None
    relay.fault("^PUT", BUSY)
    store.put("k", b"written after all")
    assert store.get("k", max_bytes=100)[0] == b"written after all"


@pytest.mark.parametrize("size_bytes", [0, 1, 3 * MIB])
def test_a_cut_download_goes_on(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, size_bytes: int
) -> None:
    container.upload_blob("root/big", BIG)
    fault = relay.fault("^GET", cut_after(size_bytes), times=2)
    assert read_all(store.open_range("big", start=5)) == BIG[5:]
    assert fault.times == 0


@pytest.mark.usefixtures("hurried")
def test_a_download_that_is_always_cut_is_an_error(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    container.upload_blob("root/k", BIG[: 2 * MIB])
    relay.fault("^GET", cut_after(MIB), times=100)
    with pytest.raises(Unavailable, match="cannot be reached"):
        read_all(store.open_range("k"))
    with pytest.raises(Unavailable, match="cannot be reached"):
        store.get("k", max_bytes=4 * MIB)


@pytest.mark.usefixtures("hurried")
def test_a_connection_that_falls_silent_is_given_up_for_another(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    """However long that took: it is usually the network in between that forgot it."""
    store._container.connection.transport.connection_config.read_timeout = 2  # Azurite is slow at times
    release = threading.Event()
    for pattern_, run in (
        ("^GET", lambda: store.get("k", max_bytes=10)),
        ("^PUT", lambda: store.put("k", b"new")),
        (BLOCK, lambda: upload(store)),
    ):
        container.upload_blob("root/k", b"old", overwrite=True)
        fault = relay.fault(pattern_, hold_until(release))
        run()
        assert fault.times == 0
    assert not release.is_set()
    release.set()
    assert stored(container) == {"root/big": BIG, "root/k": b"old"}


@pytest.mark.parametrize("size_bytes", [0, 100])
def test_a_cut_listing_is_asked_for_again(store: AzureStore, relay: AzureRelay, size_bytes: int) -> None:
    store.put("k", b"1")
    fault = relay.fault("comp=list", cut_after(size_bytes))
    assert keys(store) == ["k"]
    assert fault.times == 0


def test_an_object_replaced_while_it_is_read_is_noticed(store: AzureStore, container: ContainerClient) -> None:
    container.upload_blob("root/k", BIG[: 12 * MIB])
    with store.open_range("k") as reader:
        reader.read(MIB)
        container.upload_blob("root/k", BIG[: 12 * MIB], overwrite=True)
        with pytest.raises(PreconditionFailed):
            list(iter(lambda: reader.read(MIB), b""))


def test_large_reads_run_ahead_in_bounded_memory(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    container.upload_blob("root/huge", pattern(64 * MIB))
    with store.open_range("huge") as reader:
        reader.read(1)
    assert 1 <= len(relay.asked("^GET .*huge")) <= store.options.concurrency + 1


def test_bytes_damaged_on_the_way_down_never_arrive_as_a_blob(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    container.upload_blob("root/big", BIG)
    relay.fault("^GET", flip_received(7))
    target = MemoryStore()
    with pytest.raises(IntegrityError):
        target.copy_from(store, "big", "copy", size_bytes=len(BIG), digest=BIG_DIGEST)
    assert target.head("copy") is None
    target.copy_from(store, "big", "copy", size_bytes=len(BIG), digest=BIG_DIGEST)


# -- writing


@pytest.mark.parametrize("condition", ["absent", "token", "none"])
def test_a_lost_reply_to_a_write_is_success(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, condition: str
) -> None:
    token = store.put("k", b"old") if condition == "token" else None
    fault = relay.fault("^PUT", lose_reply)
    written = store.put("k", b"new", if_absent=condition == "absent", if_token=token)
    assert fault.times == 0
    assert store.get("k", max_bytes=10) == (b"new", written)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"newer", if_absent=True)
    assert stored(container) == {"root/k": b"new"}


@pytest.mark.parametrize("what", [BUSY, drop, lose_reply])
@pytest.mark.parametrize("step", [BLOCK, COMMIT])
def test_an_upload_survives_lost_blocks_and_lost_replies(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, step: str, what: object
) -> None:
    fault = relay.fault(step, what)
    token = upload(store)
    assert fault.times == 0
    assert stored(container) == {"root/big": BIG}
    head = store.head("big")
    assert head is not None
    assert head.token == token
    assert list(store.list_unfinished("")) == []


@pytest.mark.parametrize("what", [BUSY, drop, lose_reply])
def test_a_replacement_survives_the_same(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, what: object
) -> None:
    store.put("big", b"of another size")
    faults = [relay.fault(BLOCK, what), relay.fault(COMMIT, what)]
    upload(store, if_absent=False)
    assert [fault.times for fault in faults] == [0, 0]
    assert stored(container) == {"root/big": BIG}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("step", [BLOCK, COMMIT])
def test_an_upload_that_cannot_be_finished_publishes_nothing(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, step: str
) -> None:
    fault = relay.fault(step, BUSY, times=3)
    with pytest.raises(Throttled):
        upload(store)
    fault.times = 0
    assert stored(container) == {}
    upload(store)
    assert stored(container) == {"root/big": BIG}
    assert list(store.list_unfinished("")) == []


@pytest.mark.usefixtures("hurried")
def test_a_commit_whose_reply_never_comes_is_an_error_and_a_good_blob(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    relay.fault(COMMIT, lose_reply)
    with pytest.raises(Unavailable):
        upload(store)
    assert stored(container) == {"root/big": BIG}
    assert upload(store), "the same upload again finds it done"


def test_the_same_blob_by_two_at_once(store: AzureStore, relay: AzureRelay, container: ContainerClient) -> None:
    def overtaken(request: object, forward: object) -> Answer:
        container.upload_blob("root/big", BIG)
        return forward(request)

    relay.fault(COMMIT, overtaken)
    token = upload(store)
    head = store.head("big")
    assert head is not None
    assert head.token == token
    assert list(store.list_unfinished("")) == []


@pytest.mark.parametrize("at", [0, 3 * MIB])
def test_bytes_damaged_on_the_way_up_are_refused_by_the_server(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, at: int
) -> None:
    relay.fault(BLOCK, flip_sent(at))
    with pytest.raises(Unavailable, match="refuses") as caught:  # Azurite has a code of its own for Md5Mismatch
        upload(store)
    assert "MD5" in caught.value.cause
    assert stored(container) == {}
    relay.fault("^PUT", flip_sent(1))
    with pytest.raises(Unavailable, match="refuses"):
        store.put("k", b"data")
    assert stored(container) == {}


# -- stopping


@pytest.mark.parametrize("step", [BLOCK, COMMIT])
def test_cancel_ends_an_upload_that_hangs(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, step: str
) -> None:
    release, cancel, hanging = threading.Event(), threading.Event(), threading.Event()
    hold = hold_until(release)

    def hang(request: object, forward: object) -> Answer:
        hanging.set()
        return hold(request, forward)

    relay.fault(step, hang)
    ended: list[tuple[OciStoreError, float]] = []

    def run() -> None:
        try:
            upload(store, cancel=cancel)
        except OciStoreError as error:
            ended.append((error, time.monotonic()))

    thread = threading.Thread(target=run)
    thread.start()
    assert hanging.wait(30)
    cancelled = time.monotonic()
    cancel.set()
    thread.join(30)
    ((error, when),) = ended
    assert isinstance(error, Cancelled)
    assert when - cancelled < 3, "the issue says a second; a busy machine may add to it"
    assert not release.is_set()
    seen = len(relay.asked(BLOCK))
    release.set()
    assert stored(container) == {}
    assert relay.asked("^DELETE") == []
    # What was left hanging ends now; it is not sent again.
    for worker in threading.enumerate():
        if worker.name.startswith("part-"):
            worker.join(10)
    assert len(relay.asked(BLOCK)) == seen
    assert stored(container) == {}


def test_cancel_ends_when_nothing_answers_any_more(store: AzureStore, relay: AzureRelay) -> None:
    release, cancel = threading.Event(), threading.Event()
    faults = [relay.fault("comp=block", hold_until(release), times=100)]

    def source() -> Iterator[bytes]:
        for chunk in chunked(BIG):
            if faults[0].times < 100:
                cancel.set()
            yield chunk
        cancel.set()

    started = time.monotonic()
    with pytest.raises(Cancelled):
        store.put_stream("big", source(), size_bytes=len(BIG), digest=BIG_DIGEST, cancel=cancel)
    assert time.monotonic() - started < 5
    assert relay.asked(COMMIT) == []
    release.set()
