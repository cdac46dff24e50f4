"""S3 when the network is not what it should be: the right bytes or a clean error, and never half of anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from ocistore_tui.backends.base import MIB, stream_copy
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.backends.s3 import S3Store
from ocistore_tui.errors import (
    IntegrityError,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from ocistore_tui.model.digest import Digest
from tests.backends.s3_bed import BIG, Bed
from tests.backends.s3_buckets import options, without_waiting
from tests.contracts.object_store import chunked, read_all
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.proxy import FaultProxy, http_answer
from tests.faults.s3_answers import checking, well

BUSY = http_answer(503, b"<Error><Code>SlowDown</Code></Error>")
FOREVER = 10**6


@pytest.fixture
def proxy(moto: str) -> Iterator[FaultProxy]:
    with FaultProxy(moto) as proxy:
        yield proxy


@pytest.fixture
def bed(moto: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bed]:
    without_waiting(monkeypatch)
    bed = Bed(moto, proxy)
    yield bed
    bed.store.close()


# -- downloads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_bytes", [0, 100, 3 * MIB])
@pytest.mark.parametrize("what", ["reset", "close", "stall"])
def test_a_cut_download_goes_on(bed: Bed, what: str, after_bytes: int) -> None:
    bed.write("b", BIG)
    fault = bed.proxy.fail("GET .*/b ", what, after_bytes=after_bytes, times=2)
    assert read_all(bed.store.open_range("b")) == BIG
    assert fault.times == 0
    bed.proxy.fail("GET .*/b ", what, after_bytes=after_bytes, times=2)
    assert read_all(bed.store.open_range("b", start=MIB, length=5 * MIB)) == BIG[MIB : 6 * MIB]


def test_a_cut_small_object_is_read_on(bed: Bed) -> None:
    bed.write("k", b"x" * 100_000)
    bed.proxy.fail("GET .*/k ", "close", after_bytes=50_000)
    assert bed.store.get("k", max_bytes=100_000)[0] == b"x" * 100_000
    assert bed.proxy.count("GET .*/k") == 2


def test_a_download_that_never_gets_on_is_an_error(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocistore_tui.backends.s3_reader.time.sleep", lambda _: None)
    bed.write("b", BIG)
    bed.proxy.fail("GET .*/b ", "reset", after_bytes=10, times=FOREVER)
    with pytest.raises(Unavailable, match="broke") as caught:
        read_all(bed.store.open_range("b"))
    assert "run the same command again" in caught.value.fix


def test_an_object_replaced_between_two_halves_is_noticed(bed: Bed) -> None:
    bed.write("b", b"1" * 1_000_000)
    fault = bed.proxy.fail("GET .*/b ", "close", after_bytes=500_000)
    with bed.store.open_range("b") as reader:
        assert reader.read(1) == b"1"
        assert fault.happened.wait(10)
        bed.write("b", b"2" * 1_000_000)
        with pytest.raises(PreconditionFailed):
            list(iter(lambda: reader.read(MIB), b""))


def test_a_small_object_replaced_between_two_halves_is_read_again(bed: Bed) -> None:
    bed.write("k", b"1" * 100_000)
    fault = bed.proxy.fail("GET .*/k ", "stall", after_bytes=50_000)
    replaced = threading.Thread(target=lambda: fault.happened.wait(10) and bed.write("k", b"2" * 100_000))
    replaced.start()
    assert bed.store.get("k", max_bytes=100_000)[0] == b"2" * 100_000
    replaced.join()


@pytest.mark.parametrize("size_bytes", [100_000, 20 * MIB])
def test_a_byte_flipped_on_the_way_down_is_published_nowhere(bed: Bed, size_bytes: int) -> None:
    bed.write("b", BIG[:size_bytes])
    digest = Digest.of(BIG[:size_bytes])
    fault = bed.proxy.fail("GET .*/b ", "flip", after_bytes=50_000, times=FOREVER)
    target = MemoryStore()
    with pytest.raises(IntegrityError, match="does not match its digest"):
        stream_copy(bed.store, "b", target, "b", size_bytes=size_bytes, digest=digest)
    assert fault.happened.is_set()
    assert target.head("b") is None


# -- uploads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["request", "reply"])
@pytest.mark.parametrize("what", ["reset", "close", "stall"])
@pytest.mark.parametrize("part", [1, 3])
def test_an_upload_survives_lost_parts_and_lost_replies(bed: Bed, part: int, what: str, on: str) -> None:
    after_bytes = MIB if on == "request" else 0
    fault = bed.proxy.fail(f"PUT .*partNumber={part}", what, on=on, after_bytes=after_bytes, times=2)
    stored: list[int] = []
    token = bed.upload(progress=stored.append)
    assert fault.times == 0
    assert bed.content("b") == BIG
    assert bed.store.head("b").token == token
    assert sum(stored) == len(BIG), "a part that is sent twice counts once"
    assert bed.unfinished() == []


@pytest.mark.parametrize("request_line", ["POST .*uploads", "PUT .*partNumber=2", "POST .*uploadId"])
@pytest.mark.parametrize("what", ["reset", "answer"])
def test_an_upload_that_cannot_succeed_leaves_nothing(bed: Bed, request_line: str, what: str) -> None:
    bed.proxy.fail(request_line, what, on="request", times=FOREVER, answer=BUSY)
    with pytest.raises(Throttled if what == "answer" else Unavailable) as caught:
        bed.upload()
    assert caught.value.fix
    assert bed.content("b") is None
    assert bed.unfinished() == []


@pytest.mark.parametrize("size_bytes", [5, 20 * MIB])
def test_what_was_there_stays_when_its_replacement_fails(bed: Bed, size_bytes: int) -> None:
    bed.write("b", b"as it was")
    bed.proxy.fail("PUT .*/b", "reset", on="request", after_bytes=10, times=FOREVER)
    with pytest.raises(Unavailable):
        bed.upload(BIG[:size_bytes], if_absent=False)
    assert bed.content("b") == b"as it was"
    assert bed.unfinished() == []


@pytest.mark.parametrize("size_bytes", [100_000, 20 * MIB])
@pytest.mark.parametrize("says", [well, checking])
def test_a_byte_flipped_on_the_way_up_is_refused(says: Callable[[Request], Answer], size_bytes: int) -> None:
    """The signature covers a digest of the body, or a checksum of it, and servers check it (moto does not)."""
    data = BIG[:size_bytes]
    with CannedServer(says) as server, FaultProxy(server.url) as proxy, S3Store(options(proxy.url, "bucket")) as store:
        proxy.fail("PUT ", "flip", on="request", after_bytes=50_000)
        with pytest.raises(IntegrityError, match="damaged on the way"):
            store.put_stream("b", chunked(data), size_bytes=len(data), digest=Digest.of(data), if_absent=False)
    assert proxy.count("POST .*uploadId") == 0, "nothing was published"
    assert proxy.count("DELETE .*uploadId") == proxy.count("POST .*uploads")


def test_requests_that_find_the_server_busy_are_sent_again(bed: Bed) -> None:
    token = bed.store.put("k", b"data")
    for run in (
        lambda: bed.store.get("k", max_bytes=10) == (b"data", token),
        lambda: bed.store.head("k").token == token,
        lambda: [entry.key for entry in bed.store.list_entries("")] == ["k", "unrelated"],
        lambda: bed.store.put("k", b"data", if_token=token) == token,
        lambda: bool(bed.upload()),
        lambda: bed.store.delete(["b", "k"]) == [],
    ):
        bed.proxy.fail(".", "answer", on="request", times=2, answer=BUSY)
        assert run()
        bed.proxy.heal()


@pytest.mark.parametrize("after_bytes", [20, 60, 100, 140, 180, 220])
def test_a_reply_that_ends_within_its_head_is_not_half_believed(bed: Bed, after_bytes: int) -> None:
    """To Python a head that breaks off is a shorter head, without an ETag or a length."""
    bed.write("k", b"hello")
    bed.proxy.fail(".", "close", after_bytes=after_bytes)
    token = bed.store.head("k").token
    for run in (
        lambda: bed.store.get("k", max_bytes=5) == (b"hello", token),
        lambda: [entry.key for entry in bed.store.list_entries("")] == ["k", "unrelated"],
        lambda: bed.store.put("k", b"hello", if_token=token) == token,
        lambda: bed.store.put("new", b"hello", if_absent=True) == token,
    ):
        bed.proxy.fail(".", "close", after_bytes=after_bytes)
        assert run()
    for request in ("POST .*uploads", "PUT .*partNumber=1", "POST .*uploadId"):
        bed.proxy.fail(request, "close", after_bytes=after_bytes)
    bed.upload()
    assert bed.content("b") == BIG


# -- lost replies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["reset", "close", "stall"])
@pytest.mark.parametrize("condition", ["none", "absent", "token"])
def test_a_lost_reply_to_a_write_is_success(bed: Bed, condition: str, what: str) -> None:
    token = bed.store.put("k", b"old") if condition == "token" else None
    fault = bed.proxy.fail("PUT .*/k", what)
    written = bed.store.put("k", b"new", if_absent=condition == "absent", if_token=token)
    assert fault.happened.is_set()
    assert bed.content("k") == b"new"
    assert bed.store.get("k", max_bytes=10) == (b"new", written)


def test_a_lost_reply_does_not_hide_that_somebody_else_was_first(bed: Bed) -> None:
    bed.write("k", b"theirs")
    bed.proxy.fail("PUT .*/k", "reset")
    with pytest.raises(PreconditionFailed):
        bed.store.put("k", b"ours", if_absent=True)
    assert bed.content("k") == b"theirs"


@pytest.mark.parametrize("times", [1, FOREVER])
@pytest.mark.parametrize("what", ["reset", "close", "stall"])
def test_a_lost_reply_to_the_end_of_an_upload_is_success(bed: Bed, what: str, times: int) -> None:
    """Asked again, the server knows no such upload; the object is there, so it was ours."""
    fault = bed.proxy.fail("POST .*uploadId", what, times=times)
    token = bed.upload()
    assert fault.happened.is_set()
    assert bed.content("b") == BIG
    assert bed.store.head("b").token == token
    assert bed.unfinished() == []


def test_a_lost_reply_to_the_begin_of_an_upload_leaves_one_that_is_listed(bed: Bed) -> None:
    """Its id is lost with the reply, and one of the same key may be somebody else's, so it is not guessed at."""
    bed.proxy.fail("POST .*uploads", "reset")
    bed.upload()
    assert bed.content("b") == BIG
    (left,) = bed.store.list_unfinished("")
    assert left.key == "b"
    bed.store.abort(left)
    assert bed.unfinished() == []
    assert bed.content("b") == BIG


