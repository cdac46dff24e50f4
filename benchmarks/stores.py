"""Where images go in a benchmark: a directory or an S3 server, each also behind docker-registry for the peers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
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
    """``127.0.0.1:PORT`` of docker-registry over the same kind of place, in a root of its own."""


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def directory_store(work: Path) -> Iterator[Store]:
    """A directory for us, another behind docker-registry."""
    ours, theirs = work / "fs-ours", work / "fs-registry"
    for path in (ours, theirs):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    with registry(work, f"  filesystem: {{rootdirectory: {theirs}}}") as address:
        yield Store("fs", ("fs",), ("--dir", str(ours)), "", {}, address)


@contextlib.contextmanager
def s3_store(work: Path) -> Iterator[Store]:
    """An S3 server (MinIO where it is installed, else rclone's), one root for us and one for docker-registry."""
    data = work / "s3-data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    port = free_port()
    minio = shutil.which("minio") or _testbed_binary("minio")
    if minio:
        env = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_BROWSER": "off"}
        command = [minio, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(data)]
    else:
        env = {}
        rclone = Path(sys.executable).with_name("rclone")
        command = [str(rclone), "serve", "s3", str(data), "--addr", f"127.0.0.1:{port}"]
        command += ["--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    with _served(command, f"http://127.0.0.1:{port}/", env):
        _make_bucket(port)
        storage = (
            f"  s3: {{region: us-east-1, regionendpoint: 'http://127.0.0.1:{port}', bucket: {BUCKET}, "
            f"accesskey: {ACCESS_KEY}, secretkey: {SECRET_KEY}, secure: false, rootdirectory: /registry}}\n"
            "  redirect: {disable: true}"
        )
        with registry(work, storage) as address:
            options = ("--endpoint", f"http://127.0.0.1:{port}", "--root-dir", "ours", "--region", "us-east-1")
            env = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
            yield Store("s3", ("s3",), options, f"{BUCKET}/", env, address)


@contextlib.contextmanager
def registry(work: Path, storage: str) -> Iterator[str]:
    """docker-registry over ``storage``, the peers' way in."""
    port = free_port()
    config = work / f"registry-{port}.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage:\n"
        f"{storage}\n  delete: {{enabled: true}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with _served(["docker-registry", "serve", str(config)], f"http://127.0.0.1:{port}/v2/", {}):
        yield f"localhost:{port}"


@contextlib.contextmanager
def _served(command: list[str], url: str, env: dict[str, str]) -> Iterator[None]:
    clean = {key: value for key, value in os.environ.items() if key != "AWS_CA_BUNDLE"}
    process = subprocess.Popen(
        command, env={**clean, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(url, process)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
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
    raise RuntimeError(f"{process.args} does not answer at {url}")


def _make_bucket(port: int) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)


def _testbed_binary(name: str) -> str | None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = Path(os.environ.get("OCISTORE_TESTBED") or cache / "ocistore-testbed") / "bin" / name
    return str(path) if path.exists() else None
