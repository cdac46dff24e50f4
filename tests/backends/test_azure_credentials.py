"""The ways to sign in to Azure, seen in what is sent, and what is said when none works."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ocistore_tui.backends.azure import AzureOptions, AzureStore
from ocistore_tui.errors import AccessDenied, OciStoreError, Unavailable, UsageError
from ocistore_tui.model.digest import Digest
from tests.contracts.object_store import keys
from tests.fakes.azure_relay import new_container
from tests.faults.canned import Answer, CannedServer, Request
from tests.testbed.servers import AZURE_ACCOUNT, AZURE_KEY

KEY = base64.b64encode(b"a secret key").decode()
LISTING = "<EnumerationResults><Blobs></Blobs><NextMarker/></EnumerationResults>"


def accept(request: Request) -> Answer:
    """What a container says when all is well; and an identity endpoint of the cloud."""
    if request.path.startswith("/token"):
        token = {"access_token": "cloud-token", "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"}
        return Answer(200, json.dumps(token | {"resource": "r"}), {"Content-Type": "application/json"})
    if "comp=list" in request.path:
        return Answer(200, LISTING, {"Content-Type": "application/xml"})
    return Answer(201, b"", {"ETag": '"1"'})


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(accept) as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback, signed by nobody; with its key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[CannedServer]:
    server = CannedServer(accept)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    server.url = server.url.replace("http://", "https://")
    with server:
        yield server


def sent(server: CannedServer, options: AzureOptions) -> Request:
    """The request that writing a small blob makes."""
    with AzureStore(options) as store:
        before = list(server.requests)
        assert before == [], "nothing is asked before the first operation"
        store.put("docker/k", b"1")
    requests = [each for each in server.requests if each.method == "PUT"]
    assert len(requests) == 1
    return requests[0]


def signature(request: Request, account: str, key: str) -> str:
    """https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key."""
    standard = (
        "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
        "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
    )  # fmt: skip
    lines = [request.method, *(request.headers.get(name, "") for name in standard)]
    lines += [f"{name}:{request.headers[name]}" for name in sorted(request.headers) if name.startswith("x-ms-")]
    lines += [f"/{account}{request.path}"]
    digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
    return f"SharedKey {account}:{base64.b64encode(digest).decode()}"


# -- name and key, SAS, connection string, nobody


def test_an_account_key_signs_each_request(server: CannedServer) -> None:
    request = sent(server, AzureOptions("box", account_name="acc", account_key=KEY, endpoint=f"{server.url}/acc"))
    assert request.path == "/acc/box/docker/k"
    assert request.headers["authorization"] == signature(request, "acc", KEY)
    assert KEY not in repr(request.headers)


@pytest.mark.parametrize("token", ["?sv=1&sig=abc%3D", "sv=1&sig=abc%3D", " sv=1&sig=abc%3D\n"])
def test_a_sas_goes_into_the_address(server: CannedServer, token: str) -> None:
    request = sent(server, AzureOptions("box", account_name="acc", sas_token=token, endpoint=f"{server.url}/acc"))
    assert request.path == "/acc/box/docker/k?sv=1&sig=abc%3D"
    assert "authorization" not in request.headers
    assert all("sig=abc%3D" in each.path for each in server.requests)


def test_a_connection_string_with_a_key(server: CannedServer) -> None:
    text = f"DefaultEndpointsProtocol=http;AccountName=acc;AccountKey={KEY};BlobEndpoint={server.url}/acc;"
    request = sent(server, AzureOptions("box", connection_string=text))
    assert request.headers["authorization"] == signature(request, "acc", KEY)


def test_a_connection_string_with_a_sas(server: CannedServer) -> None:
    text = f"BlobEndpoint={server.url}/acc;SharedAccessSignature=sv=1&sig=abc%3D"
    request = sent(server, AzureOptions("box", connection_string=text))
    assert request.path == "/acc/box/docker/k?sv=1&sig=abc%3D"
    assert "authorization" not in request.headers


def test_the_connection_string_comes_first_as_with_az(server: CannedServer) -> None:
    text = f"DefaultEndpointsProtocol=http;AccountName=acc;AccountKey={KEY};BlobEndpoint={server.url}/acc;"
    other = AzureOptions("box", connection_string=text, account_name="other", account_key="b3RoZXI=", sas_token="sig=x")
    request = sent(server, other)
    assert request.headers["authorization"] == signature(request, "acc", KEY)
    assert "sig=x" not in request.path


def test_the_emulators_short_connection_string() -> None:
    store = AzureStore(AzureOptions("box", connection_string="UseDevelopmentStorage=true"))
    assert store._container.connection.container.url == f"http://127.0.0.1:10000/{AZURE_ACCOUNT}/box"
    assert store._container.connection.container.credential.account_key == AZURE_KEY


def test_anonymous(server: CannedServer) -> None:
    request = sent(server, AzureOptions("box", account_name="acc", anonymous=True, endpoint=f"{server.url}/acc"))
    assert "authorization" not in request.headers
    assert request.path == "/acc/box/docker/k"


@pytest.mark.parametrize("right", ["key", "sas", "connection string", "sas in a connection string"])
def test_azurite_takes_each(azurite: str, right: str) -> None:
    with new_container(azurite) as container:
        sas = generate_container_sas(
            AZURE_ACCOUNT,
            container.container_name,
            AZURE_KEY,
            permission=ContainerSasPermissions(read=True, write=True, list=True, delete=True, create=True),
            expiry=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1),
        )
        whole = f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};"
        options = {
            "key": AzureOptions("", account_name=AZURE_ACCOUNT, account_key=AZURE_KEY, endpoint=azurite),
            "sas": AzureOptions("", account_name=AZURE_ACCOUNT, sas_token=sas, endpoint=azurite),
            "connection string": AzureOptions("", connection_string=f"{whole}BlobEndpoint={azurite};"),
            "sas in a connection string": AzureOptions(
                "", connection_string=f"BlobEndpoint={azurite};SharedAccessSignature={sas}"
            ),
        }[right]
        with AzureStore(replace(options, container=container.container_name)) as store:
            for key in ("a", "b", "c"):
                store.put(key, b"1")
            store.copy_from(store, "a", "d", size_bytes=1, digest=Digest.of(b"1"))
            assert keys(store) == ["a", "b", "c", "d"]
            assert store.delete(keys(store)) == []


def test_an_expired_sas_is_told() -> None:
    detail = "Signature not valid in the specified time frame: Start [A] - Expiry [B] - Current [C]"
    body = (
        "<Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.</Message>"
        f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail></Error>"
    )
    headers = {"Content-Type": "application/xml", "x-ms-error-code": "AuthenticationFailed"}
    with CannedServer(lambda request: Answer(403, body, headers)) as server:
        options = AzureOptions("box", account_name="acc", sas_token="sig=x", endpoint=f"{server.url}/acc")
        with pytest.raises(AccessDenied) as caught:
            AzureStore(options).head("k")
    assert "--sas-token" in caught.value.fix
    assert detail in caught.value.cause


@pytest.mark.parametrize("code", ["AuthenticationFailed", "AuthorizationFailure"])
@pytest.mark.parametrize(
    ("login", "blamed", "spared"),
    [
        ({"account_key": KEY}, "account key", "SAS"),
        ({"connection_string": f"AccountName=acc;AccountKey={KEY};BlobEndpoint=URL"}, "account key", "SAS"),
        ({"sas_token": "sig=x"}, "SAS", "key"),
        ({"connection_string": "BlobEndpoint=URL;SharedAccessSignature=sig=x"}, "SAS", "key"),
    ],
)
def test_a_refusal_blames_what_was_used(code: str, login: dict[str, str], blamed: str, spared: str) -> None:
    with CannedServer(lambda request: Answer(403, b"", {"x-ms-error-code": code})) as server:
        url = f"{server.url}/acc"
        options = AzureOptions("box", account_name="acc", endpoint=url)
        with pytest.raises(AccessDenied) as caught:
            AzureStore(replace(options, **{name: text.replace("URL", url) for name, text in login.items()})).head("k")
    assert blamed in caught.value.cause
    assert spared not in f"{caught.value.cause} {caught.value.fix}"


def test_azurite_of_a_wrong_key(azurite: str) -> None:
    with new_container(azurite) as container:
        options = AzureOptions(container.container_name, account_name=AZURE_ACCOUNT, account_key=KEY, endpoint=azurite)
        with pytest.raises(AccessDenied) as caught:
            list(AzureStore(options).list_entries(""))
    assert "account key is wrong" in caught.value.cause
    assert "--account-key" in caught.value.fix


# -- the default chain


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `az` that somebody is signed in with; the chain is told to ask nobody else."""
    answer = {"accessToken": "az-token", "expires_on": int(time.time()) + 3600, "tokenType": "Bearer"}
    program = tmp_path / "bin" / "az"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(answer)}\nEOF\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    return program


