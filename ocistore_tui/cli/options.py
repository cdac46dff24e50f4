"""Options of the command line, each written once: global ones go before or after the verb, the others behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click
from click.core import ParameterSource

from ocistore_tui.cli.output import Output
from ocistore_tui.config import ENVIRONMENT, MAX_CONCURRENCY
from ocistore_tui.config import SETTINGS as CONNECTION_SETTINGS

if TYPE_CHECKING:
    from ocistore_tui.tui.ports import Opening, Stores

_Function = TypeVar("_Function", bound=Callable[..., Any])

MODES = ("auto", "tty", "plain", "json", "none")
"""How progress can be shown."""
SECRETS = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    **{name: ENVIRONMENT["azure"][name][0] for name in ("account_key", "sas_token", "connection_string")},
}
"""Options other users of the machine can read on the command line, and the variable to use instead."""
NO_SECRET_ALONE = frozenset({"access_key"})
"""Of those, what is only a name until its secret stands beside it."""


@dataclass(slots=True)
class Globals:
    """What the global options said so far."""

    as_json: bool = False
    progress: str = "auto"
    quiet: bool = False
    verbose: bool = False
    no_mouse: bool = False
    ascii: bool = False
    theme: str = ""
    screen: Callable[[Opening, Stores], None] | None = None
    """Shows the terminal UI until it is left; None: headless."""
    exit_code: int = 0
    """How the UI ended, where that says more than an error."""
    _output: Output = field(default_factory=Output)

    @classmethod
    def guess(cls, arguments: Sequence[str]) -> Self:
        """What they will say, before the command line is understood: a usage error has to be told in their way too."""
        words = list(arguments)
        words = words[: words.index("--")] if "--" in words else words
        is_events = "--progress=json" in words or ("--progress", "json") in pairwise(words)
        is_quiet = "--quiet" in words or "-q" in words
        return cls(as_json="--json" in words, progress="json" if is_events else "auto", quiet=is_quiet)

    @property
    def wants_screen(self) -> bool:
        """Whether the terminal UI is there, and nothing was said of how a headless command talks."""
        return self.screen is not None and not (self.as_json or self.quiet or self.progress != "auto")

    def output(self) -> Output:
        """The output these options ask for: one for the whole run, which knows what it has said."""
        output = self._output
        output.as_json, output.events = self.as_json, self.progress == "json"
        output.quiet, output.verbose = self.quiet, self.verbose
        return output


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
        click.option(
            "--theme", default="", expose_value=False, callback=_keep, hidden=True, metavar="NAME",
            help="Colours, by a theme's name.",
        ),
        click.option(
            "--ascii", is_flag=True, expose_value=False, callback=_keep, hidden=True, help="Plain characters only."
        ),
        click.option(
            "--no-mouse", is_flag=True, expose_value=False, callback=_keep, hidden=True,
            help="Leave the mouse to the terminal.",
        ),
        click.option(
            "--no-tui", is_flag=True, expose_value=False,
            help="Run headless. Implied by the name oci-store, without a terminal, by CI=true and by TERM=dumb.",
        ),
        click.option("--verbose", "-v", is_flag=True, expose_value=False, callback=_keep, help="Say more, on stderr."),
        click.option(
            "--quiet", "-q", is_flag=True, expose_value=False, callback=_keep, help="Say warnings and errors only."
        ),
        click.option(
            "--progress", type=click.Choice(MODES), default="auto", expose_value=False, callback=_keep,
            metavar="MODE", help="Progress on stderr: auto, tty (live), plain (lines), json (events) or none.",
        ),
        click.option(
            "--json", "as_json", is_flag=True, expose_value=False, callback=_keep,
            help="stdout is exactly one JSON document.",
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function


def global_parameters() -> list[click.Parameter]:
    """The same for a group that is made without a function."""

    @click.command
    @global_options
    def holder() -> None: ...

    return holder.params


SCREEN_NAMES = frozenset({"theme", "ascii", "no_mouse"})
"""Options of the terminal UI: understood everywhere, shown by the help of the program alone."""
GLOBAL_NAMES = frozenset({"no_tui", "verbose", "quiet", "progress", "as_json", "version"})


class _Concurrency(click.IntRange):
    """A number within limits that help does not spell out, but an error does."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number as such."""
        number = click.INT.convert(value, param, ctx)
        if not 1 <= number <= MAX_CONCURRENCY:
            self.fail(f"{number} is not a number from 1 to {MAX_CONCURRENCY}", param, ctx)
        return number

    def _describe_range(self) -> str:
        return ""


_COMMON = (
    click.option(
        "--concurrency", type=_Concurrency(1, MAX_CONCURRENCY), metavar="N",
        help="Large moves at once, and parts of each; default 4.",
    ),
    click.option("--ca-bundle", type=click.Path(), metavar="FILE", help="Certificates to trust, not the system's."),
    click.option(
        "--insecure-skip-tls-verify", is_flag=True, default=None, help="Do not check the server's certificate."
    ),
    click.option(
        "--docker-host", metavar="URL",
        help="Container engine: unix:///PATH, ssh://HOST, context://NAME … [env: DOCKER_HOST, or the docker context]",
    ),
)  # fmt: skip
_ROOT_DIR = click.option("--root-dir", metavar="PREFIX", help="Where in the store the layout lies; default: its top.")
_ANONYMOUS = click.option("--anonymous", is_flag=True, default=None, help="Do not sign in.")


