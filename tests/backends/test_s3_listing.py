"""Listing: what it costs, and what it makes of servers that say odd things."""

from __future__ import annotations

from typing import Any

import botocore.parsers
import pytest

from ocistore_tui.backends.s3 import S3Store
from ocistore_tui.errors import Unavailable, Unsupported
from tests.backends.s3_buckets import client, new_bucket, store_at, without_waiting
from tests.contracts.object_store import put_all
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import always, page, refusal


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return without_waiting(monkeypatch)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the documents that botocore's own, slow parser is given."""
    sizes: list[int] = []
    parse = botocore.parsers.BaseXMLResponseParser._parse_xml_string_to_dom

    def counting(self: Any, document: bytes) -> Any:
        sizes.append(len(document))
        return parse(self, document)

    monkeypatch.setattr(botocore.parsers.BaseXMLResponseParser, "_parse_xml_string_to_dom", counting)
    return sizes


@pytest.mark.parametrize("listing", ["list_entries", "list_dirs"])
def test_pages_are_not_parsed_by_botocore(moto: str, parsed: list[int], listing: str) -> None:
    place = new_bucket(moto)
    with S3Store(place) as store:
        put_all(store, [f"{number:03}/link" for number in range(120)])
        parsed.clear()
        assert len(list(getattr(store, listing)(""))) == 120
    assert parsed, "botocore still makes the reply, out of a stub"
    assert max(parsed) < 200
    client(moto).list_objects_v2(Bucket=place.bucket)
    assert max(parsed) > 10_000, "the counter counts"


def test_a_listing_asks_once_a_page_and_only_when_needed() -> None:
    def answer(request: Request) -> Answer:
        return page("c") if "continuation-token" in request.path else page("a", "b", next_token="next")

    with CannedServer(answer) as server:
        entries = store_at(server).list_entries("")
        assert server.requests == []
        assert next(entries).key == "a"
        assert next(entries).key == "b"
        assert len(server.requests) == 1
        assert [entry.key for entry in entries] == ["c"]
    assert len(server.requests) == 2


@pytest.mark.parametrize("listing", ["list_entries", "list_dirs"])
def test_an_error_inside_a_200_is_not_an_empty_listing(listing: str, waited: list[float]) -> None:
    with CannedServer(always(refusal(200, "InternalError"))) as server, pytest.raises(Unavailable, match="fails"):
        list(getattr(store_at(server), listing)(""))
    assert len(server.requests) == 5, "the SDK tries it again, as it does with a 500"


def test_an_error_inside_a_200_may_pass(waited: list[float]) -> None:
    answers = iter([refusal(200, "SlowDown"), page("a", "b")])
    with CannedServer(lambda _: next(answers)) as server:
        assert [entry.key for entry in store_at(server).list_entries("")] == ["a", "b"]


def test_a_listing_that_does_not_go_on_is_not_the_end() -> None:
    with CannedServer(lambda _: page("a", next_token="same")) as server, pytest.raises(Unsupported, match="go on"):
        list(store_at(server).list_entries(""))
    assert len(server.requests) == 2


def bomb() -> str:
    """A short document that says it is 100 GB long."""
    tens = "".join(f'<!ENTITY z{at} "{f"&z{at - 1};" * 10}">' for at in range(1, 11))
    entities = f'<!ENTITY z0 "aaaaaaaaaa">{tens}'
    return f"<!DOCTYPE b [{entities}]><ListBucketResult><Name>&z10;</Name></ListBucketResult>"


@pytest.mark.parametrize(
    "body",
    [
        "<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Name>b</Name><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Name>b</Name><Contents><Key>k</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Name>b</Name><Contents><Key>k</Key><Size>many</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Name>b</Name>",
        bomb(),
    ],
    ids=["no token", "no key", "no size", "no number", "cut", "bomb"],
)
def test_a_listing_with_something_missing_is_refused(body: str) -> None:
    with CannedServer(lambda _: Answer(200, body)) as server, pytest.raises(Unsupported, match="not an S3 endpoint"):
        list(store_at(server).list_entries(""))


def test_what_rows_may_look_like() -> None:
    more = (
        "<EncodingType>url</EncodingType>"
        "<Contents><Key>a%2Fplus+space%25</Key><LastModified>2026-01-02T03:04:05Z</LastModified><Size>0</Size></Contents>"
        "<Contents><Key>a/unquoted</Key><ETag>0123</ETag><Size>7</Size></Contents>"
        "<Contents><Key>b/</Key><Size>0</Size></Contents>"
    )
    with CannedServer(lambda _: page(more=more)) as server:
        entries = list(store_at(server).list_entries(""))
    assert [(entry.key, entry.size_bytes, entry.modified, entry.token) for entry in entries] == [
        ("a/plus space%", 0, 1767323045.0, None), ("a/unquoted", 7, None, None)
    ]  # fmt: skip


def test_keys_nobody_asked_for_are_left_out() -> None:
    more = "".join(f"<CommonPrefixes><Prefix>{name}/</Prefix></CommonPrefixes>" for name in ("elsewhere", "root"))
    with CannedServer(lambda _: page("elsewhere/k", "root/k", "root2/k", more=more)) as server:
        store = store_at(server, root_dir="root")
        assert [entry.key for entry in store.list_entries("")] == ["k"]
        assert list(store.list_dirs("")) == []


def test_a_server_with_another_order_is_sorted() -> None:
    answers = {"": page("b", "a", next_token="2"), "2": page("d", "c/", "c", "a")}

    def answer(request: Request) -> Answer:
        return answers["2" if "continuation-token=2" in request.path else ""]

    with CannedServer(answer) as server:
        store = store_at(server)
        assert [entry.key for entry in store.list_entries("")] == ["a", "b", "c", "d"]
        assert [entry.key for entry in store.list_entries("", start_after="b")] == ["c", "d"]
    assert all("start-after" not in request.path for request in server.requests), "its order decides what it skips"


def test_unfinished_uploads_come_page_by_page_and_without_made_up_dates() -> None:
    def upload(key: str, day: str) -> str:
        return f"<Upload><Key>{key}</Key><UploadId>of {key}</UploadId><Initiated>{day}T00:00:00Z</Initiated></Upload>"

    def answer(request: Request) -> Answer:
        if "key-marker=root%2Fa" in request.path and "upload-id-marker=of" in request.path:
            rows = upload("root/b", "2010-11-10")  # moto's, and the documentation's, only date
        else:
            following = "<NextKeyMarker>root/a</NextKeyMarker><NextUploadIdMarker>of root/a</NextUploadIdMarker>"
            rows = "".join(upload(key, "2026-01-02") for key in ("root/a", "root2/x"))
            rows = f"<IsTruncated>true</IsTruncated>{following}{rows}"
        return Answer(200, f"<ListMultipartUploadsResult>{rows}</ListMultipartUploadsResult>")

    with CannedServer(answer) as server:
        found = list(store_at(server, root_dir="root").list_unfinished(""))
    assert [(upload.key, upload.id, upload.started) for upload in found] == [
        ("a", "of root/a", 1767312000.0), ("b", "of root/b", None)
    ]  # fmt: skip
    assert all("prefix=root%2F" in request.path for request in server.requests)
