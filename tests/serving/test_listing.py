"""What there is can be listed, page by page (distribution-spec, "Content Discovery")."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.layout import paths
from ocistore_tui.layout.referrers import add_referrer, fallback_tag
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.serving.registry import Registry
from ocistore_tui.serving.rules import Rules
from tests.layout.content import artifact, image, index, manifest_of, plant, store_image
from tests.serving.asking import ask

IMAGE = image("app")
TAGS = ["1.0", "1.0-x", "1.0.1", "1.00", "B", "a", "v1", "v10"]
"""Some begin with others: listings of registries lose those (layout.md §5)."""


def pages(registry: Registry, path: str, field: str) -> list[list[str]]:
    """Follow the links to the end."""
    found: list[list[str]] = []
    while path:
        answer = ask(registry, "GET", path)
        assert answer.status == 200
        found.append(answer.json[field])
        link = re.fullmatch(r'<(/v2/\S+)>; rel="next"', answer.headers.get("Link", ""))
        assert bool(link) == ("Link" in answer.headers)
        path = link[1] if link else ""
    return found


@pytest.fixture
def tagged(store: ObjectStore) -> None:
    store_image(store, "app", IMAGE, *TAGS)


@pytest.mark.usefixtures("tagged")
class TestTags:
    def test_all_of_them_in_order(self, registry: Registry) -> None:
        answer = ask(registry, "GET", "/v2/app/tags/list")
        assert answer.json == {"name": "app", "tags": TAGS}
        assert "Link" not in answer.headers

    @pytest.mark.parametrize("n", [1, 3, 8, 100])
    def test_page_by_page(self, registry: Registry, n: int) -> None:
        found = pages(registry, f"/v2/app/tags/list?n={n}", "tags")
        assert [tag for page in found for tag in page] == TAGS
        assert all(len(page) == n for page in found[:-1])
        assert len(found) == -(-len(TAGS) // n)

    def test_behind_any_name_there_or_not(self, registry: Registry) -> None:
        assert ask(registry, "GET", "/v2/app/tags/list?last=1.00").json["tags"] == ["B", "a", "v1", "v10"]
        assert ask(registry, "GET", "/v2/app/tags/list?last=C&n=1").json["tags"] == ["a"]
        assert ask(registry, "GET", "/v2/app/tags/list?last=zzz").json["tags"] == []

    def test_none_are_none(self, registry: Registry) -> None:
        answer = ask(registry, "GET", "/v2/app/tags/list?n=0")
        assert (answer.json["tags"], "Link" in answer.headers) == ([], False)

    @pytest.mark.parametrize("n", ["-1", "x", "", "1.5", "٣"])
    def test_what_is_no_number(self, registry: Registry, n: str) -> None:
        assert ask(registry, "GET", f"/v2/app/tags/list?n={n}").status == 400

    def test_a_page_has_an_end_even_if_none_is_asked_for(self, store: ObjectStore) -> None:
        registry = Registry(store, rules=Rules(max_page=3))
        for path in ("/v2/app/tags/list", "/v2/app/tags/list?n=99999999999999999999"):
            assert [tag for page in pages(registry, path, "tags") for tag in page] == TAGS
            assert len(ask(registry, "GET", path).json["tags"]) == 3
        registry.close()


def test_tags_of_no_repository(registry: Registry) -> None:
    answer = ask(registry, "GET", "/v2/app/tags/list")
    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


def test_a_repository_without_tags(store: ObjectStore, registry: Registry) -> None:
    store_image(store, "app", IMAGE)
    assert ask(registry, "GET", "/v2/app/tags/list").json == {"name": "app", "tags": []}


def test_what_is_no_tag_is_not_listed(store: ObjectStore, registry: Registry) -> None:
    store_image(store, "app", IMAGE, "1")
    plant(store, {paths.tag_current("app", "-evil\x1b[31m"): IMAGE.digest.encode()})
    assert ask(registry, "GET", "/v2/app/tags/list").json["tags"] == ["1"]


def test_the_catalog_page_by_page(store: ObjectStore, registry: Registry) -> None:
    names = ["a", "a/b", "a/b/c", "a-b", "a.b", "team/app"]
    for name in reversed(names):
        store_image(store, name, IMAGE, "1")
    plant(store, {paths.tag_current("Not/Valid", "1"): IMAGE.digest.encode()})
    for n in (1, 2, 100):
        found = pages(registry, f"/v2/_catalog?n={n}", "repositories")
        assert [name for page in found for name in page] == names
    assert ask(registry, "GET", "/v2/_catalog").json == {"repositories": names}
    assert ask(registry, "GET", "/v2/_catalog?last=..%2F..").status == 400


def test_the_catalog_of_nothing(registry: Registry) -> None:
    """On a directory, before the first push has made it."""
    assert ask(registry, "GET", "/v2/_catalog").json == {"repositories": []}


def referrers(registry: Registry, subject: Digest, query: str = "") -> list[dict[str, Any]]:
    answer = ask(registry, "GET", f"/v2/app/referrers/{subject}{query}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, media_types.OCI_INDEX)
    assert ("OCI-Filters-Applied" in answer.headers) == bool(query)
    document = answer.json
    assert (document["schemaVersion"], document["mediaType"]) == (2, media_types.OCI_INDEX)
    return list(document["manifests"])


def attach(store: ObjectStore, text: str, **descriptor: Any) -> Digest:
    """Store an artifact of the image and list it under the fallback tag, as a client would."""
    content = artifact(IMAGE, text)
    store_image(store, "app", content)
    named = Descriptor(digest=content.digest, size=len(content.raw), media_type=content.media_type, **descriptor)
    add_referrer(Repository(store, "app"), IMAGE.digest, named)
    return content.digest


def test_nothing_refers_to_it(registry: Registry) -> None:
    assert referrers(registry, IMAGE.digest) == []
    assert ask(registry, "GET", "/v2/app/referrers/sha256:short").status == 400


def test_what_clients_listed_under_the_fallback_tag(store: ObjectStore, registry: Registry) -> None:
    store_image(store, "app", IMAGE, "1")
    listed = {attach(store, "one"), attach(store, "two", artifact_type="a/lie")}
    found = referrers(registry, IMAGE.digest)
    assert {one["digest"] for one in found} == listed
    assert {one["artifactType"] for one in found} == {"application/vnd.example.signature"}, "as the manifest says"
    kind = "application/vnd.example.signature"
    assert len(referrers(registry, IMAGE.digest, f"?artifactType={kind}")) == 2
    assert referrers(registry, IMAGE.digest, "?artifactType=a/lie") == []


def test_what_is_listed_and_does_not_refer_to_it_is_left_out(store: ObjectStore, registry: Registry) -> None:
    """Lists are written by anybody: each entry is looked at."""
    real = attach(store, "real")
    stranger = artifact(image("other"), "about something else")
    plain = image("no subject at all")
    gone = artifact(IMAGE, "never stored")
    for content in (stranger, plain):
        store_image(store, "app", content)
    for content in (stranger, plain, gone):
        named = Descriptor(digest=content.digest, size=len(content.raw), media_type=content.media_type)
        add_referrer(Repository(store, "app"), IMAGE.digest, named)
    assert [one["digest"] for one in referrers(registry, IMAGE.digest)] == [real]


@pytest.mark.parametrize("kind", ["an image", "garbage", "nothing"])
def test_a_fallback_tag_that_is_no_list_lists_nothing(store: ObjectStore, registry: Registry, kind: str) -> None:
    tag = fallback_tag(IMAGE.digest)
    if kind == "an image":
        store_image(store, "app", image("in the way"), tag)
    elif kind == "garbage":
        store.put(paths.tag_current("app", tag), b"garbage")
    else:
        store_image(store, "app", index(), tag)
    assert referrers(registry, IMAGE.digest) == []


def test_an_artifact_without_a_type_is_of_the_type_of_its_config(store: ObjectStore, registry: Registry) -> None:
    subject = {"mediaType": IMAGE.media_type, "digest": IMAGE.digest, "size": len(IMAGE.raw)}
    content = manifest_of(b"{}", "application/x.config", (b"x",), "text/plain", subject=subject, annotations={"a": "b"})
    store_image(store, "app", content)
    named = Descriptor(digest=content.digest, size=len(content.raw), media_type=content.media_type)
    add_referrer(Repository(store, "app"), IMAGE.digest, named)
    (found,) = referrers(registry, IMAGE.digest)
    assert (found["artifactType"], found["annotations"]) == ("application/x.config", {"a": "b"})