def _secret(flag: str, *short: str) -> Callable[[Any], Any]:
    variable = SECRETS[flag.removeprefix("--").replace("-", "_")]
    # AWS's variables are left to its own chain, where a profile may come before them.
    envvar = None if variable.startswith("AWS_") else variable
    return click.option(flag, *short, envvar=envvar, metavar="SECRET", help=f"Better given as {variable}.")


PLATFORM_OPTION = click.option("--platform", metavar="OS/ARCH", help="One platform of an index: OS/ARCH[/VARIANT].")
BACKEND_OPTIONS: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "s3": (
        _ROOT_DIR,
        click.option(
            "--region", "-r", envvar=ENVIRONMENT["s3"]["region"], metavar="NAME",
            help="Region. [env: AWS_REGION]",
        ),
        click.option(
            "--endpoint", "-e", envvar=ENVIRONMENT["s3"]["endpoint"], metavar="URL",
            help="An S3-compatible server. [env: AWS_ENDPOINT_URL_S3]",
        ),
        click.option("--profile", metavar="NAME", help="Profile of the AWS configuration. [env: AWS_PROFILE]"),
        _secret("--access-key"),
        _secret("--secret-key"),
        _secret("--session-token"),
        click.option(
            "--path-style/--virtual-hosted-style", default=None,
            help="How URLs name the bucket; by itself: path style with a custom endpoint.",
        ),
        _ANONYMOUS,
        click.option(
            "--sse", type=click.Choice(["AES256", "aws:kms", "aws:kms:dsse"]), metavar="HOW",
            help="Encrypt in the store: AES256, aws:kms or aws:kms:dsse.",
        ),
        click.option("--sse-kms-key-id", metavar="ID", help="Key for aws:kms."),
        click.option("--storage-class", metavar="CLASS", help="Storage class of what is written."),
    ),
    "gcs": (
        _ROOT_DIR,
        click.option(
            "--project-id", envvar=ENVIRONMENT["gcs"]["project_id"], metavar="ID",
            help="Project. [env: GOOGLE_CLOUD_PROJECT]",
        ),
        click.option(
            "--keyfile", type=click.Path(), metavar="FILE",
            help="Service account key; else application default credentials. [env: GOOGLE_APPLICATION_CREDENTIALS]",
        ),
        click.option("--endpoint", "-e", metavar="URL", help="Another server. [env: STORAGE_EMULATOR_HOST]"),
        _ANONYMOUS,
    ),
    "azure": (
        _ROOT_DIR,
        click.option(
            "--account-name", "-a", envvar=ENVIRONMENT["azure"]["account_name"], metavar="NAME",
            help="Storage account. [env: AZURE_STORAGE_ACCOUNT]",
        ),
        _secret("--account-key", "-k"),
        _secret("--sas-token"),
        _secret("--connection-string"),
        click.option("--endpoint", "-e", metavar="URL", help="Blob service, for Azurite and sovereign clouds."),
    ),
    "fs": (
        click.option(
            "--dir", type=click.Path(), envvar=ENVIRONMENT["fs"]["dir"], metavar="DIR",
            help="Directory of the store; default: one in your data directory. [env: OCISTORE_DIR]",
        ),
        _ROOT_DIR,
    ),
}  # fmt: skip


STORE_NAMES = frozenset({*SECRETS, *(name for names in CONNECTION_SETTINGS.values() for name in names)})
"""Options that say where the store is and how to reach it."""


def backend_options(backend: str) -> Callable[[_Function], _Function]:
    """The options of one backend, with those all backends share."""

    def decorate(function: _Function) -> _Function:
        for option in (*reversed(_COMMON), *reversed(BACKEND_OPTIONS[backend])):
            function = option(function)
        return function

    return decorate


def hide(command: click.Command, names: Collection[str]) -> None:
    """Leave options out of the help of ``command``, where they are of no use but understood."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name in names:
            parameter.hidden = True


_TRANSFER = (
    click.option(
        "--image", "-i", metavar="LOCAL",
        help="A daemon image, docker-archive:FILE[:NAME:TAG], oci-archive:FILE[:TAG], oci:DIR[:TAG] or "
        "docker-daemon:NAME:TAG. Default: REPOSITORY:TAG in the daemon.",
    ),
    PLATFORM_OPTION,
    click.option("--all-platforms", is_flag=True, help="The whole index, all its platforms."),
    click.option(
        "--via", type=click.Choice(["auto", "registry", "archive"]), default="auto", metavar="HOW",
        help="archive: the engine exports or imports; registry: it moves what is missing by itself. Default: auto.",
    ),
    click.option("--dry-run", is_flag=True, help="Print the plan and change nothing."),
)  # fmt: skip


def transfer_options(function: _Function) -> _Function:
    """The options of push and pull."""
    for option in reversed(_TRANSFER):
        function = option(function)
    return function