def test_whoever_is_signed_in_with_az(tls_server: CannedServer, certificate: Path, az: Path) -> None:
    options = AzureOptions("box", account_name="acc", endpoint=f"{tls_server.url}/acc", ca_bundle=str(certificate))
    assert sent(tls_server, options).headers["authorization"] == "Bearer az-token"


def test_the_identity_of_the_machine(
    tls_server: CannedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its endpoint is believed by the same certificates as the store."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{tls_server.url}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "machine")
    options = AzureOptions("box", account_name="acc", endpoint=f"{tls_server.url}/acc", ca_bundle=str(certificate))
    assert sent(tls_server, options).headers["authorization"] == "Bearer cloud-token"
    (asked,) = [request for request in tls_server.requests if request.path.startswith("/token")]
    assert asked.headers["x-identity-header"] == "machine"
    assert "storage.azure.com" in asked.path


def test_a_token_is_not_sent_in_the_clear(server: CannedServer, az: Path) -> None:
    with pytest.raises(UsageError, match="https") as caught:
        AzureStore(AzureOptions("box", account_name="acc", endpoint=f"{server.url}/acc")).head("k")
    assert "--account-key" in caught.value.fix
    assert server.requests == []


def test_no_login_at_all_is_one_useful_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")
    monkeypatch.setenv("PATH", str(tmp_path))
    store = AzureStore(AzureOptions("box", account_name="acc", endpoint="https://127.0.0.1:1/acc"))
    (finding,) = store.check().findings
    assert (finding.step, finding.ok) == ("sign in", False)
    error = finding.error
    assert type(error) is AccessDenied
    assert error.message == "no Azure credentials found"
    assert error.cause == "AzureCliCredential: Azure CLI not found on path"
    assert error.fix.startswith("run: az login")


# -- the options that are no credentials


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"account_name": "acc"}, "https://acc.blob.core.windows.net/box"),
        ({"account_name": "acc", "endpoint": "https://acc.blob.core.chinacloudapi.cn"}, None),
        ({"account_name": "acc", "endpoint": "acc.blob.core.usgovcloudapi.net"}, None),
        ({"account_name": "acc", "endpoint": "http://127.0.0.1:10000"}, "http://127.0.0.1:10000/acc/box"),
        ({"account_name": "acc", "endpoint": "http://localhost:10000/"}, "http://localhost:10000/acc/box"),
        ({"account_name": "acc", "endpoint": "http://127.0.0.1:10000/acc"}, "http://127.0.0.1:10000/acc/box"),
        ({"account_name": "acc", "endpoint": "https://[::1]:10000"}, "https://[::1]:10000/acc/box"),
    ],
)
def test_where_the_container_is(options: dict[str, str], url: str | None) -> None:
    expected = url or f"https://{options['endpoint'].removeprefix('https://')}/box"
    store = AzureStore(AzureOptions("box", account_key=KEY, **options))
    assert store._container.connection.container.url == expected
    assert store.url == "az://acc/box"


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({}, "--account-name"),
        ({"account_key": KEY}, "--account-name"),
        ({"account_name": "acc", "account_key": "no base64!"}, "Access keys"),
        ({"connection_string": "nonsense"}, "Access keys"),
        ({"connection_string": "AccountName=acc;AccountKey=no base64!;EndpointSuffix=x"}, "Access keys"),
        ({"account_name": "acc", "account_key": KEY, "ca_bundle": "/no/such/file"}, "--ca-bundle"),
        ({"account_name": "acc", "account_key": KEY, "endpoint": "http://[bad"}, "--endpoint"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, str], fix: str) -> None:
    store = AzureStore(AzureOptions("box", **options))
    with pytest.raises(UsageError) as caught:
        store.head("k")
    assert fix in caught.value.fix
    (finding,) = store.check().findings
    assert (finding.step, finding.ok) == ("sign in", False)


