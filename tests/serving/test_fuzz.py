"""Whatever comes over the wire: an answer in HTTP or none, no fault of ours, and nothing in the store but blobs."""

from __future__ import annotations

import socket
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.connection import Connection
from ocistore_tui.serving.limits import Limits
from ocistore_tui.serving.registry import Registry
from tests.layout.content import image, keys, store_image
from tests.serving.asking import EVERYTHING

IMAGE = image("app")
LIMITS = Limits(head_s=2, idle_s=2, silence_s=2, linger_s=0.1)
TARGETS = [
    "/v2/", "/v2/_catalog?n=1", "/v2/app/tags/list?n=5&last=a", "/v2/app/manifests/1.0", "/v2/app/blobs/uploads/",
    f"/v2/app/blobs/{Digest.of(IMAGE.blobs[1])}", f"/v2/app/referrers/{IMAGE.digest}", "/v2/app/blobs/uploads/x",
    f"/v2/app/blobs/uploads/?digest={Digest.of(b'hello')}", f"/v2/app/blobs/uploads/?mount={IMAGE.digest}&from=app",
]  # fmt: skip
HEADERS = [
    "Content-Length: 5", "Transfer-Encoding: chunked", "Range: bytes=0-3", "Content-Range: 0-4", "If-Match: *",
    "Expect: 100-continue", "Connection: close", "Content-Type: application/vnd.oci.image.index.v1+json",
]  # fmt: skip
SEED = st.builds(
    lambda method, target, headers, body: (
        (f"{method} {target} HTTP/1.1\r\nHost: x\r\n" + "".join(f"{one}\r\n" for one in headers) + "\r\n").encode()
        + body
    ),
    st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]),
    st.sampled_from(TARGETS),
    st.lists(st.sampled_from(HEADERS), max_size=4),
    st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", IMAGE.raw]),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that could be one, with a few bytes of it changed, lost or come to it."""
    raw = bytearray(draw(SEED))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(raw)))
        raw[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(raw)


@settings(max_examples=250, deadline=None)
@given(raw=st.one_of(requests(), st.lists(requests(), max_size=3).map(b"".join), st.binary(max_size=200)))
def test_anything_at_all(raw: bytes) -> None:
    store = MemoryStore()
    store_image(store, "app", IMAGE, "1.0")
    registry = Registry(store, rules=EVERYTHING)
    theirs, ours = socket.socketpair()
    connection = Connection(
        ours, "peer", limits=LIMITS, tls=None, answer=lambda request: ("", registry.answer(request)),
        log=lambda answered: None, stopping=lambda: False,
    )  # fmt: skip
    raised: list[BaseException] = []

    def run() -> None:
        try:
            connection.run()
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    with theirs:
        theirs.settimeout(20)
        theirs.sendall(raw)
        theirs.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: theirs.recv(65536), b""))
    thread.join(20)
    registry.close()
    assert raised == []
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b"HTTP/1.1 500" not in answer
    for key in keys(store):
        parsed = paths.parse(key)
        assert parsed is not None, key
        if parsed.kind is paths.Kind.BLOB:
            assert Digest.of(store.get(key, max_bytes=10_000)[0]) == parsed.digest
