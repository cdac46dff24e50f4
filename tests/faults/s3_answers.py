"""Answers of an S3 server, for `CannedServer`."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from xml.sax.saxutils import escape

from tests.faults.canned import Answer, Request

ETAG = '"0123456789abcdef0123456789abcdef"'


def refusal(status: int, code: str, message: str = "what the server said", *, region: str = "") -> Answer:
    """An error document; without a code, the bare status."""
    if not code:
        return Answer(status)
    more = f"<Region>{region}</Region>" if region else ""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(message)}</Message>{more}</Error>"
    return Answer(status, body, {"Content-Type": "application/xml"})


def page(*keys: str, more: str = "", next_token: str = "") -> Answer:
    """A listing; ``more`` is put into it as it is."""
    rows = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
        f"<ETag>{escape(ETAG)}</ETag><Size>1</Size></Contents>"
        for key in keys
    )
    following = f"<NextContinuationToken>{next_token}</NextContinuationToken>" if next_token else ""
    body = (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
        f"<IsTruncated>{'true' if next_token else 'false'}</IsTruncated>{following}{rows}{more}</ListBucketResult>"
    )
    return Answer(200, body, {"Content-Type": "application/xml"})


def always(answer: Answer) -> Callable[[Request], Answer]:
    """The same to everybody."""
    return lambda request: answer


def checking(request: Request) -> Answer:
    """What one says that checks the parts of an upload by CRC-32, and tells so."""
    answer = well(request)
    if request.method == "POST" and request.path.endswith("?uploads") and "x-amz-checksum-algorithm" in request.headers:
        return replace(answer, headers={"x-amz-checksum-algorithm": request.headers["x-amz-checksum-algorithm"]})
    told = request.headers.get("x-amz-checksum-crc32")
    if told is None:
        return answer
    if told != base64.b64encode(zlib.crc32(request.body).to_bytes(4, "big")).decode():
        return refusal(400, "XAmzContentChecksumMismatch")
    return replace(answer, headers={**answer.headers, "x-amz-checksum-crc32": told})


def well(request: Request) -> Answer:
    """What a healthy server with one object ``k`` of one byte says."""
    query = request.path.partition("?")[2]
    if request.method == "GET" and "list-type=2" in query:
        return page("k")
    if request.method == "GET" and "uploads" in query:
        return Answer(200, "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
    if request.method == "POST" and query.startswith("uploads"):
        return Answer(200, "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>")
    if request.method == "POST" and "uploadId" in query:
        return Answer(
            200, f"<CompleteMultipartUploadResult><ETag>{escape(ETAG)}</ETag></CompleteMultipartUploadResult>"
        )
    if request.method == "POST":
        return Answer(200, "<DeleteResult></DeleteResult>")
    if request.method == "DELETE":
        return Answer(204)
    if request.method == "PUT" and "x-amz-copy-source" in request.headers:
        kind = "CopyPartResult" if "partNumber" in query else "CopyObjectResult"
        return Answer(200, f"<{kind}><ETag>{escape(ETAG)}</ETag></{kind}>")
    if request.method == "PUT":
        sent = request.headers.get("x-amz-content-sha256", "")
        if len(sent) == 64 and sent != hashlib.sha256(request.body).hexdigest():
            return refusal(400, "XAmzContentSHA256Mismatch")
        return Answer(200, headers={"ETag": ETAG})
    return Answer(200, "x", {"ETag": ETAG, "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"})
