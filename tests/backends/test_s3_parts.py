"""How the parts of an upload are checked over plain HTTP: by what the server promises, and never by nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from ocistore_tui.backends import s3_upload
from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.s3 import S3Store
from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from tests.backends.s3_buckets import options
from tests.contracts.object_store import chunked, pattern
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import checking, refusal, well

DATA = pattern(20 * MIB)
UNSIGNED, PARTS = "UNSIGNED-PAYLOAD", ["1", "2", "3"]


def forgetful(request: Request) -> Answer:
    """Promises to check, and does not say that it did."""
    answer = checking(request)
    is_part = request.method == "PUT"
    return replace(answer, headers={"ETag": answer.headers["ETag"]}) if is_part and answer.status == 200 else answer


def strict(request: Request) -> Answer:
    """Refuses what it does not know."""
    return refusal(501, "NotImplemented") if "x-amz-checksum-algorithm" in request.headers else well(request)


def upload_to(answer: Callable[[Request], Answer], *, times: int = 1) -> list[Request]:
    """What a server gets; the one sort of request answered for another object is that after the end."""
    with CannedServer(answer) as server, S3Store(options(server.url, "bucket")) as store:
        for _ in range(times):
            with contextlib.suppress(OciStoreError):
                store.put_stream("b", chunked(DATA), size_bytes=len(DATA), digest=Digest.of(DATA), if_absent=False)
        return server.requests


def parts_of(requests: list[Request]) -> list[tuple[str, bool, bool]]:
    """Number of each part sent, whether its body was signed, and whether it had a checksum."""
    return sorted(
        (
            request.path.partition("partNumber=")[2][:1],
            request.headers["x-amz-content-sha256"] != UNSIGNED,
            "x-amz-checksum-crc32" in request.headers,
        )
        for request in requests
        if request.method == "PUT"
    )


def test_a_server_that_checks_each_part_needs_no_signed_bodies() -> None:
    requests = upload_to(checking)
    assert parts_of(requests) == [(number, False, True) for number in PARTS]
    (completed,) = (request.body for request in requests if request.method == "POST" and "uploadId" in request.path)
    assert completed.count(b"<ChecksumCRC32>") == len(PARTS), "the server knows of the checksums, and wants them again"


@pytest.mark.parametrize("says", [well, strict])
def test_all_bodies_are_signed_for_a_server_that_promises_nothing(says: Callable[[Request], Answer]) -> None:
    assert parts_of(upload_to(says)) == [(number, True, False) for number in PARTS]


def test_checksums_that_were_asked_for_come_on_top_of_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has promised to look at them."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    assert parts_of(upload_to(well)) == [(number, True, True) for number in PARTS]


def test_a_part_that_was_not_checked_after_all_is_sent_again_signed() -> None:
    sent = parts_of(upload_to(forgetful))
    assert [number for number, is_signed, _ in sent if is_signed] == PARTS
    assert all(is_signed != has_checksum for _, is_signed, has_checksum in sent)


@pytest.mark.parametrize("says", [forgetful, strict])
def test_who_broke_a_promise_is_not_asked_again(says: Callable[[Request], Answer]) -> None:
    first, *later = (request for request in upload_to(says, times=2) if request.path.endswith("?uploads"))
    assert "x-amz-checksum-algorithm" in first.headers
    assert not any("x-amz-checksum-algorithm" in request.headers for request in later)


def test_a_copy_asks_for_no_checks_of_parts_we_do_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """MinIO refuses each part of a copy without a checksum where one was asked for."""
    monkeypatch.setattr(s3_upload, "COPY_WHOLE_BYTES", 8 * MIB)

    def large(request: Request) -> Answer:
        answer = checking(request)
        if request.method != "HEAD":
            return answer
        is_source = request.path.endswith("/a")
        return (
            replace(answer, headers={**answer.headers, "Content-Length": str(len(DATA))}) if is_source else Answer(404)
        )

    with CannedServer(large) as server, S3Store(options(server.url, "bucket")) as store:
        with contextlib.suppress(OciStoreError):  # the copy is not there at the end
            store.copy_from(store, "a", "b", size_bytes=len(DATA), digest=Digest.of(DATA))
        (begun,) = (request for request in server.requests if request.path.endswith("?uploads"))
    assert "x-amz-checksum-algorithm" not in begun.headers


def test_parts_that_share_room_arrive_as_they_were() -> None:
    """Many parts through a handful of buffers."""
    data = pattern(8 * MIB) * 5 + b"end"
    data = b"".join(data[at:] + data[:at] for at in (0, 1, 2))
    with CannedServer(checking) as server, S3Store(options(server.url, "bucket")) as store:
        with contextlib.suppress(OciStoreError):
            store.put_stream("b", chunked(data), size_bytes=len(data), digest=Digest.of(data), if_absent=False)
        sent = {
            int(request.path.partition("partNumber=")[2].partition("&")[0]): request.body
            for request in server.requests
            if request.method == "PUT"
        }
    assert b"".join(sent[number] for number in sorted(sent)) == data
