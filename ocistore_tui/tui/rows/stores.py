"""Rows of the list of stores: saved ones, what is open or built in, and what was found on this machine."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.rows.row import Column, Row, RowSource, keyed

COLUMNS = (
    Column("NAME"),
    Column("PLACE"),
    Column("MODE", 9, needs=50),
    Column("FROM", 8, needs=40),
)
_EMPTY_PLACE = {"s3": "s3://(bucket)", "gcs": "gs://(bucket)", "azure": "az://(container)"}
Key = tuple[str, str, str]
_ORDER = ("demo", "saved", "url", "embedded", "found")
_FROM = {"saved": "saved", "url": "by URL", "embedded": "built in", "demo": "demo", "found": "found"}


def key_of(row: StoreRow) -> Key:
    """What a store is on the list, whatever its settings are changed to."""
    return (row.origin, row.name, row.url)


@dataclass(slots=True)
class StoreRows:
    """The stores of this machine, as they come in."""

    open: StoreRow
    """The one that is open now."""
    saved: tuple[StoreRow, ...] = ()
    found: list[StoreRow] = field(default_factory=list)

    def all(self) -> list[StoreRow]:
        """Every store once: what people saved first, what was found last."""
        rows = {key_of(row): row for row in (*self.saved, *self.found)}
        if self.open.origin != "saved":  # a saved one that is not on the list was forgotten
            rows.setdefault(key_of(self.open), self.open)
        return sorted(rows.values(), key=lambda row: _ORDER.index(row.origin) if row.origin in _ORDER else len(_ORDER))

    def at(self, key: Hashable) -> StoreRow | None:
        """The store of a key."""
        return next((row for row in self.all() if key_of(row) == key), None)

    def source(self) -> RowSource:
        """For the list."""
        return keyed([(key_of(row), self._row(row)) for row in self.all()])

    def _row(self, row: StoreRow) -> Row:
        is_open = key_of(row) == key_of(self.open)
        place = row.url or _EMPTY_PLACE.get(row.backend, "")
        cells = (inert(row.name, limit=120), inert(place), row.mode.value if row.is_complete else "",
                 "open now" if is_open else _FROM.get(row.origin, inert(row.origin, limit=8)))  # fmt: skip
        styles = ("bold" if is_open else "", "" if row.is_complete else "dim",
                  "dim" if row.mode is Mode.READ_ONLY else "accent", "good" if is_open else "dim")  # fmt: skip
        return Row(cells, styles)


def profiles_of(found: Iterable[StoreRow]) -> tuple[str, ...]:
    """AWS profiles among what was found; those that cannot be shown as they are called are left out."""
    names = (str(row.settings.get("profile", "")) for row in found if row.backend == "s3")
    return tuple(name for name in names if name and inert(name) == name)


def facts(row: StoreRow) -> Sequence[tuple[str, str]]:
    """What is known of one store, as label and text; texts are inert."""
    shown = [("place", row.url or "its bucket is to be said: Enter asks for it"),
             ("mode", f"{row.mode.value}: {_MODE_WORDS[row.mode]}"), ("note", row.note)]  # fmt: skip
    known = ("endpoint", "region", "profile", "account_name", "keyfile", "anonymous", "label")
    shown += [(key.replace("_name", ""), "yes" if row.settings[key] is True else str(row.settings[key]))
              for key in known if row.settings.get(key)]  # fmt: skip
    return [(label, inert(text)) for label, text in shown if text]


_MODE_WORDS = {
    Mode.READ_ONLY: "list, inspect and pull",
    Mode.ADD_ONLY: "push as well",
    Mode.MANAGE: "delete and clean up as well",
}
