"""Options of the command line, each written once: global ones go before or after the verb, the others behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from ocistore_tui.cli.output import Output

_Function = TypeVar("_Function", bound=Callable[..., Any])

PROGRESS_MODES = ("auto", "tty", "plain", "json", "none")
SECRETS = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "account_key": "AZURE_STORAGE_KEY",
    "sas_token": "AZURE_STORAGE_SAS_TOKEN",
    "connection_string": "AZURE_STORAGE_CONNECTION_STRING",
}
"""Options other users of the machine can read on the command line, and the variable to use instead."""


@dataclass(slots=True)
class Globals:
    """What the global options said so far."""

    as_json: bool = False
    progress: str = "auto"
    quiet: bool = False
    verbose: bool = False

    def output(self) -> Output:
        """The output these options ask for."""
        return Output(as_json=self.as_json, quiet=self.quiet, verbose=self.verbose)


def globals_of(context: click.Context) -> Globals:
    """The global options, wherever they were given."""
    root = context.find_root()
    if not isinstance(root.obj, Globals):
        root.obj = Globals()
    return root.obj


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if parameter.name and context.get_parameter_source(parameter.name) not in (ParameterSource.DEFAULT, None):
        setattr(globals_of(context), parameter.name, value)


def global_options(function: _Function) -> _Function:
    """Options every level accepts."""
    for decorate in (
        click.option("--verbose", is_flag=True, expose_value=False, callback=_keep, help="Say more, on stderr."),
        click.option("--quiet", "-q", is_flag=True, expose_value=False, callback=_keep, help="Say errors only."),
        click.option(
            "--progress", type=click.Choice(PROGRESS_MODES), default="auto", expose_value=False, callback=_keep,
            help="How progress is shown on stderr.",
        ),
        click.option(
            "--json", "as_json", is_flag=True, expose_value=False, callback=_keep,
            help="stdout is exactly one JSON document.",
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function


_COMMON = (
    click.option(
        "--concurrency", type=click.IntRange(1, 64), help="Large moves at once, and parts of each. Default 4."
    ),
    click.option("--ca-bundle", type=click.Path(), help="Certificates to trust instead of the system's."),
    click.option(
        "--insecure-skip-tls-verify", is_flag=True, default=None, help="Do not check the server's certificate."
    ),
    click.option("--docker-host", help="Address of the container engine. Else DOCKER_HOST, else the docker context."),
)
_ROOT_DIR = click.option(
    "--root-dir", help="Prefix in the bucket below which the layout lies, as a registry's rootdirectory."
)
_ANONYMOUS = click.option("--anonymous", is_flag=True, default=None, help="Do not sign in.")

BACKEND_OPTIONS: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "s3": (
        _ROOT_DIR,
        click.option("--region", "-r", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Region. [env: AWS_REGION]"),
        click.option(
            "--endpoint", "-e", envvar=["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
            help="URL of an S3-compatible server. [env: AWS_ENDPOINT_URL_S3]",
        ),
        click.option("--profile", help="Profile of the AWS configuration. [env: AWS_PROFILE]"),
        click.option("--access-key", help="Better: AWS_ACCESS_KEY_ID."),
        click.option("--secret-key", help="Better: AWS_SECRET_ACCESS_KEY."),
        click.option("--session-token", help="Better: AWS_SESSION_TOKEN."),
        click.option(
            "--path-style/--virtual-hosted-style", default=None,
            help="How the bucket is named in URLs; chosen by itself: path style with a custom endpoint.",
        ),
        _ANONYMOUS,
        click.option("--sse", type=click.Choice(["AES256", "aws:kms", "aws:kms:dsse"]), help="Server-side encryption."),
        click.option("--sse-kms-key-id", help="Key for aws:kms."),
        click.option("--storage-class", help="Storage class of what is written."),
    ),
    "gcs": (
        _ROOT_DIR,
        click.option("--project-id", envvar="GOOGLE_CLOUD_PROJECT", help="Project. [env: GOOGLE_CLOUD_PROJECT]"),
        click.option("--keyfile", type=click.Path(), help="Service account key; else application default credentials."),
        click.option("--endpoint", "-e", help="URL of another server. [env: STORAGE_EMULATOR_HOST]"),
        _ANONYMOUS,
    ),
    "azure": (
        _ROOT_DIR,
        click.option("--account-name", "-a", envvar="AZURE_STORAGE_ACCOUNT", help="[env: AZURE_STORAGE_ACCOUNT]"),
        click.option("--account-key", "-k", envvar="AZURE_STORAGE_KEY", help="Better: AZURE_STORAGE_KEY."),
        click.option("--sas-token", envvar="AZURE_STORAGE_SAS_TOKEN", help="Better: AZURE_STORAGE_SAS_TOKEN."),
        click.option(
            "--connection-string", envvar="AZURE_STORAGE_CONNECTION_STRING",
            help="Better: AZURE_STORAGE_CONNECTION_STRING.",
        ),
        click.option("--endpoint", "-e", help="URL of the blob service, for Azurite and sovereign clouds."),
    ),
    "fs": (
        click.option(
            "--dir", type=click.Path(), envvar="OCISTORE_DIR",
            help="Directory of the store. Default: a store in your data directory. [env: OCISTORE_DIR]",
        ),
    ),
}  # fmt: skip


def backend_options(backend: str) -> Callable[[_Function], _Function]:
    """The options of one backend, with those all backends share."""

    def decorate(function: _Function) -> _Function:
        for option in (*reversed(_COMMON), *reversed(BACKEND_OPTIONS[backend])):
            function = option(function)
        return function

    return decorate


TRANSFER_OPTIONS = (
    click.option("--image", "-i", help="The local image: a daemon image, docker-archive:…, oci-archive:… or oci:…"),
    click.option("--platform", help="OS/ARCH[/VARIANT] of a multi-platform image."),
    click.option("--all-platforms", is_flag=True, help="The whole index, all platforms."),
    click.option(
        "--via", type=click.Choice(["auto", "registry", "archive"]), default="auto", help="Transport. Default auto."
    ),
    click.option("--dry-run", is_flag=True, help="Print the plan and change nothing."),
)
