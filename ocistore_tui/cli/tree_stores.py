"""``oci-store stores``: saved connections, as commands."""

from __future__ import annotations

from typing import Any

import click

from ocistore_tui.cli.help import SETTINGS, Verb, Words
from ocistore_tui.cli.options import SECRETS, backend_options, global_options, global_parameters, globals_of, hide
from ocistore_tui.cli.tree_verbs import TITLES
from ocistore_tui.config import BACKENDS, MODES, load_connections
from ocistore_tui.errors import OciStoreError

_ADD = {
    "s3": "oci-store stores add prod s3 --bucket my-bucket --root-dir registry --region eu-west-1",
    "gcs": "oci-store stores add prod gcs --bucket my-bucket --project-id my-project",
    "azure": "oci-store stores add prod azure --bucket my-container --account-name myaccount",
    "fs": "oci-store stores add usb fs --dir /media/usb/images",
}


@click.group(
    cls=Words,
    context_settings=SETTINGS,
    params=global_parameters(),
    short_help="Saved connections to use as @NAME.",
    examples=("oci-store stores ls", _ADD["s3"], "oci-store @prod ls", "oci-store stores rm prod"),
)
def stores() -> None:
    """Saved connections: list, add, remove. @NAME then stands in place of a backend and its bucket.

    They are kept in a small file that never holds a secret. What is typed on the command line, or set in the
    environment, goes before what is saved.
    """


@stores.command(
    "ls",
    cls=Verb,
    context_settings=SETTINGS,
    short_help="List them.",
    examples=("oci-store stores ls", "oci-store stores ls --json"),
)
@global_options
@click.pass_context
def ls(context: click.Context) -> None:
    """List the saved connections."""
    from ocistore_tui.cli.stores import list_stores

    list_stores(globals_of(context).output())


def _saved_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """What Tab offers for a name; with ``@`` before it where one was typed."""
    del context, parameter
    mark = "@" if incomplete.startswith("@") else ""
    try:
        return [mark + name for name in load_connections() if (mark + name).startswith(incomplete)]
    except OciStoreError:
        return []


@stores.command(
    "rm", cls=Verb, context_settings=SETTINGS, short_help="Forget one.", examples=("oci-store stores rm prod",)
)
@click.argument("name", shell_complete=_saved_names)
@global_options
@click.pass_context
def rm(context: click.Context, name: str) -> None:
    """Forget a saved connection; the store itself is not touched."""
    from ocistore_tui.cli.stores import forget_store

    forget_store(globals_of(context).output(), name)


class _Add(Words):
    """``add NAME BACKEND [OPTIONS]``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The backends."""
        del ctx
        return list(BACKENDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One backend's way to be saved."""
        del ctx
        return _add_command(cmd_name) if cmd_name in BACKENDS else None


@stores.group(
    "add",
    cls=_Add,
    context_settings=SETTINGS,
    short_help="Save one.",
    subcommand_metavar="BACKEND [OPTIONS]",
    examples=_ADD.values(),
)
@click.argument("name")
@click.pass_context
def add(context: click.Context, name: str) -> None:
    """Save a connection, or replace the one of this name. Secrets are never saved."""
    context.meta["ocistore.name"] = name


def _manners(function: Any) -> Any:
    """Options about how a saved connection is used."""
    function = click.option("--label", metavar="WORD", help="A word the terminal UI shows beside it.")(function)
    return click.option(
        "--mode", type=click.Choice(MODES), metavar="MODE", help="What may be done: read-only or add-only (default)."
    )(function)


def _add_command(backend: str) -> click.Command:
    @click.option("--bucket", required=True, metavar="NAME", help="Bucket or container.")
    @global_options
    @click.pass_context
    def in_bucket(context: click.Context, /, bucket: str, **_options: Any) -> None:
        _add(context, backend, bucket)

    @global_options
    @click.pass_context
    def in_directory(context: click.Context, /, **_options: Any) -> None:
        _add(context, backend, "")

    function: Any = in_directory if backend == "fs" else in_bucket
    made = click.command(
        backend,
        cls=Verb,
        context_settings=SETTINGS,
        short_help=TITLES[backend],
        help="Save a connection. Secrets are never saved.",
        examples=(_ADD[backend],),
    )(_manners(backend_options(backend)(function)))
    hide(made, SECRETS)
    return made


def _add(context: click.Context, backend: str, bucket: str) -> None:
    from ocistore_tui.cli.stores import add_store

    add_store(context, globals_of(context).output(), backend, context.meta["ocistore.name"], bucket)
