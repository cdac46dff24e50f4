"""What is in a store is served, to the last byte and no further (distribution-spec, "Pull")."""

from __future__ import annotations

from itertools import chain

import pytest

from ocistore_tui.backends.base import MIB, ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import AccessDenied, IntegrityError, StoreMissing, Throttled, Unavailable
from ocistore_tui.layout import paths
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.message import Request
from ocistore_tui.serving.registry import Registry
from tests.layout.content import image, index, manifest_of, store_image, two_platforms
from tests.serving.asking import ask

IMAGE = image("app")
LAYER = IMAGE.blobs[1]
NOWHERE = Digest.of(b"nothing has these bytes")


@pytest.fixture(autouse=True)
def _an_image(store: ObjectStore) -> None:
    store_image(store, "team/app", IMAGE, "1.0", "latest")


def test_the_version_is_told(registry: Registry) -> None:
    for path in ("/v2/", "/v2"):
        answer = ask(registry, "GET", path)
        assert (answer.status, answer.json) == (200, {})
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("reference", ["1.0", "latest", str(IMAGE.digest)])
def test_a_manifest_comes_in_its_exact_bytes_by_tag_and_by_digest(registry: Registry, reference: str) -> None:
    answer = ask(registry, "GET", f"/v2/team/app/manifests/{reference}")
    assert (answer.status, answer.body) == (200, IMAGE.raw)
    assert answer.headers["Content-Type"] == media_types.OCI_MANIFEST
    assert answer.headers["Docker-Content-Digest"] == IMAGE.digest
    head = ask(registry, "HEAD", f"/v2/team/app/manifests/{reference}")
    assert (head.status, head.headers) == (200, answer.headers)


def test_accept_does_not_hide_what_is_there(registry: Registry) -> None:
    answer = ask(registry, "GET", "/v2/team/app/manifests/1.0", headers={"Accept": "text/html"})
    assert answer.status == 200


