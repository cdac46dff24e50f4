"""Saved connections: a small TOML file that never holds a secret.

::

    [connections.prod]
    backend = "s3"
    bucket = "acme-oci"
    root_dir = "registry"
    region = "eu-west-1"
    mode = "read-only"

Precedence of every value: default < this file < environment < flag really typed.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocistore_tui.errors import AccessDenied, UsageError
from ocistore_tui.model.text import inert

Value = str | int | bool

BACKENDS = ("s3", "gcs", "azure", "fs")
_COMMON = frozenset(
    {"root_dir", "concurrency", "ca_bundle", "insecure_skip_tls_verify", "docker_host", "bucket", "mode", "label"}
)
SETTINGS: Mapping[str, frozenset[str]] = {
    "s3": _COMMON
    | {"region", "endpoint", "profile", "path_style", "anonymous", "sse", "sse_kms_key_id", "storage_class"},
    "gcs": _COMMON | {"project_id", "keyfile", "endpoint", "anonymous"},
    "azure": _COMMON | {"account_name", "endpoint"},
    "fs": (_COMMON - {"bucket"}) | {"dir"},
}
"""What a saved connection may say, by backend."""
MODES = ("read-only", "add-only")
"""What a saved connection may allow; ``add-only`` where it does not say. For the terminal UI, and for ``push``."""
MAX_LABEL_CHARS = 40
ENVIRONMENT: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "s3": {
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    },
    "gcs": {"project_id": ("GOOGLE_CLOUD_PROJECT",)},
    "azure": {
        "account_name": ("AZURE_STORAGE_ACCOUNT",),
        "account_key": ("AZURE_STORAGE_KEY",),
        "sas_token": ("AZURE_STORAGE_SAS_TOKEN",),
        "connection_string": ("AZURE_STORAGE_CONNECTION_STRING",),
    },
    "fs": {"dir": ("OCISTORE_DIR",)},
}
"""Variables that say what is not said otherwise; the first that is set counts."""
READ_ELSEWHERE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("s3", "profile"): ("AWS_PROFILE",),
    ("s3", "ca_bundle"): ("AWS_CA_BUNDLE",),
    ("gcs", "keyfile"): ("GOOGLE_APPLICATION_CREDENTIALS",),
    ("gcs", "endpoint"): ("STORAGE_EMULATOR_HOST",),
}
"""Settings whose variable the provider's own chain reads: it beats a saved connection, but is not passed on."""
_SECRETS = frozenset({"access_key", "secret_key", "session_token", "account_key", "sas_token", "connection_string"})
MAX_CONCURRENCY = 64
_FLAGS = frozenset({"insecure_skip_tls_verify", "path_style", "anonymous"})
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
    """Where immutable documents are remembered, from ``OCISTORE_CACHE`` or the user's cache directory."""
    given = os.environ.get("OCISTORE_CACHE")
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("ocistore")


def state_dir() -> Path:
    """Where the log of a fault is kept, and which store was opened last."""
    from platformdirs import user_state_path

    return user_state_path("ocistore")


def load_connections() -> dict[str, Connection]:
    """All saved connections by name; none when there is no file.

    Raises:
        UsageError: the file cannot be understood; says where.
        AccessDenied: it cannot be read.
    """
    path = config_path()
    tables = _tables(_parse(_read(path), path), path)
    return {name: _connection(name, table, path) for name, table in tables.items()}


def find_connection(name: str) -> Connection:
    """One saved connection; flaws of others do not matter.

    Raises:
        UsageError: no such name (says which there are), or it cannot be understood.
        AccessDenied: the file cannot be read.
    """
    path = config_path()
    document = _parse(_read(path), path)
    tables = _tables(document, path)
    if name not in tables:
        raise _no_such(
            name, document, path,
            fix=f"save it: oci-store stores add {name if _NAME.match(name) else 'NAME'} BACKEND …",
        )  # fmt: skip
    return _connection(name, tables[name], path)


def unknown_tables() -> tuple[str, ...]:
    """What the file holds that means nothing to this program, such as a mistyped ``[connection.NAME]``.

    Raises:
        UsageError: the file cannot be understood.
        AccessDenied: it cannot be read.
    """
    path = config_path()
    return _unknown(_parse(_read(path), path))


def check_root_dir(text: str, where: str) -> str:
    """``text``, when it can be a prefix in any store: names joined by single slashes; empty is the top.

    Raises:
        UsageError: it has ``.``, ``..`` or empty parts, or characters no terminal shows.
    """
    inner = text.removeprefix("/").removesuffix("/")
    if inert(text, limit=len(text) + 1) != text:
        cause = "it holds characters that cannot be seen"
    elif inner and not {"", ".", ".."}.isdisjoint(inner.split("/")):
        cause = "parts must not be empty, . or .."
    else:
        return text
    raise UsageError(
        f"not a usable root directory: {text}", where=where, cause=cause,
        fix="write names joined by single slashes, such as registry/images",
    )  # fmt: skip


def save_connection(connection: Connection) -> Path:
    """Add or replace one; the rest of the file, its comments too, stays as it is.

    Raises:
        UsageError: the connection is of no use as given, or the file is.
        AccessDenied: the file cannot be written.
    """
    path = config_path()
    settings = {"backend": connection.backend, **connection.settings}
    _connection(connection.name, settings, path)
    section = [
        f"[connections.{_text(connection.name)}]",
        *(f"{key} = {_toml(value)}" for key, value in settings.items()),
    ]
    return _replace(path, connection.name, settings, "\n".join(section) + "\n")


