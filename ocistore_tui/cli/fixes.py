"""What the engine advises in general words, as the command line a person types."""

from __future__ import annotations

import re
import shutil

import click
from click.core import ParameterSource

from ocistore_tui.errors import OciStoreError

_BY_KIND = {"usage": "check the target and --image; see oci-store --help"}
"""What to do where an error does not say."""
_LIST = re.compile(r"list the (repositories|tags)(?: of \S+)?")


def program_name() -> str:
    """How this program is called here: ``oci-store``, or by way of Python where that is not on the PATH."""
    return "oci-store" if shutil.which("oci-store") else "python -m ocistore_tui --no-tui"


def typed_options(context: click.Context, backend: str) -> str:
    """The options that were typed to describe the store, to be typed again; never a secret."""
    from ocistore_tui.tui.command_line import quote, store_options

    typed = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return " ".join(map(quote, store_options(typed, backend)))


def spell_out(error: OciStoreError, store: str, bucket: str, repository: str, options: str = "") -> None:
    """Put the command line behind what the fix of ``error`` names.

    Args:
        error: Changed in place.
        store: ``s3``, ``gcs``, ``azure``, ``fs`` or ``@NAME``.
        bucket: As typed; empty where there is none in a target.
        repository: The one the command was about.
        options: What else describes the store.
    """

    def line(match: re.Match[str]) -> str:
        target = "/".join(filter(None, (bucket, repository if match[1] == "tags" else "")))
        return f"{match[0]}: {' '.join(filter(None, ('oci-store', store, 'ls', target, options)))}"

    error.fix = _LIST.sub(line, error.fix, count=1) or _BY_KIND.get(error.kind, "")
