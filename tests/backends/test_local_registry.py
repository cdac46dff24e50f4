"""A live registry over the directory we write into, and we over the directory it writes into."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.model.digest import Digest
from tests.testbed import servers

V2 = "docker/registry/v2"
REPOSITORY = f"{V2}/repositories/team/app"
TAGS = f"{REPOSITORY}/_manifests/tags"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"

CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": len(CONFIG),
            "digest": Digest.of(CONFIG),
        },
        "layers": [],
    }
).encode()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[str, LocalStore]]:
    """A running docker-registry 2.8 (its URL) and our store over the same directory."""
    root = tmp_path / "registry"
    root.mkdir()
    with servers.registry(tmp_path, servers.on_directory(root)) as address:
        yield f"http://{address}/v2/", LocalStore(root)


def ask(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, bytes, str]:
    """Status, body and Location of one request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read(), reply.headers.get("Location", "")
    except urllib.error.HTTPError as error:
        return error.code, error.read(), ""


def blob_key(digest: Digest) -> str:
    return f"{V2}/blobs/sha256/{digest.encoded[:2]}/{digest.encoded}/data"


def write_image(store: LocalStore) -> str:
    """The blobs and links of the image, all but a tag; its manifest's digest."""
    config, manifest = Digest.of(CONFIG), Digest.of(MANIFEST)
    for digest, data in ((config, CONFIG), (manifest, MANIFEST)):
        store.put_stream(blob_key(digest), [data], size_bytes=len(data), digest=digest)
    store.put(f"{REPOSITORY}/_layers/sha256/{config.encoded}/link", config.encode())
    store.put(f"{REPOSITORY}/_manifests/revisions/sha256/{manifest.encoded}/link", manifest.encode())
    return manifest


def push_by_registry(url: str, tag: str, manifest: bytes = MANIFEST) -> None:
    status, _, location = ask(f"{url}team/app/blobs/uploads/", "POST", b"")
    assert status == 202
    joint = "&" if "?" in location else "?"
    status, _, _ = ask(
        f"{location}{joint}digest={Digest.of(CONFIG)}", "PUT", CONFIG, Content_Type="application/octet-stream"
    )
    assert status == 201
    status, body, _ = ask(f"{url}team/app/manifests/{tag}", "PUT", manifest, Content_Type=MANIFEST_TYPE)
    assert status == 201, body


def test_the_registry_serves_what_we_write(registry: tuple[str, LocalStore]) -> None:
    url, store = registry
    manifest = write_image(store)
    store.put(f"{TAGS}/v1/current/link", manifest.encode(), if_absent=True)
    assert json.loads(ask(f"{url}_catalog")[1]) == {"repositories": ["team/app"]}
    assert ask(f"{url}team/app/manifests/v1", Accept=MANIFEST_TYPE)[:2] == (200, MANIFEST)
    assert ask(f"{url}team/app/blobs/{Digest.of(CONFIG)}")[:2] == (200, CONFIG)
    assert store.delete([f"{TAGS}/v1/current/link"]) == []
    assert ask(f"{url}team/app/manifests/v1", Accept=MANIFEST_TYPE)[0] == 404
    assert not json.loads(ask(f"{url}team/app/tags/list")[1]).get("tags")


def test_we_read_what_the_registry_writes(registry: tuple[str, LocalStore]) -> None:
    url, store = registry
    push_by_registry(url, "v1")
    assert list(store.list_dirs(f"{TAGS}/")) == ["v1"]
    link, token = store.get(f"{TAGS}/v1/current/link", max_bytes=200)
    assert link.decode() == Digest.of(MANIFEST)
    assert store.get(blob_key(Digest.of(MANIFEST)), max_bytes=10_000)[0] == MANIFEST
    push_by_registry(url, "v1")
    head = store.head(f"{TAGS}/v1/current/link")
    assert head is not None
    assert head.token != token, "the registry's write shows in the token"


def test_every_tag_the_registry_lists_while_we_write_can_be_pulled(registry: tuple[str, LocalStore]) -> None:
    """We add tags, the registry adds tags, and a client lists and pulls all the while.

    The registry pushes another manifest than ours: 2.8 writes the revision link of a manifest again in place, and for a
    moment all tags of that manifest answer 500.
    """
    url, store = registry
    manifest, done = write_image(store), threading.Event()
    store.put(f"{TAGS}/first/current/link", manifest.encode())
    pulled: set[str] = set()

    def client() -> None:
        while not done.is_set():
            for tag in json.loads(ask(f"{url}team/app/tags/list")[1])["tags"]:
                if not tag.startswith("theirs"):  # its own order shows a new tag before its link
                    assert ask(f"{url}team/app/manifests/{tag}", Accept=MANIFEST_TYPE)[:2] == (200, MANIFEST), tag
                    pulled.add(tag)

    def others() -> None:
        for number in range(20):
            push_by_registry(url, f"theirs{number}", MANIFEST + b"\n")

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(client), pool.submit(others)]
        try:
            for number in range(100):
                store.put(f"{TAGS}/ours{number}/current/link", manifest.encode())
            running[1].result()
        finally:
            done.set()
        running[0].result()
    assert "first" in pulled
    names = [*(f"ours{number}" for number in range(100)), *(f"theirs{number}" for number in range(20)), "first"]
    assert list(store.list_dirs(f"{TAGS}/")) == sorted(names)
    assert sorted(json.loads(ask(f"{url}team/app/tags/list")[1])["tags"]) == sorted(names)
