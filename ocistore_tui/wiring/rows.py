"""Stores as people name them: a URL, a name or a sign-in that was found becomes a row, and a row a place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ocistore_tui.config import (
    ENVIRONMENT,
    READ_ELSEWHERE,
    SETTINGS,
    Connection,
    Value,
    check_root_dir,
    data_dir,
    find_connection,
    load_connections,
)
from ocistore_tui.errors import UsageError
from ocistore_tui.found import FoundLogin
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.wiring.place import Place
from ocistore_tui.wiring.settle import settle

_SCHEMES = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "azure": "azure", "file": "fs"}
_SCHEME_OF = {"s3": "s3", "gcs": "gs", "azure": "az"}
_MODES = {"read-only": Mode.READ_ONLY, "add-only": Mode.ADD_ONLY}
_HOW = "write a saved connection's name, s3://BUCKET, gs://BUCKET, az://CONTAINER, file:///DIR or ./DIR"
EMBEDDED_NAME = "this computer"


def parse_store(text: str) -> StoreRow:
    """The store a person means by ``NAME``, ``@NAME``, a URL or the path of a directory.

    Raises:
        UsageError: it means none; says what can be written.
        AccessDenied: the file of saved connections cannot be read.
    """
    text = text.strip()
    scheme, is_url, rest = text.partition("://")
    if is_url:
        return _row_of_url(scheme, rest)
    if text.startswith(("/", "./", "../", "~/")) or text in (".", "..", "~"):
        return _row_of_directory(Path(text).expanduser())
    if not text:
        raise UsageError("no store given", fix=_HOW)
    if text.startswith("@"):
        return row_of_connection(find_connection(text[1:]))
    saved = load_connections()
    if text in saved:
        return row_of_connection(saved[text])
    cause = f"saved are: {', '.join(sorted(saved))}" if saved else "there are no saved connections yet"
    fix = f"write ./{text} for the directory" if Path(text).is_dir() else _HOW
    raise UsageError("no store of this name", where=inert(text, limit=200), cause=cause, fix=fix)


def _row_of_url(scheme: str, rest: str) -> StoreRow:
    backend = _SCHEMES.get(scheme.lower())
    if backend is None:
        is_server = scheme.lower() in ("http", "https")
        fix = "write s3://BUCKET, and name the server in AWS_ENDPOINT_URL_S3" if is_server else _HOW
        raise UsageError(f"{inert(scheme, limit=40)}:// is no store", fix=fix)
    if backend == "fs":
        host, slash, path = rest.partition("/")
        if host not in ("", "localhost") or not slash:
            raise UsageError("a file URL needs three slashes", where=inert(rest, limit=200), fix="write file:///DIR")
        return _row_of_directory(Path("/" + unquote(path)))
    bucket, _, root_dir = rest.partition("/")
    root_dir = root_dir.strip("/")
    if not bucket or any(sign in bucket for sign in "@:?#&=") or inert(bucket) != bucket or " " in bucket:
        # What was typed may hold a password: it is not repeated.
        raise UsageError(
            f"not a usable {scheme}:// URL", cause="behind :// the name of a bucket has to stand, without user or port",
            fix=f"write {_SCHEME_OF[backend]}://{'CONTAINER' if backend == 'azure' else 'BUCKET'}[/PREFIX]",
        )  # fmt: skip
    check_root_dir(root_dir, f"{scheme}://{bucket}")
    settings: dict[str, Value] = {"bucket": bucket}
    if root_dir:
        settings["root_dir"] = root_dir
    name = f"{bucket}/{root_dir}" if root_dir else bucket
    note = _named_elsewhere(backend, settings)
    return StoreRow("url", name, backend, url_of(backend, settings), settings, Mode.READ_ONLY, note)


def _row_of_directory(path: Path) -> StoreRow:
    path = Path(os.path.normpath(path.absolute()))
    settings: dict[str, Value] = {"dir": str(path)}
    return StoreRow("url", inert(path.name) or "/", "fs", url_of("fs", settings), settings, Mode.READ_ONLY)


def embedded_row() -> StoreRow:
    """The store in the user's data directory, or in ``OCISTORE_DIR``."""
    directory = os.environ.get("OCISTORE_DIR")
    url = f"file://{Path(directory).absolute() if directory else data_dir() / 'store'}"
    return StoreRow("embedded", EMBEDDED_NAME, "fs", inert(url, limit=400), {}, Mode.ADD_ONLY)


