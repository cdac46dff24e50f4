"""Listing: pages parsed in one go, in byte order also where the server has another one.

botocore needs 63 ms of CPU for a page of 1,000 keys. A ``before-parse`` handler takes the rows out of the reply first
and leaves it a short document; signing, retries and redirects stay botocore's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from ocistore_tui.backends.base import Entry
from ocistore_tui.errors import Unsupported

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PAGE = "OcistorePage"
_STUB = b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult></ListBucketResult>'


@dataclass(frozen=True, slots=True)
class Page:
    """One reply to a listing."""

    entries: list[Entry]
    dirs: list[str]
    """The common prefixes, with the ``/`` at their end."""
    next_token: str | None
    headers: dict[str, Any] = field(default_factory=dict)
    """The reply's, with lower-case names."""


def install_parser(client: S3Client) -> None:
    """Let listings of this client come as `Page`."""
    # The wildcard puts it before botocore's own handler for errors in a 200, which would parse the whole page, too.
    client.meta.events.register("before-parse.*.ListObjectsV2", _take_page)


def _take_page(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    if response_dict["status_code"] != 200:
        return
    try:
        page = parse_page(response_dict["body"])
    except (ElementTree.ParseError, ValueError, TypeError):
        page = None
    if page is None and b"<Error" in response_dict["body"][:500]:
        return  # botocore knows an error that comes as a 200, and tries again
    customized_response_dict[_PAGE] = page
    response_dict["body"] = _STUB


def parse_page(body: bytes) -> Page | None:
    """The page in a ``ListBucketResult`` document; None when it is another kind of document.

    A real listing always has ``Name``; without it, a login page of some proxy would pass for an empty bucket.

    Raises:
        ElementTree.ParseError: not XML.
        ValueError: a row without what every row has.
    """
    root = ElementTree.fromstring(body)  # noqa: S314 - expat refuses entity bombs since 2.4.1
    space, brace, name = root.tag.rpartition("}")
    space += brace
    if name != "ListBucketResult" or root.find(f"{space}Name") is None:
        return None
    decode: Callable[[str], str] = unquote_plus if root.findtext(f"{space}EncodingType") == "url" else str
    tags = tuple(f"{space}{tag}" for tag in ("Key", "Size", "LastModified", "ETag"))
    entries = [_entry(row, tags, decode) for row in root.iter(f"{space}Contents")]
    dirs = [decode(row.findtext(f"{space}Prefix") or "") for row in root.iter(f"{space}CommonPrefixes")]
    more = root.findtext(f"{space}IsTruncated") == "true"
    token = root.findtext(f"{space}NextContinuationToken") or None
    if more and token is None:
        raise ValueError("more keys, and no way to get at them")
    return Page(entries, dirs, token if more else None)


def _entry(row: ElementTree.Element, tags: tuple[str, ...], decode: Callable[[str], str]) -> Entry:
    key_tag, size_tag, modified_tag, etag_tag = tags
    key = token = None
    size_bytes, modified = -1, None
    for column in row:
        tag = column.tag
        if tag == key_tag:
            key = column.text or ""
        elif tag == size_tag:
            size_bytes = int(column.text or "")
        elif tag == modified_tag:
            modified = datetime.fromisoformat(column.text or "").timestamp()
        elif tag == etag_tag:
            # Headers always have quotes (RFC 9110 8.8.3); a server that leaves them out here needs another token there.
            token = column.text if (column.text or "").endswith('"') else None
    if key is None or size_bytes < 0:
        raise ValueError("a row without key or size")
    return Entry(decode(key) if "%" in key or "+" in key else key, size_bytes, modified, token)


class Lister:
    """Walks a bucket; ``page`` does the request.

    AWS and its grown-up relatives list in byte order, and are streamed page by page. Where a page comes in another
    order (rclone walks directories), the whole listing is read and sorted before the rest is given out, and from then
    on every listing of this server is. Should the first disorder show only on a later page of the first listing, what
    went out before was in order in itself but may have wanted keys in between; `is_ordered` tells.
    """

    def __init__(self, fetch: Callable[..., Page]) -> None:
        self._fetch = fetch
        self.is_ordered = True
        """Whether no disorder was ever seen."""

    def entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """Every entry below ``prefix`` (full keys) once, in order, without directory markers."""
        first = start_after or ""  # asked of the server too, but some drop nothing
        last = ""
        for page in self._sorted_pages(prefix, start_after, "", _keys):
            for entry in page.entries:
                key = entry.key
                if key > first and key != last and key.startswith(prefix) and not key.endswith("/"):
                    yield entry
                    last = key

    def dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """Every common prefix below ``prefix`` once, in the server's order, that is of ``name/``."""
        seen = ""
        for page in self._sorted_pages(prefix, start_after, "/", _prefixes):
            for name in page.dirs:
                if name != seen and name.startswith(prefix):
                    yield name
                    seen = name

    def _sorted_pages(
        self, prefix: str, start_after: str | None, delimiter: str, names: Callable[[Page], list[str]]
    ) -> Iterator[Page]:
        held: list[Page] = []
        last = ""
        for page in self._pages(prefix, start_after if self.is_ordered else None, delimiter):
            found = names(page)
            if self.is_ordered:
                if found and (found[0] < last or any(map(_after, found, found[1:]))):
                    self.is_ordered = False
                elif found:
                    last = found[-1]
            if self.is_ordered:
                yield page
            else:
                held.append(page)
        if held:
            entries = sorted((entry for page in held for entry in page.entries), key=lambda entry: entry.key)
            yield Page(entries, sorted({name for page in held for name in page.dirs}), None)

    def _pages(self, prefix: str, start_after: str | None, delimiter: str) -> Iterator[Page]:
        token: str | None = None
        while True:
            page = self._fetch(prefix, start_after=start_after, delimiter=delimiter, token=token)
            yield page
            if page.next_token is None:
                return
            if page.next_token == token:
                raise Unsupported(
                    "the server's listing does not go on",
                    where=prefix,
                    cause="it gives the same continuation token again",
                    fix="use another server; what lies beyond cannot be seen",
                )
            token = page.next_token


def _after(one: str, other: str) -> bool:
    return one > other


def _keys(page: Page) -> list[str]:
    return [entry.key for entry in page.entries]


def _prefixes(page: Page) -> list[str]:
    return page.dirs


def page_of(reply: Any) -> Page | None:
    """The page a listing of a client with `install_parser` brought; None when the reply was no listing."""
    page = reply.get(_PAGE)
    return replace(page, headers=reply["ResponseMetadata"]["HTTPHeaders"]) if isinstance(page, Page) else None
