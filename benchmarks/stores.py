"""Where images go in a benchmark: a directory or an S3 server, for us and, through docker-registry, for the peers.

Both sides work on the same store. No two contestants ever move the same layers, so neither profits from the other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ACCESS_KEY, SECRET_KEY = "ocistore", "ocistore-secret"
BUCKET = "bench"


@dataclass(frozen=True, slots=True)
class Store:
    """One place, reachable both ways."""

    kind: str
    """``fs`` or ``s3``."""
    backend: tuple[str, ...]
    """How our command line reaches it, up to the verb's options."""
    options: tuple[str, ...]
    target: str
    """Prefix of our target: empty, or ``bench/``."""
    env: dict[str, str]
    registry: str
    """``localhost:PORT`` of docker-registry over the same place."""
    server: str = ""
    """What answers for the store, where it is not a directory."""


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def directory_store(work: Path) -> Iterator[Store]:
    """A directory."""
    with _fresh(work, "fs") as data, registry(data.parent, f"  filesystem: {{rootdirectory: {data}}}") as address:
        yield Store("fs", ("fs",), ("--dir", str(data)), "", {}, address)


@contextlib.contextmanager
def s3_store(work: Path, *, with_registry: bool = True) -> Iterator[Store]:
    """A bucket of an S3 server: MinIO where it is installed, else moto, which is slow and the same for everybody.

    docker-registry's driver cannot work on ``rclone serve s3``: it asks for the parts of an unfinished upload.
    """
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(_fresh(work, "s3"))
        minio = tool("minio")
        if minio:
            env = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_BROWSER": "off"}
            command = [minio, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(data)]
        else:
            env = {"TMPDIR": str(data)}
            command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
        stack.enter_context(served(command, endpoint, env))
        _make_bucket(endpoint)
        address = stack.enter_context(registry(data.parent, registry_on_s3(endpoint))) if with_registry else ""
        yield Store(
            kind="s3",
            backend=("s3",),
            options=("--endpoint", endpoint, "--region", "us-east-1"),
            target=f"{BUCKET}/",
            env={"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY},
            registry=address,
            server="MinIO" if minio else "moto",
        )


def registry_on_s3(endpoint: str) -> str:
    """docker-registry's storage settings for our bucket at ``endpoint``."""
    return (
        f"  s3: {{region: us-east-1, regionendpoint: '{endpoint}', bucket: {BUCKET}, accesskey: {ACCESS_KEY}, "
        f"secretkey: {SECRET_KEY}, secure: false}}\n  redirect: {{disable: true}}"
    )


@contextlib.contextmanager
def registry(work: Path, storage: str) -> Iterator[str]:
    """docker-registry over ``storage``, the peers' way in."""
    port = free_port()
    config = work / f"registry-{port}.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage:\n"
        f"{storage}\n  delete: {{enabled: true}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with served(["docker-registry", "serve", str(config)], f"http://127.0.0.1:{port}/v2/", {}):
        yield f"localhost:{port}"


@contextlib.contextmanager
def _fresh(work: Path, kind: str) -> Iterator[Path]:
    """An empty directory below one of its own, removed at the end."""
    with tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=work) as own:
        data = Path(own) / "data"
        data.mkdir()
        yield data


@contextlib.contextmanager
def served(command: list[str], url: str, env: dict[str, str]) -> Iterator[None]:
    """Run a server until the ``with`` ends; entered once ``url`` answers."""
    # docker-registry's S3 driver panics with AWS_CA_BUNDLE set.
    clean = {key: value for key, value in os.environ.items() if key != "AWS_CA_BUNDLE"}
    process = subprocess.Popen(
        command, env={**clean, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(url, process)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not answer at {url}")


def _make_bucket(endpoint: str) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)


def tool(name: str) -> str | None:
    """A program: the one kept for this purpose in ``bin`` of the test bed, else the installed one; None without any."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = Path(os.environ.get("OCISTORE_TESTBED") or cache / "ocistore-testbed") / "bin" / name
    return str(kept) if kept.exists() else shutil.which(name)
