"""Attachments are found by every way that leads to them, and what is broken or hostile only has a flaw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import NotFound
from ocistore_tui.layout import paths
from ocistore_tui.layout.referrers import add_referrer
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.reference import Reference
from tests.engine.hostile import MANIFESTS, plant_tag
from tests.engine.test_listing import serve
from tests.engine.test_tags import ARM, ATTESTED, SLSA, SPDX
from tests.layout.content import Content, artifact, image, index, manifest_of, plant, store_image

IMAGE = image("app")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def attached(store: ObjectStore, reference: str = "app:1", cache: Path | None = None) -> list[AttachmentRow]:
    with serve(store, cache) as service:
        return list(service.attachments(Reference.parse(reference)))


def tag_for(subject: Content, ending: str = "") -> str:
    return f"sha256-{subject.digest.encoded}{ending}"


def cosigned(subject: Content) -> Content:
    """What ``cosign sign`` stores: an image by its config, a signature by its layer."""
    payload = json.dumps({"critical": {"image": {"docker-manifest-digest": subject.digest}}}).encode()
    layer_type = "application/vnd.dev.cosign.simplesigning.v1+json"
    return manifest_of(b"{}", "application/vnd.oci.image.config.v1+json", (payload,), layer_type)


def refer(store: ObjectStore, subject: Content, *referrers: Content, artifact_type: str = "") -> None:
    for referrer in referrers:
        store_image(store, "app", referrer)
        descriptor = Descriptor(digest=referrer.digest, size=len(referrer.raw), artifact_type=artifact_type)
        add_referrer(Repository(store, "app"), subject.digest, descriptor)


def test_an_image_with_nothing_attached(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    assert attached(store) == []


def test_an_image_that_is_not_there(store: MemoryStore) -> None:
    with pytest.raises(NotFound):
        attached(store)


def test_a_signature_under_cosigns_tag(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    signature = cosigned(IMAGE)
    store_image(store, "app", signature, tag_for(IMAGE, ".sig"))
    (row,) = attached(store)
    assert (row.kind, row.digest, row.subject, row.depth) == ("signature", signature.digest, IMAGE.digest, 0)
    assert row.found_by == tag_for(IMAGE, ".sig")
    assert row.artifact_type == "application/vnd.dev.cosign.simplesigning.v1+json"
    assert row.size_bytes == len(signature.raw) + sum(map(len, signature.blobs))
    assert row.flaw == ""


def test_referrers_in_the_fallback_index(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    signature, sbom = artifact(IMAGE, "signature"), artifact(IMAGE, "sbom")
    refer(store, IMAGE, signature)
    refer(store, IMAGE, sbom, artifact_type="application/vnd.cyclonedx+json")
    rows = attached(store)
    assert {(row.kind, row.digest) for row in rows} == {("signature", signature.digest), ("sbom", sbom.digest)}
    assert {row.found_by for row in rows} == {tag_for(IMAGE)}


def test_a_referrer_without_a_tag_is_found_by_its_subject(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    other = artifact(image("other"), "of another image")
    store_image(store, "app", other)
    lonely = artifact(IMAGE)
    store_image(store, "app", lonely)
    (row,) = attached(store)
    assert (row.digest, row.found_by, row.artifact_type) == (
        lonely.digest, "subject", "application/vnd.example.signature",
    )  # fmt: skip


def test_what_several_ways_lead_to_has_one_row(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    signature = artifact(IMAGE)
    store_image(store, "app", signature, tag_for(IMAGE, ".sig"))
    refer(store, IMAGE, signature)
    assert [row.digest for row in attached(store)] == [signature.digest]


def test_attachments_of_attachments_are_below_them(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    sbom = artifact(IMAGE, "sbom")
    refer(store, IMAGE, sbom)
    signature = cosigned(sbom)
    store_image(store, "app", signature, tag_for(sbom, ".sig"))
    other = artifact(IMAGE, "another")
    refer(store, IMAGE, other)
    rows = [(row.digest, row.depth, row.subject) for row in attached(store)]
    assert rows == [
        (sbom.digest, 0, IMAGE.digest),
        (signature.digest, 1, sbom.digest),
        (other.digest, 0, IMAGE.digest),
    ]


def test_attestations_of_the_index_are_told_by_platform(store: MemoryStore) -> None:
    store_image(store, "app", ATTESTED, "1")
    rows = attached(store)
    assert [(row.kind, row.artifact_type, row.platform, row.subject) for row in rows] == [
        ("sbom", SPDX, "linux/amd64", IMAGE.digest),
        ("provenance", SLSA, "linux/amd64", IMAGE.digest),
        ("sbom", SPDX, "linux/arm64", ARM.digest),
        ("provenance", SLSA, "linux/arm64", ARM.digest),
    ]
    assert {row.found_by for row in rows} == {"index"}


def test_a_signature_of_one_platform_names_it(store: MemoryStore) -> None:
    store_image(store, "app", index(IMAGE, ARM), "1")
    store_image(store, "app", cosigned(ARM), tag_for(ARM, ".sig"))
    (row,) = attached(store)
    assert (row.platform, row.subject) == ("linux/arm64", ARM.digest)


def test_the_search_for_subjects_is_bounded(store: MemoryStore, tmp_path: Path) -> None:
    store_image(store, "app", IMAGE, "1")
    objects = {}
    for number in range(900):
        raw = json.dumps({"schemaVersion": 2, "config": {"digest": IMAGE.digest, "size": 1}, "x": number}).encode()
        objects[paths.blob(Digest.of(raw))] = raw
        objects[paths.revision_link("app", Digest.of(raw))] = Digest.of(raw).encode()
    plant(store, objects)
    store.counts.clear()
    attached(store, cache=tmp_path)
    assert store.counts["get"] < 320


# -- broken and hostile ones --


def test_a_referrer_that_is_listed_and_gone_has_a_flaw(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    signature = artifact(IMAGE)
    refer(store, IMAGE, signature)
    store.delete([paths.blob(signature.digest), paths.revision_link("app", signature.digest)])
    (row,) = attached(store)
    assert row.digest == signature.digest
    assert "not in the store" in row.flaw


def test_an_attestation_that_is_gone_has_a_flaw(store: MemoryStore) -> None:
    store_image(store, "app", ATTESTED, "1")
    gone = ATTESTED.children[2].digest
    store.delete([paths.blob(gone)])
    flaws = {row.digest: row.flaw for row in attached(store)}
    assert "not in the store" in flaws[gone]
    assert flaws[ATTESTED.children[3].digest] == ""


@pytest.mark.parametrize("ending", ["", ".sig"])
@pytest.mark.parametrize("name", MANIFESTS)
def test_a_hostile_attachment_has_a_flaw(store: MemoryStore, name: str, ending: str) -> None:
    store_image(store, "app", IMAGE, "1")
    digest = plant_tag(store, "app", tag_for(IMAGE, ending), MANIFESTS[name])
    (row,) = attached(store)
    assert row.digest == digest
    assert row.flaw


def test_a_damaged_link_has_a_flaw(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    store.put(paths.tag_current("app", tag_for(IMAGE, ".sig")), b"nonsense")
    (row,) = attached(store)
    assert (row.kind, row.found_by) == ("signature", tag_for(IMAGE, ".sig"))
    assert row.flaw


def test_attachments_in_a_circle_end(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    first, second = artifact(IMAGE, "first"), artifact(IMAGE, "second")
    refer(store, IMAGE, first)
    refer(store, first, second)
    refer(store, second, first)
    refer(store, second, IMAGE)
    assert [(row.digest, row.depth) for row in attached(store)] == [(first.digest, 0), (second.digest, 1)]


def test_thousands_of_referrers_are_told_in_part(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    children = [{"digest": Digest.of(str(number).encode()), "size": 1} for number in range(5000)]
    document = {"schemaVersion": 2, "manifests": children}
    plant_tag(store, "app", tag_for(IMAGE), json.dumps(document).encode())
    store.counts.clear()
    assert len(attached(store)) == 500
    assert sum(store.counts.values()) < 700


def test_huge_annotations_are_cut(store: MemoryStore) -> None:
    store_image(store, "app", IMAGE, "1")
    annotations = {f"key {number}" + "k" * 5000: "x" * 5000 for number in range(200)}
    huge = manifest_of(b"{}", "application/vnd.oci.empty.v1+json", annotations=annotations, artifactType="x" * 9000)
    store_image(store, "app", huge, tag_for(IMAGE, ".sbom"))
    (row,) = attached(store)
    assert row.kind == "sbom"
    assert len(row.annotations) <= 50
    assert max(map(len, (*row.annotations, *row.annotations.values(), row.artifact_type))) <= 1000
