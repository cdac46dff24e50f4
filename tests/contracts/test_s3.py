"""S3 by the contract: on moto, which keeps conditions, and on rclone, which ignores them and has its own order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from tests.backends.s3_buckets import client, new_bucket, options
from tests.contracts.object_store import ObjectStoreContract, keys


class S3Contract(ObjectStoreContract):
    @pytest.fixture
    def endpoint(self) -> str:
        raise NotImplementedError("the subclass names a server")

    @pytest.fixture
    def place(self, endpoint: str) -> S3Options:
        return new_bucket(endpoint)

    @pytest.fixture
    def store(self, place: S3Options) -> Iterator[S3Store]:
        with S3Store(place) as store:
            yield store

    @pytest.fixture
    def missing_store(self, endpoint: str) -> S3Store:
        return S3Store(options(endpoint))

    def leave_unfinished(self, store: ObjectStore, key: str) -> None:
        assert isinstance(store, S3Store)
        place = store.options
        full = f"{place.root_dir.strip('/')}/{key}".lstrip("/")
        client(str(place.endpoint)).create_multipart_upload(Bucket=place.bucket, Key=full)


class TestMoto(S3Contract):
    @pytest.fixture
    def endpoint(self, moto: str) -> str:
        return moto

    def test_conditions_are_kept_by_the_server(self, store: S3Store) -> None:
        token = store.put("k", b"1", if_absent=True)
        store.put("k", b"2", if_token=token)
        assert store.capabilities.atomic_conditions


class TestMotoUnderARoot(S3Contract):
    """Beside objects of others, whose keys begin alike."""

    @pytest.fixture
    def endpoint(self, moto: str) -> str:
        return moto

    @pytest.fixture
    def place(self, endpoint: str) -> Iterator[S3Options]:
        place = new_bucket(endpoint, "/some/root/")
        theirs = ["other/thing", "some/rooted", "some/root-2/x"]
        sdk = client(endpoint)
        for key in theirs:
            sdk.put_object(Bucket=place.bucket, Key=key, Body=b"not ours")
        yield place
        left = [found["Key"] for found in sdk.list_objects_v2(Bucket=place.bucket)["Contents"]]
        assert sorted(left) == sorted(theirs), "somebody else's objects were touched"


class TestRclone(S3Contract):
    @pytest.fixture
    def endpoint(self, rclone: str) -> str:
        return rclone

    @pytest.mark.parametrize("condition", ["absent", "token"])
    def test_conditions_that_are_ignored_are_found_out(self, store: S3Store, condition: str) -> None:
        token = store.put("k", b"old") if condition == "token" else None
        assert store.capabilities.atomic_conditions, "nothing is known before the first condition"
        store.put("k", b"new", if_absent=token is None, if_token=token)
        assert not store.capabilities.atomic_conditions
        assert store.get("k", max_bytes=10)[0] == b"new"

    def test_the_self_test_says_that_conditions_are_ignored(self, store: S3Store) -> None:
        (said,) = (finding for finding in store.check(write=True).findings if finding.step == "conditions")
        assert "last writer wins" in said.detail
        assert not store.capabilities.atomic_conditions

    def test_its_directories_are_sorted_as_keys(self, store: S3Store) -> None:
        """rclone walks directories, so ``r/x`` comes before ``r-a/x`` there."""
        for name in ("r/x", "r-a/x", "r.txt"):
            store.put(name, b"1")
        assert keys(store) == ["r-a/x", "r.txt", "r/x"]

    def test_readers_see_the_old_bytes_or_the_new(self, store: S3Store) -> None:
        pytest.skip("rclone itself answers with the head of one version and the bytes of the next")
