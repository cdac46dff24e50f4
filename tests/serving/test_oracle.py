"""docker-registry 2.8 is the judge: it serves what came through our server, and ours what came through it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.layout.check import check_repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.addresses import listen, parse_listen
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.server import Server
from tests.serving.asking import EVERYTHING
from tests.testbed import images, servers
from tests.testbed.images import Image, layer
from tests.testbed.need import program
from tests.testbed.registry_client import get, serve_whole, tags

IMAGES = [
    Image((layer(f"base {arch}"), layer(f"app {arch}", 300_000)), architecture=arch) for arch in ("amd64", "arm64")
]
INDEX = images.index_of(IMAGES)


@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_either_serves_what_came_through_the_other(writer: str, tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir()
    contents = [raw for image in IMAGES for raw in image.contents]
    layout = images.oci_layout(tmp_path / "two", images.layout_members({"1": (images.OCI_INDEX, INDEX)}, contents))
    server = Server(Registry(LocalStore(root), rules=EVERYTHING), listen(parse_listen("localhost:0")))
    server.start()
    ours = f"localhost:{server.ports[0][1]}"
    with servers.registry(tmp_path, servers.on_directory(root)) as theirs:
        writes, reads = (ours, theirs) if writer == "ours" else (theirs, ours)
        skopeo = program("skopeo", hint="apt-get install skopeo")
        for tag in ("1", "1.0", "latest"):
            subprocess.run(
                [skopeo, "--insecure-policy", "copy", "--all", "--dest-tls-verify=false", f"oci:{layout}:1",
                 f"docker://{writes}/team/app:{tag}"], check=True, capture_output=True,
            )  # fmt: skip
        for tag in ("1", "1.0", "latest"):
            assert serve_whole(reads, "team/app", tag) == Digest.of(INDEX)
        assert tags(reads, "team/app") == tags(writes, "team/app") == ["1", "1.0", "latest"]
        assert {get(one, "_catalog")[1].strip() for one in (ours, theirs)} == {b'{"repositories":["team/app"]}'}
    server.stop(grace_s=5)
    assert list(check_repository(LocalStore(root), "team/app")) == []
