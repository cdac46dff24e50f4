"""The command tree: ``oci-store [GLOBAL OPTIONS] BACKEND VERB [OPTIONS] TARGET``."""

from __future__ import annotations

from typing import Any

import click

from ocistore_tui import __version__
from ocistore_tui.cli.options import TRANSFER_OPTIONS, backend_options, global_options, globals_of
from ocistore_tui.config import BACKENDS, Connection, find_connection, load_connections

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_TITLES = {
    "s3": "Amazon S3 and compatible servers.",
    "gcs": "Google Cloud Storage.",
    "azure": "Azure Blob Storage.",
    "fs": "A directory, laid out exactly as a registry's.",
}
_EXAMPLE_OPTIONS = {
    "s3": "--region us-east-1 ",
    "gcs": "--project-id my-project ",
    "azure": "--account-name myaccount ",
    "fs": "--dir ./images ",
}


class Examples(click.Command):
    """A command whose help ends with examples, kept as written."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: tuple[str, ...]) -> None:
    """A section of command lines."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"  {example}\n")


class Root(click.Group):
    """Backends, saved connections as ``@NAME``, and a few words of its own."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A backend by name, or a saved connection by ``@NAME``."""
        if cmd_name.startswith("@"):
            connection = find_connection(cmd_name[1:])
            return make_backend(connection.backend, connection)
        return super().get_command(ctx, cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Saved connections complete too."""
        from click.shell_completion import CompletionItem

        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("@"):
            names = [f"@{name}" for name in load_connections()]
            found += [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return found

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        write_examples(
            formatter,
            (
                "oci-store s3 push my-bucket/myapp:v1.0 --image myapp:latest",
                "oci-store s3 ls my-bucket",
                "oci-store s3 pull my-bucket/myapp:v1.0",
                "oci-store fs push tools/jq:1.7 --image docker-archive:jq.tar",
                "oci-store @prod inspect myapp:v1.0",
                "oci-store --json gcs ls my-bucket/myapp",
            ),
        )
        with formatter.section("Exit codes"):
            formatter.write(
                "  0 done   2 usage   3 not found   4 access denied   5 unavailable   6 integrity\n"
                "  8 refused   70 a fault of the program   130 interrupted   143 terminated\n"
            )


@click.group(cls=Root, context_settings=_SETTINGS, invoke_without_command=True)
@click.version_option(__version__, prog_name="ocistore-tui", message="%(prog)s %(version)s")
@click.option(
    "--no-tui", is_flag=True, help="Run headless. Implied by the name oci-store, without a terminal, and by CI=true."
)
@global_options
@click.pass_context
def root(context: click.Context, no_tui: bool) -> None:
    """Container images in a bucket, with no registry running.

    Stores and retrieves images in S3, Google Cloud Storage, Azure Blob or a directory, in the layout of Docker's own
    registry.
    """
    del no_tui
    globals_of(context)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def make_backend(backend: str, connection: Connection | None = None) -> click.Group:
    """The verbs of one backend, or of one saved connection of it."""
    title = _TITLES[backend] if connection is None else f"The saved connection {connection.name} ({backend})."
    group = click.Group(
        f"@{connection.name}" if connection else backend, help=title, short_help=title, context_settings=_SETTINGS,
        params=list(_global_parameters()),
    )  # fmt: skip
    for command in _verbs(backend, connection):
        group.add_command(command)
    return group


def _global_parameters() -> list[click.Parameter]:
    @global_options
    def holder() -> None: ...

    # click keeps the options of a decorated function there.
    return list(reversed(holder.__click_params__))  # type: ignore[attr-defined]


def _verbs(backend: str, connection: Connection | None) -> list[click.Command]:
    place = "" if backend == "fs" or connection else f"my-{'container' if backend == 'azure' else 'bucket'}/"
    here = f"oci-store {'@' + connection.name if connection else backend}"
    options = "" if connection else _EXAMPLE_OPTIONS[backend]
    metavar = "REPOSITORY[:TAG|@DIGEST]" if not place else "BUCKET/REPOSITORY[:TAG|@DIGEST]"

    def run(context: click.Context, target: str) -> Any:
        from ocistore_tui.cli.verbs import Run

        return Run(context, backend, connection, target)

    @click.pass_context
    def push(context: click.Context, /, target: str, **options: Any) -> None:
        """Bring a local image into the store.

        The image is read from the daemon, or from an archive or OCI layout named by --image; by default it has the name
        of the target without the bucket. Prints the reference with its digest.
        """
        run(context, target).push(**_transfer(options))

    @click.pass_context
    def pull(context: click.Context, /, target: str, **options: Any) -> None:
        """Bring a stored image to the daemon, or into an archive or OCI layout named by --image.

        Only what the daemon lacks is read. Prints the local name and image id.
        """
        run(context, target).pull(**_transfer(options))

    @click.pass_context
    def ls(context: click.Context, /, target: str, **options: Any) -> None:
        """List repositories, or the tags of a repository with digest, size, age and platforms."""
        del options
        run(context, target).ls()

    @click.pass_context
    def inspect(context: click.Context, /, target: str, platform: str | None, **options: Any) -> None:
        """Show manifest, config, history and layers of one image, or the platforms of an index."""
        del options
        run(context, target).inspect(platform=platform)

    examples = {
        "push": (
            f"{here} push {options}{place}myapp:v1.0 --image myapp:latest",
            f"{here} push {options}{place}myapp:v1.0 --image docker-archive:myapp.tar",
            f"{here} push {options}--dry-run {place}myapp:v1.0",
        ),
        "pull": (
            f"{here} pull {options}{place}myapp:v1.0",
            f"{here} pull {options}{place}myapp:v1.0 --image oci-archive:myapp.tar",
            f"{here} pull {options}--platform linux/arm64 {place}myapp:v1.0",
        ),
        "ls": (f"{here} ls {options}{place.rstrip('/')}".rstrip(), f"{here} ls {options}{place}myapp"),
        "inspect": (f"{here} inspect {options}{place}myapp:v1.0", f"{here} --json inspect {options}{place}myapp:v1.0"),
    }
    made: list[click.Command] = []
    for function in (push, pull, ls, inspect):
        name = function.__name__
        decorated: Any = function
        decorated = backend_options(backend)(decorated)
        if name in ("push", "pull"):
            for option in reversed(TRANSFER_OPTIONS):
                decorated = option(decorated)
        if name == "inspect":
            decorated = click.option("--platform", help="OS/ARCH[/VARIANT] of an index.")(decorated)
        is_list = name == "ls"
        shown = ("[REPOSITORY]" if not place else "BUCKET[/REPOSITORY]") if is_list else metavar
        decorated = click.argument(
            "target", metavar=shown, required=not (is_list and not place), default="" if is_list else None
        )(decorated)
        command = click.command(name, cls=Examples, context_settings=_SETTINGS)(global_options(decorated))
        command.examples = examples[name]
        made.append(command)
    return made


def _transfer(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("image", "platform", "all_platforms", "via", "dry_run")}


for _backend in BACKENDS:
    root.add_command(make_backend(_backend))


@root.command(context_settings=_SETTINGS)
@global_options
@click.pass_context
def demo(context: click.Context) -> None:
    """Make small images, push, list, inspect and pull them back, on a throw-away store. No cloud, no Docker."""
    from ocistore_tui.cli.demo import run_demo

    run_demo(globals_of(context).output())


@root.command(context_settings=_SETTINGS)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    For bash: eval "$(oci-store completion bash)"
    """
    from ocistore_tui.cli.completion import completion_script

    globals_of(context).output().result(completion_script(root, shell))


@root.group(context_settings=_SETTINGS)
def stores() -> None:
    """Saved connections: list, add, remove. Used as @NAME in place of a backend."""


@stores.command("ls", context_settings=_SETTINGS)
@global_options
@click.pass_context
def stores_ls(context: click.Context) -> None:
    """List the saved connections."""
    from ocistore_tui.cli.stores import list_stores

    list_stores(globals_of(context).output())


@stores.command("rm", context_settings=_SETTINGS)
@click.argument("name")
@global_options
@click.pass_context
def stores_rm(context: click.Context, name: str) -> None:
    """Forget a saved connection; the store itself is not touched."""
    from ocistore_tui.cli.stores import forget_store

    forget_store(globals_of(context).output(), name)


@stores.group("add", context_settings=_SETTINGS)
def stores_add() -> None:
    """Save a connection: oci-store stores add BACKEND NAME [BUCKET] [OPTIONS]. Secrets are never saved."""


def _add_command(backend: str) -> None:
    @click.pass_context
    def add(context: click.Context, /, name: str, bucket: str = "", **options: Any) -> None:
        from ocistore_tui.cli.stores import add_store

        del options
        add_store(context, globals_of(context).output(), backend, name, bucket)

    decorated: Any = backend_options(backend)(add)
    if backend != "fs":
        decorated = click.argument("bucket")(decorated)
    decorated = global_options(click.argument("name")(decorated))
    stores_add.add_command(click.command(backend, context_settings=_SETTINGS, help=_TITLES[backend])(decorated))


for _backend in BACKENDS:
    _add_command(_backend)
