"""Local places as the terminal UI asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocistore_tui.daemon.address import resolve_address
from ocistore_tui.daemon.client import EngineClient
from ocistore_tui.daemon.listing import list_local
from ocistore_tui.daemon.local import open_source
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import LocalListing, LocalPlace, LocalRow

CREATED = 1767323045.0
"""When the images of the test bed say they were made."""


def listed(kind: str, address: str | Path) -> LocalListing:
    return list_local(LocalPlace(kind, str(address)), engine=lambda host: EngineClient(resolve_address(host)))


def rows(kind: str, address: str | Path) -> dict[str, LocalRow]:
    return {row.name: row for row in listed(kind, address).rows}


def opens(row: LocalRow) -> Digest:
    """What a push of this row would take: the words in it are enough."""

    def engine() -> EngineClient:
        raise AssertionError("files need no engine")

    return open_source(row.image, engine=engine, platform=None).facts().id


@contextmanager
def nobody(directory: Path) -> Iterator[None]:
    """As a user who owns nothing."""
    for parent in (directory, *list(directory.parents)[:2]):
        parent.chmod(0o755)
    before = os.geteuid()
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)
