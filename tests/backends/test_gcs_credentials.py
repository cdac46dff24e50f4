"""The ways to sign in to Google Cloud Storage, and what is said when none works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ocistore_tui.backends.gcs import GcsOptions, GcsStore
from ocistore_tui.errors import AccessDenied, UsageError
from tests.fakes.gcs_server import GcsServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsServer]:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    with GcsServer() as server:
        server.buckets["bucket"] = {}
        yield server


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def keyfile(server: GcsServer, private_key: str, tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    content = {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "robot@project.iam.gserviceaccount.com",
        "token_uri": f"{server.url}/token",
    }
    path.write_text(json.dumps(content))
    return path


def authorizations(server: GcsServer) -> set[str | None]:
    seen = zip(server.requests, server.headers_seen, strict=True)
    return {
        headers.get("authorization") or headers.get("Authorization") for (_, url), headers in seen if url != "/token"
    }


def test_a_key_file(server: GcsServer, keyfile: Path) -> None:
    store = GcsStore(GcsOptions("bucket", keyfile=str(keyfile), endpoint=server.url))
    assert server.requests == [], "nothing is asked before the first operation"
    store.put("k", b"1")
    assert authorizations(server) == {"Bearer secret-token"}
    assert server.counts["token"] == 1


def test_the_content_of_a_key_file(server: GcsServer, keyfile: Path) -> None:
    info = json.loads(keyfile.read_text())
    GcsStore(GcsOptions("bucket", credentials_info=info, endpoint=server.url)).put("k", b"1")
    assert authorizations(server) == {"Bearer secret-token"}


def test_application_default_credentials(server: GcsServer, keyfile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(keyfile))
    GcsStore(GcsOptions("bucket", endpoint=server.url)).put("k", b"1")
    assert authorizations(server) == {"Bearer secret-token"}


def test_anonymous(server: GcsServer, keyfile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(keyfile))
    GcsStore(GcsOptions("bucket", anonymous=True, endpoint=server.url)).put("k", b"1")
    assert authorizations(server) == {None}


def test_the_emulator_of_the_environment(server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    store = GcsStore(GcsOptions("bucket"))
    token = store.put("k", b"1")
    assert store.get("k", max_bytes=1) == (b"1", token)
    assert authorizations(server) == {None}


def test_the_project_that_pays_is_named(server: GcsServer) -> None:
    store = GcsStore(GcsOptions("bucket", anonymous=True, user_project="payer", endpoint=server.url))
    store.put("k", b"1")
    list(store.list_entries(""))
    assert all("userProject=payer" in url for _, url in server.requests)


def test_an_expired_key_is_told(server: GcsServer, keyfile: Path) -> None:
    server.fail(10, path="/token", status=400, body=b'{"error": "invalid_grant", "error_description": "expired"}')
    with pytest.raises(AccessDenied, match="cannot be renewed") as caught:
        GcsStore(GcsOptions("bucket", keyfile=str(keyfile), endpoint=server.url)).head("k")
    assert "gcloud auth application-default login" in caught.value.fix


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"type": "service_account"}', '{"type": "unheard-of"}'])
def test_a_key_file_that_is_none(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError) as caught:
        GcsStore(GcsOptions("bucket", keyfile=str(path))).head("k")
    assert caught.value.where == str(path)


def test_no_credentials_at_all(tmp_path: Path) -> None:
    program = (
        "from ocistore_tui.backends.gcs import GcsOptions, GcsStore\n"
        "report = GcsStore(GcsOptions('bucket')).check()\n"
        "print(report.findings[0].step, type(report.findings[0].error).__name__, report.findings[0].error.fix)\n"
    )
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path), "NO_GCE_CHECK": "true",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("sign in AccessDenied run: gcloud auth application-default login")
