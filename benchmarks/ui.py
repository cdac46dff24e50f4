"""The terminal UI: first paint, a hundred thousand rows, keys while transfers run, requests for a large bucket."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import pty
import select
import shutil
import statistics
import struct
import sys
import tarfile
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.listing import LATENCY_S, requests_of, server
from benchmarks.report import spread, table

SIZE = (120, 36)
REPOSITORIES, TAGS = 2000, 50
KEYS = 120
TRANSFERS, LAYER_BYTES = 4, 1_500_000_000
RUNS = 7
_UPDATES_S = 10.0


class Pty:
    """A program on a terminal that only listens."""

    def __init__(self, command: Sequence[str], env: dict[str, str], cwd: Path) -> None:
        self.started = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], list(command), env)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self.received = 0

    def until(self, text: bytes, *, timeout_s: float = 60) -> float:
        """Seconds until the program has written ``text``; the moment counts from here."""
        begun = time.perf_counter()
        kept = b""
        while time.perf_counter() - begun < timeout_s:
            if not select.select([self._fd], [], [], 0.5)[0]:
                continue
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                break
            self.received += len(data)
            kept = kept[-len(text) * 4 :] + data
            if text in kept:
                return time.perf_counter() - begun
        raise RuntimeError(f"never wrote {text!r}; last {kept[-400:]!r}")

    def drain(self, seconds: float) -> int:
        """Read for a while; how many bytes came."""
        before, end = self.received, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                self.received += len(os.read(self._fd, 65536))
        return self.received - before

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._fd, keys)

    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """End it as a closed terminal does, and wait for it."""
        os.kill(self.pid, 15)
        with contextlib.suppress(OSError):
            while os.read(self._fd, 65536):
                pass
        os.waitpid(self.pid, 0)
        os.close(self._fd)


def measure_ui(work: Path) -> list[str]:
    """All rows, as the lines of the report."""
    with tempfile.TemporaryDirectory(prefix="ui-", dir=work) as name:
        home = Path(name)
        rows = [*_first_paint(home), *asyncio.run(_rows(home)), *_keys(home), *_dock(home), *_large_bucket(home)]
    return table(["what", "seen", "target"], rows)


def _env(home: Path) -> dict[str, str]:
    others = ("AWS_", "DOCKER_", "SSH_", "CI")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    return {
        **kept, "HOME": str(home), "OCISTORE_CACHE": str(home / "cache"), "OCISTORE_CONFIG": str(home / "config.toml"),
        "XDG_DATA_HOME": str(home / "data"), "XDG_STATE_HOME": str(home / "state"), "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor", "DOCKER_HOST": f"unix://{home}/none.sock",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }  # fmt: skip


def _program(home: Path, arguments: Sequence[str], *, slots: int = 2) -> tuple[Pty, Path]:
    report = home / "late.json"
    module = [sys.executable, "-m", "benchmarks.ui_program"]
    command = [*module, str(report), str(slots), str(home / "archives"), *arguments]
    return Pty(command, _env(home), home), report


def _first_paint(home: Path) -> Iterator[list[str]]:
    """The program on a store that is remembered, until a remembered row is on the screen."""
    from ocistore_tui.model.listing import Remembered, RepositoryRow, TagRow
    from ocistore_tui.wiring import Place, open_service

    store = home / "remembered"
    names = [f"team{index % 20}/app-{index}" for index in range(REPOSITORIES)]
    for name in names:
        (store / "docker/registry/v2/repositories" / name / "_manifests/tags").mkdir(parents=True)
    tags = {name: tuple(TagRow(f"1.{tag}", pushed=1.7e9 + tag) for tag in range(TAGS)) for name in names}
    seen = Remembered(time.time() - 7200, tuple(RepositoryRow(name, True) for name in names), True, tags)
    walls: list[float] = []
    cpus: list[float] = []
    for turn in range(RUNS + 1):
        with _environment(_env(home)), open_service(Place("fs", options={"dir": str(store)})) as service:
            service.remember(seen)
        program = Pty([str(Path(sys.executable).with_name("ocistore-tui")), str(store)], _env(home), home)
        program.until(b"team0/app-0")
        if turn:
            walls.append(time.perf_counter() - program.started)
            cpus.append(program.cpu_s())
        program.end()
    what = f"first paint of a remembered store ({REPOSITORIES} repositories, {REPOSITORIES * TAGS} tags)"
    yield [f"{what}, wall s", spread(walls), "≤ 0.6"]
    yield [f"{what}, process s", spread(cpus), "≤ 0.4"]


async def _rows(home: Path) -> list[list[str]]:
    """The right list with a hundred thousand tags, from the model to the lines of the screen."""
    from ocistore_tui.model.listing import RepositoryRow, TagRow
    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.ports import Opening
    from ocistore_tui.tui.rows.filter import Filter
    from ocistore_tui.tui.rows.order import Order
    from ocistore_tui.wiring.stores import LocalStores

    repositories = [RepositoryRow(f"team{index % 20}/app-{index}", True) for index in range(REPOSITORIES)]
    tags = {
        row.name: [TagRow(f"1.{tag}.{index % 7}", pushed=1e9 + index * 100 + tag) for tag in range(TAGS)]
        for index, row in enumerate(repositories)
    }
    (home / "empty").mkdir()
    seen: dict[str, list[float]] = {"show": [], "filter": [], "sort": []}

    async def once(app: OcistoreApp) -> None:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause(1)
            pane = app.main_screen.bucket
            model = pane.model

            def timed(name: str, change: Callable[[], None]) -> None:
                begun = time.perf_counter()
                change()
                pane.redraw()
                app.screen._compositor.render_strips()  # noqa: SLF001 - what is painted
                seen[name].append((time.perf_counter() - begun) * 1000)

            def show() -> None:
                model.add_repositories(repositories)
                for row in repositories:
                    model.add_stubs(row.name, tags[row.name], is_whole=True)
                    model.fold(row.name, is_open=True)

            def filter_by(text: str) -> None:
                model.filter = Filter(text)
                model.rebuild()

            def sort_by(by: str) -> None:
                model.order = Order(by)
                model.rebuild()

            pane.feed.look = lambda _: None  # no store behind these rows
            timed("show", show)
            for text in ("app-19", "1.4", "team7 1.1"):
                timed("filter", partial(filter_by, text))
            filter_by("")
            model.is_flat = True
            for by in ("name", "pushed"):
                timed("sort", partial(sort_by, by))

    with _environment(_env(home)):
        stores = LocalStores()
        for _ in range(3):
            await once(OcistoreApp(Opening(stores.parse(str(home / "empty"))), stores))
    budget = {"show": "≤ 150", "filter": "≤ 100", "sort": "≤ 300"}
    return [[f"100,000 rows: {name}, ms", spread(values), budget[name]] for name, values in seen.items()]


def _keys(home: Path) -> Iterator[list[str]]:
    """Cursor keys in a list of a thousand tags: alone, and while four real pushes run."""
    store, archives = home / "store", home / "archives"
    _store_of_tags(home, store)
    archives.mkdir()
    for number in range(TRANSFERS):
        write_archive(archives / f"big{number}.tar", f"bench/big{number}:1", LAYER_BYTES, number)
    for busy in (False, True):
        program, report = _program(home, [str(store)], slots=TRANSFERS)
        program.until(b"bench/many")
        program.drain(1.5)
        program.press(b"2ss")  # by size, by name … until the order is by name
        program.drain(0.5)
        program.press(b"l")
        program.until(b"t0003")
        program.drain(1.5)
        if busy:
            _push_all(program)
            program.until(b"running")
            program.press(b"2")
            program.drain(0.3)
        begun = time.monotonic()
        seen: list[float] = []
        program.press(b"j")
        program.drain(0.3)
        for number in range(1, KEYS):
            program.press(b"j")
            seen.append(program.until(b"t%04d" % number, timeout_s=20) * 1000)
            program.drain(0.03)
        ended = time.monotonic()
        program.end()
        late = [lag * 1000 for at, lag in json.loads(report.read_text()) if begun <= at <= ended]
        words = f"{TRANSFERS} real pushes running" if busy else "idle"
        yield [f"key to paint, {words}, ms: median / p95", _percentiles(seen), "p95 ≤ 80" if busy else "p95 ≤ 30"]
        yield [f"event loop late, {words}, ms: median / p95", _percentiles(late), "p95 ≤ 50"]


def _push_all(program: Pty) -> None:
    """All archives of the left side are marked and pushed."""
    program.press(b"1")
    program.drain(0.5)
    program.press(b"*p")
    program.until(b"(Enter)")
    program.drain(2.0)
    program.press(b"\r")


def _dock(home: Path) -> Iterator[list[str]]:
    """What the dock costs at ten updates a second of four transfers, against the same program doing nothing."""
    costs: dict[str, tuple[float, int]] = {}
    for what in ("idle", "busy"):
        command = [sys.executable, "-m", "benchmarks.ui_dock", what]
        program = Pty(command, _env(home), home)
        program.until(b"Transfers" if what == "busy" else b"prod-images")
        program.drain(2.0)
        before = program.cpu_s()
        received = program.drain(_UPDATES_S)
        costs[what] = (program.cpu_s() - before, received)
        program.end()
    share = (costs["busy"][0] - costs["idle"][0]) / _UPDATES_S * 100
    sent = costs["busy"][1] / _UPDATES_S / 1024
    yield ["dock of 4 transfers at 10 updates a second, % of a core", f"{share:.1f}", "≤ 6"]
    yield ["the same, KiB/s to the terminal", f"{sent:.0f}", ""]


def _large_bucket(home: Path) -> Iterator[list[str]]:
    """Opening a bucket of 10,000 repositories: requests and time until its first rows are there."""
    for tags in (1_000, 100_000):
        with server("store", f"flat-10000-{tags}", str(LATENCY_S)) as url:
            keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
            env = {**_env(home), **keys, "AWS_ENDPOINT_URL": url, "OCISTORE_CACHE": str(home / f"cache{tags}")}
            requests_of(url)
            program = Pty([str(Path(sys.executable).with_name("ocistore-tui")), "s3://bench"], env, home)
            program.until(b"app-00005")
            seen = time.perf_counter() - program.started
            program.drain(8.0)
            what = f"opening a bucket of 10,000 repositories, {tags:,} tags in the first"
            yield [f"{what}: first rows, wall s", f"{seen:.2f}", "≤ 1"]
            yield [f"{what}: requests until it is quiet", str(requests_of(url)), "≤ 60 + pages"]
            program.end()


def _percentiles(values: Sequence[float]) -> str:
    cuts = statistics.quantiles(values, n=20)
    return f"{statistics.median(values):.0f} / {cuts[18]:.0f}"


@contextlib.contextmanager
def _environment(env: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _store_of_tags(home: Path, store: Path) -> None:
    """One repository with a thousand tags of one small image."""
    from ocistore_tui.model.plan import PushRequest
    from ocistore_tui.model.reference import Reference
    from ocistore_tui.wiring import Place, open_service

    small = home / "small.tar"
    write_archive(small, "bench/many:t0000", 10_000, 99)
    with _environment(_env(home)), open_service(Place("fs", options={"dir": str(store)})) as service:
        target = Reference("bench/many", "t0000")
        service.push(service.plan_push(PushRequest(target, image=f"docker-archive:{small}:bench/many:t0000")))
    tags = store / "docker/registry/v2/repositories/bench/many/_manifests/tags"
    for number in range(1, 1000):
        shutil.copytree(tags / "t0000", tags / f"t{number:04d}")


def write_archive(path: Path, name: str, layer_bytes: int, seed: int) -> None:
    """A docker archive of one layer, half of it random, written without holding it."""
    block = os.urandom(2**20) + (b"%08d" % seed) * (2**17)
    blocks = max(1, layer_bytes // len(block))
    digest = hashlib.sha256()
    head = tarfile.TarInfo("data")
    head.size = blocks * len(block)
    start, tail = head.tobuf(), b"\0" * 1024
    for piece in (start, *[block] * blocks, tail):
        digest.update(piece)
    config = json.dumps(
        {
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest.hexdigest()}"]},
        }
    ).encode()  # fmt: skip
    named = hashlib.sha256(config).hexdigest()
    manifest = json.dumps([{"Config": f"{named}.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with path.open("wb") as file:
        for member, data in (("manifest.json", manifest), (f"{named}.json", config)):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            file.write(info.tobuf() + data + b"\0" * (-len(data) % 512))
        info = tarfile.TarInfo("layer.tar")
        info.size = len(start) + blocks * len(block) + len(tail)
        file.write(info.tobuf())
        for piece in (start, *[block] * blocks, tail):
            file.write(piece)
        file.write(b"\0" * (-info.size % 512) + b"\0" * 1024)
