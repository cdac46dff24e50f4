"""Attachments of an image, listed where every client looks: an index under a tag named after the image's digest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import PreconditionFailed, Refused
from ocistore_tui.layout import paths
from ocistore_tui.layout.check import check_repository
from ocistore_tui.layout.referrers import (
    add_referrer,
    attachment_tags,
    fallback_tag,
    is_attachment_tag,
    kind_of,
    predicate_of,
    subject_of_tag,
)
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index
from tests.layout.content import Content, artifact, image, index, store_image

SUBJECT = image("signed")
TAG = f"sha256-{SUBJECT.digest.encoded}"


def referrer(content: Content) -> Descriptor:
    return Descriptor(
        media_type=content.media_type, digest=content.digest, size=len(content.raw), artifact_type="text/x"
    )


def listed(repository: Repository) -> list[Descriptor]:
    found = repository.read_manifest(repository.read_tag(TAG).digest)
    assert isinstance(found, Index)
    return list(found.manifests)


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path, create=True)


@pytest.fixture
def repository(store: ObjectStore) -> Repository:
    store_image(store, "app", SUBJECT, "1")
    return Repository(store, "app")


def test_the_tag_is_named_after_the_digest() -> None:
    assert fallback_tag(SUBJECT.digest) == TAG
    long = Digest.parse("sha512:" + "a" * 128)
    assert fallback_tag(long) == "sha512-" + "a" * 64


def test_a_tag_tells_whose_attachment_it_is() -> None:
    assert [subject_of_tag(tag) for tag in attachment_tags(SUBJECT.digest)] == [SUBJECT.digest] * 4
    long = Digest.parse("sha512:" + "a" * 128)
    assert subject_of_tag(fallback_tag(long)) is None, "it is cut short"
    assert subject_of_tag("1.0") is None
    assert subject_of_tag(f"{TAG}.zip") is None


@pytest.mark.parametrize(
    ("texts", "name", "kind"),
    [
        (["application/vnd.dev.cosign.simplesigning.v1+json"], "", "signature"),
        (["application/vnd.dev.cosign.artifact.sig.v1+json"], "", "signature"),
        (["application/vnd.cncf.notary.signature"], "", "signature"),
        (["application/spdx+json"], "", "sbom"),
        (["application/vnd.cyclonedx+json"], "", "sbom"),
        (["https://spdx.dev/Document"], "", "sbom"),
        (["https://slsa.dev/provenance/v0.2"], "", "provenance"),
        (["application/vnd.dev.sigstore.bundle.v0.3+json", "https://slsa.dev/provenance/v1"], "", "provenance"),
        (["application/vnd.dsse.envelope.v1+json"], f"{TAG}.att", "other"),
        (["text/plain"], f"{TAG}.sig", "signature"),
        (["text/plain"], f"{TAG}.sbom", "sbom"),
        ([], "", "other"),
    ],
)
def test_what_an_attachment_is(texts: list[str], name: str, kind: str) -> None:
    assert kind_of(*texts, name=name) == kind


def test_a_layer_says_what_it_attests() -> None:
    plain = Descriptor(digest=SUBJECT.digest, size=1, media_type="application/vnd.in-toto+json")
    assert predicate_of(plain) == "application/vnd.in-toto+json"
    for key in ("in-toto.io/predicate-type", "predicateType"):
        told = Descriptor(digest=SUBJECT.digest, size=1, annotations={key: "https://slsa.dev/provenance/v1"})
        assert predicate_of(told) == "https://slsa.dev/provenance/v1"


@pytest.mark.parametrize(
    ("tag", "is_one"),
    [
        (TAG, True),
        (f"{TAG}.sig", True),
        (f"{TAG}.att", True),
        (f"{TAG}.sbom", True),
        ("sha512-" + "a" * 64, True),
        (f"{TAG}.txt", False),
        ("sha256-abc", False),
        (f"v{TAG}", False),
        ("latest", False),
        (f"{TAG}\n", False),
    ],
)
def test_attachments_are_told_from_image_tags(tag: str, is_one: bool) -> None:
    assert is_attachment_tag(tag) is is_one


def test_attachments_are_listed_beside_those_of_others(store: ObjectStore, repository: Repository) -> None:
    first, second = artifact(SUBJECT, "one"), artifact(SUBJECT, "two")
    for content in (first, second):
        store_image(store, "app", content)
        add_referrer(repository, SUBJECT.digest, referrer(content))
    assert listed(repository) == [referrer(first), referrer(second)]
    assert list(check_repository(store, "app")) == []


def test_an_attachment_is_listed_once_and_nothing_is_written_the_second_time() -> None:
    store = MemoryStore()
    store_image(store, "app", SUBJECT, "1")
    repository = Repository(store, "app")
    add_referrer(repository, SUBJECT.digest, referrer(artifact(SUBJECT)))
    written = store.counts["put"]
    add_referrer(repository, SUBJECT.digest, referrer(artifact(SUBJECT)))
    assert store.counts["put"] == written
    assert len(listed(repository)) == 1


def test_what_another_client_lists_meanwhile_is_kept() -> None:
    """Somebody lists an attachment between our reading of the index and our writing of it."""
    ours, theirs = artifact(SUBJECT, "ours"), artifact(SUBJECT, "theirs")

    def interfere(operation: str, key: str) -> None:
        if operation == "put" and key == paths.tag_current("app", TAG):
            store.hook = None
            add_referrer(repository, SUBJECT.digest, referrer(theirs))

    for already in ((), (artifact(SUBJECT, "before"),)):  # a new index, and one that is there
        store = MemoryStore()
        repository = Repository(store, "app")
        for content in already:
            add_referrer(repository, SUBJECT.digest, referrer(content))
        store.hook = interfere
        add_referrer(repository, SUBJECT.digest, referrer(ours))
        assert listed(repository) == [referrer(content) for content in (*already, theirs, ours)]


def test_many_writers_lose_nothing(store: ObjectStore, repository: Repository) -> None:
    contents = [artifact(SUBJECT, str(number)) for number in range(6)]
    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(lambda content: add_referrer(repository, SUBJECT.digest, referrer(content)), contents))
    assert {found.digest for found in listed(repository)} == {content.digest for content in contents}


def test_an_index_that_never_rests_is_given_up_with_its_reason(repository: Repository) -> None:
    class Restless(MemoryStore):
        def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
            if key == paths.tag_current("app", TAG):
                raise PreconditionFailed("somebody else changed the object")
            return super().put(key, data, if_absent=if_absent, if_token=if_token)

    with pytest.raises(Refused) as caught:
        add_referrer(Repository(Restless(), "app"), SUBJECT.digest, referrer(artifact(SUBJECT)))
    assert caught.value.where == f"app:{TAG}"


def test_an_image_under_that_tag_is_not_overwritten(store: ObjectStore, repository: Repository) -> None:
    """The distribution specification asks clients to stop there."""
    store_image(store, "app", image("in the way"), TAG)
    with pytest.raises(Refused) as caught:
        add_referrer(repository, SUBJECT.digest, referrer(artifact(SUBJECT)))
    assert "taken by an image" in caught.value.message
    assert repository.read_tag(TAG).digest == image("in the way").digest


@pytest.mark.parametrize("broken", ["link", "doubled link", "dangling", "unreadable"])
def test_a_broken_index_is_begun_anew(store: ObjectStore, repository: Repository, broken: str) -> None:
    digest = store_image(store, "app", index(image("listed")), TAG)
    if broken == "link":
        store.put(paths.tag_current("app", TAG), b"garbage")
    elif broken == "dangling":
        store.delete([paths.revision_link("app", digest)])
    elif broken == "unreadable":
        store.put(paths.blob(digest), b"{")
    else:
        store.put(paths.tag_current("app", TAG), digest.encode() * 2)
    added = referrer(artifact(SUBJECT))
    add_referrer(repository, SUBJECT.digest, added)
    assert listed(repository)[-1] == added
    assert len(listed(repository)) == (2 if broken == "doubled link" else 1)
    assert repository.read_tag(TAG).flaws == ()
