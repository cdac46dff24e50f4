"""A registry over every kind of store: a whole life of an image, over HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocistore_tui.backends.base import MIB, ObjectStore
from ocistore_tui.layout.check import check_repository
from ocistore_tui.model.digest import Digest
from tests.layout.content import artifact, image
from tests.serving.asking import served
from tests.testbed.servers import S3_KEYS, make_bucket

Opener = Callable[[pytest.FixtureRequest, Path], Iterator[ObjectStore]]


def _directory(request: pytest.FixtureRequest, directory: Path) -> Iterator[ObjectStore]:
    from ocistore_tui.backends.local import LocalStore

    yield LocalStore(directory / "store", create=True)


def _s3(server: str) -> Opener:
    def opener(request: pytest.FixtureRequest, directory: Path) -> Iterator[ObjectStore]:
        from ocistore_tui.backends.s3 import S3Options, S3Store

        endpoint = request.getfixturevalue(server)
        access, secret = S3_KEYS
        yield S3Store(S3Options(make_bucket(endpoint), endpoint=endpoint, access_key=access, secret_key=secret,
                                region="us-east-1"))  # fmt: skip

    return opener


def _azure(request: pytest.FixtureRequest, directory: Path) -> Iterator[ObjectStore]:
    from ocistore_tui.backends.azure import AzureStore
    from tests.fakes.azure_relay import new_container, options_for

    azurite = request.getfixturevalue("azurite")
    with new_container(azurite) as container:
        yield AzureStore(options_for(azurite, container.container_name))


def _gcs(request: pytest.FixtureRequest, directory: Path) -> Iterator[ObjectStore]:
    from ocistore_tui.backends.gcs import GcsOptions, GcsStore
    from tests.fakes.gcs_server import GcsServer

    with GcsServer() as server:
        server.buckets["bucket"] = {}
        yield GcsStore(GcsOptions("bucket", endpoint=server.url, anonymous=True))


OPENERS: dict[str, Opener] = {
    "directory": _directory, "moto": _s3("moto"), "rclone": _s3("rclone"), "azure": _azure, "gcs": _gcs,
}  # fmt: skip


@pytest.mark.parametrize("kind", OPENERS)
def test_a_whole_life(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    content = image(kind, layers=(b"small", bytes(range(251)) * (9 * MIB // 251)))
    signature = artifact(content)
    with contextmanager(OPENERS[kind])(request, tmp_path) as store, store, served(store) as server:
        client = http.client.HTTPConnection(*server.ports[0], timeout=60)

        def ask(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
            client.request(method, f"/v2/app/{path}", body=body, headers=headers)
            answer = client.getresponse()
            return answer.status, answer.read(), answer.headers

        for number, blob in enumerate((*content.blobs, *signature.blobs)):
            if number % 2:
                assert ask("POST", f"blobs/uploads/?digest={Digest.of(blob)}", blob)[0] == 201
            else:
                place = ask("POST", "blobs/uploads/")[2]["Location"].removeprefix("/v2/app/")
                assert ask("PATCH", place, blob)[0] == 202
                assert ask("PUT", f"{place}?digest={Digest.of(blob)}")[0] == 201
        assert ask("PUT", "manifests/1.0", content.raw, **{"If-None-Match": "*"})[0] == 201
        assert ask("PUT", "manifests/1.0", content.raw, **{"If-None-Match": "*"})[0] == 412
        assert ask("PUT", f"manifests/{signature.digest}", signature.raw)[0] == 201
        assert list(check_repository(store, "app")) == []
        assert ask("GET", "manifests/1.0")[1] == content.raw
        for blob in content.blobs:
            for _ in range(2):
                assert ask("GET", f"blobs/{Digest.of(blob)}")[1] == blob
            assert ask("GET", f"blobs/{Digest.of(blob)}", Range="bytes=2-")[1] == blob[2:]
        assert str(signature.digest).encode() in ask("GET", f"referrers/{content.digest}")[1]
        assert ask("GET", "tags/list?n=1")[1] == b'{"name":"app","tags":["1.0"]}'
        assert ask("DELETE", f"manifests/{signature.digest}")[0] == 202
        assert ask("DELETE", "manifests/1.0")[0] == 202
        assert ask("GET", "tags/list")[1] == b'{"name":"app","tags":[]}'
        assert ask("GET", f"manifests/{content.digest}")[0] == 200
        client.close()
