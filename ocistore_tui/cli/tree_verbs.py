"""The verbs of one backend or saved connection, as commands."""

from __future__ import annotations

from typing import Any

import click

from ocistore_tui.cli.help import SETTINGS, Verb
from ocistore_tui.cli.options import PLATFORM_OPTION, backend_options, global_options, hide, transfer_options
from ocistore_tui.cli.serve import options_of, serve_options
from ocistore_tui.config import Connection

VERBS = ("push", "pull", "ls", "inspect", "serve")
TITLES = {
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


def verbs(backend: str, connection: Connection | None) -> list[Verb]:
    """All of `VERBS`; with ``fs`` and saved connections no bucket is in the target."""
    is_bucketless = backend == "fs" or connection is not None
    bucket = "" if is_bucketless else f"my-{'container' if backend == 'azure' else 'bucket'}/"
    image = f"{'' if is_bucketless else 'BUCKET/'}REPOSITORY[:TAG|@DIGEST]"
    here = f"oci-store {'@' + connection.name if connection else backend}"
    options = "" if connection else _EXAMPLE_OPTIONS[backend]

    def run(context: click.Context, target: str) -> Any:
        from ocistore_tui.cli.verbs import Run

        return Run(context, backend, connection, target)

    @click.argument("target", metavar=image.replace("|@DIGEST", ""))
    @transfer_options
    @click.pass_context
    def push(context: click.Context, /, target: str, **options: Any) -> None:
        """Bring a local image into the store.

        The image is read from the daemon, or from an archive or OCI layout named by --image; without --image it has the
        name of the target without the bucket. What the store already holds is not sent. Prints the reference with its
        digest.
        """
        run(context, target).push(**_transfer(options))

    @click.argument("target", metavar=image)
    @transfer_options
    @click.pass_context
    def pull(context: click.Context, /, target: str, **options: Any) -> None:
        """Bring a stored image to the daemon, or into an archive or OCI layout named by --image.

        Only what is missing there is read. Prints the local name and the image id.
        """
        run(context, target).pull(**_transfer(options))

    @click.argument(
        "target", metavar="[REPOSITORY]" if is_bucketless else "BUCKET[/REPOSITORY]", required=not is_bucketless,
        default="" if is_bucketless else None,
    )  # fmt: skip
    @click.pass_context
    def ls(context: click.Context, /, target: str, **options: Any) -> None:
        """List the repositories of a store, or the tags of a repository with digest, size, age and platforms."""
        del options
        run(context, target).ls()

    @click.argument("target", metavar=image)
    @PLATFORM_OPTION
    @click.pass_context
    def inspect(context: click.Context, /, target: str, platform: str | None, **options: Any) -> None:
        """Show manifest, config, history and layers of one image, or the platforms of an index."""
        del options
        run(context, target).inspect(platform=platform)

    @click.argument("target", metavar="" if is_bucketless else "BUCKET", required=not is_bucketless,
                    default="" if is_bucketless else None)  # fmt: skip
    @serve_options
    @click.pass_context
    def serve(context: click.Context, /, target: str, **options: Any) -> None:
        """Serve a store as a registry to docker, podman, containerd and every other client, until it is stopped.

        Clients may only read, and only from this computer, unless you say otherwise. Whatever they push is in the
        store as if this program had pushed it. Prints its address; the log goes to stderr, and /metrics has numbers
        for Prometheus.
        """
        run(context, target).serve(options_of(options))

    def verb(function: Any, short_help: str, *examples: str) -> Verb:
        decorated = global_options(backend_options(backend)(function))
        made = click.command(
            function.__name__, cls=Verb, context_settings=SETTINGS, short_help=short_help, examples=examples
        )(decorated)
        if function in (ls, inspect, serve):
            hide(made, ("docker_host",))
        return made

    return [
        verb(
            push,
            "A local image into the store.",
            f"{here} push {options}{bucket}myapp:v1.0 --image myapp:latest",
            f"{here} push {bucket}myapp:v1.0 --image docker-archive:myapp.tar",
            f"{here} push {bucket}myapp:v1.0 --dry-run",
        ),
        verb(
            pull,
            "A stored image to the daemon or into an archive.",
            f"{here} pull {options}{bucket}myapp:v1.0",
            f"{here} pull {bucket}myapp:v1.0 --image oci-archive:myapp.tar",
            f"{here} pull {bucket}myapp:v1.0 --platform linux/arm64",
        ),
        verb(
            ls,
            "Repositories of a store or tags of a repository.",
            f"{here} ls {options}{bucket.rstrip('/')}".rstrip(),
            f"{here} ls {bucket}myapp",
            f"{here} ls {bucket}myapp --json",
        ),
        verb(
            inspect,
            "What one image is made of.",
            f"{here} inspect {options}{bucket}myapp:v1.0",
            f"{here} inspect {bucket}myapp:v1.0 --platform linux/arm64",
            f"{here} inspect {bucket}myapp:v1.0 --json",
        ),
        verb(
            serve,
            "A store as a registry for every client.",
            f"{here} serve {options}{bucket.rstrip('/')}".rstrip(),
            f"{here} serve {bucket.rstrip('/')} --read-write --listen localhost:5000".replace("  ", " "),
            f"{here} serve {bucket.rstrip('/')} --listen :443 --tls-cert c.pem --tls-key k.pem --token-file t".replace(
                "  ", " "
            ),
        ),
    ]


def _transfer(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("image", "platform", "all_platforms", "via", "dry_run")}
