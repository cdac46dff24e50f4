"""An empty store is told from one where no registry ever wrote."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.layout import paths
from tests.engine.test_listing import serve
from tests.layout.content import image, store_image
from tests.testbed import servers


def has_layout(store: ObjectStore) -> bool:
    with serve(store) as service:
        return service.has_layout()


def test_a_store_of_other_things_is_no_registry() -> None:
    store = MemoryStore()
    assert not has_layout(store)
    store.put("photos/cat.jpg", b"meow")
    store.put("docker/registry/v2.txt", b"notes")
    assert not has_layout(store)
    store_image(store, "app", image("app"), "1")
    assert has_layout(store)


def test_an_image_layout_is_told_from_a_store() -> None:
    store = MemoryStore()
    with serve(store) as service:
        assert not service.is_image_layout()
        store.put("oci-layout", b"{}")
        assert service.is_image_layout()
        assert not service.has_layout()


def test_blobs_without_repositories_are_a_layout_too() -> None:
    store = MemoryStore()
    store.put(f"{paths.BLOBS}sha256/aa/{'a' * 64}/data", b"left over")
    assert has_layout(store)


def test_an_empty_directory_tree_of_a_registry_counts(tmp_path: Path) -> None:
    assert not has_layout(LocalStore(tmp_path))
    (tmp_path / paths.REPOSITORIES).mkdir(parents=True)
    assert has_layout(LocalStore(tmp_path))


def test_one_short_look_answers_on_an_object_store(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.S3_KEYS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.S3_KEYS[1])
    client = boto3.client("s3", endpoint_url=moto, region_name="us-east-1")
    client.create_bucket(Bucket="has-layout")
    options = S3Options(bucket="has-layout", endpoint=moto, region="us-east-1")
    assert not has_layout(S3Store(options))
    key = f"{paths.REPOSITORIES}app/_manifests/tags/1/current/link"
    client.put_object(Bucket="has-layout", Key=key, Body=b"sha256:x")
    assert has_layout(S3Store(options))
