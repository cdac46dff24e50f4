"""One blob and how it is brought."""

from __future__ import annotations

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.registry import Registry
from tests.layout.content import keys
from tests.serving.asking import Answer, ask

BLOB = bytes(range(256)) * 20
DIGEST = Digest.of(BLOB)
UPLOADS = "/v2/app/blobs/uploads/"
STORED = sorted([paths.blob(DIGEST), paths.layer_link("app", DIGEST)])
"""All that a pushed blob leaves in the store."""


def begin(registry: Registry, query: str = "") -> str:
    answer = ask(registry, "POST", UPLOADS + query)
    assert (answer.status, answer.headers["Range"]) == (202, "0-0")
    assert answer.location.endswith(answer.headers["Docker-Upload-UUID"])
    return answer.location


def check_stored(registry: Registry, store: ObjectStore, answer: Answer) -> None:
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, DIGEST)
    assert ask(registry, "GET", answer.location).body == BLOB
    assert keys(store) == STORED


def check_nothing(store: ObjectStore) -> None:
    """Nothing is visible, and no file is left behind."""
    assert keys(store) == []
    if isinstance(store, LocalStore):
        assert list(store.list_unfinished("")) == []
