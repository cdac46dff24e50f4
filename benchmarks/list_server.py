"""Servers that answer listings, as a process of its own: ``python -m benchmarks.list_server KIND [ARGUMENTS]``.

``pages KEYS`` answers S3, Azure and GCS listings of a made-up bucket with so many keys, as fast as it can.
``store SHAPE LATENCY_S`` is an S3 server over a made-up registry store (see `shape`), every answer late by so much.
The port is the first line on stdout; ``/-/requests`` tells how many requests came since it was last asked.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import escape

ROOT = "docker/registry/v2/repositories/"
_DIGESTS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1000)]
Answer = tuple[int, str, bytes]
_STAMP = "2026-03-01T12:00:00"


def shape(name: str) -> Iterator[str]:
    """The keys of a store by its name: ``teams-REPOSITORIES-TAGS`` or ``flat-REPOSITORIES-TAGS``.

    ``teams`` has a hundred repositories a team, so many tags in each, and ten layers. ``flat`` has all repositories on
    the first level; the first has so many tags, each other one.
    """
    kind, repositories, tags = name.split("-")
    for number in range(int(repositories)):
        if kind == "teams":
            yield from _repository(f"team-{number // 100:02d}/app-{number % 100:02d}", int(tags), layers=10)
        else:
            yield from _repository(f"app-{number:05d}", 1 if number else int(tags), layers=1)


def _repository(name: str, tags: int, *, layers: int) -> Iterator[str]:
    for number in range(layers):
        yield f"{ROOT}{name}/_layers/sha256/{_DIGESTS[number]}/link"
    for number in range(min(tags, len(_DIGESTS))):
        yield f"{ROOT}{name}/_manifests/revisions/sha256/{_DIGESTS[number]}/link"
    for number in range(tags):
        tag = f"{ROOT}{name}/_manifests/tags/v1.{number}"
        yield f"{tag}/current/link"
        yield f"{tag}/index/sha256/{_DIGESTS[number % len(_DIGESTS)]}/link"


def serve(answer: Callable[[str, dict[str, str]], Answer], latency_s: float = 0) -> None:
    """Answer on a port of the loopback until the process is ended."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/-/requests":
                status, kind, body = 200, "text/plain", str(len(seen)).encode()
                seen.clear()
            else:
                seen.append(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
                status, kind, body = answer(parts.path, query)
                time.sleep(latency_s)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", "Sun, 01 Mar 2026 12:00:00 GMT")
            self.send_header("ETag", '"0"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)
            self.wfile.flush()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


class Pages:
    """Listings of ``count`` blobs of a registry, for whichever provider is asked for."""

    def __init__(self, count: int) -> None:
        self._count, self._step = count, 16**64 // count

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        if query.get("prefix", "").startswith("/"):  # the old place of Azure stores
            return 200, "application/xml", b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"
        if path.startswith(("/storage/v1", "/b/")):
            start = int(query.get("pageToken", "0"))
            return 200, "application/json", self._gcs(start, min(self._count, start + 1000))
        if query.get("comp") == "list":
            start = int(query.get("marker") or "0")
            return 200, "application/xml", self._azure(start, min(self._count, start + 5000))
        start = int(query.get("continuation-token", "0"))
        return 200, "application/xml", self._s3(start, min(self._count, start + 1000))

    def _key(self, number: int) -> str:
        digest = f"{number * self._step:064x}"
        return f"docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"

    def _s3(self, start: int, end: int) -> bytes:
        rows = "".join(
            f"<Contents><Key>{self._key(number)}</Key><LastModified>{_STAMP}.000Z</LastModified>"
            f"<ETag>&quot;{number:032x}&quot;</ETag><Size>{number}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for number in range(start, end)
        )
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < self._count else ""
        return _s3_page(rows, more, end - start)

    def _azure(self, start: int, end: int) -> bytes:
        rows = "".join(
            f"<Blob><Name>{self._key(number)}</Name><Properties><Creation-Time>Sun, 01 Mar 2026 12:00:00 GMT"
            "</Creation-Time><Last-Modified>Sun, 01 Mar 2026 12:00:00 GMT</Last-Modified>"
            f"<Etag>0x{number:015X}</Etag><Content-Length>{number}</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type><Content-Encoding /><Content-Language />"
            "<Content-CRC64 /><Content-MD5>1B2M2Y8AsgTpgAmY7PhCfg==</Content-MD5><Cache-Control />"
            "<Content-Disposition /><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>"
            "<AccessTierInferred>true</AccessTierInferred>"
            "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true"
            "</ServerEncrypted></Properties><OrMetadata /></Blob>"
            for number in range(start, end)
        )
        more = str(end) if end < self._count else ""
        return (
            '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://127.0.0.1/" '
            f'ContainerName="bench"><Blobs>{rows}</Blobs><NextMarker>{more}</NextMarker></EnumerationResults>'
        ).encode()

    def _gcs(self, start: int, end: int) -> bytes:
        items = [
            {"name": self._key(number), "size": str(number), "updated": f"{_STAMP}.000Z",
             "generation": str(1_700_000_000_000_000 + number), "contentType": "application/octet-stream"}
            for number in range(start, end)
        ]  # fmt: skip
        page: dict[str, object] = {"kind": "storage#objects", "items": items}
        if end < self._count:
            page["nextPageToken"] = str(end)
        return json.dumps(page).encode()


class Store:
    """An S3 bucket that can be listed and read."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = sorted(keys)

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        key = path.lstrip("/").partition("/")[2]
        if key:
            at = bisect.bisect_left(self._keys, key)
            if self._keys[at : at + 1] != [key]:
                return 404, "application/xml", b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"
            return 200, "application/octet-stream", f"sha256:{_DIGESTS[0]}".encode()
        return 200, "application/xml", self._list(query)

    def _list(self, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        limit = min(1000, int(query.get("max-keys", "1000")))
        after = query.get("continuation-token") or query.get("start-after") or ""
        at = bisect.bisect_right(self._keys, after) if after else bisect.bisect_left(self._keys, prefix)
        at = max(at, bisect.bisect_left(self._keys, prefix))
        rows: list[str] = []
        last = ""
        while at < len(self._keys) and len(rows) < limit and self._keys[at].startswith(prefix):
            key = self._keys[at]
            child, slash, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if slash:
                last = f"{prefix}{child}{slash}\U0010ffff"
                rows.append(f"<CommonPrefixes><Prefix>{quote(f'{prefix}{child}{slash}')}</Prefix></CommonPrefixes>")
                at = bisect.bisect_left(self._keys, last)
            else:
                last = key
                rows.append(
                    f"<Contents><Key>{quote(key)}</Key><LastModified>{_STAMP}.000Z</LastModified>"
                    "<ETag>&quot;0&quot;</ETag><Size>71</Size></Contents>"
                )
                at += 1
        more = at < len(self._keys) and self._keys[at].startswith(prefix)
        token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
        return _s3_page("".join(rows), token, len(rows))


def _s3_page(rows: str, more: str, count: int) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bench</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys><KeyCount>{count}</KeyCount>"
        f"<EncodingType>url</EncodingType><IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}{rows}"
        "</ListBucketResult>"
    ).encode()


if __name__ == "__main__":
    if sys.argv[1] == "pages":
        serve(Pages(int(sys.argv[2])).answer)
    else:
        serve(Store(list(shape(sys.argv[2]))).answer, float(sys.argv[3]))
