"""Docker's registry 2.8 serves what we write, we read what it writes, and its garbage collection loses nothing."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from ocistore_tui.backends.base import Entry, ObjectStore
from ocistore_tui.backends.memory import MemoryStore
from ocistore_tui.errors import NotFound
from ocistore_tui.layout import paths
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.layout.catalog import repositories
from ocistore_tui.layout.check import check_repository
from ocistore_tui.layout.referrers import add_referrer, fallback_tag
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import MAX_MANIFEST_BYTES, Descriptor, Index, Manifest
from tests.layout.content import (
    Content,
    artifact,
    image,
    index,
    keys,
    manifest_of,
    manifests_of,
    store_image,
    two_platforms,
)
from tests.layout.oracle import Oracle, oci_layout, over_directory, over_s3, skopeo
from tests.testbed import servers

IMAGE, MULTI = image("app"), two_platforms()
TAGS = ["1.0", "1.0-x", "1.0.1", "1.00", "v1", "v10"]
"""Each begins another's name: registries have stumbled over every one of them."""


@pytest.fixture(params=["directory", "s3", "s3 below a root"])
def oracle(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Oracle]:
    if request.param == "directory":
        with over_directory(tmp_path) as opened:
            yield opened
        return
    bucket = "oracle-" + Digest.of(request.node.name.encode()).short
    root_dir = "/some/root" if "root" in request.param else ""
    with over_s3(tmp_path, request.getfixturevalue("moto"), bucket, root_dir) as opened:
        yield opened


def everything(store: ObjectStore) -> dict[str, bytes]:
    """All objects but what uploads leave behind."""
    return {
        key: store.get(key, max_bytes=10 * 1024 * 1024)[0] for key in keys(store, "docker/") if "/_uploads/" not in key
    }


def as_listed(store: ObjectStore) -> dict[str, Entry]:
    """All objects with their versions."""
    return {entry.key: entry for entry in store.list_entries("docker/")}


def assert_read(store: ObjectStore, repository: str, content: Content, *tags: str) -> None:
    """By every tag and by digest, with all that is below it, to the last byte."""
    ours, blobs = Repository(store, repository), Blobs(store)
    for tag in tags:
        assert ours.read_tag(tag).digest == content.digest
        assert ours.read_tag(tag).flaws == ()
    found = ours.read_manifest(content.digest)
    assert (found.raw, found.media_type) == (content.raw, content.media_type)
    assert isinstance(found, Index if content.media_type == media_types.OCI_INDEX else Manifest)
    if isinstance(found, Manifest):
        for blob in found.blobs:
            assert ours.has_layer_link(blob.digest)
            assert b"".join(blobs.open(blob)) in content.blobs
    for child in content.children:
        assert_read(store, repository, child)


def attach(store: ObjectStore, repository: str, subject: Content, content: Content) -> Index:
    """Store an artifact and list it with its subject; the index that lists it."""
    store_image(store, repository, content)
    described = Descriptor(
        media_type=content.media_type, digest=content.digest, size=len(content.raw), artifact_type="text/plain"
    )
    ours = Repository(store, repository)
    add_referrer(ours, subject.digest, described)
    found = ours.read_manifest(ours.read_tag(fallback_tag(subject.digest)).digest)
    assert isinstance(found, Index)
    return found


# -- we write, the registry serves --


def test_the_registry_serves_what_we_write(oracle: Oracle) -> None:
    signature = artifact(IMAGE)
    store_image(oracle.store, "team/app", IMAGE, *TAGS)
    listed = attach(oracle.store, "team/app", IMAGE, signature)
    store_image(oracle.store, "team/app/multi", MULTI, "latest")
    for name in ("a", "a/b", "a/b/c", "a-b", "a.b"):
        store_image(oracle.store, name, image(name), "1")

    oracle.assert_served("team/app", IMAGE, *TAGS)
    oracle.assert_served("team/app", signature)
    oracle.assert_served("team/app/multi", MULTI, "latest")
    fallback = fallback_tag(IMAGE.digest)
    assert oracle.ask(f"team/app/manifests/{fallback}", Accept=media_types.OCI_INDEX)[1] == listed.raw
    for name in ("a", "a/b", "a/b/c", "a-b", "a.b"):
        oracle.assert_served(name, image(name), "1")
        assert oracle.tags(name) == ["1"]
    assert oracle.tags("team/app") == sorted([*TAGS, fallback])
    assert oracle.catalog() == sorted(entry.name for entry in repositories(oracle.store))


