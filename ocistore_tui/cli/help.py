"""How ``--help`` looks: what it does, examples, then options in groups."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import click

from ocistore_tui.cli.options import GLOBAL_NAMES, SCREEN_NAMES, STORE_NAMES
from ocistore_tui.cli.style import Style, style_of

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Formatter(click.HelpFormatter):
    """Headings stand out on a terminal."""

    def write_heading(self, heading: str) -> None:
        """Write one heading."""
        style = Style(on=False) if os.environ.get("NO_COLOR") else style_of(sys.stdout)
        self.write(f"{'':>{self.current_indent}}{style.bold(heading + ':')}\n")


click.Context.formatter_class = Formatter


class _Teaching(click.Command):
    """A command whose help teaches by example."""

    def __init__(self, *args: Any, examples: Iterable[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = tuple(examples)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what it does, and the examples as they are typed."""
        super().format_help_text(ctx, formatter)
        write_block(formatter, "Examples", self.examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options: this verb's first, then the store's, then those every verb has."""
        groups: dict[str, list[tuple[str, str]]] = {_OWN: [], _SCREEN: [], _STORE: [], _GLOBAL: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                groups[_group(parameter)].append(record)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=26)


class Verb(_Teaching):
    """A command without commands of its own."""


class Words(_Teaching, click.Group):
    """A command that needs another word."""


def write_block(formatter: click.HelpFormatter, title: str, lines: Iterable[str]) -> None:
    """A section of lines kept as they are."""
    listed = [f"  {line}\n" for line in lines]
    if listed:
        with formatter.section(title):
            formatter.write("".join(listed))


_SCREEN = "Options of the terminal UI"
_OWN, _STORE, _GLOBAL = "Options", "Store options", "Global options, before or after the verb"


def _group(option: click.Parameter) -> str:
    if option.name in GLOBAL_NAMES or "--help" in option.opts:
        return _GLOBAL
    if option.name in SCREEN_NAMES:
        return _SCREEN
    return _STORE if option.name in STORE_NAMES else _OWN
