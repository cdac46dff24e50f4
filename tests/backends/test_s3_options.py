"""Every option of an S3 connection, seen in what is really sent."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ocistore_tui.backends.base import MIB
from ocistore_tui.backends.s3 import S3Options, S3Store
from ocistore_tui.errors import OciStoreError, Unavailable, UsageError
from ocistore_tui.model.digest import Digest
from tests.backends.s3_sent import KEYS, resolved_here, sent, signed_by
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import well


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(well) as server:
        yield server


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"access_key": "AK"}, "--secret-key"),
        ({"secret_key": "s"}, "--access-key"),
        ({"endpoint": "localhost:9000"}, "--endpoint https://localhost:9000"),
        ({"endpoint": "ftp://host"}, "--endpoint https://host"),
        ({"endpoint": "https://"}, "--endpoint"),
        ({"concurrency": 0}, "--concurrency"),
        ({"bucket": ""}, "BUCKET/REPOSITORY:TAG"),
        ({"bucket": "a/b"}, "BUCKET/REPOSITORY:TAG"),
    ],
)
def test_what_can_never_work_is_refused(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        S3Store(S3Options(**{"bucket": "bucket", **options}))
    assert hint in caught.value.fix


# -- region, endpoint, style ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "option", "region"),
    [
        ({}, None, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, None, "eu-west-1"),
        ({"AWS_REGION": "eu-west-2"}, None, "eu-west-2"),
        ({"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-1"}, None, "eu-west-2"),
        ({"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-north-1", "eu-north-1"),
    ],
)
def test_the_region(
    server: CannedServer,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    option: str | None,
    region: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert signed_by(sent(server, **KEYS, region=option)) == f"AKOPTION {region}"


@pytest.mark.parametrize("way", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "profile"])
def test_an_endpoint_that_is_not_given_as_an_option(
    server: CannedServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "profile":
        (Path.home() / ".aws").mkdir()
        (Path.home() / ".aws/config").write_text(f"[default]\nendpoint_url={server.url}\n")
    else:
        monkeypatch.setenv(way, server.url)
    assert sent(server, endpoint=None, **KEYS).path == "/bucket/k"


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return resolved_here(monkeypatch)


@pytest.mark.parametrize(
    ("host", "path_style", "asked", "path"),
    [
        ("minio.test", None, "minio.test", "/bucket/k"),
        ("minio.test", True, "minio.test", "/bucket/k"),
        ("minio.test", False, "bucket.minio.test", "/k"),
        ("s3.eu-west-1.amazonaws.com", True, "s3.eu-west-1.amazonaws.com", "/bucket/k"),
        ("s3.eu-west-1.amazonaws.com", False, "bucket.s3.eu-west-1.amazonaws.com", "/k"),
    ],
)
def test_path_style_and_virtual_hosted_style(
    server: CannedServer, resolved: list[str], host: str, path_style: bool | None, asked: str, path: str
) -> None:
    endpoint = server.url.replace("127.0.0.1", host)
    request = sent(server, **KEYS, endpoint=endpoint, path_style=path_style)
    assert resolved == [asked]
    assert request.path == path
    assert request.headers["host"].startswith(asked)


@pytest.mark.parametrize(("path_style", "path"), [(None, "/k"), (True, "/bucket/k")])
def test_the_style_of_the_profile(
    server: CannedServer, resolved: list[str], path_style: bool | None, path: str
) -> None:
    (Path.home() / ".aws").mkdir()
    (Path.home() / ".aws/config").write_text("[default]\ns3 =\n  addressing_style = virtual\n")
    endpoint = server.url.replace("127.0.0.1", "minio.test")
    assert sent(server, **KEYS, endpoint=endpoint, path_style=path_style).path == path


@pytest.mark.parametrize(("path_style", "asked"), [(None, "bucket.s3.eu-west-1"), (True, "s3.eu-west-1")])
def test_without_an_endpoint_it_is_aws(monkeypatch: pytest.MonkeyPatch, path_style: bool | None, asked: str) -> None:
    names = []

    def unknown(host: str, *_: object) -> Any:
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    store = S3Store(S3Options("bucket", region="eu-west-1", path_style=path_style, **KEYS))
    with pytest.raises(Unavailable, match="cannot be reached"):
        store.head("k")
    assert set(names) == {f"{asked}.amazonaws.com"}


# -- what objects are to have -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({}, {}),
        ({"sse": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"sse_kms_key_id": "key-1"},
            {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "key-1"},
        ),
        (
            {"sse": "aws:kms:dsse", "sse_kms_key_id": "key-1"},
            {"x-amz-server-side-encryption": "aws:kms:dsse", "x-amz-server-side-encryption-aws-kms-key-id": "key-1"},
        ),
        ({"storage_class": "STANDARD_IA"}, {"x-amz-storage-class": "STANDARD_IA"}),
    ],
)
def test_encryption_and_storage_class_go_with_every_new_object(
    options: dict[str, str], headers: dict[str, str]
) -> None:
    def answer(request: Request) -> Answer:
        if request.method == "HEAD" and request.path == "/bucket/big":
            return Answer(200, b"", {"ETag": '"e"', "Content-Length": str(9 * MIB)})
        return Answer(404) if request.method == "HEAD" and request.path == "/bucket/copy" else well(request)

    with CannedServer(answer) as server, S3Store(S3Options("bucket", endpoint=server.url, **KEYS, **options)) as store:
        store.put("k", b"x")
        store.put_stream("blob", [b"x"], size_bytes=1, digest=Digest.of(b"x"), if_absent=False)
        big = bytes(9 * MIB)
        store.put_stream("big", [big], size_bytes=len(big), digest=Digest.of(big), if_absent=False)
        store.copy_from(store, "k", "copy", size_bytes=1, digest=Digest.of(b"x"))
    asking = {
        request.path: {
            name: value for name, value in request.headers.items() if "encryption" in name or "class" in name
        }
        for request in server.requests
        if request.method in ("PUT", "POST")
    }
    for path in ("/bucket/k", "/bucket/blob", "/bucket/big?uploads", "/bucket/copy"):
        assert asking.pop(path) == headers, path
    assert len(asking) == 3, "two parts and the end of the upload"
    assert all(given == {} for given in asking.values())


# -- checksums --------------------------------------------------------------------------------------------------------


def checksums_of_an_upload(server: CannedServer, endpoint: str) -> list[dict[str, str]]:
    """The headers about checksums of a small put, a small blob, an upload's begin, and its first part."""
    with S3Store(S3Options("bucket", endpoint=endpoint, **KEYS)) as store:
        store.put("k", b"x")
        store.put_stream("blob", [b"x"], size_bytes=1, digest=Digest.of(b"x"), if_absent=False)
        big = bytes(9 * MIB)
        with contextlib.suppress(OciStoreError):  # the canned answer to a HEAD is about another object
            store.put_stream("big", [big], size_bytes=len(big), digest=Digest.of(big), if_absent=False)
    wanted = ("/k", "/blob", "/big?uploads", "partNumber=1")
    return [
        {
            name: value
            for request in server.requests
            if request.method in ("PUT", "POST") and request.path.endswith(end)
            for name, value in request.headers.items()
            if "checksum" in name or name in ("content-encoding", "x-amz-trailer")
        }
        for end in wanted
    ]


