"""Listings: read without the client's own deserialiser, lazily, in byte order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from azure.storage.blob import _list_blobs_helper

from ocistore_tui.backends.azure import AzureStore
from ocistore_tui.backends.azure_listing import in_byte_order, read_blob, read_name, read_time, without_unused
from ocistore_tui.backends.base import Entry
from ocistore_tui.errors import Unsupported
from tests.fakes.azure_relay import options_for
from tests.faults.canned import Answer, CannedServer, Request

PAGES = 3
PER_PAGE = 100


def blob(name: str, more: str = "") -> str:
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>Tue, 24 Nov 2026 14:33:15 GMT</Last-Modified>"
        f"<Etag>0x8D</Etag><Content-Length>71</Content-Length><BlobType>BlockBlob</BlobType></Properties>{more}</Blob>"
    )


def page(rows: str, marker: str = "") -> Answer:
    body = (
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://x/" ContainerName="box">'
        f"<Blobs>{rows}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    )
    return Answer(200, "\ufeff" + body, {"Content-Type": "application/xml"})


def answer(request: Request) -> Answer:
    """A few pages; the marker is the number of the next."""
    query = parse_qs(urlsplit(request.path).query)
    number = int(query.get("marker", ["0"])[0])
    names = [f"root/{number}/{each:03}" for each in range(PER_PAGE)]
    marker = str(number + 1) if number + 1 < PAGES else ""
    if "delimiter" in query:
        names = [f"root/0/{number}{each:03}/" for each in range(PER_PAGE)]
        return page("".join(f"<BlobPrefix><Name>{name}</Name></BlobPrefix>" for name in names), marker)
    return page("".join(blob(name) for name in names), marker)


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(answer) as server:
        yield server


@pytest.fixture
def store(server: CannedServer) -> AzureStore:
    return AzureStore(options_for(f"{server.url}/devstoreaccount1", "box", "root"))


@pytest.fixture
def rows_of_the_client(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The rows that the client's own deserialiser, which takes ten times as long for each, gets to see."""
    seen: list[object] = []
    original = _list_blobs_helper.get_blob_properties_from_generated_code

    def watched(row: object) -> object:
        seen.append(row)
        return original(row)

    monkeypatch.setattr(_list_blobs_helper, "get_blob_properties_from_generated_code", watched)
    return seen


