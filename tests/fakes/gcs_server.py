"""A small Google Cloud Storage over its JSON API, for what no emulator does: generations, conditions, pages, faults.

Honest where it matters: conditions are checked under a lock, ranges answer 206 and 416, an upload appears only when its
last byte is there and its checksum fits, and listings come in pages and byte order.
https://cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

Query = dict[str, str]


@dataclass(frozen=True)
class Stored:
    name: str
    data: bytes
    content_type: str
    generation: int
    updated: str

    def resource(self, bucket: str) -> dict[str, Any]:
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": self.name,
            "size": str(len(self.data)),
            "contentType": self.content_type,
            "generation": str(self.generation),
            "metageneration": "1",
            "updated": self.updated,
            "timeCreated": self.updated,
            "crc32c": crc32c(self.data),
            "md5Hash": base64.b64encode(hashlib.md5(self.data).digest()).decode(),
            "etag": f"E{self.generation}",
        }


@dataclass
class Session:
    bucket: str
    name: str
    query: Query
    metadata: dict[str, Any]
    data: bytearray = field(default_factory=bytearray)


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


@dataclass
class Fault:
    """What happens to requests that ``matches`` instead of, or after, being served."""

    times: int
    matches: Callable[[str, str], bool]
    status: int = 0
    """Answer this without doing anything."""
    body: bytes = b""
    content_type: str = "application/json"
    lose_reply: bool = False
    """Do the work, then close the connection without a word."""
    cut_after: int | None = None
    """Close the connection after so many bytes of the body."""
    range_starts: int | None = None
    """Only for a part of an upload that starts here."""
    hold: threading.Event | None = None
    """Wait for this before anything else."""


class GcsServer(ThreadingHTTPServer):
    """The server and all it holds; start it with ``with``."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.buckets: dict[str, dict[str, Stored]] = {}
        self.sessions: dict[str, Session] = {}
        self.finished: dict[str, Stored] = {}
        self.requests: list[tuple[str, str]] = []
        self.headers_seen: list[dict[str, str]] = []
        self.counts: Counter[str] = Counter()
        self.page_limit = 1000
        self.rewrite_step = 1 << 60
        self.flip_at: int | None = None
        """Damage the byte at this offset of resumable uploads."""
        self._faults: list[Fault] = []
        self._generations = itertools.count(1_700_000_000_000_000)
        self._ids = itertools.count(1)
        self.lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> GcsServer:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that went away is nothing to print."""

    def fail(self, times: int = 1, *, method: str = "", path: str = "", **what: Any) -> Fault:
        """Let the next ``times`` requests fail whose method and path (a pattern) fit."""
        fault = Fault(times, lambda verb, url: method in ("", verb) and re.search(path, url) is not None, **what)
        with self.lock:
            self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        with self.lock:
            self._faults.clear()

    def take_fault(self, method: str, url: str, content_range: str = "") -> Fault | None:
        with self.lock:
            for fault in self._faults:
                part = fault.range_starts is None or content_range.startswith(f"bytes {fault.range_starts}-")
                if fault.times and part and fault.matches(method, url):
                    fault.times -= 1
                    return fault
        return None

    def bucket(self, name: str) -> dict[str, Stored]:
        if name not in self.buckets:
            raise Refusal(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[name]

    def found(self, bucket: str, name: str) -> Stored:
        stored = self.bucket(bucket).get(name)
        if stored is None:
            raise Refusal(404, "notFound", f"No such object: {bucket}/{name}")
        return stored

    def check(self, query: Query, stored: Stored | None, *, prefix: str = "if") -> None:
        wanted = query.get(f"{prefix}GenerationMatch")
        if wanted is not None and int(wanted) != (stored.generation if stored else 0):
            raise Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")

    def store(self, bucket: str, name: str, data: bytes, *, query: Query | None = None, metadata: Any = None) -> Stored:
        metadata = metadata or {}
        with self.lock:
            objects = self.bucket(bucket)
            self.check(query or {}, objects.get(name))
            if metadata.get("crc32c", crc32c(data)) != crc32c(data):
                raise Refusal(400, "invalid", "Provided CRC32C does not match calculated CRC32C.")
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            kind = metadata.get("contentType", "application/octet-stream")
            stored = objects[name] = Stored(name, bytes(data), kind, next(self._generations), now)
            return stored

    def delete(self, bucket: str, name: str, query: Query) -> None:
        with self.lock:
            stored = self.found(bucket, name)
            self.check(query, stored)
            del self.bucket(bucket)[name]

    def listing(self, bucket: str, query: Query) -> dict[str, Any]:
        with self.lock:
            objects = dict(self.bucket(bucket))
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        names = sorted((name for name in objects if name.startswith(prefix)), key=str.encode)
        at = bisect_left(names, query.get("startOffset", "").encode(), key=str.encode)
        if "pageToken" in query:
            after = base64.urlsafe_b64decode(query["pageToken"])
            # After a prefix, everything under it is done.
            after += b"\xff" if after.endswith(b"/") and delimiter else b""
            at = max(at, bisect_right(names, after, key=str.encode))
        limit = min(int(query.get("maxResults", "1000")), self.page_limit)
        items: list[Any] = []
        prefixes: dict[str, None] = {}
        last = ""
        while at < len(names) and len(items) + len(prefixes) < limit:
            name = names[at]
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                items.append(objects[name].resource(bucket))
                last, at = name, at + 1
            else:
                last = name[: cut + 1]
                prefixes[last] = None
                at = bisect_right(names, last.encode() + b"\xff", key=str.encode)
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if items:
            answer["items"] = items
        if prefixes:
            answer["prefixes"] = list(prefixes)
        if at < len(names):
            answer["nextPageToken"] = base64.urlsafe_b64encode(last.encode()).decode()
        return only(answer, query.get("fields"))

    def start_session(self, bucket: str, name: str, query: Query, metadata: dict[str, Any]) -> str:
        with self.lock:
            self.check(query, self.bucket(bucket).get(name))
            number = f"session-{next(self._ids)}"
            self.sessions[number] = Session(bucket, name, query, metadata)
            return f"{self.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={number}"

    def rewrite(self, source: Stored, bucket: str, name: str, query: Query) -> dict[str, Any]:
        self.check(query, source, prefix="ifSource")
        done = int(query.get("rewriteToken", "0")) + self.rewrite_step
        size = len(source.data)
        answer: dict[str, Any] = {"kind": "storage#rewriteResponse", "objectSize": str(size)}
        if done < size:
            return answer | {"totalBytesRewritten": str(done), "done": False, "rewriteToken": str(done)}
        stored = self.store(bucket, name, source.data, query=query, metadata={"contentType": source.content_type})
        return answer | {"totalBytesRewritten": str(size), "done": True, "resource": stored.resource(bucket)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GcsServer

    def log_message(self, *_: object) -> None:
        """Nothing to say."""

    def do_GET(self) -> None:
        self.serve()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def serve(self) -> None:
        self.fault = self.server.take_fault(self.command, self.path, self.headers.get("Content-Range", ""))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            self.server.requests.append((self.command, self.path))
            self.server.headers_seen.append(dict(self.headers.items()))
        if self.fault and self.fault.hold:
            self.fault.hold.wait(30)
        if self.fault and self.fault.status:
            return self.answer(self.fault.status, self.fault.body, self.fault.content_type)
        try:
            self.route(body)
        except Refusal as refusal:
            self.answer_json(refusal_body(refusal), refusal.status)
        return None

    def route(self, body: bytes) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if url.path == "/token":  # of Google's login service
            self.server.counts["token"] += 1
            return self.answer_json({"access_token": "secret-token", "expires_in": 3600, "token_type": "Bearer"})
        if url.path == "/batch/storage/v1":
            self.server.counts["batch"] += 1
            return self.batch(body)
        if "upload_id" in query:
            return self.session(query["upload_id"], body)
        found = re.fullmatch(r"/upload/storage/v1/b/([^/]+)/o", url.path)
        if found and self.command == "POST":
            return self.upload(unquote(found[1]), query, body)
        if found := re.fullmatch(r"/storage/v1/b/([^/]+)/o/([^/]+)/rewriteTo/b/([^/]+)/o/([^/]+)", url.path):
            source_bucket, source, bucket, name = map(unquote, found.groups())
            stored = self.server.found(source_bucket, source)
            return self.answer_json(self.server.rewrite(stored, bucket, name, query))
        if found := re.fullmatch(r"/storage/v1/b/([^/]+)/o", url.path):
            self.server.counts["list"] += 1
            return self.answer_json(self.server.listing(unquote(found[1]), query))
        if found := re.fullmatch(r"(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)", url.path):
            return self.one_object(unquote(found[1]), unquote(found[2]), query)
        raise Refusal(404, "notFound", "Not Found")

    def one_object(self, bucket: str, name: str, query: Query) -> None:
        if self.command == "DELETE":
            self.server.delete(bucket, name, query)
            return self.answer(204, b"")
        with self.server.lock:
            stored = self.server.found(bucket, name)
            self.server.check(query, stored)
        if query.get("generation", str(stored.generation)) != str(stored.generation):
            raise Refusal(404, "notFound", f"No such object: {bucket}/{name}")
        if query.get("alt") != "media":
            return self.answer_json(stored.resource(bucket))
        return self.media(stored)

    def media(self, stored: Stored) -> None:
        headers = {
            "X-Goog-Generation": str(stored.generation),
            "X-Goog-Hash": f"crc32c={crc32c(stored.data)}",
            "ETag": f"E{stored.generation}",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            return self.answer(200, stored.data, stored.content_type, headers)
        size, start = len(stored.data), int(wanted[1])
        if start >= size:
            headers["Content-Range"] = f"bytes */{size}"
            return self.answer(416, b"Requested range not satisfiable", "text/html", headers)
        end = min(int(wanted[2] or size), size - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return self.answer(206, stored.data[start : end + 1], stored.content_type, headers)

    def upload(self, bucket: str, query: Query, body: bytes) -> None:
        kind = query.get("uploadType")
        if kind == "resumable":
            metadata = json.loads(body or b"{}")
            metadata.setdefault("contentType", self.headers.get("X-Upload-Content-Type", "application/octet-stream"))
            location = self.server.start_session(bucket, metadata.get("name", query.get("name", "")), query, metadata)
            return self.answer(200, b"", headers={"Location": location})
        if kind == "multipart":
            metadata, body = self.multipart(body)
        else:
            metadata = {"contentType": self.headers.get("Content-Type", ""), "name": query["name"]}
        stored = self.server.store(bucket, metadata.get("name") or query["name"], body, query=query, metadata=metadata)
        return self.answer_json(stored.resource(bucket))

    def multipart(self, body: bytes) -> tuple[dict[str, Any], bytes]:
        boundary = b"--" + re.search(r"boundary=\"?([^\";]+)", self.headers["Content-Type"])[1].encode()
        _, first, rest = body.split(boundary, 2)
        second = rest[: rest.rindex(boundary)]
        metadata = json.loads(first.split(b"\r\n\r\n", 1)[1])
        head, _, data = second.partition(b"\r\n\r\n")
        metadata.setdefault("contentType", head.decode().partition("content-type: ")[2].strip())
        return metadata, data[:-2]

    def session(self, number: str, body: bytes) -> None:
        with self.server.lock:
            session = self.server.sessions.get(number)
            if session is None and number in self.server.finished and self.command == "PUT":
                return self.answer_json(self.server.finished[number].resource("-"))
            if session is None:
                raise Refusal(404, "notFound", "no such upload")
            if self.command == "DELETE":
                del self.server.sessions[number]
                return self.answer(499, b"")
            whole = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", self.headers.get("Content-Range", ""))
            if whole is None:
                raise Refusal(400, "invalid", "Content-Range")
            if whole[1] is not None:
                start = int(whole[1])
                if start > len(session.data):
                    raise Refusal(503, "backendError", "a chunk is missing")
                if whole[3] == "*" and (start + len(body)) % (256 * 1024):
                    raise Refusal(400, "invalid", "not a multiple of 256 KiB")
                session.data[start:] = body
                if self.server.flip_at is not None and start <= self.server.flip_at < len(session.data):
                    session.data[self.server.flip_at] ^= 1
            if whole[3] != "*" and int(whole[3]) == len(session.data):
                crc = dict(session.metadata)
                for part in self.headers.get("X-Goog-Hash", "").split(","):
                    if part.startswith("crc32c="):
                        crc["crc32c"] = part.removeprefix("crc32c=")
                del self.server.sessions[number]
                stored = self.server.store(
                    session.bucket, session.name, session.data, query=session.query, metadata=crc
                )
                self.server.finished[number] = stored
                return self.answer_json(stored.resource(session.bucket))
            headers = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
        return self.answer(308, b"", headers=headers)

    def batch(self, body: bytes) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        requests: Any = BytesParser().parsebytes(head + body).get_payload()
        if len(requests) > 100:
            raise Refusal(400, "invalid", "more than 100 calls in a batch")
        answers = []
        for request in requests:
            method, target, _ = request.get_payload().split("\n", 1)[0].split(" ", 2)
            url = urlsplit(target.strip())
            found = re.fullmatch(r"/storage/v1/b/([^/]+)/o/([^/]+)", url.path)
            fault = self.server.take_fault("BATCH-" + method, url.path)
            status, payload = 204, ""
            try:
                if fault:
                    raise Refusal(fault.status, "backendError", "a fault")
                if method != "DELETE" or not found:
                    raise Refusal(400, "invalid", "only deletes")
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                self.server.delete(unquote(found[1]), unquote(found[2]), query)
            except Refusal as refusal:
                status, payload = refusal.status, json.dumps(refusal_body(refusal))
            answers.append(
                f"--batch\r\nContent-Type: application/http\r\nContent-ID: <response-{request['Content-ID']}>\r\n\r\n"
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(payload)}\r\n\r\n{payload}\r\n"
            )
        self.answer(200, ("".join(answers) + "--batch--").encode(), "multipart/mixed; boundary=batch")

    def answer_json(self, body: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(body).encode(), "application/json; charset=UTF-8")

    def answer(
        self, status: int, body: bytes, content_type: str = "text/plain", headers: dict[str, str] | None = None
    ) -> None:
        fault = self.fault
        if fault and fault.lose_reply:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault and fault.cut_after is not None:
            self.wfile.write(body[: fault.cut_after])
            self.close_connection = True
            return
        if self.command != "HEAD":
            self.wfile.write(body)


def crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(bytes(data)).digest()).decode()


def only(answer: dict[str, Any], fields: str | None) -> dict[str, Any]:
    """A listing cut down to ``fields``, as in ``kind,items(name,size)``."""
    if not fields:
        return answer
    inner = re.search(r"items\(([^)]*)\)", fields)
    names = re.sub(r"\([^)]*\)", "", fields).split(",")
    kept = {name: value for name, value in answer.items() if name in names}
    if inner and "items" in kept:
        wanted = inner[1].split(",")
        kept["items"] = [{name: item[name] for name in wanted if name in item} for item in kept["items"]]
    return kept


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    detail = {"message": refusal.message, "domain": "global", "reason": refusal.reason}
    return {"error": {"code": refusal.status, "message": refusal.message, "errors": [detail]}}
