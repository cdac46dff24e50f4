"""Serving: HTTP server libraries beside one another, doing the same work; then `serve` itself over a directory.

The libraries take bodies (hashed, written to a file in memory), give a file, and answer small requests; contestants
that are not installed are left out (``pip install cheroot waitress uvicorn uvloop httptools hypercorn granian``).

What came of it: threads on plain sockets, with the standard library's parser for the head of a request. In large
bodies, which are what a registry moves, they take 1.4 s of processor time for a hashed GB where event loops take 2.4
(uvicorn, granian) to 3.2 (hypercorn), and waitress, which keeps bodies in files first, 3.3; the kernel sends files;
hashing runs beside receiving on another processor; and memory is the least. cheroot comes close, and takes twice the
memory (it fails here because it keeps ten connections alive, as it comes). uvicorn and granian answer small requests
twice as fast, which a registry whose every answer costs three looks at its store (0.27 ms in all, on a directory) does
not notice; and the stores are synchronous, so that an event loop would need the threads, too.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import table
from benchmarks.serving_servers import MODULES, NAMES

MIB = 1 << 20
BODY = 400 * MIB
CONNECTIONS, REQUESTS = 50, 10_000
_TICKS = os.sysconf("SC_CLK_TCK")


def measure_serving(work: Path, *, runs: int = 3) -> list[str]:
    """All rows, as the lines of the report."""
    return [*_libraries(runs), "", *_ours(work, runs)]


class Load:
    """What the server at a port does under load: the best of several runs, for noise only ever slows."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid

    def run(self, *words: object) -> dict[str, float]:
        """What the client found, and the server's CPU seconds meanwhile."""
        before = self._cpu_s()
        command = [sys.executable, "-m", "benchmarks.serving_client", str(self.port), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr[-500:])
        found: dict[str, float] = json.loads(done.stdout)
        return {**found, "cpu_s": self._cpu_s() - before}

    def resident_mb(self, field: str = "VmRSS") -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{field}:")[2].split()[0]) / 1000

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.contextmanager
def _running(*words: str, port: int) -> Iterator[Load]:
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{words} does not listen")
            time.sleep(0.05)
        yield Load(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _libraries(runs: int) -> list[str]:
    names = [name for name in NAMES if importlib.util.find_spec(MODULES.get(name, name))]
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        with (Path(directory) / "blob").open("wb") as blob:
            blob.truncate(BODY)
        for _ in range(runs):
            for name in names:
                port = _free_port()
                with _running("-m", "benchmarks.serving_servers", name, str(port), directory, port=port) as load:
                    _loads(load, found[name], put="PUT /x", get="/blob", small="/x", size=BODY)
    said = (
        f"Libraries, the same work behind each: bodies of {BODY // MIB} MiB in all, hashed and written to memory; best "
        f"of {runs} turns, in turns. CPU is the server's."
    )
    return [said, "", *table(_HEAD, [[name, *_cells(found[name])] for name in names])]


_HEAD = ("server", "up 1 MB/s", "up 8 MB/s", "down 1 MB/s", "down 8 MB/s", "CPU s/GB up", "CPU s/GB down",
         f"small/s, {CONNECTIONS} conn.", "p99 ms", "CPU ms each", "peak MB")  # fmt: skip


def _loads(load: Load, kept: dict[str, list[float]], *, put: str, get: str, small: str, size: int) -> None:
    def keep(key: str, value: float) -> None:
        kept.setdefault(key, []).append(value)

    for count in (1, 8):
        for what, target in (("put", put), ("get", get)):
            try:
                found = load.run(what, target, count, size // count if what == "put" else size)
            except RuntimeError:
                continue
            keep(f"{what}{count}", found["mb_s"])
            if count == 1:
                keep(f"{what} cpu", -found["cpu_s"] / (size / 1e9))
    with contextlib.suppress(RuntimeError):
        found = load.run("many", small, CONNECTIONS, REQUESTS)
        keep("many", found["per_s"])
        keep("p99", -found["p99_ms"])
        keep("each", -1000 * found["cpu_s"] / REQUESTS)
    keep("peak", -load.resident_mb("VmHWM"))


def _cells(kept: dict[str, list[float]]) -> list[str]:
    """What is worse when it is more was kept as negative."""
    shown = ("put1", "put8", "get1", "get8", "put cpu", "get cpu", "many", "p99", "each", "peak")
    return [f"{abs(max(kept[key])):.{2 if 'cpu' in key or key == 'each' else 0}f}" if key in kept else "fails"
            for key in shown]  # fmt: skip


def _ours(work: Path, runs: int) -> list[str]:
    from ocistore_tui.backends.local import LocalStore
    from ocistore_tui.layout.blobs import Blobs
    from ocistore_tui.layout.repository import Repository
    from ocistore_tui.model.digest import Digest
    from tests.layout.content import image, store_image

    rows = []
    for title, parent in (("directory in memory", Path("/dev/shm")), ("directory on disk", work)):
        kept: dict[str, list[float]] = {}
        for _ in range(runs):
            directory = Path(tempfile.mkdtemp(dir=parent, prefix="serve-"))
            try:
                store = LocalStore(directory, create=True)
                store_image(store, "app", image("app"), "1.0")
                large = Blobs(store).put(bytes(BODY), Digest.of(bytes(BODY)))
                Repository(store, "app").link_layer(large)
                port = _free_port()
                with _serve(directory, port) as load:
                    _loads(load, kept, put="POST /v2/app/blobs/uploads/?digest={digest}",
                           get=f"/v2/app/blobs/{large}", small="/v2/app/manifests/1.0", size=BODY)  # fmt: skip
            finally:
                shutil.rmtree(directory)
        rows.append([f"serve, {title}", *_cells(kept)])
    said = (
        "`oci-store fs serve`: blobs are verified on their way in, and out the first time; the small request is a "
        "manifest by tag."
    )
    return [said, "", *table(_HEAD, rows), "", *_soak(work)]


@contextlib.contextmanager
def _serve(directory: Path, port: int) -> Iterator[Load]:
    words = ("-m", "ocistore_tui", "--no-tui", "--quiet", "fs", "serve", "--dir", str(directory), "--read-write",
             "--listen", f"127.0.0.1:{port}")  # fmt: skip
    with _running(*words, port=port) as load:
        yield load


def _soak(work: Path, *, requests: int = 10_000) -> list[str]:
    """Mixed requests over many connections; what is resident, open and running after each quarter."""
    from benchmarks.serving_soak import soak

    directory = Path(tempfile.mkdtemp(dir=work, prefix="soak-"))
    rows: list[list[str]] = []
    try:
        port = _free_port()
        with _serve(directory, port) as load:

            def look(done: int) -> None:
                rows.append([f"{done:,}", f"{load.resident_mb():.0f}", str(load.threads()), str(load.files())])

            soak(port, requests=requests, connections=CONNECTIONS, every=requests // 4, look=look)
    finally:
        shutil.rmtree(directory)
    kinds = "pulls, pushes in several ways, mistakes, clients that vanish"
    said = f"{requests:,} mixed requests ({kinds}) over {CONNECTIONS} connections; after so many:"
    return [said, "", *table(("requests", "resident MB", "threads", "open files"), rows)]
