"""Docker contexts as the docker client keeps them on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def context(home: Path, name: str, endpoint: object, **tls: bytes) -> None:
    place = home / ".docker/contexts/meta" / key(name)
    place.mkdir(parents=True)
    (place / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    for file, raw in tls.items():
        target = home / ".docker/contexts/tls" / key(name) / "docker" / f"{file}.pem"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
