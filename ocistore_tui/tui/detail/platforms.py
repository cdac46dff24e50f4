"""What an index holds."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ocistore_tui.errors import UsageError
from ocistore_tui.model.listing import Inspection, PlatformRow
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.text import inert
from ocistore_tui.tui.detail.subject import Page, Subject, waiting
from ocistore_tui.tui.format import plural, short_digest, short_size
from ocistore_tui.tui.rows.row import Column, Row, keyed

COLUMNS = (Column("PLATFORM", 24), Column("DIGEST", 12), Column("MANIFEST", 9, right=True), Column("IN THE STORE"))


def choosable(root: Inspection) -> tuple[str, ...]:
    """Platforms of an index that can be looked at: stored, with a usable name, and no attestation."""
    found = [row.platform for row in root.platforms if row.is_stored and _is_image(row) and _parsed(row.platform)]
    return tuple(dict.fromkeys(found))


def preferred(names: Sequence[str]) -> str:
    """The platform containers on this machine run on; else the first; empty when there is none."""
    host = Platform.host()
    fitting = (name for name in names if (platform := _parsed(name)) is not None and platform.matches(host))
    return next(fitting, names[0] if names else "")


def holds(root: Inspection) -> str:
    """``2 platforms``, ``2 platforms and 2 attestations``."""
    attestations = sum(row.descriptor.is_attestation for row in root.platforms)
    text = plural(len(root.platforms) - attestations, "platform")
    return f"{text} and {plural(attestations, 'attestation')}" if attestations else text


def platforms_page(subject: Subject) -> Page:
    """One line for each entry of the index."""
    root = subject.root
    if root is None:
        return Page(COLUMNS, keyed(()), empty=waiting(subject, "root", "the manifest"))
    if root.kind != "index":
        return Page(COLUMNS, keyed(()), empty=(("one image, no index", "dim"),))
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    for index, row in enumerate(root.platforms):
        is_chosen = bool(subject.platform) and row.platform == subject.platform
        state = "yes, shown in the other tabs" if is_chosen else "yes"
        state = state if row.is_stored else "no: only its name is known"
        rows.append((
            index,
            Row((inert(row.platform, limit=60) or "-", short_digest(row.descriptor.digest),
                 short_size(row.descriptor.size), state),
                ("" if _is_image(row) else "dim", "accent", "dim", "" if row.is_stored else "warn"),
                ">" if is_chosen else " " if row.is_stored else "!"),
        ))  # fmt: skip
        notes = "\n".join(f"{inert(key)}: {inert(value)}" for key, value in (row.descriptor.annotations or {}).items())
        full[index] = f"{row.descriptor.digest}\n{inert(row.platform)}\n\n{notes}".rstrip()
    more = "; < and > choose the one the other tabs show" if len(subject.platforms) > 1 else ""
    return Page(COLUMNS, keyed(rows), holds(root) + more, empty=(("the index is empty", "warn"),), full=full)


def _parsed(name: str) -> Platform | None:
    try:
        return Platform.parse(name)
    except UsageError:
        return None


def _is_image(row: PlatformRow) -> bool:
    platform = row.descriptor.platform
    return platform is not None and platform.is_known and not row.descriptor.is_attestation
