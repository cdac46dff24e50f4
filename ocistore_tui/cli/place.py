"""From words on the command line to a place and a reference."""

from __future__ import annotations

import os
from typing import Any

import click
from click.core import ParameterSource

from ocistore_tui.cli.options import NO_SECRET_ALONE, SECRETS
from ocistore_tui.cli.output import Output
from ocistore_tui.config import READ_ELSEWHERE, SETTINGS, Connection
from ocistore_tui.errors import UsageError
from ocistore_tui.model.text import inert
from ocistore_tui.wiring.place import Place
from ocistore_tui.wiring.settle import settle

_DOCKER_HOST = ("DOCKER_HOST", "DOCKER_CONTEXT")


def make_place(
    context: click.Context, backend: str, bucket: str, connection: Connection | None, output: Output
) -> Place:
    """The place the options of ``context`` and the saved connection name: default < file < environment < flag.

    Raises:
        UsageError: an option is of no use as given.
    """
    saved = dict(connection.settings) if connection else {}
    merged: dict[str, Any] = {}
    known = SETTINGS[backend] | (SECRETS.keys() & context.params.keys())
    beaten: list[str] = []
    for name in sorted(known - {"bucket"}):
        value = context.params.get(name)
        variable = _variable_of(context, backend, name) if name in saved else ""
        is_of_use = name != "docker_host" or context.info_name in ("push", "pull")
        if variable and is_of_use and os.environ[variable] != str(saved[name]):
            beaten.append(f"{variable} goes before the {name} saved as @{connection.name if connection else ''}")
        if value is None and not variable:
            value = saved.get(name)
        if value is not None:
            merged[name] = value
    if beaten:
        output.warn(inert("; ".join(beaten)))
    _warn_of_secrets(context, output)
    if connection is not None:
        from ocistore_tui.cli.stores import warn_of_unknown_tables  # only saved connections come from that file

        warn_of_unknown_tables(output)
    sources = {name: context.get_parameter_source(name) for name in known}
    typed = {name for name, source in sources.items() if source is ParameterSource.COMMANDLINE}
    exported = {name for name, source in sources.items() if source is ParameterSource.ENVIRONMENT}
    return settle(backend, bucket, merged, typed=typed, exported=exported, saved=saved)


def _variable_of(context: click.Context, backend: str, name: str) -> str:
    """The variable of the environment that decides this setting; empty when none does, or a flag was typed."""
    source = context.get_parameter_source(name)
    if source is ParameterSource.COMMANDLINE:
        return ""
    variables: tuple[str, ...] = READ_ELSEWHERE.get((backend, name), ())
    if name == "docker_host":
        variables = _DOCKER_HOST
    if source is ParameterSource.ENVIRONMENT:
        option = next(parameter for parameter in context.command.params if parameter.name == name)
        variables = (option.envvar,) if isinstance(option.envvar, str) else tuple(option.envvar or ())
    return next((variable for variable in variables if os.environ.get(variable)), "")


def _warn_of_secrets(context: click.Context, output: Output) -> None:
    typed = [
        name
        for name in SECRETS
        if context.params.get(name) and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if NO_SECRET_ALONE.issuperset(typed):
        return
    flags = " and ".join(f"--{name.replace('_', '-')}" for name in typed)
    variables = " and ".join(SECRETS[name] for name in typed)
    output.warn(f"{flags} can be read by other users of this machine; use {variables} instead")


def split_target(backend: str, target: str, connection: Connection | None) -> tuple[str, str]:
    """``BUCKET[/REPOSITORY…]`` taken apart; with ``fs`` and saved connections there is no bucket in it.

    Raises:
        UsageError: the bucket is missing.
    """
    if backend == "fs" or connection is not None:
        return "", target
    scheme, is_url, name = target.partition("://")
    if is_url:
        raise UsageError(
            "the target is a URL", where=target, fix=f"leave out {scheme}:// and write {name or 'BUCKET/REPOSITORY'}"
        )
    bucket, _, rest = target.partition("/")
    if not bucket or ":" in bucket or "@" in bucket:
        raise UsageError(
            "the target needs a bucket first",
            where=target,
            fix=f"write oci-store {backend} VERB BUCKET/REPOSITORY[:TAG]",
        )
    return bucket, rest
