"""Saved connections: a small TOML file that never holds a secret.

::

    [connections.prod]
    backend = "s3"
    bucket = "acme-oci"
    root_dir = "registry"
    region = "eu-west-1"

Precedence of every value: default < this file < environment < flag really typed.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ocistore_tui.errors import AccessDenied, NotFound, UsageError

Value = str | int | bool

BACKENDS = ("s3", "gcs", "azure", "fs")
_COMMON = frozenset({"root_dir", "concurrency", "ca_bundle", "insecure_skip_tls_verify", "docker_host", "bucket"})
SETTINGS: Mapping[str, frozenset[str]] = {
    "s3": _COMMON
    | {"region", "endpoint", "profile", "path_style", "anonymous", "sse", "sse_kms_key_id", "storage_class"},
    "gcs": _COMMON | {"project_id", "keyfile", "endpoint", "anonymous"},
    "azure": _COMMON | {"account_name", "endpoint"},
    "fs": (_COMMON - {"bucket", "root_dir"}) | {"dir"},
}
"""What a saved connection may say, by backend."""
_SECRETS = frozenset({"access_key", "secret_key", "session_token", "account_key", "sas_token", "connection_string"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Connection:
    """One saved connection."""

    name: str
    backend: str
    settings: Mapping[str, Value] = field(default_factory=dict)


def config_path() -> Path:
    """The file, from ``OCISTORE_CONFIG`` or the user's configuration directory."""
    given = os.environ.get("OCISTORE_CONFIG")
    if given:
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("ocistore") / "config.toml"


def data_dir() -> Path:
    """Where the embedded local store lives."""
    from platformdirs import user_data_path

    return user_data_path("ocistore")


def cache_dir() -> Path:
    """Where immutable documents are remembered."""
    from platformdirs import user_cache_path

    return user_cache_path("ocistore")


def load_connections(path: Path | None = None) -> dict[str, Connection]:
    """All saved connections by name; none when there is no file.

    Raises:
        UsageError: the file cannot be understood; says where.
        AccessDenied: it cannot be read.
    """
    path = path or config_path()
    try:
        raw = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise AccessDenied("cannot read the configuration file", where=str(path), cause=str(error)) from error
    try:
        document = tomllib.loads(raw)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            "the configuration file is not TOML", where=str(path), cause=str(error), fix="mend or move it"
        ) from error
    tables = document.get("connections", {})
    if not isinstance(tables, dict):
        raise UsageError("connections must be tables", where=str(path), fix="write [connections.NAME]")
    return {name: _connection(name, table, path) for name, table in tables.items()}


def find_connection(name: str) -> Connection:
    """One saved connection.

    Raises:
        NotFound: no such name; says which there are.
    """
    connections = load_connections()
    if name not in connections:
        known = ", ".join(sorted(connections)) or "none yet"
        raise NotFound(
            f"no saved connection named {name}", where=str(config_path()), cause=f"saved are: {known}",
            fix="save one: oci-store stores add NAME BACKEND …",
        )  # fmt: skip
    return connections[name]


def save_connection(connection: Connection) -> Path:
    """Add or replace one, atomically, readable by the user alone."""
    if not _NAME.match(connection.name):
        raise UsageError("invalid connection name", where=connection.name[:80], fix="use letters, digits, . _ and -")
    path = config_path()
    _connection(connection.name, {"backend": connection.backend, **connection.settings}, path)
    return _write(path, {**load_connections(path), connection.name: connection})


def remove_connection(name: str) -> Path:
    """Forget one; `NotFound` when there is none of the name."""
    find_connection(name)
    path = config_path()
    connections = load_connections(path)
    del connections[name]
    return _write(path, connections)


def _connection(name: str, table: object, path: Path) -> Connection:
    where = f"{path}: [connections.{name}]"
    if not isinstance(table, dict):
        raise UsageError("a connection must be a table", where=where, fix="write [connections.NAME]")
    backend = table.get("backend")
    if backend not in BACKENDS:
        raise UsageError(
            "a connection needs a backend", where=where, fix=f"write backend = one of {', '.join(BACKENDS)}"
        )
    settings: dict[str, Value] = {}
    for key, value in table.items():
        if key == "backend":
            continue
        if key in _SECRETS:
            raise UsageError(
                f"{key} does not belong in the configuration file",
                where=where,
                cause="secrets are never stored",
                fix="use the provider's own sign-in, its environment variables, or a profile",
            )
        if key not in SETTINGS[backend]:
            raise UsageError(
                f"unknown setting {key}", where=where, fix=f"known are: {', '.join(sorted(SETTINGS[backend]))}"
            )
        if not isinstance(value, str | int | bool):
            raise UsageError(f"{key} must be text, a number or true/false", where=where)
        settings[key] = value
    if backend != "fs" and not settings.get("bucket"):
        raise UsageError("a connection needs a bucket", where=where, fix='write bucket = "NAME"')
    return Connection(name, backend, settings)


def _write(path: Path, connections: Mapping[str, Connection]) -> Path:
    lines = ["# Saved connections of ocistore-tui. Never put secrets here."]
    for connection in connections.values():
        lines += ["", f"[connections.{_text(connection.name)}]", f"backend = {_text(connection.backend)}"]
        lines += [f"{key} = {_toml(value)}" for key, value in connection.settings.items()]
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AccessDenied("cannot write the configuration file", where=str(path), cause=str(error)) from error
    return path


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _text(value)


def _text(value: str) -> str:
    # JSON's escapes are a subset of TOML's basic strings.
    import json

    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