def test_a_manifest_one_has_is_not_sent_again(registry: Registry) -> None:
    etag = ask(registry, "GET", "/v2/team/app/manifests/1.0").headers["ETag"]
    answer = ask(registry, "GET", "/v2/team/app/manifests/1.0", headers={"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    assert ask(registry, "GET", "/v2/team/app/manifests/1.0", headers={"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/team/app/manifests/2.0", 404, "MANIFEST_UNKNOWN"),
        (f"/v2/team/app/manifests/{NOWHERE}", 404, "MANIFEST_UNKNOWN"),
        ("/v2/team/other/manifests/1.0", 404, "MANIFEST_UNKNOWN"),
        ("/v2/team/app/manifests/.not-a-tag", 404, "MANIFEST_UNKNOWN"),
        ("/v2/team/app/manifests/sha256:short", 400, "DIGEST_INVALID"),
        (f"/v2/team/app/blobs/{NOWHERE}", 404, "BLOB_UNKNOWN"),
        (f"/v2/team/other/blobs/{Digest.of(LAYER)}", 404, "BLOB_UNKNOWN"),
        ("/v2/team/app/blobs/sha256:short", 400, "DIGEST_INVALID"),
        (f"/v2/team/app/blobs/md5:{'a' * 32}", 400, "DIGEST_INVALID"),
        ("/v2/Team/app/manifests/1.0", 400, "NAME_INVALID"),
        ("/v2/../app/manifests/1.0", 400, "NAME_INVALID"),
        ("/v2/team/%2e%2e/%2e%2e/app/manifests/1.0", 400, "NAME_INVALID"),
        ("/v2/team//app/manifests/1.0", 400, "NAME_INVALID"),
        (f"/v2/{'a' * 256}/manifests/1.0", 400, "NAME_INVALID"),
        ("/v2/team\0/manifests/1.0", 400, "NAME_INVALID"),
        ("/v2/_catalog/tags/list", 400, "NAME_INVALID"),
        ("/v2/team/app/manifests/", 404, "UNSUPPORTED"),
        ("/v2/team/app/tags", 404, "UNSUPPORTED"),
        ("/v1/search", 404, "UNSUPPORTED"),
        ("/", 404, "UNSUPPORTED"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_to_be_so(registry: Registry, path: str, status: int, code: str) -> None:
    answer = ask(registry, "GET", path)
    assert (answer.status, answer.code) == (status, code)
    assert ask(registry, "HEAD", path).status == status


def test_every_blob_comes_whole(registry: Registry) -> None:
    for raw in IMAGE.blobs:
        digest = Digest.of(raw)
        answer = ask(registry, "GET", f"/v2/team/app/blobs/{digest}")
        assert (answer.status, answer.body) == (200, raw)
        assert answer.headers["Docker-Content-Digest"] == digest
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert ask(registry, "HEAD", f"/v2/team/app/blobs/{digest}").status == 200
        assert ask(registry, "GET", f"/v2/team/app/blobs/{str(digest).replace(':', '%3A')}").body == raw


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-3", slice(0, 4)),
        ("bytes=3-", slice(3, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=2-2", slice(2, 3)),
        ("bytes=0-99999", slice(0, None)),
        ("bytes=-99999", slice(0, None)),
    ],
)
def test_a_range_of_a_blob(registry: Registry, asked: str, part: slice) -> None:
    path = f"/v2/team/app/blobs/{Digest.of(LAYER)}"
    answer = ask(registry, "GET", path, headers={"Range": asked})
    assert (answer.status, answer.body) == (206, LAYER[part])
    first = range(len(LAYER))[part][0]
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.body) - 1}/{len(LAYER)}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,3-4", "bytes=a-b", ""])
def test_a_range_that_cannot_be_understood_is_the_whole_blob(registry: Registry, asked: str) -> None:
    answer = ask(registry, "GET", f"/v2/team/app/blobs/{Digest.of(LAYER)}", headers={"Range": asked})
    assert (answer.status, answer.body) == (200, LAYER)


@pytest.mark.parametrize("asked", [f"bytes={len(LAYER)}-", "bytes=999-1000", "bytes=-0"])
def test_a_range_outside_of_the_blob(registry: Registry, asked: str) -> None:
    answer = ask(registry, "GET", f"/v2/team/app/blobs/{Digest.of(LAYER)}", headers={"Range": asked})
    assert (answer.status, answer.code) == (416, "SIZE_INVALID")
    assert answer.headers["Content-Range"] == f"bytes */{len(LAYER)}"


def test_a_range_of_another_version_is_the_whole_blob(registry: Registry) -> None:
    path = f"/v2/team/app/blobs/{Digest.of(LAYER)}"
    answer = ask(registry, "GET", path, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (answer.status, answer.body) == (200, LAYER)


def test_a_damaged_blob_is_never_given_out_whole(store: ObjectStore, registry: Registry) -> None:
    small, large = b"layer", bytes(3 * MIB)
    content = manifest_of(b"{}", media_types.OCI_EMPTY, (small, large))
    store_image(store, "team/app", content)
    for raw in (small, large):
        store.put(paths.blob(Digest.of(raw)), raw[:-1] + b"?")
    assert ask(registry, "GET", f"/v2/team/app/blobs/{Digest.of(small)}").status == 500
    with pytest.raises(IntegrityError):
        ask(registry, "GET", f"/v2/team/app/blobs/{Digest.of(large)}")
    store.put(paths.blob(Digest.of(large)), large)
    assert ask(registry, "GET", f"/v2/team/app/blobs/{Digest.of(large)}").body == large, "once it was repaired"


def test_a_blob_is_read_again_when_it_is_another_version(store: ObjectStore, registry: Registry) -> None:
    """What was right once may be overwritten behind our back."""
    path, key = f"/v2/team/app/blobs/{Digest.of(LAYER)}", paths.blob(Digest.of(LAYER))
    assert [ask(registry, "GET", path).status for _ in range(2)] == [200, 200]
    store.put(key, LAYER[::-1])
    assert ask(registry, "GET", path).status == 500


def test_a_damaged_manifest_is_not_served(store: ObjectStore, registry: Registry) -> None:
    store.put(paths.blob(IMAGE.digest), IMAGE.raw.replace(b'"schemaVersion"', b'"SchemaVersion"'))
    assert ask(registry, "GET", "/v2/team/app/manifests/1.0").status == 500


@pytest.mark.parametrize("flaw", [b"%s\n", b"%s%s"])
def test_links_that_registries_stumble_over_are_followed(store: ObjectStore, registry: Registry, flaw: bytes) -> None:
    raw = IMAGE.digest.encode()
    store.put(paths.tag_current("team/app", "1.0"), flaw.replace(b"%s", raw))
    assert ask(registry, "GET", "/v2/team/app/manifests/1.0").body == IMAGE.raw


def test_a_link_that_leads_to_other_bytes_serves_none(store: ObjectStore, registry: Registry) -> None:
    """Whoever wrote the bucket may lie about what a digest is."""
    asked = Digest.of(LAYER)
    store.put(paths.layer_link("team/app", asked), Digest.of(IMAGE.blobs[0]).encode())
    assert ask(registry, "GET", f"/v2/team/app/blobs/{asked}").status == 500
    store.put(paths.revision_link("team/app", NOWHERE), IMAGE.digest.encode())
    assert ask(registry, "GET", f"/v2/team/app/manifests/{NOWHERE}").status == 500


def test_a_blob_is_found_by_its_other_algorithm(store: ObjectStore, registry: Registry) -> None:
    """Registries keep a blob that was pushed as sha512 under its sha256, and let a link tell (layout.md §1)."""
    import hashlib

    alias = Digest.parse("sha512:" + hashlib.sha512(LAYER).hexdigest())
    store.put(paths.layer_link("team/app", alias), Digest.of(LAYER).encode())
    answer = ask(registry, "GET", f"/v2/team/app/blobs/{alias}")
    assert (answer.status, answer.body, answer.headers["Docker-Content-Digest"]) == (200, LAYER, alias)


def test_an_index_and_its_manifests(store: ObjectStore, registry: Registry) -> None:
    multi = two_platforms()
    store_image(store, "team/multi", multi, "1")
    answer = ask(registry, "GET", "/v2/team/multi/manifests/1")
    assert (answer.body, answer.headers["Content-Type"]) == (multi.raw, media_types.OCI_INDEX)
    for child in multi.children:
        assert ask(registry, "GET", f"/v2/team/multi/manifests/{child.digest}").body == child.raw


def test_a_partial_index_is_served(store: ObjectStore, registry: Registry) -> None:
    partial = index(image("there"), partial=[image("not there")])
    store_image(store, "team/partial", partial, "1")
    assert ask(registry, "GET", "/v2/team/partial/manifests/1").body == partial.raw


def test_a_tag_without_its_link_is_unknown(store: ObjectStore, registry: Registry) -> None:
    store.put(paths.tag_index("team/app", "half", IMAGE.digest), IMAGE.digest.encode())
    assert ask(registry, "GET", "/v2/team/app/manifests/half").status == 404


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Throttled("slow down"), 429, "TOOMANYREQUESTS"),
        (Unavailable("the network is down"), 503, "UNAVAILABLE"),
        (AccessDenied("not allowed", where="s3://secret-bucket/key"), 503, "UNAVAILABLE"),
        (StoreMissing("no such bucket"), 503, "UNAVAILABLE"),
    ],
)
def test_a_store_that_fails_is_no_fault_of_the_client(error: Exception, status: int, code: str) -> None:
    store = MemoryStore()
    store_image(store, "team/app", IMAGE, "1.0")
    registry = Registry(store)
    for operation, path in (("get", "manifests/1.0"), ("head", f"blobs/{Digest.of(LAYER)}")):
        store.fail_next(operation, error)
        answer = ask(registry, "GET", f"/v2/team/app/{path}")
        assert (answer.status, answer.code) == (status, code)
        assert b"secret-bucket" not in answer.body
        assert ask(registry, "GET", f"/v2/team/app/{path}").status == 200
    registry.close()


