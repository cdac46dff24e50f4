"""What ``inspect`` tells people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.layout.blobs import Blobs
from tests.cli.running import Invoke
from tests.cli.shelf import MANIFEST, config, put_image, put_manifest

CHART = "application/vnd.cncf.helm.config.v1+json"


@pytest.mark.parametrize(
    ("fields", "told"),
    [({}, CHART), ({"artifactType": "application/x.mine"}, "application/x.mine")],
    ids=["by its config", "by its artifact type"],
)
def test_an_artifact_is_what_it_says_it_is(oci_store: Invoke, here: Path, fields: dict[str, str], told: str) -> None:
    named = {"mediaType": CHART, "digest": Blobs(LocalStore(here / "s", create=True)).put(b"{}"), "size": 2}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": named, "layers": [], **fields}
    put_manifest(here / "s", "chart", "1", json.dumps(document).encode())
    assert f"artifact, {told}" in oci_store("fs", "inspect", "chart:1", "--dir", "s").out
    assert oci_store("fs", "inspect", "chart:1", "--dir", "s", "--json").document["media_type"] == MANIFEST


def test_an_image_is_what_its_manifest_says(oci_store: Invoke, here: Path) -> None:
    put_image(here / "s", "app", "1", config())
    assert f"image, {MANIFEST}" in oci_store("fs", "inspect", "app:1", "--dir", "s").out
