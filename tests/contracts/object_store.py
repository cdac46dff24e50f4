"""What every store promises, sentence by sentence of `ocistore_tui.backends.base`.

Subclass `ObjectStoreContract` as ``Test…``, override the ``store`` fixture with an empty store, and where possible
``missing_store`` (a store whose bucket or directory does not exist) and `leave_unfinished`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocistore_tui.backends.base import MIB, ObjectStore, RangeReader
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import (
    Cancelled,
    IntegrityError,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    StoreMissing,
    Unavailable,
)
from ocistore_tui.model.digest import Digest

BIG_BYTES = 20 * MIB
ODD_NAMES = (
    "space in it", "percent%2Fslash", "plus+plus", "equals=and&so", "quote'\"", "angle<b>", "semi;colon:", "at@sha256",
    "tilde~", "(brackets)[x]{y}", "question?hash#", "ünïcödé", "日本", "～fullwidth", "😀astral",
    "_under", ".dot", "-dash",
)  # fmt: skip


def pattern(size_bytes: int) -> bytes:
    """Bytes in which every 4 KiB block is different, so that a swapped part or a wrong offset shows."""
    blocks = (number.to_bytes(8, "big") * 512 for number in range(size_bytes // 4096 + 1))
    return b"".join(blocks)[:size_bytes]


def chunked(data: bytes, chunk_bytes: int = 256 * 1024) -> Iterator[bytes]:
    return (data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes))


def unread() -> Iterator[bytes]:
    """Chunks that must not be asked for."""
    pytest.fail("the chunks were read")
    yield b""


def read_all(reader: RangeReader, piece_bytes: int = 300_000) -> bytes:
    with reader:
        return b"".join(iter(lambda: reader.read(piece_bytes), b""))


def keys(store: ObjectStore, prefix: str = "", *, start_after: str | None = None) -> list[str]:
    found = [entry.key for entry in store.list_entries(prefix, start_after=start_after)]
    return found if store.capabilities.list_is_ordered else sorted(found, key=str.encode)


def put_all(store: ObjectStore, names: Sequence[str], data: bytes = b"x") -> None:
    with ThreadPoolExecutor(16) as pool:
        for _ in pool.map(lambda name: store.put(name, data), names):
            pass


def content(store: ObjectStore, key: str) -> bytes:
    return store.get(key, max_bytes=64 * MIB)[0]


MISSED: dict[str, Callable[[ObjectStore], object]] = {
    "list_entries": lambda store: list(store.list_entries("")),
    "list_dirs": lambda store: list(store.list_dirs("x/")),
    "head": lambda store: store.head("x"),
    "get": lambda store: store.get("x", max_bytes=10),
    "open_range": lambda store: read_all(store.open_range("x")),
    "open_range of a known object": lambda store: read_all(store.open_range("x", start=1, length=2, token="0")),
    "put": lambda store: store.put("x", b"1"),
    "put if absent": lambda store: store.put("x", b"1", if_absent=True),
    "put if it is a version": lambda store: store.put("x", b"1", if_token="0"),
    "put_stream": lambda store: store.put_stream("x", [b"1"], size_bytes=1, digest=Digest.of(b"1")),
    "put_stream of a large blob": lambda store: store.put_stream(
        "x", chunked(pattern(BIG_BYTES)), size_bytes=BIG_BYTES, digest=Digest.of(pattern(BIG_BYTES)), if_absent=False
    ),
    "copy_from": lambda store: store.copy_from(store, "x", "y", size_bytes=1, digest=Digest.of(b"1")),
}
"""What a store without its bucket is asked for."""


@contextmanager
def nothing_published(store: ObjectStore, key: str) -> Iterator[None]:
    """Whatever happens inside, ``key`` stays as it was; an upload that stays behind can be found and dropped."""
    before = store.head(key)
    yield
    left = list(store.list_unfinished(""))
    if store.capabilities.drops_unfinished:
        assert left == []
    for _ in range(2):
        assert store.head(key) == before
        assert keys(store, key.rpartition("/")[0] + "/") == ([key] if before else [])
        for upload in left:
            assert upload.key == key
            store.abort(upload)
        left = list(store.list_unfinished(""))
        assert left == []


class ObjectStoreContract:
    """The promises; one class per store, each test on an empty one."""

    emulator_is_atomic = True
    """False where the test server, not the adapter, lets two racing writers both win."""

    in_flight_limit_bytes = 80 * MIB
    """How far `put_stream` may read ahead of what is stored."""

    many = 1050
    """More than one page of a listing (S3: 1,000)."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        """An empty store; a subclass may also yield one and clean up behind it."""
        raise NotImplementedError("the subclass gives an empty store")

    @pytest.fixture
    def other_store(self) -> ObjectStore:
        """A store of another kind, to copy from."""
        return MemoryStore()

    @pytest.fixture
    def missing_store(self) -> ObjectStore:
        """A store whose bucket, container or directory does not exist."""
        pytest.skip("this store has no bucket that could be missing")

    def leave_unfinished(self, store: ObjectStore, key: str) -> None:
        """Start an upload to ``key`` as a killed process leaves it."""
        pytest.skip("this store has no unfinished uploads")

    @pytest.fixture(autouse=True)
    def _tidy(self, store: ObjectStore) -> Iterator[None]:
        assert keys(store) == [], "the store is not empty to begin with"
        yield
        unfinished = list(store.list_unfinished(""))
        for upload in unfinished:
            store.abort(upload)
        failed = store.delete(keys(store))
        left = keys(store)
        store.close()
        assert failed == []
        assert left == [], "deleted objects are still listed"
        assert unfinished == [], "the test left uploads unfinished"

    # -- listing ------------------------------------------------------------------------------------------------------

    def test_an_empty_store_lists_nothing(self, store: ObjectStore) -> None:
        assert list(store.list_entries("")) == []
        assert list(store.list_dirs("")) == []

    def test_a_missing_prefix_is_empty(self, store: ObjectStore) -> None:
        store.put("a/b", b"1")
        assert list(store.list_entries("nowhere/")) == []
        assert list(store.list_entries("a/b/")) == []
        assert list(store.list_dirs("nowhere/")) == []
        assert list(store.list_dirs("a/b/")) == []

    @pytest.mark.parametrize("operation", MISSED)
    def test_a_missing_bucket_is_an_error_of_its_own(self, missing_store: ObjectStore, operation: str) -> None:
        """Never a missing object, which is an answer one can work with."""
        with pytest.raises(StoreMissing) as caught:
            MISSED[operation](missing_store)
        assert caught.value.where
        assert caught.value.fix

    def test_nothing_can_be_deleted_from_a_missing_bucket(self, missing_store: ObjectStore) -> None:
        names = [f"a/{number}" for number in range(5)]
        for few in (names[:1], names):
            failed = missing_store.delete(few)
            assert [key for key, _ in failed] == few
            assert all(isinstance(error, StoreMissing) for _, error in failed)

    def test_a_missing_bucket_fails_the_self_test(self, missing_store: ObjectStore) -> None:
        for write in (False, True):
            report = missing_store.check(write=write)
            assert not report.ok
            (error,) = (finding.error for finding in report.findings if finding.error)
            assert isinstance(error, StoreMissing)
            assert error.fix

    def test_listed_entries_tell_what_head_tells(self, store: ObjectStore) -> None:
        store.put("a/one", b"1")
        store.put("a/empty", b"")
        listed = list(store.list_entries("a/"))
        assert [(entry.key, entry.size_bytes) for entry in listed] == [("a/empty", 0), ("a/one", 1)]
        for entry in listed:
            head = store.head(entry.key)
            assert head is not None
            assert (head.key, head.size_bytes) == (entry.key, entry.size_bytes)
            assert head.token
            assert entry.token in (None, head.token)
            assert entry.modified is None or entry.modified > 1_500_000_000

    def test_prefixes_do_not_match_names_that_only_begin_alike(self, store: ObjectStore) -> None:
        put_all(store, ["p/ra/x", "p/r.txt", "p/r/x", "p/r-a/x", "p/r/_layers/y", "pp/z", "p0"])
        assert keys(store) == ["p/r-a/x", "p/r.txt", "p/r/_layers/y", "p/r/x", "p/ra/x", "p0", "pp/z"]
        assert keys(store, "p/") == ["p/r-a/x", "p/r.txt", "p/r/_layers/y", "p/r/x", "p/ra/x"]
        assert keys(store, "p/r/") == ["p/r/_layers/y", "p/r/x"]

    def test_child_names_come_in_the_order_of_the_names(self, store: ObjectStore) -> None:
        """By name, not by ``name/``: ``r`` before ``r-a`` (`names_in_order` sorts a stream)."""
        put_all(store, ["p/ra/x", "p/r.txt", "p/r/x", "p/r-a/x", "p/r/_layers/deep/y", "pp/z", "p0"])
        assert list(store.list_dirs("")) == ["p", "pp"]
        assert list(store.list_dirs("p/")) == ["r", "r-a", "ra"]
        assert list(store.list_dirs("p/r/")) == ["_layers"]
        assert list(store.list_dirs("p/", start_after="r")) == ["r-a", "ra"]
        assert list(store.list_dirs("p/", start_after="r-a")) == ["ra"]
        assert list(store.list_dirs("p/", start_after="nothing")) == ["r", "r-a", "ra"]
        assert list(store.list_dirs("p/", start_after="ra")) == []

    def test_tags_that_begin_alike_are_all_listed(self, store: ObjectStore) -> None:
        tags = ["1", "1.0", "1.0-x", "1.0.1", "1.00", "v1", "v10", "v1_0"]
        put_all(store, [f"tags/{tag}/current/link" for tag in tags])
        assert list(store.list_dirs("tags/")) == tags
        assert list(store.list_dirs("tags/", start_after="1.0")) == tags[2:]
        assert keys(store, "tags/1.0/") == ["tags/1.0/current/link"]
        assert store.delete(["tags/1.0/current/link"]) == []
        assert list(store.list_dirs("tags/")) == [tag for tag in tags if tag != "1.0"]

    def test_listing_starts_after_a_key(self, store: ObjectStore) -> None:
        put_all(store, ["a/1", "a/2", "a/2/3".replace("2/", "b/"), "a/c-x", "a/c/d", "b/1"])
        assert keys(store, "a/", start_after="a/1") == ["a/2", "a/b/3", "a/c-x", "a/c/d"]
        assert keys(store, "a/", start_after="a/15") == ["a/2", "a/b/3", "a/c-x", "a/c/d"]
        assert keys(store, "a/", start_after="a/b") == ["a/b/3", "a/c-x", "a/c/d"]
        assert keys(store, "a/", start_after="a/c-x") == ["a/c/d"]
        assert keys(store, "a/", start_after="a/c/d") == []
        assert keys(store, "a/", start_after="A") == ["a/1", "a/2", "a/b/3", "a/c-x", "a/c/d"]
        assert keys(store, "", start_after="a/c/d") == ["b/1"]

    def test_a_listing_longer_than_a_page(self, store: ObjectStore) -> None:
        names = [f"many/{number:04}/link" for number in range(self.many)]
        put_all(store, names)
        assert keys(store, "many/") == names
        assert keys(store, "many/", start_after=names[1001]) == names[1002:]
        assert list(store.list_dirs("many/")) == [f"{number:04}" for number in range(self.many)]
        assert next(iter(store.list_entries("many/"))).key in names
        assert next(iter(store.list_dirs("many/"))) == "0000"
        assert store.delete([*names[1:], "many/never/was"]) == []
        assert keys(store, "many/") == names[:1]

    def test_odd_names_come_back_as_they_went_in(self, store: ObjectStore) -> None:
        names = [f"odd/{name}/{name}" for name in ODD_NAMES]
        for name in names:
            store.put(name, name.encode())
        assert keys(store, "odd/") == sorted(names, key=str.encode)
        assert list(store.list_dirs("odd/")) == sorted(ODD_NAMES, key=str.encode)
        for name in names:
            assert content(store, name) == name.encode()
            assert store.head(name) is not None
            assert keys(store, name.rpartition("/")[0] + "/") == [name]
        assert store.delete(names) == []
        assert keys(store, "odd/") == []

    # -- head, get ----------------------------------------------------------------------------------------------------

    def test_what_is_not_there(self, store: ObjectStore) -> None:
        store.put("a/b", b"1")
        for key in ("a/c", "a", "a/b/c", "x/y/z"):
            assert store.head(key) is None, key
            with pytest.raises(NotFound):
                store.get(key, max_bytes=10)
            with pytest.raises(NotFound):
                read_all(store.open_range(key))

    def test_get_gives_bytes_and_token_of_one_version(self, store: ObjectStore) -> None:
        token = store.put("k", b"hello")
        assert token
        assert store.get("k", max_bytes=5) == (b"hello", token)
        head = store.head("k")
        assert head is not None
        assert (head.size_bytes, head.token) == (5, token)
        with pytest.raises(IntegrityError):
            store.get("k", max_bytes=4)
        store.put("empty", b"")
        assert store.get("empty", max_bytes=0)[0] == b""

    # -- put ----------------------------------------------------------------------------------------------------------

    def test_put_replaces_and_tells_a_new_token(self, store: ObjectStore) -> None:
        first = store.put("k", b"one")
        second = store.put("k", b"two")
        assert first != second
        assert store.get("k", max_bytes=10) == (b"two", second)

    def test_put_if_absent(self, store: ObjectStore) -> None:
        token = store.put("k", b"one", if_absent=True)
        with pytest.raises(PreconditionFailed):
            store.put("k", b"two", if_absent=True)
        assert store.get("k", max_bytes=10) == (b"one", token)

    def test_put_if_token(self, store: ObjectStore) -> None:
        first = store.put("k", b"one")
        second = store.put("k", b"two", if_token=first)
        with pytest.raises(PreconditionFailed):
            store.put("k", b"three", if_token=first)
        assert store.get("k", max_bytes=10) == (b"two", second)
        store.delete(["k"])
        with pytest.raises(PreconditionFailed):
            store.put("k", b"four", if_token=second)
        assert store.head("k") is None

    def test_a_failed_condition_on_the_wanted_bytes_is_success(self, store: ObjectStore) -> None:
        old = store.put("k", b"old")
        token = store.put("k", b"wanted", if_token=old)
        assert store.put("k", b"wanted", if_token=old) == token
        assert store.put("k", b"wanted", if_absent=True) == token
        assert store.get("k", max_bytes=10) == (b"wanted", token)

    @pytest.mark.parametrize("condition", ["absent", "token"])
    def test_of_racing_writers_one_wins(self, store: ObjectStore, condition: str) -> None:
        token = store.put("race", b"start") if condition == "token" else None
        writers = [f"writer {number}".encode() for number in range(8)]
        start = threading.Barrier(len(writers))

        def write(data: bytes) -> bytes | None:
            start.wait()
            try:
                store.put("race", data, if_absent=token is None, if_token=token)
            except PreconditionFailed:
                return None
            return data

        with ThreadPoolExecutor(len(writers)) as pool:
            winners = [data for data in pool.map(write, writers) if data]
        assert content(store, "race") in winners
        if store.capabilities.atomic_conditions and self.emulator_is_atomic:
            assert len(winners) == 1

    def test_readers_see_the_old_bytes_or_the_new(self, store: ObjectStore) -> None:
        versions = [bytes([65 + number]) * (4000 + number) for number in range(10)]
        store.put("k", versions[0])
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                assert content(store, "k") in versions

        with ThreadPoolExecutor(2) as pool:
            watchers = [pool.submit(watch) for _ in range(2)]
            try:
                for version in versions:
                    store.put("k", version)
            finally:
                done.set()
            for watcher in watchers:
                watcher.result()

    def test_many_threads_share_a_store(self, store: ObjectStore) -> None:
        def work(number: int) -> bool:
            key, data = f"t/{number}/data", str(number).encode() * 100
            stored = store.put_stream(key, chunked(data, 64), size_bytes=len(data), digest=Digest.of(data))
            return store.get(key, max_bytes=1000) == (data, stored) and key in keys(store, f"t/{number}/")

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(40)))

    # -- put_stream, put_file -----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("size_bytes", [0, 1, 8 * MIB, BIG_BYTES, BIG_BYTES + 1])
    def test_put_stream(self, store: ObjectStore, size_bytes: int) -> None:
        data, stored = pattern(size_bytes), []
        digest = Digest.of(data)
        token = store.put_stream("b/data", chunked(data), size_bytes=size_bytes, digest=digest, progress=stored.append)
        head = store.head("b/data")
        assert head is not None
        assert (head.size_bytes, head.token) == (size_bytes, token)
        assert Digest.of(read_all(store.open_range("b/data"))) == digest
        assert sum(stored) == size_bytes
        assert keys(store) == ["b/data"]

    def test_put_stream_takes_chunks_of_any_size(self, store: ObjectStore) -> None:
        data = pattern(9 * MIB + 5)
        pieces = [data[:1], b"", data[1:7], data[7 : 8 * MIB + 100], data[8 * MIB + 100 :], b""]
        store.put_stream("b/data", pieces, size_bytes=len(data), digest=Digest.of(data))
        assert Digest.of(read_all(store.open_range("b/data"))) == Digest.of(data)

    @pytest.mark.parametrize(
        ("size_bytes", "wrong"),
        [
            *[(size_bytes, wrong) for size_bytes in (0, 5, BIG_BYTES) for wrong in ("digest", "too much")],
            *[(size_bytes, "too little") for size_bytes in (1, 5, BIG_BYTES)],
        ],
    )
    def test_wrong_bytes_publish_nothing(self, store: ObjectStore, size_bytes: int, wrong: str) -> None:
        data = pattern(size_bytes)
        digest = Digest.of(data + b"!" if wrong == "digest" else data)
        sent = {"digest": data, "too much": data + b"!", "too little": data[:-1]}[wrong]
        with nothing_published(store, "b/data"), pytest.raises(IntegrityError):
            store.put_stream("b/data", chunked(sent), size_bytes=size_bytes, digest=digest)

    def test_wrong_bytes_leave_what_was_there(self, store: ObjectStore) -> None:
        store.put("b/data", b"as it was")
        with nothing_published(store, "b/data"), pytest.raises(IntegrityError):
            store.put_stream("b/data", [b"other"], size_bytes=5, digest=Digest.of(b"oth3r"), if_absent=False)
        assert content(store, "b/data") == b"as it was"

    def test_an_existing_blob_is_not_sent_again(self, store: ObjectStore) -> None:
        data = pattern(100_000)
        token = store.put_stream("b/data", chunked(data), size_bytes=len(data), digest=Digest.of(data))
        again = store.put_stream("b/data", unread(), size_bytes=len(data), digest=Digest.of(data))
        assert again == token

    def test_a_blob_of_wrong_size_is_replaced(self, store: ObjectStore) -> None:
        data = pattern(100_000)
        store.put("b/data", data[:-1])
        token = store.put_stream("b/data", chunked(data), size_bytes=len(data), digest=Digest.of(data))
        assert store.get("b/data", max_bytes=len(data)) == (data, token)

    @pytest.mark.parametrize("size_bytes", [11, BIG_BYTES])
    def test_put_stream_replaces_when_told(self, store: ObjectStore, size_bytes: int) -> None:
        data = pattern(size_bytes)
        store.put("b/data", b"\0" * 11)
        digest = Digest.of(data)
        token = store.put_stream("b/data", chunked(data), size_bytes=size_bytes, digest=digest, if_absent=False)
        head = store.head("b/data")
        assert head is not None
        assert head.token == token
        assert Digest.of(read_all(store.open_range("b/data"))) == digest

    @pytest.mark.parametrize("after_bytes", [0, 1 * MIB, 17 * MIB, BIG_BYTES])
    def test_cancel_publishes_nothing(self, store: ObjectStore, after_bytes: int) -> None:
        data, cancel = pattern(BIG_BYTES), threading.Event()

        def source() -> Iterator[bytes]:
            sent = 0
            for chunk in chunked(data):
                if sent >= after_bytes:
                    cancel.set()
                sent += len(chunk)
                yield chunk
            cancel.set()

        with nothing_published(store, "b/data"), pytest.raises(Cancelled):
            store.put_stream("b/data", source(), size_bytes=BIG_BYTES, digest=Digest.of(data), cancel=cancel)

    @pytest.mark.parametrize("after_bytes", [0, 17 * MIB])
    def test_a_failing_source_publishes_nothing(self, store: ObjectStore, after_bytes: int) -> None:
        data = pattern(BIG_BYTES)

        def source() -> Iterator[bytes]:
            yield from chunked(data[:after_bytes])
            raise Unavailable("the source went away")

        with nothing_published(store, "b/data"), pytest.raises(Unavailable, match="the source went away"):
            store.put_stream("b/data", source(), size_bytes=BIG_BYTES, digest=Digest.of(data))

    def test_put_stream_does_not_read_far_ahead(self, store: ObjectStore) -> None:
        piece, lock, ahead = pattern(MIB), threading.Lock(), [0, 0]
        digest = Digest.of(piece * 96)

        def stored(size_bytes: int) -> None:
            with lock:
                ahead[0] -= size_bytes

        def source() -> Iterator[bytes]:
            for _ in range(96):
                with lock:
                    ahead[0] += len(piece)
                    ahead[1] = max(ahead)
                yield piece

        store.put_stream("b/data", source(), size_bytes=96 * MIB, digest=digest, progress=stored)
        assert ahead[0] == 0
        assert ahead[1] <= self.in_flight_limit_bytes

    @pytest.mark.parametrize("size_bytes", [0, 1000, BIG_BYTES])
    def test_put_file(self, store: ObjectStore, tmp_path: Path, size_bytes: int) -> None:
        path, data, stored = (store.spool_dir or tmp_path) / "spooled", pattern(size_bytes), []
        digest = Digest.of(data)
        store.put("b/data", b"something else")
        path.write_bytes(data)
        token = store.put_file("b/data", path, size_bytes=size_bytes, digest=digest, progress=stored.append)
        path.unlink(missing_ok=True)
        head = store.head("b/data")
        assert head is not None
        assert (head.size_bytes, head.token) == (size_bytes, token)
        assert Digest.of(read_all(store.open_range("b/data"))) == digest
        assert sum(stored) == size_bytes

    def test_a_cancelled_or_short_file_publishes_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        path, cancel = tmp_path / "spooled", threading.Event()
        path.write_bytes(b"hello")
        with nothing_published(store, "b/data"), pytest.raises(IntegrityError):
            store.put_file("b/data", path, size_bytes=6, digest=Digest.of(b"hello!"))
        path.write_bytes(b"hello")
        cancel.set()
        with nothing_published(store, "b/data"), pytest.raises(Cancelled):
            store.put_file("b/data", path, size_bytes=5, digest=Digest.of(b"hello"), cancel=cancel)

    # -- open_range ---------------------------------------------------------------------------------------------------

    def test_ranges(self, store: ObjectStore) -> None:
        data = pattern(3 * MIB)
        token = store.put("r", data)
        assert read_all(store.open_range("r")) == data
        assert read_all(store.open_range("r", token=token)) == data
        assert read_all(store.open_range("r", start=MIB)) == data[MIB:]
        assert read_all(store.open_range("r", start=MIB + 1, length=1_000_001)) == data[MIB + 1 :][:1_000_001]
        assert read_all(store.open_range("r", start=5, length=0)) == b""
        assert read_all(store.open_range("r", start=len(data) - 1)) == data[-1:]
        assert read_all(store.open_range("r", start=len(data))) == b""
        assert read_all(store.open_range("r", start=len(data), length=0)) == b""

    def test_the_range_of_an_empty_object_is_empty(self, store: ObjectStore) -> None:
        store.put("empty", b"")
        assert read_all(store.open_range("empty")) == b""
        assert read_all(store.open_range("empty", length=0)) == b""

    def test_a_reader_ends_only_at_the_end(self, store: ObjectStore) -> None:
        data = pattern(100_000)
        store.put("r", data)
        with store.open_range("r", start=10, length=50_000) as reader:
            pieces = []
            while piece := reader.read(777):
                assert len(piece) <= 777
                pieces.append(piece)
            assert reader.read(777) == b""
        assert b"".join(pieces) == data[10:50_010]

    def test_a_range_past_the_end_is_an_error(self, store: ObjectStore) -> None:
        store.put("r", b"0123456789")
        for start, length in ((11, None), (11, 1), (5, 6), (10, 1), (0, 11)):
            with pytest.raises(OciStoreError):
                read_all(store.open_range("r", start=start, length=length))

    def test_another_version_is_not_read(self, store: ObjectStore) -> None:
        old = store.put("r", b"old bytes")
        new = store.put("r", b"new bytes")
        with pytest.raises(PreconditionFailed):
            read_all(store.open_range("r", token=old))
        with pytest.raises(PreconditionFailed):
            read_all(store.open_range("r", start=2, length=3, token=old))
        assert read_all(store.open_range("r", start=4, token=new)) == b"bytes"

    def test_a_reader_may_be_closed_early(self, store: ObjectStore) -> None:
        store.put("r", pattern(3 * MIB))
        for _ in range(30):
            with store.open_range("r") as reader:
                assert len(reader.read(10)) in range(1, 11)
            reader.close()

    # -- copy_from ----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("size_bytes", [0, 1000, BIG_BYTES])
    @pytest.mark.parametrize("from_other", [False, True])
    def test_copy(self, store: ObjectStore, other_store: ObjectStore, size_bytes: int, from_other: bool) -> None:
        source, data, copied = other_store if from_other else store, pattern(size_bytes), []
        digest = Digest.of(data)
        source.put("from/data", data)
        token = store.copy_from(
            source, "from/data", "to/data", size_bytes=size_bytes, digest=digest, progress=copied.append
        )
        head = store.head("to/data")
        assert head is not None
        assert (head.size_bytes, head.token) == (size_bytes, token)
        assert Digest.of(read_all(store.open_range("to/data"))) == digest
        assert Digest.of(read_all(source.open_range("from/data"))) == digest
        assert sum(copied) == size_bytes

    def test_a_copy_is_verified_and_all_or_nothing(self, store: ObjectStore, other_store: ObjectStore) -> None:
        other_store.put("from/data", b"hello")
        with nothing_published(store, "to/data"), pytest.raises(NotFound):
            store.copy_from(other_store, "from/nothing", "to/data", size_bytes=5, digest=Digest.of(b"hello"))
        with nothing_published(store, "to/data"), pytest.raises(IntegrityError):
            store.copy_from(other_store, "from/data", "to/data", size_bytes=5, digest=Digest.of(b"Hello"))
        with nothing_published(store, "to/data"), pytest.raises(IntegrityError):
            store.copy_from(other_store, "from/data", "to/data", size_bytes=4, digest=Digest.of(b"hell"))
        cancel = threading.Event()
        cancel.set()
        with nothing_published(store, "to/data"), pytest.raises(Cancelled):
            store.copy_from(
                other_store, "from/data", "to/data", size_bytes=5, digest=Digest.of(b"hello"), cancel=cancel
            )

    def test_a_missing_source_in_the_same_store(self, store: ObjectStore) -> None:
        with nothing_published(store, "to/data"), pytest.raises(NotFound):
            store.copy_from(store, "from/nothing", "to/data", size_bytes=5, digest=Digest.of(b"hello"))

    # -- delete -------------------------------------------------------------------------------------------------------

    def test_delete(self, store: ObjectStore) -> None:
        put_all(store, ["d/1", "d/2", "d/x/3", "d-4"])
        assert store.delete([]) == []
        assert store.delete(["d/1", "d/never", "no/where/at/all", "d/x/3"]) == []
        assert keys(store) == ["d-4", "d/2"]
        assert list(store.list_dirs("d/")) == [], "the directory this emptied is still listed"
        assert store.delete(["d/1"]) == []
        assert keys(store) == ["d-4", "d/2"]

    def test_delete_if_token(self, store: ObjectStore) -> None:
        old = store.put("d/1", b"old")
        new = store.put("d/1", b"new")
        failed = store.delete(["d/1"], if_token=old)
        assert [key for key, _ in failed] == ["d/1"]
        assert isinstance(failed[0][1], PreconditionFailed)
        assert content(store, "d/1") == b"new"
        assert store.delete(["d/1"], if_token=new) == []
        assert store.head("d/1") is None

    # -- unfinished uploads, check, the rest --------------------------------------------------------------------------

    def test_unfinished_uploads_are_found_and_dropped(self, store: ObjectStore) -> None:
        if not store.capabilities.list_unfinished:
            assert list(store.list_unfinished("")) == []
            pytest.skip("this store cannot tell")
        self.leave_unfinished(store, "docker/left/data")
        assert keys(store) == []
        assert list(store.list_unfinished("other/")) == []
        (upload,) = store.list_unfinished("docker/")
        assert upload.key == "docker/left/data"
        assert upload.id
        assert upload.started is None or upload.started > 1_500_000_000
        assert store.head("docker/left/data") is None
        store.abort(upload)
        assert list(store.list_unfinished("")) == []
        store.abort(upload)

    def test_check(self, store: ObjectStore) -> None:
        report = store.check()
        assert report.ok, report
        assert [finding.step for finding in report.findings if finding.ok]
        assert keys(store) == []

    def test_check_with_writing_leaves_nothing(self, store: ObjectStore) -> None:
        report = store.check(write=True)
        assert report.ok, report
        assert {finding.step: finding.ok for finding in report.findings}["write"] is True
        assert any(finding.step == "conditions" for finding in report.findings)
        assert keys(store) == []

    def test_the_url_is_for_display(self, store: ObjectStore) -> None:
        assert "://" in store.url or store.url.startswith("/")
        assert store.spool_dir is None or store.spool_dir.is_dir()
