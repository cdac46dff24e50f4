"""Every kind of connection to an engine, and what is said when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.daemon.address import parse_address, resolve_address
from ocistore_tui.daemon.client import EngineClient
from ocistore_tui.errors import AccessDenied, OciStoreError, Unavailable, UsageError
from ocistore_tui.model.digest import Digest
from tests.fakes.engine import FakeEngine, fake_engine
from tests.testbed import images
from tests.testbed.contexts import context
from tests.testbed.images import Image, layer
from tests.testbed.need import missing, program
from tests.testbed.opened import directory_service, pull, push

IMAGE = Image((layer("one"), layer("two", 500_000)))


# Nobody there.


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
def test_no_engine_is_said_to_be_none(scheme: str, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"unix://{tmp_path}/none.sock" if scheme == "unix" else f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(Unavailable, match="no container engine answers") as caught:
            EngineClient(parse_address(host)).images()
    assert caught.value.where == host
    assert "docker-archive" in caught.value.fix


@pytest.mark.parametrize("path", ["x" * 200, ""])
def test_a_socket_that_cannot_be(path: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        EngineClient(parse_address(f"unix://{tmp_path}/{path}")).images()


def test_a_socket_of_somebody_else(tmp_path: Path) -> None:
    """Asked as a user who may not."""
    if os.geteuid() != 0:
        missing("root", "becoming another user needs root")
    with fake_engine(tmp_path) as engine:
        engine.path.chmod(0o600)
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents:
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        code = (
            "import os, sys; from ocistore_tui.daemon.client import EngineClient\n"
            "from ocistore_tui.daemon.address import parse_address; from ocistore_tui.errors import AccessDenied\n"
            "import ocistore_tui.daemon.wire; os.setgid(65534); os.setuid(65534)\n"
            "try: EngineClient(parse_address(sys.argv[1])).images()\n"
            "except AccessDenied as error: print(error.exit_code, error.message, error.fix)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, engine.host], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("4 permission denied on the engine's socket"), done.stderr
    assert "group" in done.stdout


# TLS.


def certificate(name: str, issuer: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    """A certificate for 127.0.0.1 with its key, by an issuer or by itself."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    ca, ca_key = issuer or (None, own)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.subject if ca else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if issuer is None:
        usage = {name: name in ("key_cert_sign", "crl_sign") for name in _USAGES}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    return builder.sign(ca_key, hashes.SHA256()), own


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def pem(made: tuple[Any, Any]) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import serialization as form

    cert, own = made
    raw = own.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return cert.public_bytes(form.Encoding.PEM), raw


@pytest.fixture(scope="module")
def authority() -> dict[str, bytes]:
    """ca.pem, and certificates with keys of a server and of a client."""
    ca = certificate("authority")
    server, client = pem(certificate("engine", ca)), pem(certificate("client", ca))
    stranger = pem(certificate("stranger"))
    return {
        "ca": pem(ca)[0], "server": server[0] + server[1], "cert": client[0], "key": client[1], "other_ca": stranger[0],
    }  # fmt: skip