def test_other_servers_get_no_checksums_they_may_not_know(server: CannedServer) -> None:
    """They are only asked whether they know one."""
    assert checksums_of_an_upload(server, server.url) == [{}, {}, {"x-amz-checksum-algorithm": "CRC32"}, {}]


def test_who_wants_no_checksums_has_none_asked_for(server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    assert checksums_of_an_upload(server, server.url) == [{}, {}, {}, {}]


def test_aws_is_told_the_digest_and_checksums_of_all_parts(server: CannedServer, resolved: list[str]) -> None:
    endpoint = server.url.replace("127.0.0.1", "s3.us-east-1.amazonaws.com")
    small, blob, begin, part = checksums_of_an_upload(server, endpoint)
    assert "x-amz-checksum-crc32" in small
    assert blob["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    assert begin["x-amz-checksum-algorithm"] == "CRC32"
    assert "x-amz-checksum-crc32" in part


def test_who_asks_for_checksums_gets_them(server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    assert all(checksums_of_an_upload(server, server.url))


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback, signed by nobody else, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ocistore test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[CannedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with CannedServer(well, tls=context) as server:
        yield server


def test_a_certificate_of_nobody_known(secure: CannedServer) -> None:
    with pytest.raises(Unavailable, match="certificate is not trusted") as caught:
        sent(secure, **KEYS)
    assert "--ca-bundle" in caught.value.fix
    assert "certificate verify failed" in caught.value.cause.lower()
    assert secure.requests == []


@pytest.mark.parametrize("way", ["option", "environment", "skip"])
def test_a_certificate_that_is_vouched_for(
    secure: CannedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    more: dict[str, Any] = {"option": {"ca_bundle": str(certificate)}, "skip": {"insecure_skip_tls_verify": True}}
    if way == "environment":
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    assert signed_by(sent(secure, **KEYS, **more.get(way, {}))) == "AKOPTION us-east-1"


def test_an_empty_ca_bundle_of_the_environment_is_none(secure: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "")
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        sent(secure, **KEYS)


def test_a_ca_bundle_that_is_not_there(secure: CannedServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CA bundle") as caught:
        sent(secure, **KEYS, ca_bundle=str(tmp_path / "nothing.pem"))
    assert caught.value.where.endswith("nothing.pem")
    assert "--ca-bundle" in caught.value.fix
