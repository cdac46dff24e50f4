"""Google Cloud Storage when the network is not what it should be."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ocistore_tui.backends import gcs_client
from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.gcs import UPLOAD_SESSION_TYPE, GcsOptions, GcsStore
from ocistore_tui.errors import Cancelled, IntegrityError, NotFound, PreconditionFailed, Throttled, Unavailable
from ocistore_tui.model.digest import Digest
from tests.contracts.object_store import chunked, pattern, read_all
from tests.fakes.gcs_server import GcsServer

BIG = pattern(20 * MIB)
BIG_DIGEST = Digest.of(BIG)


@pytest.fixture
def server() -> Iterator[GcsServer]:
    with GcsServer() as server:
        server.buckets["bucket"] = {}
        yield server


@pytest.fixture
def store(server: GcsServer) -> Iterator[GcsStore]:
    with GcsStore(GcsOptions("bucket", endpoint=server.url, anonymous=True)) as store:
        yield store


def upload(store: GcsStore, **more: object) -> str:
    return store.put_stream("big", chunked(BIG), size_bytes=len(BIG), digest=BIG_DIGEST, **more)


def test_a_passing_fault_is_not_noticed(store: GcsStore, server: GcsServer) -> None:
    server.fail(2, status=503)
    token = store.put("k", b"data")
    for status in (429, 500, 502, 504):
        server.fail(1, status=status)
        assert store.get("k", max_bytes=10) == (b"data", token)
    server.fail(1, path="/o\\?", status=503)
    assert [entry.key for entry in store.list_entries("")] == ["k"]


def test_a_lasting_fault_is_given_up(store: GcsStore, server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gcs_client.RETRY_FOR_S < 60
    monkeypatch.setattr(gcs_client, "RETRY_FOR_S", 0.1)
    server.fail(10**6, status=503)
    with pytest.raises(Throttled):
        upload(store, if_absent=False)
    ((key, error),) = store.delete(["k"])
    assert key == "k"
    assert isinstance(error, Throttled)


@pytest.mark.parametrize("if_absent", [True, False])
def test_a_lost_reply_to_a_conditional_write_is_success(store: GcsStore, server: GcsServer, if_absent: bool) -> None:
    token = None if if_absent else store.put("k", b"old")
    server.fail(1, method="POST", lose_reply=True)
    written = store.put("k", b"new", if_absent=if_absent, if_token=token)
    assert store.get("k", max_bytes=10) == (b"new", written)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"newer", if_absent=True)


@pytest.mark.parametrize("cut_after", [0, 1, 9 * MIB])
def test_a_cut_download_goes_on(store: GcsStore, server: GcsServer, cut_after: int) -> None:
    upload(store)
    server.fail(3, path="alt=media", cut_after=cut_after)
    assert read_all(store.open_range("big")) == BIG


def test_large_reads_run_ahead_in_bounded_memory(store: GcsStore, server: GcsServer) -> None:
    server.store("bucket", "huge", pattern(80 * MIB))
    with store.open_range("huge") as reader:
        reader.read(1)
    asked = [target for method, target in server.requests if "alt=media" in target]
    assert 1 <= len(asked) <= store.options.concurrency + 1


def test_an_object_replaced_while_it_is_read_is_noticed(store: GcsStore, server: GcsServer) -> None:
    server.store("bucket", "k", pattern(12 * MIB))
    with store.open_range("k") as reader:
        reader.read(MIB)
        server.store("bucket", "k", pattern(12 * MIB))
        with pytest.raises(PreconditionFailed):
            list(iter(lambda: reader.read(MIB), b""))


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("what", [{"status": 503}, {"lose_reply": True}, {"status": 429}])
def test_an_upload_survives_lost_parts_and_lost_replies(
    store: GcsStore, server: GcsServer, at: int, what: dict[str, int]
) -> None:
    start = (at - 1) * 8 * MIB
    seen = server.fail(1, method="PUT", path="upload_id", range_starts=start, **what)
    token = upload(store)
    assert seen.times == 0
    assert server.buckets["bucket"]["big"].data == BIG
    assert token == str(server.buckets["bucket"]["big"].generation)
    assert server.sessions == {}


def test_bytes_damaged_on_the_way_up_are_refused_by_the_server(store: GcsStore, server: GcsServer) -> None:
    server.flip_at = 5 * MIB
    with pytest.raises(Unavailable, match="refuses"):
        upload(store)
    assert server.buckets["bucket"] == {}
    assert server.sessions == {}


def test_cancel_ends_an_upload_that_hangs(store: GcsStore, server: GcsServer) -> None:
    release, cancel = threading.Event(), threading.Event()
    fault = server.fail(1, method="PUT", hold=release)

    def source() -> Iterator[bytes]:
        for chunk in chunked(BIG):
            if not fault.times:
                cancel.set()
            yield chunk
        cancel.set()

    with pytest.raises(Cancelled):
        store.put_stream("big", source(), size_bytes=len(BIG), digest=BIG_DIGEST, cancel=cancel)
    assert server.sessions == {}, "the session was not deleted"
    assert not release.is_set()
    release.set()
    assert server.buckets["bucket"] == {}


def test_a_dropped_upload_never_publishes(store: GcsStore, server: GcsServer) -> None:
    """The client's own file-like writer publishes what it has when it is collected."""
    for after in (0, 1, 9 * MIB):
        with pytest.raises(IntegrityError):
            store.put_stream("big", chunked(BIG[:after]), size_bytes=len(BIG), digest=BIG_DIGEST)
    assert server.buckets["bucket"] == {}
    assert server.sessions == {}


