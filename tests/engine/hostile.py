"""Documents nobody should store, stored all the same: what lists and inspections have to live with."""

from __future__ import annotations

import json

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.layout import paths
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from tests.layout.content import describe, plant

_CONFIG = describe(b"{}", media_types.OCI_CONFIG)

MANIFESTS: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"<html>sign in</html>",
    "not UTF-8": b"\xff\xfe{}",
    "a list": b"[]",
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"config":' * 100_000,
    "nested where nobody looks": b'{"schemaVersion":2,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "over the limit": b'{"schemaVersion":2,"x":"' + b"x" * (5 * 1024 * 1024) + b'"}',
    "30 MB": b'{"schemaVersion":2,"x":"' + b"x" * 30_000_000 + b'"}',
    "huge size": json.dumps({"schemaVersion": 2, "config": {**_CONFIG, "size": 10**40}, "layers": []}).encode(),
    "negative size": json.dumps({"schemaVersion": 2, "config": {**_CONFIG, "size": -1}}).encode(),
    "5,000 digits": b'{"schemaVersion":' + b"2" * 5000 + b"}",
    "wrong types": json.dumps({"schemaVersion": "2", "config": [], "layers": {}}).encode(),
    "traversal": json.dumps({"schemaVersion": 2, "config": {**_CONFIG, "digest": "sha256:../../x"}}).encode(),
    "no config": json.dumps({"schemaVersion": 2, "layers": []}).encode(),
    "schema 1": json.dumps({"schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [], "history": []}).encode(),
    "signed schema 1": json.dumps({"schemaVersion": 1, "mediaType": media_types.DOCKER_SCHEMA1_SIGNED}).encode(),
    "artifact manifest": json.dumps({"mediaType": media_types.OCI_ARTIFACT, "blobs": []}).encode(),
}

CONFIGS: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"\x7fELF",
    "a list": b"[]",
    "nested": b'{"rootfs":' * 100_000,
    "nested where nobody looks": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "over the limit": b'{"x":"' + b"x" * (17 * 1024 * 1024) + b'"}',
    "wrong types": b'{"os":5,"architecture":[],"created":{},"rootfs":"x","history":7}',
    "bad diff ID": b'{"os":"linux","rootfs":{"diff_ids":["sha256:../../x"]}}',
}


def plant_tag(store: ObjectStore, repository: str, tag: str, raw: bytes) -> Digest:
    """Tag these bytes without asking whether they are a manifest."""
    digest = Digest.of(raw)
    plant(
        store,
        {
            paths.blob(digest): raw,
            paths.revision_link(repository, digest): digest.encode(),
            paths.tag_current(repository, tag): digest.encode(),
            paths.tag_index(repository, tag, digest): digest.encode(),
        },
    )
    return digest


def with_config(store: ObjectStore, repository: str, config: bytes, media_type: str = media_types.OCI_CONFIG) -> bytes:
    """A manifest around these bytes as its config, which are stored and linked."""
    digest = Digest.of(config)
    plant(store, {paths.blob(digest): config, paths.layer_link(repository, digest): digest.encode()})
    return json.dumps({"schemaVersion": 2, "config": describe(config, media_type), "layers": []}).encode()
