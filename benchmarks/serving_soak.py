"""Mixed requests over many connections: pulls, pushes in every way, mistakes, and clients that vanish."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import threading
from collections.abc import Callable

UPLOADS = "/v2/{repository}/blobs/uploads/"
_LAYER_BYTES = 200_000


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


class Client:
    """One connection, asking for this and that until there have been enough requests.

    Args:
        port: Of a registry on the loopback.
        seed: Different clients do different things, the same one always the same.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._port = port
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.repository = f"team/app{seed % 7}"
        self.requests = 0
        self._pushed: list[tuple[str, str, bytes]] = []

    def ask(self, method: str, path: str, body: bytes = b"", *wanted: int, **headers: str) -> http.client.HTTPResponse:
        self.requests += 1
        self._http.request(method, path, body=body or None, headers=headers)
        answer = self._http.getresponse()
        self.body = answer.read()
        if answer.status not in wanted:
            raise AssertionError(f"{method} {path}: {answer.status} {self.body[:300]!r}")
        return answer

    def push(self) -> None:
        uploads = UPLOADS.format(repository=self.repository)
        layer, config = self._random.randbytes(self._random.randrange(_LAYER_BYTES)), b"{}"
        self.ask("POST", f"{uploads}?digest={digest_of(config)}", config, 201)
        place = self.ask("POST", uploads, b"", 202).headers["Location"]
        half = len(layer) // 2
        if half:
            self.ask("PATCH", place, layer[:half], 202, **{"Content-Range": f"0-{half - 1}"})
            self.ask("PATCH", place, layer[:half], 416, **{"Content-Range": f"0-{half - 1}"})
        self.ask("PUT", f"{place}?digest={digest_of(layer)}", layer[half:], 201)
        kinds = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar")
        named = [{"mediaType": kind, "digest": digest_of(raw), "size": len(raw)}
                 for kind, raw in zip(kinds, (config, layer), strict=True)]  # fmt: skip
        manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                               "config": named[0], "layers": named[1:]}).encode()  # fmt: skip
        tag = f"t{self._random.randrange(20)}"
        self.ask("PUT", f"/v2/{self.repository}/manifests/{tag}", manifest, 201)
        self._pushed = [*self._pushed[-5:], (digest_of(manifest), digest_of(layer), layer)]

    def pull(self) -> None:
        if not self._pushed:
            return
        manifest, blob, layer = self._random.choice(self._pushed)
        self.ask("GET", f"/v2/{self.repository}/manifests/{manifest}", b"", 200)
        self.ask("HEAD", f"/v2/{self.repository}/blobs/{blob}", b"", 200)
        self.ask("GET", f"/v2/{self.repository}/blobs/{blob}", b"", 200)
        if self.body != layer:
            raise AssertionError("a blob came back as another one")
        self.ask("GET", f"/v2/{self.repository}/tags/list?n=5", b"", 200)

    def err(self) -> None:
        uploads, wrong = UPLOADS.format(repository=self.repository), digest_of(b"wrong")
        self.ask("GET", f"/v2/{self.repository}/manifests/none", b"", 404)
        self.ask("GET", f"/v2/{self.repository}/blobs/{wrong}", b"", 404)
        self.ask("POST", f"{uploads}?digest={wrong}", self._random.randbytes(1000), 400)
        self.ask("PUT", f"/v2/{self.repository}/manifests/x", b"{", 400)
        self.ask("GET", "/v2/UPPER/tags/list", b"", 400)
        place = self.ask("POST", uploads, b"", 202).headers["Location"]
        self.ask("PATCH", place, self._random.randbytes(1000), 202)
        self.ask("DELETE", place, b"", 204)

    def vanish(self) -> None:
        """Begin to send, and go."""
        self.requests += 1
        raw = self._random.randbytes(300_000)
        self._http.putrequest("POST", f"{UPLOADS.format(repository=self.repository)}?digest={digest_of(raw)}")
        self._http.putheader("Content-Length", str(len(raw)))
        self._http.endheaders()
        self._http.send(raw[:100_000])
        self._http.close()

    def work(self) -> None:
        self._random.choices((self.push, self.pull, self.err, self.vanish), (3, 4, 2, 1))[0]()

    def close(self) -> None:
        self._http.close()


def soak(port: int, *, requests: int, connections: int, every: int, look: Callable[[int], None]) -> None:
    """So many requests in all; ``look`` is called about ``every`` so many, while no request is under way."""
    clients = [Client(port, seed) for seed in range(connections)]
    for client in clients:
        client.push()  # what is made once is made: connections, threads, directories
    failures: list[BaseException] = []

    def run(client: Client, until: int) -> None:
        try:
            while client.requests < until and not failures:
                client.work()
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            failures.append(error)

    done = 0
    while done < requests:
        done += every
        threads = [threading.Thread(target=run, args=(client, done // connections)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        look(done)
    for client in clients:
        client.close()