def test_upload_sessions_of_a_registry_are_absent(store: GcsStore, server: GcsServer) -> None:
    server.store("bucket", "a/session", b"12", metadata={"contentType": UPLOAD_SESSION_TYPE})
    assert [entry.key for entry in store.list_entries("")] == []
    assert store.head("a/session") is None
    with pytest.raises(NotFound):
        store.get("a/session", max_bytes=10)
    with pytest.raises(NotFound):
        store.open_range("a/session").read(1)
    store.put_stream("a/session", [b"xy"], size_bytes=2, digest=Digest.of(b"xy"))
    assert store.get("a/session", max_bytes=10)[0] == b"xy"


def test_directory_markers_are_absent(store: GcsStore, server: GcsServer) -> None:
    for name in ("a/", "a/b/", "a/b/c"):
        server.store("bucket", name, b"")
    assert [entry.key for entry in store.list_entries("a/")] == ["a/b/c"]


def test_deletes_go_by_the_hundred_and_report_each(store: GcsStore, server: GcsServer) -> None:
    names = [f"k{number:03}" for number in range(250)]
    for name in names:
        server.store("bucket", name, b"1")
    server.fail(1, method="BATCH-DELETE", path="k007", status=503)
    server.fail(1, method="BATCH-DELETE", path="k123", status=403)
    failed = store.delete([*names, "never/was"])
    assert [key for key, _ in failed] == ["k123"]
    assert server.counts["batch"] == 3
    assert list(server.buckets["bucket"]) == ["k123"]


def test_a_server_without_batches_is_served_singly(store: GcsStore, server: GcsServer) -> None:
    for name in "abc":
        server.store("bucket", name, b"1")
    server.fail(10, path="/batch/", status=404)
    assert store.delete(["a", "b", "c", "d"]) == []
    assert server.buckets["bucket"] == {}


def test_a_copy_in_the_account_moves_no_bytes_through_here(store: GcsStore, server: GcsServer) -> None:
    server.buckets["other"] = {}
    server.store("bucket", "from", BIG)
    server.rewrite_step = 7 * MIB
    target, copied = GcsStore(GcsOptions("other", endpoint=server.url, anonymous=True)), []
    token = target.copy_from(store, "from", "to", size_bytes=len(BIG), digest=BIG_DIGEST, progress=copied.append)
    assert token == str(server.buckets["other"]["to"].generation)
    assert server.buckets["other"]["to"].data == BIG
    assert copied == [7 * MIB, 7 * MIB, 6 * MIB]
    assert not any("alt=media" in target for _, target in server.requests)


def test_only_what_is_asked_for_is_sent(store: GcsStore, server: GcsServer) -> None:
    store.put("k", b"1")
    store.get("k", max_bytes=5)
    list(store.list_entries(""))
    assert len(server.requests) == 3, "the client asks something of its own"