def test_an_upload_that_somebody_aborted_is_no_success(bed: Bed) -> None:
    """The object of the same size that was there before is not taken for the one that was to come."""
    bed.write("b", bytes(len(BIG)))
    fault = bed.proxy.fail("PUT .*partNumber=3", "stall", on="request", after_bytes=MIB)

    def abort() -> None:
        assert fault.happened.wait(10)
        for upload in bed.store.list_unfinished(""):
            bed.store.abort(upload)

    other = threading.Thread(target=abort)
    other.start()
    with pytest.raises(OciStoreError):
        bed.upload(if_absent=False)
    other.join()
    assert bed.content("b") == bytes(len(BIG))


@pytest.mark.parametrize("what", ["reset", "stall"])
def test_a_lost_reply_to_a_copy_or_a_delete_is_success(bed: Bed, what: str) -> None:
    bed.write("from", b"hello")
    bed.proxy.fail("PUT .*/to", what)
    bed.store.copy_from(bed.store, "from", "to", size_bytes=5, digest=Digest.of(b"hello"))
    assert bed.content("to") == b"hello"
    bed.proxy.fail("DELETE .*/to", what)
    assert bed.store.delete(["to"]) == []
    bed.proxy.fail("POST .*delete", what)
    assert bed.store.delete(["from", "unrelated"]) == []
    assert list(bed.store.list_entries("")) == []


def test_a_missing_object_is_missing_on_a_bad_network_too(bed: Bed) -> None:
    bed.proxy.fail("GET .*/nothing", "reset", times=2)
    with pytest.raises(NotFound):
        bed.store.get("nothing", max_bytes=1)
    bed.proxy.fail("HEAD .*/nothing", "reset", times=2)
    assert bed.store.head("nothing") is None


def test_a_closed_store_connects_anew(bed: Bed) -> None:
    token = bed.store.put("k", b"1")
    bed.store.close()
    assert bed.store.get("k", max_bytes=1) == (b"1", token)
