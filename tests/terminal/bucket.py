"""A bucket at the end of a slow line, and what a person pushes into it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import boto3

from tests.terminal.hands import PROGRAM
from tests.terminal.link import Link
from tests.testbed import images, servers
from tests.testbed.registry_client import serve_whole

LAYER_BYTES = 6_000_000
"""More than what the line lets through, in one layer that does not shrink."""
HELD_AFTER_BYTES = 2_000_000


@dataclass(frozen=True)
class Bucket:
    """A new bucket of an S3 server, reached over a `Link`."""

    server: str
    """The server's own URL."""
    name: str
    link: Link

    @property
    def env(self) -> dict[str, str]:
        """What the program is told of it."""
        access, secret = servers.S3_KEYS
        return {
            "HOME": os.environ["HOME"], "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.link.url, "DOCKER_HOST": "unix:///nowhere/docker.sock",
        }  # fmt: skip

    @property
    def objects(self) -> list[str]:
        """Every key there is, asked for beside the program."""
        access, secret = servers.S3_KEYS
        client = boto3.client(
            "s3", endpoint_url=self.server, aws_access_key_id=access, aws_secret_access_key=secret,
            region_name="us-east-1",
        )  # fmt: skip
        return [entry["Key"] for entry in client.list_objects_v2(Bucket=self.name).get("Contents", [])]

    @property
    def tags(self) -> list[str]:
        """Keys that make a tag visible."""
        return [key for key in self.objects if "/tags/" in key and key.endswith("/current/link")]

    def is_served(self, directory: Path, repository: str, tag: str) -> bool:
        """Whether Docker's own registry serves the image from this bucket, down to the last byte."""
        with servers.registry(directory, servers.on_s3(self.server, self.name)) as address:
            return bool(serve_whole(address, repository, tag))


def push_command(bucket: Bucket, directory: Path, *, size_bytes: int = LAYER_BYTES) -> list[str]:
    """The command line that pushes a new archive as ``app:1``."""
    directory.mkdir(parents=True, exist_ok=True)
    image = images.Image(layers=(images.layer(f"app in {bucket.name}", size_bytes),))
    archive = images.docker_archive(directory / "app.tar", {"app:1": image})
    return [PROGRAM, "s3", "push", f"{bucket.name}/app:1", "--image", f"docker-archive:{archive}"]