def test_reading_is_all_that_is_allowed_unless_said_otherwise(store: ObjectStore) -> None:
    registry = Registry(store)
    before = sorted(entry.key for entry in store.list_entries(""))
    for method, path in (
        ("POST", "/v2/team/app/blobs/uploads/"), ("PUT", "/v2/team/app/manifests/2.0"),
        ("DELETE", "/v2/team/app/manifests/1.0"), ("DELETE", f"/v2/team/app/blobs/{Digest.of(LAYER)}"),
        ("PATCH", "/v2/team/app/blobs/uploads/1"),
    ):  # fmt: skip
        answer = ask(registry, method, path, IMAGE.raw)
        assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "UNSUPPORTED", "GET, HEAD")
    assert sorted(entry.key for entry in store.list_entries("")) == before
    assert ask(registry, "POST", "/v2/team/app/manifests/1.0").headers["Allow"] == "GET, HEAD, PUT, DELETE"
    registry.close()


def test_a_prefix_nobody_can_guess_is_the_only_way_in(store: ObjectStore) -> None:
    registry = Registry(store, prefix="s3cr3t")
    assert ask(registry, "GET", "/v2/s3cr3t/team/app/manifests/1.0").body == IMAGE.raw
    assert ask(registry, "GET", "/v2/s3cr3t/team/app/tags/list").json["name"] == "s3cr3t/team/app"
    assert ask(registry, "GET", "/v2/s3cr3t/_catalog").json == {"repositories": ["s3cr3t/team/app"]}
    assert ask(registry, "GET", "/v2/s3cr3t/_catalog?last=s3cr3t/team/app").json == {"repositories": []}
    for path in ("/v2/team/app/manifests/1.0", "/v2/s3cr3u/team/app/manifests/1.0", "/v2/_catalog"):
        assert ask(registry, "GET", path).status == 404
    assert ask(registry, "GET", "/v2/").status == 200
    registry.close()


