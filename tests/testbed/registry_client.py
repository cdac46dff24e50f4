"""A strict reader of a registry: what it serves is checked to the last byte."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from ocistore_tui.model.digest import Digest
from tests.testbed.images import OCI_INDEX, OCI_MANIFEST

ACCEPTED = (
    OCI_MANIFEST, OCI_INDEX, "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)  # fmt: skip


def get(address: str, path: str) -> tuple[int, bytes]:
    """Status and body of ``GET /v2/PATH``."""
    request = urllib.request.Request(f"http://{address}/v2/{path}", headers={"Accept": ", ".join(ACCEPTED)})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def tags(address: str, repository: str) -> list[str]:
    """The tags a registry lists; none where it does not know the repository."""
    status, body = get(address, f"{repository}/tags/list")
    return sorted(json.loads(body)["tags"] or []) if status == 200 else []


def serve_whole(address: str, repository: str, reference: str) -> Digest:
    """Read a manifest and everything below it, and return its digest; fails where a byte is missing or wrong."""
    status, raw = get(address, f"{repository}/manifests/{reference}")
    assert status == 200, f"{repository}:{reference} is listed, and answers {status}: {raw[:200]!r}"
    digest = Digest.of(raw)
    document: dict[str, Any] = json.loads(raw)
    for child in document.get("manifests", []):
        assert serve_whole(address, repository, child["digest"]) == child["digest"]
    for blob in [*([document["config"]] if "config" in document else []), *document.get("layers", [])]:
        status, data = get(address, f"{repository}/blobs/{blob['digest']}")
        assert status == 200, f"{blob['digest']} of {repository}:{reference} answers {status}"
        assert (Digest.of(data), len(data)) == (blob["digest"], blob["size"])
    return digest
