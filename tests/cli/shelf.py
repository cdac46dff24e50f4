"""Images put into a directory store by hand, as another program, or a hostile one, may have written them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.layout.repository import Repository

REPOSITORIES = "docker/registry/v2/repositories"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def put_image(directory: Path, repository: str, tag: str, config: bytes, **manifest: Any) -> str:
    """An image without layers; returns its digest. ``manifest`` overrides what the manifest says."""
    blobs = Blobs(LocalStore(directory, create=True))
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": blobs.put(config), "size": len(config)},
        "layers": [],
        **manifest,
    }
    return put_manifest(directory, repository, tag, json.dumps(document).encode())


def put_manifest(directory: Path, repository: str, tag: str, raw: bytes) -> str:
    """A tag that names these bytes, whatever they are; returns their digest."""
    store = LocalStore(directory, create=True)
    digest = Blobs(store).put(raw)
    target = Repository(store, repository)
    target.link_revision(digest)
    put_link(directory, repository, tag, digest)
    return digest


def put_link(directory: Path, repository: str, tag: str, content: str) -> None:
    """A tag's link, whatever it says."""
    link = directory / REPOSITORIES / repository / "_manifests/tags" / tag / "current/link"
    link.parent.mkdir(parents=True)
    link.write_text(content)


def config(**fields: object) -> bytes:
    """An image configuration; ``fields`` override what it says."""
    document: Mapping[str, object] = {
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, **fields,
    }  # fmt: skip
    return json.dumps(document).encode()
