"""A client that costs little itself: raw sockets, one thread a stream, and one loop for many small requests.

    python -m benchmarks.serving_client PORT put|get|many …

Prints one JSON document. A process of its own, so that it shares no interpreter with the server.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import socket
import sys
import threading
import time

PIECE = 1 << 20


def connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=120)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def head_of(sock: socket.socket) -> tuple[bytes, bytes]:
    """Head and what came with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise SystemExit("the server closed")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def length_in(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))


def put(port: int, size: int, target: str) -> None:
    """Send one body; the target may say ``{digest}``, and the first bytes make it one nobody has."""
    raw = memoryview(os.urandom(64) + bytes(PIECE - 64))
    body = hashlib.sha256()
    for _ in range(size // PIECE):
        body.update(raw)
    method, path = target.format(digest=f"sha256:{body.hexdigest()}").split(" ")
    hashed.release()
    ready.wait()
    with connect(port) as sock:
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size // PIECE * PIECE}\r\n\r\n".encode())
        for _ in range(size // PIECE):
            sock.sendall(raw)
        head, _ = head_of(sock)
        if b" 201" not in head.split(b"\r\n")[0]:
            raise SystemExit(head.decode())


def get(port: int, path: str) -> None:
    buffer = bytearray(4 * PIECE)
    hashed.release()
    ready.wait()
    with connect(port) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, rest = head_of(sock)
        left = length_in(head) - len(rest)
        while left:
            count = sock.recv_into(buffer)
            if not count:
                raise SystemExit("the server closed")
            left -= count


def many(port: int, path: str, connections: int, requests: int) -> dict[str, float]:
    """So many small requests over so many connections, each one's next as soon as its last was answered."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n".encode()
    waiting = selectors.DefaultSelector()
    took: list[float] = []
    begun = time.monotonic()
    for _ in range(connections):
        sock = connect(port)
        sock.sendall(request)
        waiting.register(sock, selectors.EVENT_READ, [time.monotonic(), 0])
    while len(took) < requests:
        for key, _ in waiting.select(60):
            sock, state = key.fileobj, key.data
            assert isinstance(sock, socket.socket)
            data = sock.recv(65536)
            if not data:
                raise SystemExit("the server closed")
            if not state[1]:
                head, _, _ = data.partition(b"\r\n\r\n")
                state[1] = len(head) + 4 + length_in(head)
            state[1] -= len(data)
            if not state[1]:
                now = time.monotonic()
                took.append(now - state[0])
                state[0] = now
                sock.sendall(request)
    seconds = time.monotonic() - begun
    took.sort()
    median, slow = took[len(took) // 2], took[-(len(took) // 100)]
    return {"per_s": len(took) / seconds, "p50_ms": 1000 * median, "p99_ms": 1000 * slow}


ready, hashed = threading.Event(), threading.Semaphore(0)


def streams(count: int, work: object, *words: object) -> float:
    """Seconds from the start of all to the end of the last."""
    threads = [threading.Thread(target=work, args=words) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        hashed.acquire()
    begun = time.monotonic()
    ready.set()
    for thread in threads:
        thread.join()
    return time.monotonic() - begun


def main() -> None:
    port, what, *words = sys.argv[1:]
    if what == "many":
        found = many(int(port), words[0], int(words[1]), int(words[2]))
    elif what == "put":
        count, size = int(words[1]), int(words[2])
        found = {"mb_s": count * size / 1e6 / streams(count, put, int(port), size, words[0])}
    else:
        count, size = int(words[1]), int(words[2])
        found = {"mb_s": count * size / 1e6 / streams(count, get, int(port), words[0])}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