def test_a_damaged_layer_link_is_said_to_be_one(store: ObjectStore, registry: Registry) -> None:
    store.put(paths.layer_link("team/app", Digest.of(LAYER)), b"garbage")
    assert ask(registry, "GET", f"/v2/team/app/blobs/{Digest.of(LAYER)}").status == 500
    reading = Registry(store)
    assert ask(reading, "HEAD", f"/v2/team/app/blobs/{Digest.of(LAYER)}").status == 500
    reading.close()


def test_a_blob_that_is_gone_is_unknown(store: ObjectStore, registry: Registry) -> None:
    """A registry's garbage collection leaves links behind."""
    store.delete([paths.blob(Digest.of(LAYER))])
    assert Blobs(store).stat(Digest.of(LAYER)) is None
    assert Repository(store, "team/app").has_layer_link(Digest.of(LAYER))
    for method in ("GET", "HEAD"):
        assert ask(registry, method, f"/v2/team/app/blobs/{Digest.of(LAYER)}").status == 404


def test_many_large_blobs_at_once(registry: Registry, store: ObjectStore) -> None:
    """Some are read ahead in parallel pieces, the others in one stream, piece behind piece; all of them whole."""
    large = bytes(range(256)) * (17 * MIB // 256)
    path = f"/v2/team/app/blobs/{Digest.of(large)}"
    Blobs(store).put(large)
    Repository(store, "team/app").link_layer(Digest.of(large))
    downloads = [body for _ in range(4) if not isinstance(body := registry.answer(Request("GET", path)).body, bytes)]
    streams = [download.chunks() for download in downloads]
    assert [b"".join(chain([next(stream)], stream)) == large for stream in streams] == [True] * 4
    for download in downloads:
        download.close()
    assert ask(registry, "GET", path).body == large
    part = ask(registry, "GET", path, headers={"Range": f"bytes=5-{len(large) - 2}"})
    assert part.body == large[5:-1]
