"""Fresh buckets on the S3 servers of the tests, and options for them."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import botocore.config
import botocore.endpoint
import botocore.session
import pytest

from ocistore_tui.backends.s3 import S3Options, S3Store
from tests.faults.canned import CannedServer
from tests.testbed.servers import S3_KEYS

_numbers = itertools.count(1)


def client(endpoint: str) -> Any:
    """The SDK's own client, to prepare and to judge."""
    access, secret = S3_KEYS
    return botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=botocore.config.Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


def options(endpoint: str, bucket: str | None = None, root_dir: str = "", **more: Any) -> S3Options:
    """A bucket by the keys every test server takes; one that does not exist yet, unless ``bucket`` is given."""
    access, secret = S3_KEYS
    name = bucket or f"bucket-{next(_numbers)}"
    return S3Options(name, root_dir, endpoint=endpoint, **{"access_key": access, "secret_key": secret, **more})


def new_bucket(endpoint: str, root_dir: str = "", **more: Any) -> S3Options:
    """A new, empty bucket."""
    found = options(endpoint, None, root_dir, **more)
    client(endpoint).create_bucket(Bucket=found.bucket)
    return found


def store_at(server: CannedServer, **more: Any) -> S3Store:
    """A store on a server that says what it is told to."""
    return S3Store(options(server.url, "bucket", **more))


def without_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the SDK make all its attempts and wait for none; the seconds it would have waited between them."""
    seconds: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=seconds.append))
    return seconds