@contextlib.contextmanager
def bridged(target: Path, context: ssl.SSLContext | None) -> Iterator[int]:
    """A port that passes bytes to a unix socket, behind TLS."""

    ready, ports, loop = threading.Event(), [], asyncio.new_event_loop()

    async def passed(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(str(target))
        await asyncio.gather(passed(reader, far_writer), passed(far_reader, writer))

    async def serve() -> None:
        server = await asyncio.start_server(joined, "127.0.0.1", 0, ssl=context)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.fixture
def tls_engine(authority: dict[str, bytes], tmp_path: Path) -> Iterator[tuple[FakeEngine, int]]:
    """An engine that wants to see a client's certificate, and its port."""
    (tmp_path / "server.pem").write_bytes(authority["server"])
    (tmp_path / "authority.pem").write_bytes(authority["ca"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "authority.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(str(tmp_path / "server.pem"))
    with fake_engine(tmp_path) as engine, bridged(engine.path, context) as port:
        engine.hold("rt/app:1", str(IMAGE.id), [])
        yield engine, port


def in_context(home: Path, endpoint: dict[str, object], **tls: bytes) -> list[str]:
    context(home, "tls", endpoint, **tls)
    client = EngineClient(resolve_address(None, {"HOME": str(home), "DOCKER_CONTEXT": "tls"}))
    return [name for image in client.images() for name in image.names]


def test_an_engine_behind_tls_is_reached_by_its_context(
    tls_engine: tuple[FakeEngine, int], authority: dict[str, bytes], tmp_path: Path
) -> None:
    files = {name: authority[name] for name in ("ca", "cert", "key")}
    assert in_context(tmp_path / "home", {"Host": f"tcp://127.0.0.1:{tls_engine[1]}"}, **files) == ["rt/app:1"]


def test_an_engine_behind_tls_is_reached_by_the_name_of_its_context(
    tls_engine: tuple[FakeEngine, int], authority: dict[str, bytes], tmp_path: Path
) -> None:
    files = {name: authority[name] for name in ("ca", "cert", "key")}
    context(tmp_path, "far", {"Host": f"tcp://127.0.0.1:{tls_engine[1]}"}, **files)
    environ = {"HOME": str(tmp_path), "DOCKER_HOST": "unix:///none.sock"}
    assert len(EngineClient(resolve_address("context://far", environ)).images()) == 1
    with pytest.raises(UsageError, match="no such docker context"):
        resolve_address("context://near", environ)


def test_an_engine_behind_tls_is_reached_by_the_environment(
    tls_engine: tuple[FakeEngine, int], authority: dict[str, bytes], tmp_path: Path
) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").write_bytes(authority[name])
    environ = {"DOCKER_HOST": f"tcp://127.0.0.1:{tls_engine[1]}", "DOCKER_CERT_PATH": str(tmp_path)}
    assert len(EngineClient(resolve_address(None, {**environ, "DOCKER_TLS_VERIFY": "1"})).images()) == 1
    with pytest.raises(Unavailable):
        EngineClient(resolve_address(None, environ)).images()


def test_a_certificate_is_trusted_only_by_its_authority_or_on_request(
    tls_engine: tuple[FakeEngine, int], authority: dict[str, bytes], tmp_path: Path
) -> None:
    files = {"ca": authority["other_ca"], "cert": authority["cert"], "key": authority["key"]}
    endpoint = {"Host": f"tcp://127.0.0.1:{tls_engine[1]}"}
    with pytest.raises(Unavailable, match="no TLS connection") as caught:
        in_context(tmp_path / "strict", {**endpoint}, **files)
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.cause
    assert in_context(tmp_path / "lax", {**endpoint, "SkipTLSVerify": True}, **files) == ["rt/app:1"]


def test_tls_files_of_no_use_and_engines_without_tls(
    tls_engine: tuple[FakeEngine, int], authority: dict[str, bytes], tmp_path: Path
) -> None:
    endpoint = {"Host": f"tcp://127.0.0.1:{tls_engine[1]}"}
    for number, files in enumerate(({"ca": b"garbage"}, {"cert": authority["cert"]}, {"cert": b"x", "key": b"y"})):
        with pytest.raises(UsageError, match="TLS files"):
            in_context(tmp_path / str(number), endpoint, **files)
    with bridged(tls_engine[0].path, None) as port, pytest.raises(Unavailable, match="no TLS connection"):
        in_context(tmp_path / "plain", {"Host": f"tcp://127.0.0.1:{port}"}, ca=authority["ca"])


def test_an_image_moves_through_tls(
    tls_engine: tuple[FakeEngine, int], authority: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, port = tls_engine
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").write_bytes(authority[name])
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    engine.load = lambda: [b'{"stream":"Loaded image: rt/app:1"}']
    archive = images.oci_archive(tmp_path / "made.tar", "1", IMAGE)
    with directory_service(tmp_path / "store", docker_host=f"tcp://127.0.0.1:{port}") as service:
        push(service, "rt/app:1", f"oci-archive:{archive}")
        assert pull(service, "rt/app:1").image_id == IMAGE.id
    assert engine.loaded[0] > 500_000


# ssh.


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for a program called ssh, the first on PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "bin" / "ssh"


def as_ssh(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


BRIDGE = """
import socket, sys, threading, os
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
def up():
    while data := os.read(0, 65536):
        link.sendall(data)
threading.Thread(target=up, daemon=True).start()
while data := link.recv(65536):
    os.write(1, data) if data else None
"""


def test_the_users_ssh_reaches_an_engine(ssh: Path, tmp_path: Path) -> None:
    (tmp_path / "bridge.py").write_text(
        BRIDGE.replace(
            "os.write(1, data) if data else None", "sys.stdout.buffer.write(data); sys.stdout.buffer.flush()"
        )
    )
    with fake_engine(tmp_path) as engine:
        as_ssh(ssh, f'echo "$@" >> {tmp_path}/words; exec {sys.executable} {tmp_path}/bridge.py {engine.path}')
        engine.hold("rt/app:1", str(IMAGE.id), [])
        engine.load = lambda: [b'{"stream":"Loaded image: rt/app:1"}']
        archive = images.oci_archive(tmp_path / "made.tar", "1", IMAGE)
        with directory_service(tmp_path / "store", docker_host="ssh://me@far:2222") as service:
            push(service, "rt/app:1", f"oci-archive:{archive}")
            assert pull(service, "rt/app:1").image_id == IMAGE.id
        assert engine.loaded
    words = set((tmp_path / "words").read_text().splitlines())
    assert words == {"-T -o BatchMode=yes -p 2222 -- me@far docker system dial-stdio"}


@pytest.mark.xdist_group("engines")
def test_dockers_own_bridge_reaches_a_real_engine(docker_classic: str, ssh: Path, tmp_path: Path) -> None:
    docker = program("docker", hint="apt-get install docker.io")
    as_ssh(ssh, f'while [ "$1" != docker ]; do shift; done; shift; exec {docker} -H {docker_classic} "$@"')
    name = f"rt/ssh-{Digest.of(str(tmp_path).encode()).short}:1"
    archive = images.oci_archive(tmp_path / "made.tar", "1", IMAGE)
    with directory_service(tmp_path / "store", docker_host="ssh://far") as service:
        push(service, name, f"oci-archive:{archive}")
        assert pull(service, name).image_id == IMAGE.id
        pushed = push(service, "rt/back:1", name)
        assert [row.diff_id for row in pushed.layers] == [*map(Digest.of, IMAGE.layers)]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            "echo noise >&2; echo 'me@far: Permission denied (publickey).' >&2; exit 255",
            "Permission denied (publickey)",
        ),
        ("echo 'Host key verification failed.' >&2; exit 255", "Host key"),
        ("cat >/dev/null; echo 'docker: not found' >&2; exit 127", "not found"),
        ("printf 'bad\\033[2Jword' >&2; exit 1", "bad"),
        ("exit 3", "ssh ended with status 3"),
    ],
)
def test_what_ssh_says_is_the_cause(script: str, says: str, ssh: Path) -> None:
    as_ssh(ssh, script.replace("cat >/dev/null", "head -c 20 >/dev/null"))
    with pytest.raises(Unavailable) as caught:
        EngineClient(parse_address("ssh://me@far")).images()
    assert says in caught.value.cause
    assert "\x1b" not in caught.value.cause
    assert caught.value.fix


def test_no_ssh_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="ssh is not installed"):
        EngineClient(parse_address("ssh://far")).images()


# Podman.


@pytest.mark.xdist_group("engines")
def test_podman_is_told_from_docker(podman: str, docker_classic: str) -> None:
    assert EngineClient(parse_address(podman)).label.startswith("podman ")
    assert EngineClient(parse_address(docker_classic)).label.startswith("docker 20.10")


def test_errors_are_errors_of_ours(tmp_path: Path) -> None:
    """Whatever listens, an OciStoreError says so: here a socket that takes nothing."""
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf.sock"))
        with pytest.raises(OciStoreError) as caught:
            EngineClient(parse_address(f"unix://{tmp_path}/deaf.sock")).images()
    assert isinstance(caught.value, (Unavailable, AccessDenied))
