"""A bucket of a test's own, at the end of a line that can be held."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.terminal.bucket import Bucket
from tests.terminal.link import Link
from tests.testbed.servers import make_bucket


@pytest.fixture
def bucket(moto: str) -> Iterator[Bucket]:
    """An empty bucket."""
    with Link(moto) as link:
        yield Bucket(moto, make_bucket(moto), link)