def test_the_registry_serves_what_it_would_not_take(oracle: Oracle) -> None:
    """A partial index, one without a media type, the largest manifest, layers of no and of one byte."""
    partial = index(IMAGE, partial=(image("elsewhere", architecture="arm64"),))
    document = {name: value for name, value in json.loads(partial.raw).items() if name != "mediaType"}
    untyped = Content(json.dumps(document).encode(), partial.media_type, children=(IMAGE,))
    small = image("small", layers=(b"", b"1"))
    large = image("large", annotations={"filler": "x" * (MAX_MANIFEST_BYTES - 2000)})
    for number, content in enumerate((partial, untyped, small, large)):
        store_image(oracle.store, "app", content, f"t{number}")
        oracle.assert_served("app", content, f"t{number}")
        assert_read(oracle.store, "app", content, f"t{number}")
    assert list(check_repository(oracle.store, "app")) == []


def test_clients_of_the_registry_take_what_we_write(oracle: Oracle, tmp_path: Path) -> None:
    store_image(oracle.store, "team/app", MULTI, "1")
    source = f"docker://{oracle.address}/team/app:1"
    assert skopeo("inspect", "--tls-verify=false", "--raw", source) == MULTI.raw
    skopeo("copy", "--src-tls-verify=false", "--all", "--preserve-digests", source, f"dir:{tmp_path / 'copied'}")
    copied = {path.read_bytes() for path in (tmp_path / "copied").iterdir()}
    for found in manifests_of(MULTI):
        assert {found.raw, *found.blobs} <= copied


def test_a_moved_tag_is_served_at_once(oracle: Oracle) -> None:
    store_image(oracle.store, "app", IMAGE, "1")
    oracle.assert_served("app", IMAGE, "1")
    store_image(oracle.store, "app", MULTI, "1")
    oracle.assert_served("app", MULTI, "1")
    oracle.assert_served("app", IMAGE)


def test_a_registry_that_remembers_blobs_serves_what_we_write_at_once(tmp_path: Path) -> None:
    """The stock image's settings: what it does not know yet it looks up, so ours is seen without a restart."""
    with over_directory(tmp_path, cache={"blobdescriptor": "inmemory"}) as oracle:
        oracle.push("app", IMAGE, "1")
        oracle.assert_served("app", IMAGE, "1")
        assert oracle.ask(f"app/manifests/{MULTI.digest}", Accept=MULTI.media_type)[0] == 404
        store_image(oracle.store, "app", MULTI, "1", "2")
        oracle.assert_served("app", MULTI, "1", "2")
        Repository(oracle.store, "app").delete_tag("1")
        assert oracle.ask("app/manifests/1", Accept=MULTI.media_type)[0] == 404
        oracle.push("app", IMAGE, "1")
        assert_read(oracle.store, "app", IMAGE, "1")


# -- the registry writes, we read --


def test_we_read_what_is_pushed_through_the_registry(oracle: Oracle) -> None:
    signature = artifact(IMAGE)
    oracle.push("team/app", IMAGE, *TAGS)
    oracle.push("team/app", signature, "signature")
    oracle.push("team/app/multi", MULTI, "latest")
    for name in ("a", "a/b", "a-b", "a.b"):
        oracle.push(name, image(name), "1")

    assert_read(oracle.store, "team/app", IMAGE, *TAGS)
    assert_read(oracle.store, "team/app", signature, "signature")
    assert_read(oracle.store, "team/app/multi", MULTI, "latest")
    names = [entry.name for entry in repositories(oracle.store)]
    assert names == ["a", "a/b", "a-b", "a.b", "team/app", "team/app/multi"]
    assert list(Repository(oracle.store, "team/app").tag_names()) == oracle.tags("team/app")
    assert [flaw for name in names for flaw in check_repository(oracle.store, name)] == []


def test_we_write_the_very_objects_the_registry_writes(oracle: Oracle) -> None:
    ours = MemoryStore()
    for repository, content in (("team/app", IMAGE), ("team/app/multi", MULTI), ("team/app", artifact(IMAGE))):
        oracle.push(repository, content, "1", "2")
        store_image(ours, repository, content, "1", "2")
    assert everything(oracle.store) == everything(ours)