def row_of_connection(connection: Connection) -> StoreRow:
    """A saved connection; its note tells what the environment adds to it, and what goes before what is saved."""
    settings = dict(connection.settings)
    mode = _MODES[str(settings.get("mode", "add-only"))]
    effective, beaten = _beaten(connection.backend, settings)
    notes = filter(None, (*beaten, _named_elsewhere(connection.backend, settings)))
    return StoreRow(
        "saved", connection.name, connection.backend, url_of(connection.backend, effective), settings,
        Mode.READ_ONLY if settings.get("anonymous") else mode, inert("; ".join(notes), limit=200),
    )  # fmt: skip


def row_of_login(login: FoundLogin) -> StoreRow:
    """A sign-in that was found; its bucket is still to be said."""
    return StoreRow("found", login.name, login.backend, "", dict(login.settings), Mode.READ_ONLY, login.note)


def connection_of(row: StoreRow) -> Connection:
    """What of a row can be saved: its mode with it, never a secret."""
    settings = {key: value for key, value in row.settings.items() if value not in ("", None)}
    for key in ("dir", "keyfile", "ca_bundle"):  # a connection is used from any directory
        if settings.get(key):
            settings[key] = str(Path(str(settings[key])).expanduser().absolute())
    settings.pop("mode", None)
    if row.backend == "fs" and "dir" not in settings:
        settings["dir"] = row.url.removeprefix("file://")
    settings["mode"] = "read-only" if row.mode is Mode.READ_ONLY else "add-only"
    return Connection(row.name, row.backend, settings)


def url_of(backend: str, settings: Mapping[str, Value]) -> str:
    """How a store is shown; empty while its bucket is to be chosen."""
    root_dir = str(settings.get("root_dir", "")).strip("/")
    where = str(settings.get("dir" if backend == "fs" else "bucket", ""))
    if backend == "fs" and not where:
        where = str(data_dir() / "store")
    if not where:
        return ""
    url = f"file://{where}" if backend == "fs" else f"{_SCHEME_OF[backend]}://{where}"
    return inert(f"{url}/{root_dir}" if root_dir else url, limit=400)


def place_of(row: StoreRow) -> Place:
    """Where a row leads, with what the environment adds. Settings of a row beat it, those of a saved connection do not.

    Raises:
        UsageError: it lacks its bucket, or cannot work as described.
    """
    settings = {key: value for key, value in row.settings.items() if value != ""}
    unknown = sorted(settings.keys() - SETTINGS[row.backend])
    if unknown:
        raise UsageError(f"unknown setting {unknown[0]}", where=row.name, fix="leave it out")
    if row.backend != "fs" and not settings.get("bucket"):
        raise UsageError("no bucket given", where=row.name, fix=f"write {_SCHEME_OF[row.backend]}://BUCKET")
    is_saved = row.origin == "saved"
    merged: dict[str, Any] = dict(_beaten(row.backend, settings)[0] if is_saved else settings)
    exported = set()
    for name, variables in ENVIRONMENT[row.backend].items():
        value = next(filter(None, map(os.environ.get, variables)), None)
        if value and (name not in settings or is_saved):
            merged[name] = value
            exported.add(name)
    typed = () if is_saved else tuple(settings)
    saved = settings if is_saved else {}
    return settle(row.backend, str(settings.get("bucket", "")), merged, typed=typed, exported=exported, saved=saved)


def _named_elsewhere(backend: str, settings: Mapping[str, Value]) -> str:
    """Which variable says where a store is that does not say it itself: elsewhere the same words mean another store."""
    for name, what in (("endpoint", "server"), ("account_name", "account")):
        variable = next(filter(os.environ.get, ENVIRONMENT[backend].get(name, ())), "")
        if variable and not settings.get(name):
            return f"{variable} names the {what}"
    return ""


def _beaten(backend: str, settings: Mapping[str, Value]) -> tuple[dict[str, Value], list[str]]:
    """Saved settings as the environment leaves them, and what it overrules, in words."""
    effective, told = dict(settings), []
    elsewhere = {name: variables for (of, name), variables in READ_ELSEWHERE.items() if of == backend}
    for name, variables in {**ENVIRONMENT[backend], **elsewhere}.items():
        variable = next(filter(os.environ.get, variables), None)
        if variable is None or name not in settings or os.environ[variable] == str(settings[name]):
            continue
        told.append(f"{variable} goes before the saved {name}")
        if name in elsewhere:
            del effective[name]  # the provider's own chain reads it
        else:
            effective[name] = os.environ[variable]
    return effective, told
