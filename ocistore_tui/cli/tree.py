"""The command tree: ``oci-store [GLOBAL OPTIONS] BACKEND VERB [OPTIONS] TARGET``."""

from __future__ import annotations

from typing import Any

import click

from ocistore_tui import __version__
from ocistore_tui.cli.help import SETTINGS, Verb, Words, write_block
from ocistore_tui.cli.options import SCREEN_NAMES, global_options, global_parameters, globals_of
from ocistore_tui.cli.tree_stores import stores
from ocistore_tui.cli.tree_verbs import TITLES, VERBS, verbs
from ocistore_tui.config import BACKENDS, Connection, find_connection, load_connections
from ocistore_tui.errors import OciStoreError, UsageError

_OPENING = (
    "ocistore-tui              the store opened last, or the one on this computer",
    "ocistore-tui STORE        a saved name, ./DIR or file:///DIR,",
    "                          s3://BUCKET[/PREFIX], gs://BUCKET[/PREFIX], az://CONTAINER[/PREFIX]",
    "ocistore-tui s3 push …    push and pull as headless: shows the plan, moves nothing by itself",
    "ocistore-tui demo         a throw-away store with something in it",
    "",
    "ls, inspect, stores and completion stay headless, and so does whatever is asked for with",
    "--no-tui, --dry-run, --json, --quiet or --progress.",
)
_EXAMPLES = (
    "oci-store s3 push my-bucket/myapp:v1.0 --image myapp:latest",
    "oci-store s3 ls my-bucket",
    "oci-store s3 pull my-bucket/myapp:v1.0",
    "oci-store fs push tools/jq:1.7 --image docker-archive:jq.tar",
    "oci-store @prod inspect myapp:v1.0",
    "oci-store --json gcs ls my-bucket/myapp",
    "oci-store demo",
)
_SHELLS = (
    'eval "$(oci-store completion bash)"                                   # in ~/.bashrc',
    'eval "$(oci-store completion zsh)"                                    # in ~/.zshrc',
    "oci-store completion fish > ~/.config/fish/completions/oci-store.fish",
)
_EXIT_CODES = (
    "0 done · 1 the answer is no · 2 usage · 3 not found · 4 access denied · 5 unavailable",
    "6 integrity · 7 some of a batch failed · 8 refused · 70 a fault of the program",
    "130 interrupted · 143 terminated",
)


def _no_screen_for(store: str) -> UsageError:
    """For a store to open the UI on, where nobody looks."""
    from ocistore_tui.tui.command_line import quote, store_options
    from ocistore_tui.wiring.rows import parse_store

    row = parse_store(store)
    words = ("oci-store", row.backend, "ls", str(row.settings.get("bucket", "")))
    line = " ".join(map(quote, (*filter(None, words), *store_options(row.settings, row.backend))))
    return UsageError(
        "a store by itself is opened in the terminal UI", where=row.url, cause="this runs headless",
        fix=f"open it without --no-tui in a terminal, or name backend and verb: {line}",
    )  # fmt: skip


class Root(Words):
    """Backends, saved connections as ``@NAME``, and a few words of its own."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A backend by name, or a saved connection by ``@NAME``."""
        if cmd_name.startswith("@"):
            connection = find_connection(cmd_name[1:])
            return make_backend(connection.backend, connection)
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in BACKENDS:
            found = make_backend(cmd_name)
            self.add_command(found)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but for a verb where a backend has to be, and a store to open the UI on."""
        if globals_of(ctx).screen is not None and self._is_store(ctx, args):
            return "open", _open, args
        if "://" in args[0] or args[0].startswith(("/", "./", "../", "~/")):
            raise _no_screen_for(args[0])
        if args[0] in VERBS:
            raise click.UsageError(f"{args[0]} needs a backend before it, such as oci-store s3 {args[0]} …", ctx)
        return super().resolve_command(ctx, args)

    def _is_store(self, ctx: click.Context, args: list[str]) -> bool:
        """Whether these words name a store: no command, and no saved connection with a verb behind it."""
        if args[0].startswith("@"):
            return not any(word in VERBS for word in args[1:])
        return args[0] not in (*VERBS, *BACKENDS) and super().get_command(ctx, args[0]) is None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Backends first."""
        return [*BACKENDS, *(name for name in super().list_commands(ctx) if name not in BACKENDS)]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Saved connections complete too."""
        from click.shell_completion import CompletionItem

        found = super().shell_complete(ctx, incomplete)
        try:
            saved = load_connections()
        except OciStoreError:
            return found
        names = {f"@{name}": f"saved connection ({saved[name].backend})" for name in saved}
        return found + [CompletionItem(name, help=what) for name, what in names.items() if name.startswith(incomplete)]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how the terminal UI is opened, and the exit codes."""
        del ctx
        write_block(formatter, "The terminal UI", _OPENING)
        write_block(formatter, "Exit codes", _EXIT_CODES)