def test_an_image_of_the_registry_needs_nothing_written_to_be_ours(oracle: Oracle) -> None:
    oracle.push("app", MULTI, "1")
    before = as_listed(oracle.store)
    store_image(oracle.store, "app", MULTI)
    assert as_listed(oracle.store) == before


def test_directories_that_consoles_make_and_strays_hide_nothing(tmp_path: Path, moto: str) -> None:
    """Zero-byte keys that end in a slash: registries list them as tags and repositories (layout.md §4)."""
    with over_s3(tmp_path, moto, "oracle-markers") as oracle:
        oracle.push("app", IMAGE, "1")
        access, secret = servers.S3_KEYS
        client = boto3.client(
            "s3", endpoint_url=moto, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1"
        )
        repository = f"{paths.REPOSITORIES}app/"
        tags = paths.tags_dir("app")
        markers = ["docker/", paths.ROOT, paths.REPOSITORIES, repository, f"{repository}_manifests/", tags]
        markers += [f"{tags}1/", f"{tags}made/", f"{paths.BLOBS}sha256/"]
        strays = [f"{directory}.DS_Store" for directory in (repository, tags, paths.BLOBS)]
        for key in (*markers, *strays):
            client.put_object(Bucket="oracle-markers", Key=key, Body=b"")
        assert [entry.name for entry in repositories(oracle.store)] == ["app"]
        assert list(Repository(oracle.store, "app").tag_names()) == ["1", "made"], "registries list it, too"
        assert "made" in oracle.tags("app")
        assert_read(oracle.store, "app", IMAGE, "1")
        broken = [flaw.where for flaw in check_repository(oracle.store, "app") if not flaw.is_harmless]
        assert broken == [paths.tag_current("app", "made")]
        oracle.collect_garbage()
        oracle.assert_served("app", IMAGE, "1")


def test_we_read_what_clients_push_from_an_oci_layout(oracle: Oracle, tmp_path: Path) -> None:
    for name, content in (("one", IMAGE), ("multi", MULTI)):
        source = oci_layout(tmp_path / name, content, "1")
        target = f"docker://{oracle.address}/from/{name}:1"
        skopeo("copy", "--dest-tls-verify=false", "--all", "--preserve-digests", source, target)
        assert_read(oracle.store, f"from/{name}", content, "1")
        assert list(check_repository(oracle.store, f"from/{name}")) == []


def test_we_read_what_clients_push_from_a_docker_archive(oracle: Oracle, tmp_path: Path) -> None:
    """The client compresses the layers and writes a Docker manifest of its own."""
    archive, image_id = docker_archive(tmp_path / "image.tar")
    target = f"docker://{oracle.address}/from/docker:1"
    skopeo("copy", "--dest-tls-verify=false", f"docker-archive:{archive}", target)
    ours, blobs = Repository(oracle.store, "from/docker"), Blobs(oracle.store)
    found = ours.read_manifest(ours.read_tag("1").digest)
    assert isinstance(found, Manifest)
    assert found.media_type == media_types.DOCKER_MANIFEST
    assert found.config.digest == image_id
    (layer,) = found.layers
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(b"".join(blobs.open(layer))))) as tar:
        assert tar.getnames() == ["hello"]
    assert list(check_repository(oracle.store, "from/docker")) == []


def docker_archive(path: Path) -> tuple[Path, Digest]:
    """What ``docker save`` makes of an image with one file; its path and image ID."""

    def added(tar: tarfile.TarFile, name: str, data: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))

    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        added(tar, "hello", b"world")
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(layer.getvalue())]},
        }
    ).encode()
    name = f"{Digest.of(config).encoded}.json"
    with tarfile.open(path, mode="w") as tar:
        added(tar, "layer.tar", layer.getvalue())
        added(tar, name, config)
        listed = [{"Config": name, "RepoTags": ["hello:1"], "Layers": ["layer.tar"]}]
        added(tar, "manifest.json", json.dumps(listed).encode())
    return path, Digest.of(config)


# -- what is removed, and what is left --


