"""Pushing as clients do."""

from __future__ import annotations

from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.registry import Registry
from tests.layout.content import Content, image, manifests_of
from tests.serving.asking import Answer, ask

IMAGE = image("app")
OTHER = image("other")


def put(registry: Registry, content: Content, reference: str, *, repository: str = "app", **headers: str) -> Answer:
    said = {"Content-Type": content.media_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return ask(registry, "PUT", f"/v2/{repository}/manifests/{reference}", content.raw, said)


def push(registry: Registry, content: Content, *references: str, repository: str = "app") -> None:
    """As clients do it: blobs, manifests of platforms, then the whole."""
    *children, root = manifests_of(content)
    for found in (*children, root):
        for blob in found.blobs:
            target = f"/v2/{repository}/blobs/uploads/?digest={Digest.of(blob)}"
            assert ask(registry, "POST", target, blob).status == 201
    for child in children:
        assert put(registry, child, child.digest, repository=repository).status == 201
    for reference in references or (root.digest,):
        assert put(registry, root, reference, repository=repository).status == 201
