"""Copies the server makes itself, whole and in parts, and what happens where it will not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocistore_tui.backends import s3_upload
from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from tests.backends.s3_buckets import client, new_bucket, store_at
from tests.contracts.object_store import pattern, read_all
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.proxy import FaultProxy
from tests.faults.s3_answers import refusal, well

BIG = pattern(20 * MIB)
BIG_DIGEST = Digest.of(BIG)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies in parts from 8 MiB on, for 512 MiB would take long."""
    monkeypatch.setattr(s3_upload, "COPY_WHOLE_BYTES", 8 * MIB)
    monkeypatch.setattr(s3_upload, "_COPY_PART_BYTES", 8 * MIB)


def copy(source: S3Options, target: S3Options) -> list[int]:
    """Copy ``from`` to ``to`` and check the copy; the progress told."""
    told: list[int] = []
    client(str(source.endpoint)).put_object(Bucket=source.bucket, Key="from", Body=BIG)
    with S3Store(source) as store, S3Store(target) as other:
        token = other.copy_from(store, "from", "to", size_bytes=len(BIG), digest=BIG_DIGEST, progress=told.append)
        assert other.head("to").token == token
        assert read_all(other.open_range("to")) == BIG
        assert list(other.list_unfinished("")) == []
    return told


def test_a_copy_on_one_server_moves_no_bytes_through_here(moto: str) -> None:
    with FaultProxy(moto) as proxy:
        source, target = (replace(new_bucket(moto), endpoint=proxy.url) for _ in range(2))
        assert copy(source, target) == [len(BIG)]
        assert proxy.count(f"GET /{source.bucket}/from") == 0


def test_a_large_copy_goes_in_parts(moto: str, in_parts: None) -> None:
    with FaultProxy(moto) as proxy:
        source, target = (replace(new_bucket(moto), endpoint=proxy.url) for _ in range(2))
        assert sorted(copy(source, target)) == [4 * MIB, 8 * MIB, 8 * MIB]
        assert proxy.count(f"GET /{source.bucket}/from") == 0
        assert proxy.count("PUT .*partNumber") == 3


def test_a_server_that_cannot_copy_parts_is_read_and_written(rclone: str, in_parts: None) -> None:
    place = new_bucket(rclone)
    assert sum(copy(place, place)) == len(BIG)


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (403, "AccessDenied")])
def test_a_server_that_will_not_copy_is_read_and_written(status: int, code: str) -> None:
    def answer(request: Request) -> Answer:
        if "x-amz-copy-source" in request.headers:
            return refusal(status, code)
        return Answer(404) if request.method == "HEAD" and request.path.endswith("/to") else well(request)

    with CannedServer(answer) as server:
        store = store_at(server)
        store.copy_from(store, "k", "to", size_bytes=1, digest=Digest.of(b"x"))
    (written,) = (sent for sent in server.requests if sent.method == "PUT" and "x-amz-copy-source" not in sent.headers)
    assert (written.path, written.body) == ("/bucket/to", b"x")


def test_between_two_sets_of_credentials_bytes_are_read_and_verified(moto: str) -> None:
    place = new_bucket(moto)
    client(moto).put_object(Bucket=place.bucket, Key="from", Body=b"hello")
    with S3Store(place) as store, S3Store(replace(place, access_key="other")) as other:
        with pytest.raises(IntegrityError):
            other.copy_from(store, "from", "to", size_bytes=5, digest=Digest.of(b"other"))
        assert other.head("to") is None
        other.copy_from(store, "from", "to", size_bytes=5, digest=Digest.of(b"hello"))
        assert other.get("to", max_bytes=5)[0] == b"hello"


def test_a_source_of_another_size_is_not_copied(moto: str) -> None:
    place = new_bucket(moto)
    client(moto).put_object(Bucket=place.bucket, Key="from", Body=b"hello")
    with S3Store(place) as store:
        with pytest.raises(IntegrityError, match="another size"):
            store.copy_from(store, "from", "to", size_bytes=6, digest=Digest.of(b"hello!"))
        assert store.head("to") is None