def test_removing_a_tag_leaves_those_that_begin_alike(oracle: Oracle) -> None:
    store_image(oracle.store, "app", IMAGE, *TAGS)
    ours = Repository(oracle.store, "app")
    for gone in ("1.0", "v1"):
        ours.delete_tag(gone)
        assert oracle.ask(f"app/manifests/{gone}", Accept=IMAGE.media_type)[0] == 404
    left = ["1.0-x", "1.0.1", "1.00", "v10"]
    assert oracle.tags("app") == list(ours.tag_names()) == left
    oracle.assert_served("app", IMAGE, *left)


def test_a_tag_the_registry_left_dangling_is_told(oracle: Oracle) -> None:
    """Deleting by digest, registry 2.8 over S3 forgets tags whose name begins another's (layout.md §7)."""
    oracle.push("app", IMAGE, "1.0")
    oracle.push("app", image("other"), "1.0-x")
    status, _, _ = oracle.ask(f"app/manifests/{IMAGE.digest}", method="DELETE")
    assert status == 202
    ours = Repository(oracle.store, "app")
    dangling = [] if oracle.directory else ["1.0"]
    assert list(ours.tag_names()) == oracle.tags("app") == [*dangling, "1.0-x"]
    for tag in dangling:
        assert oracle.ask(f"app/manifests/{tag}", Accept=IMAGE.media_type)[0] == 404
        with pytest.raises(NotFound):
            ours.read_manifest(ours.read_tag(tag).digest)
    flaws = list(check_repository(oracle.store, "app"))
    assert {flaw.where for flaw in flaws if "does not link" in flaw.what} == {
        paths.tag_current("app", tag) for tag in dangling
    }
    for tag in dangling:
        ours.delete_tag(tag)
    assert oracle.tags("app") == ["1.0-x"]
    oracle.assert_served("app", image("other"), "1.0-x")


def test_the_last_tag_leaves_nothing_a_registry_would_list(oracle: Oracle) -> None:
    store_image(oracle.store, "team/app", IMAGE, "1", "2")
    ours = Repository(oracle.store, "team/app")
    ours.delete_tag("1")
    ours.delete_tag("2")
    assert oracle.tags("team/app") == []
    assert not [key for key in keys(oracle.store) if "/tags/" in key]
    if oracle.directory:
        assert not [path for path in oracle.directory.rglob("*") if path.is_dir() and path.name in ("tags", "1", "2")]
    oracle.assert_served("team/app", IMAGE)
    oracle.collect_garbage()
    oracle.assert_served("team/app", IMAGE)
    oracle.push("team/app", IMAGE, "1")
    store_image(oracle.store, "team/app", IMAGE, "2")
    oracle.assert_served("team/app", IMAGE, "1", "2")


def test_garbage_collection_loses_nothing_we_wrote(oracle: Oracle) -> None:
    partial = index(image("partial"), partial=(image("elsewhere", architecture="arm64"),))
    chart = manifest_of(b'{"name":"chart"}', "application/vnd.cncf.helm.config.v1+json", (b"c",), "text/x")
    stored = [
        ("team/app", IMAGE, ["1.0", "1.0.1"]),
        ("team/app", MULTI, ["multi"]),
        ("team/app", artifact(IMAGE), []),
        ("team/app/nested", image("nested"), ["1"]),
        ("partial", partial, ["1"]),
        ("chart", chart, ["1"]),
        ("empty/layer", image("empty", layers=(b"", b"1")), ["1"]),
    ]
    for repository, content, tags in stored:
        store_image(oracle.store, repository, content, *tags)
    attach(oracle.store, "team/app", IMAGE, artifact(IMAGE))
    Repository(oracle.store, "team/app").delete_tag("1.0")
    garbage = Blobs(oracle.store).put(b"a push that never got further")
    before = as_listed(oracle.store)

    said = oracle.collect_garbage("--dry-run")
    assert as_listed(oracle.store) == before
    assert f"blob eligible for deletion: {garbage}" in said
    assert "1 blobs and 0 manifests eligible for deletion" in said
    oracle.collect_garbage()
    assert as_listed(oracle.store) == {key: entry for key, entry in before.items() if key != paths.blob(garbage)}
    for repository, content, tags in stored:
        oracle.assert_served(repository, content, *(tag for tag in tags if tag != "1.0"))
