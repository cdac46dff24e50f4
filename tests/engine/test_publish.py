"""What belongs to an image: everything below its root, children first, each once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.engine.publish import close
from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Index, Manifest
from tests.testbed import images

_LAYERS = [bytes([number]) * number for number in range(6)]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Digest, dict[Digest, bytes]]:
    """A root and all documents below it: manifests over few layers, indexes over what was drawn before them."""
    documents: dict[Digest, bytes] = {}
    made: list[tuple[str, bytes]] = []

    def keep(kind: str, document: dict[str, Any]) -> None:
        raw = json.dumps({"schemaVersion": 2, "mediaType": kind, **document}).encode()
        documents[Digest.of(raw)] = raw
        made.append((kind, raw))

    for layers in draw(st.lists(st.lists(st.sampled_from(_LAYERS), max_size=4), min_size=1, max_size=4)):
        config = images.descriptor(images.OCI_CONFIG, draw(st.sampled_from([b"{}", b"[]"])))
        keep(images.OCI_MANIFEST, {"config": config, "layers": [images.descriptor("l", raw) for raw in layers]})
    for _ in range(draw(st.integers(0, 4))):
        children = draw(st.lists(st.sampled_from(made), min_size=1, max_size=4))
        keep(images.OCI_INDEX, {"manifests": [images.descriptor(kind, raw) for kind, raw in children]})
    return Digest.of(made[-1][1]), documents


def below(root: Digest, documents: Mapping[Digest, bytes]) -> set[Digest]:
    """Every manifest and index that can be reached."""
    children = json.loads(documents[root]).get("manifests", ()) if root in documents else ()
    return {root}.union(*(below(Digest(child["digest"]), documents) for child in children))


@given(graphs(), st.data())
def test_all_below_a_root_is_found_once_and_children_come_first(
    graph: tuple[Digest, dict[Digest, bytes]], data: st.DataObject
) -> None:
    root, documents = graph
    gone = data.draw(st.sets(st.sampled_from(sorted(documents)))) - {root}
    held = {digest: raw for digest, raw in documents.items() if digest not in gone}
    reachable = below(root, held)
    images_held = [digest for digest in reachable & held.keys() if b'"config"' in held[digest]]
    if not images_held:
        with pytest.raises(IntegrityError, match="no image"):
            close(root, held)
        return
    closure = close(root, held)
    order = [found.digest for found in closure.manifests]
    assert closure.root.digest == order[-1] == root
    assert sorted(order) == sorted(reachable & held.keys())
    assert sorted(child.digest for child in closure.missing) == sorted(reachable - held.keys())
    for found in closure.manifests:
        assert found.raw == held[found.digest]
        if isinstance(found, Index):
            here = [child.digest for child in found.manifests if child.digest in held]
            assert all(order.index(child) < order.index(found.digest) for child in here)
    blobs = {
        blob.digest: blob.size for found in closure.manifests if isinstance(found, Manifest) for blob in found.blobs
    }
    assert {blob.digest: blob.size for blob in closure.blobs} == blobs
    assert len(closure.blobs) == len(blobs)


def test_indexes_that_nest_without_end_are_refused() -> None:
    config = images.descriptor(images.OCI_CONFIG, b"{}")
    raw = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()
    documents = {Digest.of(raw): raw}
    for _ in range(20):
        raw = json.dumps({"schemaVersion": 2, "manifests": [images.descriptor(images.OCI_INDEX, raw)]}).encode()
        documents[Digest.of(raw)] = raw
    with pytest.raises(IntegrityError, match="nest"):
        close(Digest.of(raw), documents)
