"""What a screen asks about tags: names at once, details of those that are looked at, a count of the rest."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import boto3
import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.errors import StoreMissing, Unavailable
from ocistore_tui.layout import paths
from ocistore_tui.layout.referrers import add_referrer
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.manifest import Descriptor
from tests.engine.hostile import CONFIGS, MANIFESTS, plant_tag, with_config
from tests.engine.test_listing import serve, stored_size
from tests.layout.content import Content, artifact, image, index, manifest_of, manifests_of, plant, store_image
from tests.testbed import servers

IMAGE = image("app")
SPDX, SLSA = "https://spdx.dev/Document", "https://slsa.dev/provenance/v1"


def statements(subject: Content, *predicates: str) -> Content:
    """An attestation manifest with one statement for each predicate, as BuildKit writes them."""
    layers = [json.dumps({"subject": subject.digest, "predicateType": predicate}).encode() for predicate in predicates]
    made = manifest_of(b"{}", "application/vnd.oci.image.config.v1+json", layers, "application/vnd.in-toto+json")
    document = json.loads(made.raw)
    for layer, predicate in zip(document["layers"], predicates, strict=True):
        layer["annotations"] = {"in-toto.io/predicate-type": predicate}
    return Content(json.dumps(document).encode(), made.media_type, made.blobs).described(
        platform={"os": "unknown", "architecture": "unknown"},
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject.digest,
        },
    )


ARM = image("app", architecture="arm64")
ATTESTED = index(IMAGE, ARM, statements(IMAGE, SPDX, SLSA), statements(ARM, SPDX, SLSA))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def described(store: ObjectStore, *names: str, cache: Path | None = None) -> dict[str, TagRow]:
    with serve(store, cache) as service:
        return {row.name: row for row in service.describe_tags("app", names)}


def stubs(store: ObjectStore) -> list[TagRow]:
    with serve(store) as service:
        return list(service.tag_stubs("app"))


# -- names --


def test_stubs_are_names_and_times_in_byte_order(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "v1", "v1-rc", "v1.0", "V2", "v10")
    rows = stubs(store)
    assert [row.name for row in rows] == ["V2", "v1", "v1-rc", "v1.0", "v10"]
    assert all(row.pushed is not None and row.pushed > 1e9 for row in rows)
    assert not any(row.is_described for row in rows)


def test_stubs_of_a_directory_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = LocalStore(tmp_path / "store")
    store_image(store, "app", IMAGE, "v1", "v1-rc", "v1.0")
    (tmp_path / "store/docker/registry/v2/repositories/app/_manifests/tags/empty").mkdir()
    rows = stubs(store)
    assert [(row.name, row.pushed is not None) for row in rows] == [
        ("empty", False), ("v1", True), ("v1-rc", True), ("v1.0", True)
    ]  # fmt: skip


def test_stubs_cost_one_listing_and_read_no_tag(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, *(f"v{number}" for number in range(50)))
    store.counts.clear()
    assert len(stubs(store)) == 50
    assert dict(store.counts) == {"list_entries": 1}


def test_a_tag_without_its_link_has_a_stub_without_a_time(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    plant(store, {paths.tag_index("app", "gone", IMAGE.digest): IMAGE.digest.encode()})
    assert [(row.name, row.pushed is None) for row in stubs(store)] == [("1", False), ("gone", True)]


@pytest.mark.parametrize("ending", ["", ".sig", ".att", ".sbom"])
def test_a_name_tells_whose_attachment_a_tag_is(store: MemoryStore, ending: str) -> None:
    tag = f"sha256-{IMAGE.digest.encoded}{ending}"
    store_image(store, "app", artifact(IMAGE), tag)
    row = stubs(store)[0]
    assert (row.kind, row.subject) == ("artifact", IMAGE.digest)
    full = described(store, tag)[tag]
    assert (full.kind, full.subject, full.flaw) == ("artifact", IMAGE.digest, "")


def test_a_name_that_is_nearly_one_is_a_tag_like_others(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "sha256-1234", f"sha256-{'A' * 64}")
    assert [row.subject for row in stubs(store)] == [None, None]


# -- details --


def test_a_described_tag_is_what_a_list_tells_and_more(store: MemoryStore) -> None:
    store_image(store, "app", ATTESTED, "1")
    with serve(store) as service:
        listed = next(service.tags("app"))
    row = described(store, "1")["1"]
    assert row.pushed == listed.pushed
    assert (row.digest, row.size_bytes, row.platforms) == (listed.digest, listed.size_bytes, listed.platforms)
    assert row.manifests == (ATTESTED.digest, IMAGE.digest, ARM.digest)
    assert row.image_ids == (Digest.of(IMAGE.blobs[0]), Digest.of(ARM.blobs[0]))
    assert sum(row.blobs.values()) == row.size_bytes
    assert row.extras == ("sbom", "provenance")


def test_every_blob_below_a_tag_is_told_with_its_size(store: MemoryStore) -> None:
    multi = index(IMAGE, ARM)
    store_image(store, "app", multi, "1")
    row = described(store, "1")["1"]
    manifests = {found.digest: len(found.raw) for found in manifests_of(multi)}
    assert row.blobs == manifests | {Digest.of(blob): len(blob) for found in (IMAGE, ARM) for blob in found.blobs}
    assert row.size_bytes == stored_size(multi)


def test_a_platform_that_is_not_there_identifies_nothing(store: MemoryStore) -> None:
    partial = index(IMAGE, partial=[ARM])
    store_image(store, "app", partial, "1")
    row = described(store, "1")["1"]
    assert row.missing == 1
    assert ARM.digest not in row.manifests


def test_what_the_fallback_index_lists_is_told(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    attached = artifact(IMAGE)
    store_image(store, "app", attached)
    add_referrer(
        Repository(store, "app"),
        IMAGE.digest,
        Descriptor(digest=attached.digest, size=len(attached.raw), artifact_type="application/spdx+json"),
    )
    tag = f"sha256-{IMAGE.digest.encoded}"
    assert described(store, tag)[tag].extras == ("sbom",)


def test_a_tag_that_is_gone_has_a_row_with_a_flaw(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    rows = described(store, "1", "deleted")
    assert rows["1"].flaw == ""
    assert "no such tag" in rows["deleted"].flaw
    assert [row.is_gone for row in rows.values()] == [row.name == "deleted" for row in rows.values()]


def test_a_store_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """No tag of it is said to be deleted."""
    with pytest.raises(StoreMissing):
        described(LocalStore(tmp_path / "gone"), "1")


def test_a_link_that_registries_do_not_follow_is_told(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    store.delete([paths.revision_link("app", IMAGE.digest)])
    assert "404" in described(store, "1")["1"].flaw
    store.put(paths.revision_link("app", IMAGE.digest), b"sha256:")
    assert "500" in described(store, "1")["1"].flaw


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_hostile_manifest_keeps_its_row(store: MemoryStore, name: str) -> None:
    plant_tag(store, "app", "1", MANIFESTS[name])
    assert described(store, "1")["1"].flaw


@pytest.mark.parametrize("name", CONFIGS)
def test_a_hostile_config_keeps_its_row(store: MemoryStore, name: str) -> None:
    digest = plant_tag(store, "app", "1", with_config(store, "app", CONFIGS[name]))
    row = described(store, "1")["1"]
    assert row.digest == digest
    assert row.flaw


def test_a_store_that_does_not_answer_is_an_error(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    store.fail_next("get", Unavailable("nobody there"))
    with pytest.raises(Unavailable):
        described(store, "1")


def test_describing_costs_what_is_described(store: MemoryStore, tmp_path: Path) -> None:
    """However many tags and manifests the repository has."""
    for number in range(40):
        store_image(store, "app", image(str(number)), f"v{number}")
    names = [f"v{number}" for number in range(10)]
    store.counts.clear()
    described(store, *names, cache=tmp_path)
    assert dict(store.counts) == {"get": 30, "head": 20}, "link, manifest and config; when it moved, and its link"
    store.counts.clear()
    described(store, *names, cache=tmp_path)
    assert dict(store.counts) == {"get": 10, "head": 20}, "documents are remembered"


def test_eight_are_in_flight_and_no_more() -> None:
    inside, most, full = 0, 0, threading.Event()
    lock = threading.Lock()

    def hook(operation: str, key: str) -> None:
        nonlocal inside, most
        if operation != "get" or not key.endswith("current/link") or not watching:
            return
        with lock:
            inside += 1
            most = max(most, inside)
            if inside == 8:
                full.set()
        assert full.wait(20)
        with lock:
            inside -= 1

    watching = False
    store = MemoryStore(hook=hook)
    store_image(store, "app", IMAGE, *(f"v{number}" for number in range(24)))
    watching = True
    assert len(described(store, *(f"v{number}" for number in range(24)))) == 24
    assert most == 8


def test_answers_come_as_they_arrive_and_cancelling_stops(store: MemoryStore) -> None:
    held, slow = threading.Event(), paths.tag_current("app", "v0")

    def hook(operation: str, key: str) -> None:
        if operation == "get" and key == slow and watching:
            assert held.wait(20)

    watching = False
    store.hook = hook
    store_image(store, "app", IMAGE, *(f"v{number}" for number in range(30)))
    watching = True
    cancel = threading.Event()
    with serve(store) as service:
        rows = service.describe_tags("app", [f"v{number}" for number in range(30)], cancel=cancel)
        first = next(rows)
        assert first.name != "v0"
        cancel.set()
        rest = list(rows)
        held.set()
    assert len(rest) < 20, "what was in flight, not all of them"


# -- counts --


def summed(store: ObjectStore) -> tuple[int, bool, bool]:
    with serve(store) as service:
        found = service.summary("app")
    assert found.name == "app"
    return found.tags, found.is_whole, found.pushed is not None


def test_a_summary_counts_images_only(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1", "2")
    store_image(store, "app", artifact(IMAGE), f"sha256-{IMAGE.digest.encoded}.sig")
    with serve(store) as service:
        newest = max(row.pushed or 0 for row in service.tag_stubs("app") if row.subject is None)
        assert service.summary("app").pushed == newest
    assert summed(store) == (2, True, True)


def test_a_summary_is_one_page(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    plant(store, {paths.tag_current("app", f"v{number}"): IMAGE.digest.encode() for number in range(1500)})
    taken = 0

    class Counting(MemoryStore):
        def list_entries(self, prefix: str, *, start_after: str | None = None):
            nonlocal taken
            for entry in store.list_entries(prefix, start_after=start_after):
                taken += 1
                yield entry

    tags, is_whole, _ = summed(Counting())
    assert not is_whole
    assert 900 < tags < 1000
    assert taken == 1000


def test_a_summary_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = LocalStore(tmp_path / "store")
    store_image(store, "app", IMAGE, "1", "2")
    store_image(store, "app", artifact(IMAGE), f"sha256-{IMAGE.digest.encoded}.sig")
    assert summed(store) == (2, True, True)


def test_a_summary_of_nothing(store: MemoryStore) -> None:
    assert summed(store) == (0, True, False)


# -- a real bucket --


def test_a_real_bucket_tells_the_same(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.S3_KEYS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.S3_KEYS[1])
    client = boto3.client("s3", endpoint_url=moto, region_name="us-east-1")
    client.create_bucket(Bucket="tags")
    store = S3Store(S3Options(bucket="tags", endpoint=moto, region="us-east-1"))
    store_image(store, "app", ATTESTED, "v1", "v1-rc", "v1.0")
    with serve(store) as service:
        found = list(service.tag_stubs("app"))
        assert [row.name for row in found] == ["v1", "v1-rc", "v1.0"], "in another order than the keys"
        assert all(row.pushed is not None for row in found)
        summary = service.summary("app")
        assert (summary.tags, summary.is_whole, summary.pushed) == (3, True, max(row.pushed or 0 for row in found))
        (row,) = service.describe_tags("app", ["v1"])
        assert (row.flaw, row.extras, row.pushed) == ("", ("sbom", "provenance"), found[0].pushed)
