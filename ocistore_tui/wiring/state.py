"""What is remembered from one run to the next: the store opened last, and transfers that were stopped. Never a secret.

A state file that cannot be read or written is as good as none: nothing depends on it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ocistore_tui.config import BACKENDS, SETTINGS, Value, state_dir
from ocistore_tui.errors import OciStoreError, UsageError
from ocistore_tui.found.files import read_document
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.wiring.rows import place_of

Request = PushRequest | PullRequest
_VERSION = 1
_MAX_REQUESTS = 200


def remember_store(row: StoreRow) -> None:
    """Keep which store was opened last."""
    if _is_harmless(row):
        _write("last-store.json", {"v": _VERSION, "store": _store(row)})


def last_store() -> StoreRow | None:
    """The store opened last; None: none, or it cannot be told any more."""
    return _row(read_document(state_dir() / "last-store.json").get("store"))


def remember_requests(row: StoreRow, requests: Sequence[Request]) -> None:
    """Keep what was stopped in a store, in place of what was kept for it."""
    if not _is_harmless(row):
        return
    name = "unfinished.json"
    before = read_document(state_dir() / name).get("stores")
    kept = [entry for entry in before if _is_of_another(entry, row)] if isinstance(before, list) else []
    if requests:
        told = [_told(request) for request in requests[:_MAX_REQUESTS]]
        kept.append({"store": _store(row), "server": _server(row), "requests": told})
    _write(name, {"v": _VERSION, "stores": kept})


def remembered_requests(row: StoreRow) -> tuple[Request, ...]:
    """What was stopped in a store; what cannot be understood is left out."""
    entries = read_document(state_dir() / "unfinished.json").get("stores")
    found: list[Request] = []
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and not _is_of_another(entry, row):
            requests = entry.get("requests")
            for told in requests if isinstance(requests, list) else ():
                with contextlib.suppress(OciStoreError, ValueError, TypeError, KeyError, AttributeError):
                    found.append(_request(told))
    return tuple(found)


def _is_of_another(entry: object, row: StoreRow) -> bool:
    """Whether it is about another place, whatever that is called."""
    other = _row(entry.get("store")) if isinstance(entry, dict) else None
    if other is None or not isinstance(entry, dict):
        return True
    return (other.backend, other.url, entry.get("server")) != (row.backend, row.url, _server(row))


def _server(row: StoreRow) -> list[str]:
    """Endpoint and account, as the environment leaves them: buckets of one name are at many servers."""
    options: Mapping[str, object] = row.settings
    with contextlib.suppress(UsageError):
        options = place_of(row).options
    return [str(options.get(name) or "") for name in ("endpoint", "account_name")]


def _is_harmless(row: StoreRow) -> bool:
    """Whether a row can be kept: a throw-away store cannot, nor a server whose address may hold a password."""
    if row.origin == "demo":
        return False
    addresses = [urlsplit(text) for text in (str(row.settings.get("endpoint", "")), _server(row)[0])]
    return not any("@" in address.netloc or address.query for address in addresses)


def _store(row: StoreRow) -> dict[str, Any]:
    settings = {key: value for key, value in row.settings.items() if key in SETTINGS[row.backend]}
    return {"origin": row.origin, "name": row.name, "backend": row.backend, "url": row.url,
            "settings": settings, "mode": row.mode.value}  # fmt: skip


def _row(told: object) -> StoreRow | None:
    if not isinstance(told, dict) or told.get("backend") not in BACKENDS:
        return None
    texts = [told.get(key) for key in ("origin", "name", "backend", "url")]
    settings = told.get("settings")
    if not all(isinstance(text, str) for text in texts) or not isinstance(settings, dict):
        return None
    known: dict[str, Value] = {
        key: value
        for key, value in settings.items()
        if key in SETTINGS[told["backend"]] and isinstance(value, str | int | bool)
    }
    # A mode that allows more is not taken from here: it comes from the saved connection, or from the kind of store.
    mode = Mode.ADD_ONLY if told["origin"] == "embedded" else Mode.READ_ONLY
    return StoreRow(told["origin"], told["name"], told["backend"], told["url"], known, mode)


def _told(request: Request) -> dict[str, Any]:
    is_push = isinstance(request, PushRequest)
    reference = request.target if isinstance(request, PushRequest) else request.source
    return {
        "verb": "push" if is_push else "pull",
        "reference": str(reference),
        "image": request.image,
        "platform": str(request.platform) if request.platform is not None else None,
        "all_platforms": request.all_platforms,
        "via": request.via,
        "docker_host": request.docker_host,
    }


def _request(told: dict[str, Any]) -> Request:
    reference = Reference.parse(told["reference"])
    platform = Platform.parse(told["platform"]) if told.get("platform") else None
    image, host, via = told.get("image"), told.get("docker_host"), told.get("via", "auto")
    if not all(text is None or isinstance(text, str) for text in (image, host)) or not isinstance(via, str):
        raise ValueError(told)
    of_all = told.get("all_platforms") is True
    if told["verb"] == "push":
        return PushRequest(reference, image, platform, of_all, via, host)
    return PullRequest(reference, image, platform, of_all, via, host)


def write_document(name: str, document: dict[str, Any]) -> None:
    """Write a state file whole, for its owner alone; a reader sees what was before, or all of it.

    Raises:
        OSError: it cannot be written; what was before stays.
    """
    path = state_dir() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f"{name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write(name: str, document: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        write_document(name, document)
