"""Everything about one reference; of broken and hostile ones as much as is true, or one clear error."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.layout import paths
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import Inspection
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from tests.engine.hostile import CONFIGS, MANIFESTS, plant_tag, with_config
from tests.engine.test_listing import serve, stored_size
from tests.layout.content import artifact, image, index, manifest_of, plant, store_image, two_platforms

IMAGE, MULTI = image("app"), two_platforms()
ARM = Platform(os="linux", architecture="arm64")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def inspected(
    store: MemoryStore, reference: str = "app:1", platform: Platform | None = None, cache: Path | None = None
) -> Inspection:
    with serve(store, cache) as service:
        return service.inspect(Reference.parse(reference), platform=platform)


# -- sound ones --


def test_an_image_tells_its_layers_and_the_steps_that_made_them(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    found = inspected(store)
    config, *layers = IMAGE.blobs
    assert (found.kind, found.digest, found.size_bytes) == ("image", IMAGE.digest, stored_size(IMAGE))
    assert found.manifest.raw == IMAGE.raw
    assert found.config == config
    assert [(row.digest, row.diff_id, row.size_bytes, row.created_by) for row in found.layers] == [
        (Digest.of(layer), Digest.of(layer), len(layer), f"RUN {number}") for number, layer in enumerate(layers)
    ]
    assert [row.platform for row in found.platforms] == ["linux/amd64"]
    assert found.pushed is not None
    assert found.flaws == ()


def test_an_index_tells_its_platforms_and_attestations(store: MemoryStore) -> None:
    store_image(store, "app", MULTI, "1")
    found = inspected(store)
    assert (found.kind, found.config, found.flaws) == ("index", None, ())
    assert [(row.platform, row.is_stored) for row in found.platforms] == [
        ("linux/amd64", True),
        ("linux/arm64", True),
        ("attestation", True),
        ("attestation", True),
    ]
    assert found.size_bytes == stored_size(MULTI)


def test_a_partial_index_tells_what_is_missing(store: MemoryStore) -> None:
    store_image(store, "app", index(IMAGE, partial=(image("elsewhere", architecture="arm64"),)), "1")
    found = inspected(store)
    assert [row.is_stored for row in found.platforms] == [True, False]
    assert found.flaws == ("partial index: 1 of its 2 manifests are not in the store",)


def test_one_platform_of_an_index(store: MemoryStore) -> None:
    store_image(store, "app", MULTI, "1")
    found = inspected(store, platform=ARM)
    assert (found.kind, found.digest) == ("image", MULTI.children[1].digest)
    with pytest.raises(NotFound, match="no image for linux/s390x"):
        inspected(store, platform=Platform(os="linux", architecture="s390x"))


def test_a_platform_is_found_beside_a_broken_one(store: MemoryStore) -> None:
    store_image(store, "app", MULTI, "1")
    broken = Digest.of(MULTI.children[0].blobs[0])
    store.put(paths.blob(broken), b"?")
    assert inspected(store, platform=ARM).digest == MULTI.children[1].digest
    flaws = inspected(store, platform=Platform(os="linux", architecture="amd64")).flaws
    assert any(broken in flaw for flaw in flaws)


def test_by_digest_the_tag_is_not_looked_at(store: MemoryStore) -> None:
    store_image(store, "app", MULTI, "1")
    child = MULTI.children[0]
    found = inspected(store, f"app@{child.digest}")
    assert (found.digest, found.pushed) == (child.digest, None)
    assert inspected(store, f"app:gone@{child.digest}").digest == child.digest


@pytest.mark.parametrize(
    ("config", "media_type", "shown"),
    [
        (b"{}", media_types.OCI_EMPTY, b"{}"),
        (b'{"name":"chart"}', "application/vnd.cncf.helm.config.v1+json", b'{"name":"chart"}'),
        (b"\x00wasm", "application/vnd.wasm.config.v0", None),
        (b"[" * 100_000, "application/vnd.wasm.config.v0", None),
        (b'{"interface":{}}', "application/vnd.docker.plugin.v1+json", b'{"interface":{}}'),
    ],
)
def test_artifacts_show_their_config_if_it_is_json(
    store: MemoryStore, config: bytes, media_type: str, shown: bytes | None
) -> None:
    store_image(store, "app", manifest_of(config, media_type, (b"content",), "text/plain"), "1")
    found = inspected(store)
    assert (found.kind, found.config, found.flaws) == ("artifact", shown, ())
    assert [row.media_type for row in found.layers] == ["text/plain"]


def test_an_attached_artifact_is_one(store: MemoryStore) -> None:
    store_image(store, "app", artifact(IMAGE), "1")
    assert inspected(store).kind == "artifact"


# -- broken ones --


def test_what_is_not_there_is_not_found(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    for reference in ("none:1", "app:none", f"app@{Digest.of(b'none')}"):
        with pytest.raises(NotFound) as caught:
            inspected(store, reference)
        assert caught.value.fix


def test_a_link_registries_stumble_over_is_told(store: MemoryStore) -> None:
    digest = store_image(store, "app", IMAGE, "1")
    store.put(paths.tag_current("app", "1"), digest.encode() * 2)
    store.put(paths.revision_link("app", digest), digest.encode() + b"\n")
    twice, newline = inspected(store).flaws
    assert "twice" in twice
    assert "white space" in newline


def test_missing_and_cut_blobs_are_told_by_digest(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    config, first, second = (Digest.of(blob) for blob in IMAGE.blobs)
    store.delete([paths.blob(config), paths.blob(first)])
    store.put(paths.blob(second), b"cut")
    flaws = "\n".join(inspected(store).flaws)
    assert all(str(digest) in flaws for digest in (config, first, second))


def test_what_the_cache_remembers_and_the_store_lost_is_told(store: MemoryStore, tmp_path: Path) -> None:
    store_image(store, "app", MULTI, "1")
    assert inspected(store, cache=tmp_path).flaws == ()
    store.delete([paths.blob(MULTI.children[0].digest)])
    found = inspected(store, cache=tmp_path)
    assert [row.is_stored for row in found.platforms] == [False, True, True, True]
    store.delete([paths.blob(MULTI.digest)])
    with pytest.raises(NotFound, match="a blob is missing"):
        inspected(store, cache=tmp_path)


def test_children_registries_cannot_serve_are_told(store: MemoryStore) -> None:
    store_image(store, "app", MULTI, "1")
    unlinked, damaged = MULTI.children[0].digest, MULTI.children[1].digest
    store.delete([paths.revision_link("app", unlinked)])
    store.put(paths.blob(damaged), b"{")
    first, second = inspected(store).flaws
    assert str(unlinked) in first
    assert "not linked" in first
    assert str(damaged) in second


def test_a_digest_never_gives_other_bytes(store: MemoryStore) -> None:
    """Whoever asks by digest relies on it, whatever a link says."""
    store_image(store, "app", IMAGE, "1")
    store_image(store, "app", image("evil"), "2")
    store.put(paths.revision_link("app", IMAGE.digest), image("evil").digest.encode())
    for reference in ("app:1", f"app@{IMAGE.digest}"):
        with pytest.raises(IntegrityError, match="does not match its digest"):
            inspected(store, reference)


# -- hostile ones --


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_hostile_manifest_is_one_clear_error(store: MemoryStore, name: str) -> None:
    plant_tag(store, "app", "1", MANIFESTS[name])
    with pytest.raises(IntegrityError) as caught:
        inspected(store)
    assert caught.value.where
    assert caught.value.cause
    assert caught.value.fix


@pytest.mark.parametrize("name", CONFIGS)
def test_a_hostile_config_is_a_flaw(store: MemoryStore, name: str) -> None:
    digest = plant_tag(store, "app", "1", with_config(store, "app", CONFIGS[name]))
    found = inspected(store)
    assert found.digest == digest
    assert len(found.flaws) == 1
    if found.config is not None:
        json.loads(found.config)


def test_an_index_that_names_thousands_is_looked_up_in_part(store: MemoryStore) -> None:
    children = [
        {"mediaType": media_types.OCI_MANIFEST, "digest": Digest.of(str(number).encode()), "size": 1}
        for number in range(20_000)
    ]
    plant_tag(store, "app", "1", json.dumps({"schemaVersion": 2, "manifests": children}).encode())
    store.counts.clear()
    found = inspected(store)
    assert len(found.platforms) == 1000
    assert "first 1000 of its 20000" in found.flaws[-1]
    assert sum(store.counts.values()) < 1100


def test_a_manifest_of_thousands_of_missing_layers_tells_the_first_hundred(store: MemoryStore) -> None:
    layers = [
        {"mediaType": media_types.OCI_LAYER, "digest": Digest.of(str(number).encode()), "size": 1}
        for number in range(5000)
    ]
    raw = manifest_of(b"{}", media_types.OCI_EMPTY, layers=layers).raw
    plant(store, {paths.blob(Digest.of(b"{}")): b"{}"})
    plant_tag(store, "app", "1", raw)
    flaws = inspected(store).flaws
    assert len(flaws) == 101
    assert flaws[-1] == "and 4900 more like these"


def test_children_as_large_as_can_be_do_not_add_up_in_memory() -> None:
    class Reading(MemoryStore):
        """Gives out bytes of their own, as every store but this one does."""

        def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
            raw, token = super().get(key, max_bytes=max_bytes)
            return bytes(bytearray(raw)), token

    store, children = Reading(), []
    for number in range(100):
        raw = manifest_of(b"{}", media_types.OCI_EMPTY, filler=f"{number}" + "x" * 1_000_000).raw
        children.append({"mediaType": media_types.OCI_MANIFEST, "digest": Digest.of(raw), "size": len(raw)})
        plant_tag(store, "app", f"child{number}", raw)
    plant_tag(store, "app", "1", json.dumps({"schemaVersion": 2, "manifests": children}).encode())
    tracemalloc.start()
    try:
        found = inspected(store)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(row.is_stored for row in found.platforms) == 100
    assert peak < 50 * 1024 * 1024