def remove_connection(name: str) -> Path:
    """Forget one.

    Raises:
        UsageError: there is none of the name, or the file cannot be understood.
        AccessDenied: the file cannot be written.
    """
    path = config_path()
    document = _parse(_read(path), path)
    if name not in _tables(document, path):
        raise _no_such(name, document, path, fix="see what there is: oci-store stores ls")
    return _replace(path, name, None, "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise UsageError(
            "the configuration file is not UTF-8 text", where=str(path), cause=error.reason, fix="mend or move it"
        ) from error
    except OSError as error:
        raise AccessDenied(
            "cannot read the configuration file", where=str(path), cause=error.strerror or str(error),
            fix="make it a file you can read, or name another one in OCISTORE_CONFIG",
        ) from error  # fmt: skip


def _parse(raw: str, path: Path) -> dict[str, Any]:
    import tomllib  # only commands that name a saved connection need it

    try:
        return tomllib.loads(raw)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            "the configuration file is not TOML", where=str(path), cause=str(error), fix="mend or move it"
        ) from error


def _tables(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    tables = document.get("connections", {})
    if not isinstance(tables, dict):
        raise UsageError("connections must be tables", where=str(path), fix="write [connections.NAME]")
    return tables


def _unknown(document: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(document.keys() - {"connections"}))


def _no_such(name: str, document: Mapping[str, Any], path: Path, *, fix: str) -> UsageError:
    unknown = "".join(f"; [{table}] is not known here" for table in _unknown(document))
    return UsageError(
        f"no saved connection named {name}", where=str(path),
        cause=f"saved are: {', '.join(sorted(_tables(document, path))) or 'none yet'}{unknown}", fix=fix,
    )  # fmt: skip


def _connection(name: str, table: object, path: Path) -> Connection:
    where = f"{path}: [connections.{name}]"
    if not _NAME.match(name):
        raise UsageError("invalid connection name", where=name[:80], fix="use letters, digits, . _ and -")
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
        settings[key] = _checked(key, value, where)
    if backend != "fs" and not settings.get("bucket"):
        raise UsageError("a connection needs a bucket", where=where, fix='write bucket = "NAME"')
    return Connection(name, backend, settings)


def _checked(key: str, value: object, where: str) -> Value:
    """``value``, when it is of the kind ``key`` needs."""
    if key in _FLAGS:
        if isinstance(value, bool):
            return value
        raise UsageError(f"{key} must be true or false", where=where, fix=f"write {key} = true, without quotes")
    if key == "concurrency":
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_CONCURRENCY:
            return value
        raise UsageError(f"{key} must be a number from 1 to {MAX_CONCURRENCY}", where=where, fix=f"write {key} = 4")
    if key == "mode":
        if value in MODES:
            return str(value)
        raise UsageError(f"{key} must be one of {', '.join(MODES)}", where=where, fix=f'write {key} = "{MODES[0]}"')
    if key == "label" and isinstance(value, str) and (len(value) > MAX_LABEL_CHARS or inert(value) != value):
        raise UsageError(
            "not a usable label", where=where, cause=f"it is shown in a corner: {MAX_LABEL_CHARS} visible characters",
            fix='write label = "PRODUCTION"',
        )  # fmt: skip
    if isinstance(value, str) and value:
        return check_root_dir(value, where) if key == "root_dir" else value
    raise UsageError(f"{key} must be text", where=where, fix=f'write {key} = "…"')


def _replace(path: Path, name: str, settings: Mapping[str, Value] | None, section: str) -> Path:
    """Take the section of ``name`` out of the file and put ``section`` in; what a person wrote beside it stays."""
    raw = _read(path)
    wanted = _parse(raw, path)
    tables = {key: value for key, value in _tables(wanted, path).items() if key != name}
    wanted["connections"] = tables if settings is None else {**tables, name: dict(settings)}
    header = re.compile(rf"\s*\[\s*connections\s*\.\s*(?:{re.escape(name)}|{re.escape(_text(name))})\s*\]\s*(?:#.*)?$")
    kept: list[str] = []
    inside = False
    for line in raw.split("\n") if raw else ["# Saved connections of ocistore-tui. Never put secrets here."]:
        if line.lstrip().startswith("["):
            inside = header.match(line) is not None
        if not inside:
            kept.append(line)
    text = "\n".join(kept).rstrip("\n") + "\n"
    text += f"\n{section}" if section else ""
    try:
        changed = {"connections": {}, **_parse(text, path)}
    except UsageError:
        changed = {}
    if changed != wanted:
        raise UsageError(
            "the configuration file is not written in a way this program can change",
            where=str(path),
            cause=f"{name} is not a section [connections.{name}] of its own",
            fix="change the file by hand",
        )
    _write(path, text)
    return path


def _write(path: Path, text: str) -> None:
    """Atomically, readable by the user alone; a link to the real file stays a link."""
    target = path.resolve()
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise AccessDenied(
            "cannot write the configuration file", where=str(path), cause=error.strerror or str(error),
            fix="make its directory writable, or name another file in OCISTORE_CONFIG",
        ) from error  # fmt: skip


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _text(value)


def _text(value: str) -> str:
    """A TOML basic string; what could steer a terminal is escaped."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            "not text that can be saved", where=value, cause=error.reason, fix="write it in UTF-8"
        ) from error
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
