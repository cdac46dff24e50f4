"""Shell completion scripts, for both names of the program."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


def completion_script(root: click.Command, shell: str) -> str:
    """The script of ``shell`` for ``oci-store`` and ``ocistore-tui``."""
    completer = get_completion_class(shell)
    assert completer is not None
    names = {"oci-store": "_OCI_STORE_COMPLETE", "ocistore-tui": "_OCISTORE_TUI_COMPLETE"}
    return "\n".join(completer(root, {}, name, variable).source() for name, variable in names.items())
