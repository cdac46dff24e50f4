"""How often the interpreter looks for garbage: hardly ever in a short command, as usual in what lives long."""

from __future__ import annotations

import gc

_USUAL = gc.get_threshold()
_NEW_OBJECTS = 50_000


def look_rarely() -> None:
    """For a short command: what loading modules makes is no garbage, and to look for some takes a tenth of the time."""
    gc.set_threshold(_NEW_OBJECTS)


def look_as_usual() -> None:
    """For what lives long: many short searches, because one long one makes a screen or a client wait."""
    gc.freeze()
    gc.set_threshold(*_USUAL)


def look_no_more() -> None:
    """The program ends, and the system takes all memory back anyway."""
    gc.freeze()
