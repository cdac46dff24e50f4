"""What is below a manifest, from what is at hand and from the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.engine.cache import Cache
from ocistore_tui.engine.documents import Documents
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout import paths
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.model.digest import Digest
from tests.layout.content import image, index, plant, store_image, two_platforms

MULTI = two_platforms()
OUTER = index(MULTI, image("beside"))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def documents(store: MemoryStore, tmp_path: Path) -> Documents:
    return Documents(Blobs(store), Cache(tmp_path))


def test_everything_below_an_index_is_found(store: MemoryStore, documents: Documents) -> None:
    store_image(store, "app", OUTER, "1")
    wanted = {found.digest: found.raw for found in (OUTER, *OUTER.children, *MULTI.children)}
    assert documents.below(OUTER.digest) == wanted


def test_what_is_missing_is_an_error_unless_the_index_may_be_partial(store: MemoryStore, documents: Documents) -> None:
    here, gone = image("here"), image("gone")
    partial = index(here, partial=[gone])
    store_image(store, "app", partial, "1")
    with pytest.raises(NotFound):
        documents.below(partial.digest)
    assert documents.below(partial.digest, may_lack=True).keys() == {partial.digest, here.digest}
    assert documents.below(gone.digest, may_lack=True) == {}
    known = {gone.digest: gone.raw}
    assert documents.below(partial.digest, known=known).keys() == {partial.digest, here.digest, gone.digest}


def test_damage_is_never_left_out(store: MemoryStore, documents: Documents) -> None:
    store_image(store, "app", MULTI, "1")
    plant(store, {paths.blob(MULTI.children[0].digest): b"other bytes"})
    with pytest.raises(IntegrityError):
        documents.below(MULTI.digest, may_lack=True)


def test_below_what_is_known_nothing_is_looked_for(documents: Documents) -> None:
    known = {MULTI.digest: MULTI.raw, Digest.of(b"{}"): b"{}"}
    assert documents.below(MULTI.digest, known=known) == known
