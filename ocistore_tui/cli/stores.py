"""``oci-store stores``: saved connections."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from ocistore_tui.cli.options import SECRETS
from ocistore_tui.cli.output import Output
from ocistore_tui.cli.style import screen_width
from ocistore_tui.cli.words import table
from ocistore_tui.config import (
    SETTINGS,
    Connection,
    Value,
    config_path,
    load_connections,
    remove_connection,
    save_connection,
    unknown_tables,
)
from ocistore_tui.errors import UsageError
from ocistore_tui.model.text import inert

_PATHS = ("dir", "keyfile", "ca_bundle")
"""Settings that are saved as absolute paths: a connection is used from any directory."""


def list_stores(output: Output) -> None:
    """Every saved connection."""
    connections = load_connections()
    warn_of_unknown_tables(output)
    output.document(
        "stores",
        {"stores": [{"name": c.name, "backend": c.backend, **c.settings} for c in connections.values()]},
    )
    if not connections:
        output.say(f"no saved connections in {inert(str(config_path()))}")
        return
    rows = [
        (inert(c.name, limit=64), c.backend, inert(" ".join(f"{k}={v}" for k, v in c.settings.items()), limit=4000))
        for c in connections.values()
    ]
    output.table(table(("NAME", "BACKEND", "SETTINGS"), rows, width=screen_width()))


def add_store(context: click.Context, output: Output, backend: str, name: str, bucket: str) -> None:
    """Save what was typed on the command line under a name."""
    typed = {
        key: value
        for key, value in context.params.items()
        if value is not None and context.get_parameter_source(key) is ParameterSource.COMMANDLINE
    }
    for key in SECRETS:
        if key in typed:
            raise UsageError(
                f"--{key.replace('_', '-')} is not saved",
                cause="secrets are never stored",
                fix=f"leave it out and set {SECRETS[key]}, or use the provider's own sign-in",
            )
    settings: dict[str, Value] = {"bucket": bucket} if bucket else {}
    settings.update({key: value for key, value in typed.items() if key in SETTINGS[backend] and key != "bucket"})
    settings.update({key: str(Path(str(settings[key])).absolute()) for key in _PATHS if settings.get(key)})
    name = name.removeprefix("@")
    path = save_connection(Connection(name, backend, settings))
    output.say(f"saved in {inert(str(path))}")
    output.document("store", {"name": name, "backend": backend, **settings})
    output.result(f"@{name}")


def forget_store(output: Output, name: str) -> None:
    """Remove one from the file."""
    name = name.removeprefix("@")
    path = remove_connection(name)
    output.document("store", {"name": name})
    output.say(f"removed from {inert(str(path))}")


def warn_of_unknown_tables(output: Output) -> None:
    """Say what in the file of connections has no meaning: it may be a mistyped one."""
    for table_name in unknown_tables():
        output.warn(f"[{inert(table_name, limit=80)}] in {inert(str(config_path()))} is not known; connections are "
                    "written [connections.NAME]")  # fmt: skip
