"""Docker's own registry as the judge: asked over HTTP, and its garbage collection run, over a store of ours."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.backends.local import LocalStore
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.model.digest import Digest
from tests.layout.content import Content, describe, manifests_of
from tests.testbed import need, servers


@dataclass(frozen=True)
class Oracle:
    """A running registry, and our store over the same bytes."""

    store: ObjectStore
    address: str
    config: Path
    directory: Path | None = None
    """The store's root, where it is a directory."""

    def ask(
        self, path: str, *, method: str = "GET", data: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of one request below ``/v2/``."""
        url = path if path.startswith("http") else f"http://{self.address}/v2/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), dict(error.headers)

    def tags(self, repository: str) -> list[str]:
        """What the registry lists, in our order; it has none."""
        status, body, _ = self.ask(f"{repository}/tags/list")
        return sorted(json.loads(body)["tags"] or []) if status == 200 else []

    def catalog(self) -> list[str]:
        return sorted(json.loads(self.ask("_catalog?n=1000")[1])["repositories"])

    def push(self, repository: str, content: Content, *tags: str) -> None:
        """Push by the registry's own API, as a client does; without a tag, by digest."""
        for found in manifests_of(content):
            for blob in found.blobs:
                self._push_blob(repository, blob)
            self._put_manifest(repository, found, found.digest)
        for tag in tags:
            self._put_manifest(repository, content, tag)

    def _push_blob(self, repository: str, blob: bytes) -> None:
        status, body, headers = self.ask(f"{repository}/blobs/uploads/", method="POST", data=b"")
        assert status == 202, body
        joint = "&" if "?" in headers["Location"] else "?"
        url = f"{headers['Location']}{joint}digest={Digest.of(blob)}"
        status, body, _ = self.ask(url, method="PUT", data=blob, Content_Type="application/octet-stream")
        assert status == 201, body

    def _put_manifest(self, repository: str, content: Content, reference: str) -> None:
        url = f"{repository}/manifests/{reference}"
        status, body, _ = self.ask(url, method="PUT", data=content.raw, Content_Type=content.media_type)
        assert status == 201, body

    def assert_served(self, repository: str, content: Content, *tags: str) -> None:
        """By every tag and by digest, with all that is below it, to the last byte."""
        for reference in (*tags, content.digest):
            url = f"{repository}/manifests/{reference}"
            status, body, headers = self.ask(url, Accept=content.media_type)
            assert (status, body) == (200, content.raw), f"{url}: {status} {body[:200]!r}"
            assert headers["Docker-Content-Digest"] == content.digest
            assert headers["Content-Type"] == content.media_type
        for blob in content.blobs:
            digest = Digest.of(blob)
            assert self.ask(f"{repository}/blobs/{digest}")[:2] == (200, blob)
            status, _, headers = self.ask(f"{repository}/blobs/{digest}", method="HEAD")
            assert (status, headers["Content-Length"]) == (200, str(len(blob)))
        for child in content.children:
            self.assert_served(repository, child)

    def collect_garbage(self, *flags: str) -> str:
        """Run the registry's own garbage collection; what it says."""
        command = [need.program("docker-registry", hint="apt-get install docker-registry"), "garbage-collect"]
        done = subprocess.run([*command, *flags, str(self.config)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"garbage collection failed: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done.stdout


@contextlib.contextmanager
def over_directory(tmp_path: Path, **settings: Any) -> Iterator[Oracle]:
    """A registry over a directory; ``settings`` are added to its storage's."""
    root = tmp_path / "store"
    root.mkdir()
    storage = servers.on_directory(root) | settings
    with _serving(tmp_path, storage) as (address, config), LocalStore(root) as store:
        yield Oracle(store, address, config, root)


@contextlib.contextmanager
def over_s3(tmp_path: Path, endpoint: str, bucket: str, root_dir: str = "") -> Iterator[Oracle]:
    """A registry over a new bucket, or over what is below ``root_dir`` in it."""
    access, secret = servers.S3_KEYS
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1"
    )
    client.create_bucket(Bucket=bucket)
    options = S3Options(
        bucket=bucket, endpoint=endpoint, region="us-east-1", access_key=access, secret_key=secret, root_dir=root_dir
    )
    with _serving(tmp_path, servers.on_s3(endpoint, bucket, root_dir)) as (address, config), S3Store(options) as store:
        yield Oracle(store, address, config)


@contextlib.contextmanager
def _serving(tmp_path: Path, storage: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    with servers.registry(tmp_path, storage) as address:
        yield address, tmp_path / f"registry-{address.rpartition(':')[2]}.yml"


def skopeo(*arguments: str) -> bytes:
    """What one run of skopeo prints."""
    program = need.program("skopeo", hint="apt-get install skopeo")
    done = subprocess.run([program, "--insecure-policy", *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def oci_layout(directory: Path, content: Content, tag: str) -> str:
    """An OCI layout directory with this content; its name for skopeo."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for found in manifests_of(content):
        for raw in (found.raw, *found.blobs):
            (blobs / Digest.of(raw).encoded).write_bytes(raw)
    entry = describe(content.raw, content.media_type) | {"annotations": {"org.opencontainers.image.ref.name": tag}}
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return f"oci:{directory}:{tag}"