@click.group(
    cls=Root,
    context_settings=SETTINGS,
    invoke_without_command=True,
    subcommand_metavar="BACKEND VERB [OPTIONS] TARGET",
    examples=_EXAMPLES,
)
@click.version_option(__version__, prog_name="ocistore-tui", message="%(prog)s %(version)s", help="Say the version.")
@global_options
@click.pass_context
def root(context: click.Context) -> None:
    """Container images in a bucket, with no registry running.

    Stores and retrieves images in S3, Google Cloud Storage, Azure Blob or a directory, in the layout of Docker's own
    registry.
    """
    if context.invoked_subcommand is None:
        if globals_of(context).as_json:
            raise click.UsageError("a command is missing", context)
        if globals_of(context).screen is None:
            click.echo(context.get_help())
            return
        from ocistore_tui.cli.door import open_store

        open_store(globals_of(context))


for _option in root.params:
    if _option.name in SCREEN_NAMES and isinstance(_option, click.Option):
        _option.hidden = False


@click.command("open", cls=Verb, context_settings=SETTINGS)
@click.argument("store")
@global_options
@click.pass_context
def _open(context: click.Context, store: str) -> None:
    """Open the terminal UI on a store."""
    from ocistore_tui.cli.door import open_store

    open_store(globals_of(context), store)


def make_backend(backend: str, connection: Connection | None = None) -> click.Group:
    """The verbs of one backend, or of one saved connection of it."""
    title = TITLES[backend] if connection is None else f"The saved connection {connection.name} ({backend})."
    commands = verbs(backend, connection)
    return Words(
        f"@{connection.name}" if connection else backend,
        help=title,
        short_help=title,
        context_settings=SETTINGS,
        params=global_parameters(),
        commands=commands,
        subcommand_metavar="VERB [OPTIONS] TARGET",
        examples=(command.examples[0] for command in commands),
    )


@root.command(
    cls=Verb,
    context_settings=SETTINGS,
    short_help="The whole job on a throw-away store.",
    examples=("oci-store demo", "oci-store demo --quiet && echo works"),
)
@global_options
@click.pass_context
def demo(context: click.Context) -> None:
    """The whole job on a throw-away store: no cloud, no Docker.

    Makes a few small images, pushes them, lists, inspects and pulls one back into an archive, and compares: saying each
    command as it goes. On a terminal, ocistore-tui demo opens the terminal UI on such a store instead.
    """
    if globals_of(context).wants_screen:
        from ocistore_tui.cli.door import open_demo

        open_demo(globals_of(context))
        return
    from ocistore_tui.cli.demo import run_demo

    run_demo(globals_of(context).output(), root)


@root.command(cls=Verb, context_settings=SETTINGS, short_help="The completion script of a shell.", examples=_SHELLS)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@global_options
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell, for both names of the program."""
    from ocistore_tui.cli.completion import completion_script

    output, script = globals_of(context).output(), completion_script(root, shell)
    output.document("completion", {"shell": shell, "script": script})
    output.result(script)


root.add_command(stores)