def test_the_clients_own_deserialiser_sees_no_row(
    store: AzureStore, rows_of_the_client: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    original = ElementTree.fromstring

    def watched(text: Any, *more: Any) -> Any:
        parsed.append(len(text))
        return original(text, *more)

    monkeypatch.setattr(ElementTree, "fromstring", watched)
    found = list(store.list_entries(""))
    assert len(found) == PAGES * PER_PAGE
    assert found[0] == Entry("0/000", 71, 1795530795.0, "0x8D")
    assert rows_of_the_client == []
    assert len([size for size in parsed if size > 500]) == PAGES, "each page is parsed once; the client gets a stub"
    assert len(list(store.list_dirs("0/"))) == PAGES * PER_PAGE
    assert rows_of_the_client == []


def test_the_guard_would_see_it(
    store: AzureStore, rows_of_the_client: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a version of the client that goes another way, the test above would say nothing."""
    connection = store._container.connection
    monkeypatch.setattr(type(connection.transport), "_without_rows", lambda self, request, response: response)
    assert len(list(connection.container.list_blobs())) == PAGES * PER_PAGE
    assert len(rows_of_the_client) == PAGES * PER_PAGE


def test_pages_are_asked_for_as_they_are_read(store: AzureStore, server: CannedServer) -> None:
    listing = store.list_entries("")
    assert server.requests == []
    for count in range(1, PAGES * PER_PAGE):
        next(listing)
        assert len(server.requests) == (count - 1) // PER_PAGE + 1
    query = parse_qs(urlsplit(server.requests[0].path).query)
    assert query["prefix"] == ["root/"]
    assert query["maxresults"] == ["5000"]


def test_two_listings_in_one_thread_do_not_mix(store: AzureStore) -> None:
    pairs = list(zip(store.list_entries(""), store.list_entries(""), strict=True))
    assert len(pairs) == PAGES * PER_PAGE
    assert all(one == other for one, other in pairs)


def test_a_listing_starts_in_the_middle_where_the_server_can(store: AzureStore, server: CannedServer) -> None:
    assert next(store.list_entries("", start_after="1/050")).key == "1/051"
    assert parse_qs(urlsplit(server.requests[0].path).query)["startFrom"] == ["root/1/050"]
    assert next(store.list_entries("", start_after="0/ü")).key == "1/000"
    assert "startFrom" not in server.requests[-1].path


def test_names_xml_cannot_hold_are_decoded() -> None:
    element = ElementTree.fromstring('<Blob><Name Encoded="true">a%01b%2Fc</Name></Blob>')
    assert read_name(element) == "a\x01b/c"
    assert read_name(ElementTree.fromstring("<Blob><Name>a%01b</Name></Blob>")) == "a%01b"
    assert read_name(ElementTree.fromstring("<Blob/>")) == ""


@pytest.mark.parametrize(
    "sign",
    [
        "<Properties><ResourceType>directory</ResourceType></Properties>",
        "<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata>",
    ],
)
def test_directories_are_no_rows(sign: str) -> None:
    properties = "" if sign.startswith("<Properties") else "<Properties/>"
    assert read_blob(ElementTree.fromstring(f"<Blob><Name>d</Name>{properties}{sign}</Blob>")) is None


@pytest.mark.parametrize(
    "hostile",
    [
        "<Content-Length>many</Content-Length>",
        "<Last-Modified>yesterday</Last-Modified>",
        "<Last-Modified>Tue, 24 Nix 2026 14:33:15 GMT</Last-Modified>",
    ],
)
def test_a_row_of_nonsense_is_an_error_of_ours(hostile: str) -> None:
    row = f"<Blob><Name>root/k</Name><Properties>{hostile}</Properties></Blob>"
    with CannedServer(lambda request: page(row)) as server:
        store = AzureStore(options_for(f"{server.url}/devstoreaccount1", "box", "root"))
        with pytest.raises(Unsupported):
            list(store.list_entries(""))


def test_an_entity_bomb_is_refused() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(10))
    body = f"<!DOCTYPE x [{entities}]><EnumerationResults><Blobs>&e9;</Blobs></EnumerationResults>"
    with CannedServer(lambda request: Answer(200, body, {"Content-Type": "application/xml"})) as server:
        store = AzureStore(options_for(f"{server.url}/devstoreaccount1", "box", "root"))
        with pytest.raises(Unsupported):
            list(store.list_entries(""))


def test_the_time_of_a_row() -> None:
    assert read_time("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert read_time("Tue, 24 Nov 2026 14:33:15 GMT") == 1795530795


def test_names_come_in_byte_order_from_a_server_that_sorts_by_utf_16() -> None:
    names = ["a", "b\U0001f600", "b\U0001f600/x", "b\ue000", "b\uff5e", "c"]
    assert sorted(names, key=lambda name: name.encode("utf-16-be")) == names, "as .NET sorts"
    assert list(in_byte_order(iter(names), lambda name: name)) == sorted(names, key=str.encode)


AS_AZURE_SENDS = (
    "<Blob><Name>{name}</Name><VersionId>2026</VersionId><Properties>"
    "<Creation-Time>Tue, 24 Nov 2026 14:33:15 GMT</Creation-Time><Last-Modified>Tue, 24 Nov 2026 14:33:15 GMT"
    "</Last-Modified><Etag>0x8D</Etag>{more}<Content-Length>71</Content-Length><Content-Type>text/plain</Content-Type>"
    "<Content-Encoding /><Content-MD5/><BlobType>BlockBlob</BlobType><LeaseState>available</LeaseState></Properties>"
    "<Metadata><Name>theirs</Name><colour>blue</colour>{metadata}</Metadata><OrMetadata /></Blob>"
)


@pytest.mark.parametrize(
    ("name", "more", "metadata"),
    [
        ("a/b", "", ""),
        ("", "", ""),
        (escape("a/<Content-MD5>x</Content-MD5>/<b/>&amp;"), "", ""),
        ("日本/😀", "", ""),
        ("a/dir", "<ResourceType>directory</ResourceType>", ""),
        ("a/dir", "", "<hdi_isfolder>true</hdi_isfolder>"),
        ("a/b", "<ResourceType>file</ResourceType><NameX>1</NameX><Etag2>0</Etag2>", "<hdi_isfolder>no</hdi_isfolder>"),
    ],
)
def test_what_is_left_out_of_a_page_changes_no_row(name: str, more: str, metadata: str) -> None:
    whole = AS_AZURE_SENDS.format(name=name, more=more, metadata=metadata).encode()
    short = without_unused(whole)
    assert read_blob(ElementTree.fromstring(short)) == read_blob(ElementTree.fromstring(whole))
    for unused in (b"Creation-Time", b"Content-MD5/", b"BlobType", b"colour", b"OrMetadata", b"NameX", b"Etag2"):
        assert unused not in short
    rest = b"<Prefix>p</Prefix><Marker>1</Marker><MaxResults>9</MaxResults><Delimiter>/</Delimiter><NextMarker/>"
    assert without_unused(rest) == rest, "the client reads these"


def test_a_page_with_sections_is_parsed_as_it_is() -> None:
    whole = b"<Blob><Name><![CDATA[a<x/>b]]></Name><Properties><Etag>1</Etag><x/></Properties></Blob>"
    assert without_unused(whole) == whole
    row = read_blob(ElementTree.fromstring(whole))
    assert row is not None
    assert row.name == "a<x/>b"


def test_a_hostile_page_costs_no_more_than_its_length() -> None:
    """Squared, four million bytes would take hours."""
    for part in (b"<a>", b"<a", b"<a ", b"a" * 50 + b"<", b"<aaaaaaaa>x</aaaaaaab>"):
        page = part * (4_000_000 // len(part))
        assert without_unused(page) == page
    page = b"<" + b"a" * 4_000_000
    assert without_unused(page) == page
