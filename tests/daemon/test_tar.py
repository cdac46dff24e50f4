"""The tar reader believes nothing it is told; the writer is understood by everybody and always writes the same."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocistore_tui.daemon.streams import ByteStream, ChunkStream, FileStream
from ocistore_tui.daemon.tar import BLOCK, TAR_END, read_tar, tar_header, tar_padding
from ocistore_tui.errors import IntegrityError
from tests.testbed.memory import peak_bytes
from tests.testbed.need import program

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
LONG = "blobs/" + "d" * 120 + "/" + "f" * 160


def streams(data: bytes) -> Iterator[ByteStream]:
    """The same bytes as every kind of stream, in pieces that cut headers anywhere."""
    yield FileStream(io.BytesIO(data))
    yield ChunkStream(iter([data]))
    yield ChunkStream(data[at : at + 100] for at in range(0, len(data), 100))
    yield ChunkStream(piece for at in range(0, len(data), 700) for piece in (b"", data[at : at + 700]))


def members(data: bytes, *, read: bool = True) -> list[tuple[str, str, int, str, bytes]]:
    """What the reader sees, the same however the bytes come."""
    seen = []
    for stream in streams(data):
        entries = (
            (entry.name, entry.type, entry.size_bytes, entry.target, b"".join(entry.pieces()) if read else b"")
            for entry in read_tar(stream)
        )
        seen.append(list(entries))
    assert all(one == seen[0] for one in seen)
    return seen[0]


def drain(stream: ByteStream) -> list[str]:
    return [entry.name for entry in read_tar(stream) for _ in [b"".join(entry.pieces())]]


def refused(data: bytes) -> IntegrityError:
    """The error for these bytes, the same however they come."""
    errors = []
    for stream in streams(data):
        with pytest.raises(IntegrityError) as caught:
            drain(stream)
        errors.append(caught.value)
    assert len({error.message for error in errors}) == 1
    assert all(error.message and error.fix for error in errors)
    return errors[-1]


def made(*, form: str = "pax", **files: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=FORMATS[form]) as tar:
        for name, raw in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return target.getvalue()


def raw_header(name: bytes = b"a", *, size: bytes = b"00000000000", kind: bytes = b"0", more: bytes = b"") -> bytes:
    """A header written by nobody honest, with a checksum that fits."""
    block = bytearray(BLOCK)
    block[: len(name)] = name
    block[124 : 124 + len(size)] = size
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[BLOCK - len(more) :] = more or block[BLOCK:]
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax_header(records: bytes) -> bytes:
    return raw_header(b"pax", size=b"%011o" % len(records), kind=b"x") + records + tar_padding(len(records))


# Reading what others write.


@pytest.mark.parametrize("form", FORMATS)
def test_members_of_every_format_are_read(form: str) -> None:
    name = "p" * 90 + "/" + "n" * 90 if form == "ustar" else LONG
    data = made(form=form, **{"manifest.json": b"[]", name: b"x" * 1500, "empty": b""})
    assert [(row[0], row[4]) for row in members(data)] == [
        ("manifest.json", b"[]"), (name, b"x" * 1500), ("empty", b""),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_long_links_lead_where_they_say(form: str) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=FORMATS[form]) as tar:
        for kind, name, to in (
            (tarfile.SYMTYPE, "b/layer.tar", "../" + LONG),
            (tarfile.LNKTYPE, "c/layer.tar", LONG),
            (tarfile.SYMTYPE, "d/up", "../../../etc/passwd"),
            (tarfile.SYMTYPE, "e/abs", "/a/layer.tar"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, to
            tar.addfile(info)
    assert [row[:4] for row in members(target.getvalue())] == [
        ("b/layer.tar", "link", 0, LONG),
        ("c/layer.tar", "link", 0, LONG),
        ("d/up", "link", 0, ""),
        ("e/abs", "link", 0, "a/layer.tar"),
    ]


def test_what_is_neither_file_nor_link_is_passed_over() -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for kind in (tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE):
            info = tarfile.TarInfo(f"odd-{kind.decode()}")
            info.type = kind
            tar.addfile(info)
    odd = raw_header(b"vendor", size=b"%011o" % 700, kind=b"V") + bytes(1024)
    data = target.getvalue()[: 4 * BLOCK] + odd + made(after=b"still here")
    assert [row[:2] for row in members(data)] == [
        ("odd-5", "dir"), ("odd-6", "other"), ("odd-3", "other"), ("odd-4", "other"), ("vendor", "other"),
        ("after", "file"),
    ]  # fmt: skip


def test_sparse_files_of_gnu_tar_are_passed_over_with_their_maps(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        for number in range(40):
            file.seek(number * 1_000_000)
            file.write(b"x" * 4096)
    (tmp_path / "after").write_bytes(b"still here")
    archive = tmp_path / "sparse.tar"
    words = [program("tar", hint="apt-get install tar"), "--format=gnu", "-S", "-C", str(tmp_path), "-cf", str(archive)]
    subprocess.run([*words, "holes", "after"], check=True)
    assert [(row[0], row[1]) for row in members(archive.read_bytes())] == [("holes", "other"), ("after", "file")]


def test_a_size_in_base_256_is_a_size() -> None:
    data = raw_header(size=b"\x80" + (5).to_bytes(11, "big")) + b"hello" + bytes(507) + TAR_END
    assert [(row[0], row[2], row[4]) for row in members(data)] == [("a", 5, b"hello")]


def test_a_size_that_pax_tells_counts() -> None:
    data = pax_header(b"10 size=5\n") + raw_header(size=b"%011o" % 900) + b"hello" + bytes(507) + TAR_END
    assert [(row[0], row[2], row[4]) for row in members(data)] == [("a", 5, b"hello")]


def test_what_nobody_reads_is_skipped_and_half_read_members_as_well() -> None:
    data = made(one=b"1" * 5000, two=b"2" * 3_000_000, three=b"3")
    for stream in streams(data):
        names = []
        for entry in read_tar(stream):
            names.append(entry.name)
            if entry.name == "two":
                next(iter(entry.pieces()))
        assert names == ["one", "two", "three"]


# What is refused.


def test_an_archive_cut_off_anywhere_is_noticed() -> None:
    whole = made(form="gnu", **{"one": b"1" * 600, LONG: b"2" * 3})
    end = len(whole.rstrip(b"\0")) // BLOCK * BLOCK + BLOCK + len(TAR_END)
    assert len(members(whole[:end])) == 2
    for length in (*range(0, end, 61), end - 1):
        assert refused(whole[:length]).message == "the archive is cut off"


@pytest.mark.parametrize("at", [0, 100, 130, 156, 300])
def test_a_damaged_header_is_noticed(at: int) -> None:
    data = bytearray(made(one=b"1"))
    data[at] ^= 1
    assert refused(bytes(data)).cause == "a header's checksum does not fit"


@pytest.mark.parametrize("where", ["behind the end", "in place of a header", "in the middle of a layer"])
def test_the_reason_an_engine_gives_up_for_is_passed_on(where: str) -> None:
    """Its status was sent long ago, so it can only write into the stream (docker-api.md §3)."""
    said = json.dumps({"errorDetail": {"message": "disk\x1b[31m on fire"}, "error": "x"}).encode() + b"\r\n"
    whole = made(one=b"1" * 3000)
    data = {
        "behind the end": whole + said,
        "in place of a header": whole[: 7 * BLOCK] + said,
        "in the middle of a layer": whole[: 2 * BLOCK] + said,
    }[where]
    for stream in list(streams(data))[1:3]:
        with pytest.raises(IntegrityError) as caught:
            drain(stream)
        assert "on fire" in caught.value.cause
        assert "\x1b" not in caught.value.cause


def test_a_long_reason_in_place_of_a_header_is_passed_on() -> None:
    said = json.dumps({"errorDetail": {"message": "m" * 900}}).encode()
    assert "mmm" in refused(said).cause


def test_something_behind_the_end_is_refused() -> None:
    assert refused(made(one=b"1") + b"more").cause == "there is something behind its end"
    assert members(made(one=b"1") + bytes(1_000_003))[0][0] == "one", "zeros are padding"


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "/etc/passwd", "a/../../b", "..", "blobs/sha256/..", "./../x", "a\x1b[2J/../b"]
)
def test_names_that_leave_the_archive_are_refused(name: str) -> None:
    error = refused(made(form="gnu", **{name: b"x"}))
    assert error.message == "the archive has a member outside itself"
    assert "\x1b" not in error.where


@pytest.mark.parametrize(
    ("title", "data"),
    [
        ("a negative size", raw_header(size=b"-0000000005")),
        ("a size that is no number", raw_header(size=b"0x1f_")),
        ("a size with underscores", raw_header(size=b"1_0")),
        ("a base-256 size beyond everything", raw_header(size=b"\x80" + b"\xff" * 11)),
        ("a negative base-256 size", raw_header(size=b"\xff" * 12)),
        ("a pax size of letters", pax_header(b"13 size=five\n") + raw_header()),
        ("a pax size of odd digits", pax_header("11 size=²\n".encode()) + raw_header()),
        ("a pax size of thousands of digits", pax_header(b"5011 size=" + b"9" * 5000 + b"\n") + raw_header()),
        ("a negative pax size", pax_header(b"11 size=-5\n") + raw_header()),
        ("a long name of a negative size", raw_header(size=b"-7", kind=b"L")),
        ("a long name of gigabytes", raw_header(size=b"77777777777", kind=b"L")),
        ("pax records of gigabytes", raw_header(size=b"77777777777", kind=b"x")),
    ],
)
def test_absurd_headers_are_refused(title: str, data: bytes) -> None:
    assert "absurd" in refused(data + bytes(4096)).message


def test_pax_records_that_are_none_end_there() -> None:
    for records in (b"99 path=x\n", b"2 p", b"x path=b\n", b"9" * 5000 + b" path=b\n", b"path"):
        assert members(pax_header(records) + raw_header() + TAR_END)[0][0] == "a"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000))
def test_garbage_is_never_anything_but_refused(data: bytes) -> None:
    refused(b"\x01" + data)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40 * BLOCK), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 5 * BLOCK),
)
def test_a_real_archive_with_flipped_bytes_is_read_or_refused(flips: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(made(form="pax", **{"one": b"1" * 700, LONG: b"2" * 300, "blobs/ü": b"3"}))
    for at, value in flips:
        data[at % len(data)] = value
    for stream in streams(bytes(data[: len(data) - cut])):
        with suppress(IntegrityError):
            assert not any(name.startswith("/") for name in drain(stream))


def test_an_absurd_size_takes_no_memory(tmp_path: Path) -> None:
    peak = peak_bytes(
        """
        from ocistore_tui.daemon.streams import ChunkStream
        from ocistore_tui.daemon.tar import read_tar
        from ocistore_tui.errors import IntegrityError
        from tests.daemon.test_tar import pax_header, raw_header
        body = lambda: (bytes(1 << 20) for _ in range(300))
        for head in (
            raw_header(size=b"77777777777"), raw_header(size=b"77777777777", kind=b"V"),
            raw_header(size=b"77777777777", kind=b"L"), raw_header(size=b"-7", kind=b"K"),
        ):
            try:
                for entry in read_tar(ChunkStream(iter([head, *body()]))):
                    for piece in entry.pieces():
                        pass
                raise SystemExit("not refused")
            except IntegrityError:
                pass
        """.replace("iter([head, *body()])", "__import__('itertools').chain([head], body())")
    )
    assert peak < 120_000_000


# Writing.


@pytest.mark.parametrize("name", ["index.json", "n" * 100, "n" * 101, LONG, "blobs/" + "ü" * 60, "o" * 5000])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_what_is_written_is_read_by_python_and_by_us(name: str, size: int) -> None:
    raw = bytes(range(256)) * 3
    data = tar_header(name, size) + raw[:size] + tar_padding(size) + TAR_END
    assert len(data) % BLOCK == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        (found,) = tar.getmembers()
        assert (found.name, found.size, found.isreg(), found.mtime, found.mode) == (name, size, True, 0, 0o644)
        assert tar.extractfile(found).read() == raw[:size]
    assert members(data) == [(name, "file", size, "", raw[:size])]


@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 20 * 1024**3])
def test_members_over_eight_gibibytes_are_announced_right(size: int) -> None:
    header = tar_header("blobs/sha256/big", size)
    assert tarfile.TarInfo.frombuf(header[-BLOCK:], "utf-8", "strict").size in (size, 0)
    tar = tarfile.open(fileobj=io.BytesIO(header + TAR_END))  # noqa: SIM115
    first = tar.next()
    assert first is not None
    assert (first.name, first.size) == ("blobs/sha256/big", size)
    entry = next(read_tar(ChunkStream(iter([header]))))
    assert (entry.name, entry.size_bytes) == ("blobs/sha256/big", size)


def test_the_same_member_always_has_the_same_header() -> None:
    assert tar_header(LONG, 8**12) == tar_header(LONG, 8**12)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=200),
            st.binary(max_size=1500),
        ),
        max_size=5,
    )
)
def test_every_archive_comes_back_as_it_was_written(files: list[tuple[str, bytes]]) -> None:
    files = [(name, raw) for name, raw in files if name not in (".", "..")]
    data = b"".join(tar_header(name, len(raw)) + raw + tar_padding(len(raw)) for name, raw in files) + TAR_END
    assert [(row[0], row[4]) for row in members(data)] == files