def test_a_certificate_nobody_signed(tls_server: CannedServer, certificate: Path) -> None:
    options = AzureOptions("box", account_name="acc", account_key=KEY, endpoint=f"{tls_server.url}/acc")
    started = time.monotonic()
    with pytest.raises(Unavailable, match="certificate is not trusted") as caught:
        AzureStore(options).head("k")
    assert "--ca-bundle" in caught.value.fix
    assert "self-signed" in caught.value.cause
    assert time.monotonic() - started < 5
    assert tls_server.requests == []
    for trusting in (replace(options, ca_bundle=str(certificate)), replace(options, insecure_skip_tls_verify=True)):
        assert AzureStore(trusting).put("docker/k", b"1") == "1"


def test_the_api_version_can_be_pinned(server: CannedServer) -> None:
    options = AzureOptions("box", account_name="acc", account_key=KEY, endpoint=f"{server.url}/acc")
    assert sent(server, replace(options, api_version="2021-12-02")).headers["x-ms-version"] == "2021-12-02"


def test_no_secret_is_told(server: CannedServer) -> None:
    secrets = {"account_key": KEY, "sas_token": "sv=1&sig=hush", "connection_string": f"AccountKey={KEY};x"}
    assert "hush" not in repr(AzureOptions("box", **secrets))
    assert KEY not in repr(AzureOptions("box", **secrets))
    options = AzureOptions("box", account_name="acc", sas_token="sv=1&sig=hush", endpoint="http://127.0.0.1:1/acc")
    store = AzureStore(options)
    assert "hush" not in store.url
    with pytest.raises(OciStoreError) as caught:
        store.head("k")
    assert "hush" not in f"{caught.value!r}{caught.value.cause}{caught.value.where}"


# -- the environment, as az reads it


@pytest.mark.parametrize("way", ["key", "sas", "connection string"])
def test_the_environment_signs_in(server: CannedServer, tmp_path: Path, way: str) -> None:
    variables = {
        "key": {"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": KEY},
        "sas": {"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=abc"},
        "connection string": {
            "AZURE_STORAGE_CONNECTION_STRING": f"AccountName=acc;AccountKey={KEY};BlobEndpoint={server.url}/acc"
        },
    }[way]
    command = [sys.executable, "-m", "ocistore_tui", "--no-tui", "azure", "ls", "--json", "box"]
    if way != "connection string":
        command += ["--endpoint", f"{server.url}/acc"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["repositories"] == []
    assert server.requests
    for request in server.requests:
        if way == "sas":
            assert "sig=abc" in request.path
        else:
            assert request.headers["authorization"].startswith("SharedKey acc:")
