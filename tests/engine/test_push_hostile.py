"""Sources and stores that lie: a push tags what is complete, or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import IntegrityError
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.opened import directory_service, pull, push


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def service(root: Path) -> Iterator[Service]:
    with directory_service(root) as service:
        yield service


def manifest_of(image: Image, **changes: Any) -> bytes:
    return json.dumps({**json.loads(image.manifest), **changes}).encode()


def layout(tmp_path: Path, kind: str, raw: bytes, blobs: list[bytes]) -> str:
    return f"oci:{images.oci_layout(tmp_path / 'layout', images.layout_members({'1': (kind, raw)}, blobs))}"


def wrong_sizes() -> dict[str, tuple[str, bytes, list[bytes]]]:
    image = Image((layer("a"), layer("b")))
    first, second = json.loads(image.manifest)["layers"]
    config = json.loads(image.manifest)["config"]
    doubled = manifest_of(image, layers=[first, {**first, "size": first["size"] + 1}])
    index = json.loads(images.index_of([image]))
    index["manifests"][0]["size"] += 1
    raw_index = json.dumps(index).encode()
    return {
        "a layer twice, with two sizes": (images.OCI_MANIFEST, doubled, [image.config, *image.blobs]),
        "a layer": (
            images.OCI_MANIFEST,
            manifest_of(image, layers=[first, {**second, "size": second["size"] - 1}]),
            [image.config, *image.blobs],
        ),
        "the config": (
            images.OCI_MANIFEST,
            manifest_of(image, config={**config, "size": config["size"] + 1}),
            [image.config, *image.blobs],
        ),
        "the config and a layer that is the same blob": (
            images.OCI_MANIFEST,
            manifest_of(image, layers=[{**config, "size": 1}]),
            [image.config],
        ),
        "a manifest of an index": (images.OCI_INDEX, raw_index, image.contents),
    }


@pytest.mark.parametrize("what", wrong_sizes())
def test_a_manifest_that_is_wrong_about_a_size_is_never_linked(
    what: str, service: Service, root: Path, tmp_path: Path
) -> None:
    """Engines compare sizes as well: such an image could be pushed, and then not be pulled."""
    with pytest.raises(IntegrityError):
        push(service, "app:1", layout(tmp_path, *wrong_sizes()[what]))
    assert list(service.tag_names("app")) == []
    assert not [path for path in root.rglob("link") if path.is_file()]


@pytest.mark.parametrize("children", ["none", "none that is there"])
def test_an_index_without_any_image_is_refused(children: str, service: Service, tmp_path: Path) -> None:
    """A registry would hide its repository, and the next garbage collection would stop at it (layout.md §13)."""
    index = images.index_of([] if children == "none" else [Image((layer("elsewhere"),))])
    with pytest.raises(IntegrityError, match="no image"):
        push(service, "app:1", layout(tmp_path, images.OCI_INDEX, index, []))
    assert list(service.tag_names("app")) == []


@pytest.mark.parametrize("flaw", ["a layer less", "no layers", "a layer of two sizes"])
def test_a_stored_manifest_with_the_images_config_but_not_its_layers_is_replaced(
    flaw: str, service: Service, tmp_path: Path
) -> None:
    image = Image((layer("a"), layer("b")))
    first = json.loads(image.manifest)["layers"][0]
    layers = {
        "a layer less": [first],
        "no layers": [],
        "a layer of two sizes": [first, {**first, "size": first["size"] + 1}],
    }[flaw]
    broken = manifest_of(image, layers=layers)
    push(service, "whole:1", layout(tmp_path, images.OCI_MANIFEST, image.manifest, image.contents))
    _plant(service, "app", "1", broken)
    archive = images.docker_archive(tmp_path / "image.tar", {"app:1": image})
    result = push(service, "app:1", f"docker-archive:{archive}")
    assert result.digest != Digest.of(broken)
    assert [row.diff_id for row in result.layers] == [Digest.of(raw) for raw in image.layers]
    assert service.inspect(Reference.parse("app:1")).flaws == ()
    pull(service, "app:1", f"docker-archive:{tmp_path / 'out.tar'}")


def _plant(service: Service, repository: str, tag: str, manifest: bytes) -> None:
    store, digest = service._context.store, Digest.of(manifest)
    store.put(paths.blob(digest), manifest)
    for key in (paths.revision_link(repository, digest), paths.tag_current(repository, tag)):
        store.put(key, digest.encode())


@pytest.mark.parametrize(
    "raw", [(), (b"",), (layer("a"), layer("a")), (b"", layer("a"), b"")], ids=["none", "empty", "twice", "mixed"]
)
@pytest.mark.parametrize("form", ["docker archive", "OCI archive"])
def test_images_of_unusual_layers_come_back_as_they_were(
    raw: tuple[bytes, ...], form: str, service: Service, tmp_path: Path
) -> None:
    image = Image(raw)
    if form == "docker archive":
        source = f"docker-archive:{images.docker_archive(tmp_path / 'image.tar', {'app:1': image})}"
    else:
        source = f"oci-archive:{images.oci_archive(tmp_path / 'image.oci', '1', image)}"
    push(service, "app:1", source)
    assert list(service.flaws("app")) == []
    with directory_service(tmp_path / "again") as again:
        pull(service, "app:1", f"docker-archive:{tmp_path / 'out.tar'}")
        push(again, "app:1", f"docker-archive:{tmp_path / 'out.tar'}")
        inspected = again.inspect(Reference.parse("app:1"))
    assert inspected.config == image.config
    assert [row.diff_id for row in inspected.layers] == [Digest.of(one) for one in raw]


def test_a_layer_that_comes_twice_is_sent_once_and_stays_uploaded(service: Service, tmp_path: Path) -> None:
    image = Image((layer("a", 300_000), layer("b")))
    members = list(images.layout_members({"1": (images.OCI_MANIFEST, image.manifest)}, image.contents).items())
    (tmp_path / "twice.oci").write_bytes(images.tar_of([*members, *members]))
    result = push(service, "app:1", f"oci-archive:{tmp_path / 'twice.oci'}")
    assert [row.state for row in result.layers] == [LayerState.UPLOADED, LayerState.UPLOADED]
