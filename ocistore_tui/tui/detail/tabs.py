"""The tabs of one tag: each is columns, rows and one line beneath."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from ocistore_tui.errors import IntegrityError, OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import HistoryEntry, parse_config
from ocistore_tui.model.listing import AttachmentRow, Inspection, TagRow, TimelineRow
from ocistore_tui.model.manifest import Manifest
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import ago, ago_text
from ocistore_tui.tui.detail.facts import Fact
from ocistore_tui.tui.format import count, plural, short_digest, short_size
from ocistore_tui.tui.rows.row import Column, Row, RowSource, keyed
from ocistore_tui.tui.rows.unique import Sharing

TABS = (
    ("overview", "Overview"), ("layers", "Layers"), ("history", "Build history"), ("platforms", "Platforms"),
    ("extras", "Extras"), ("timeline", "Timeline"), ("manifest", "Manifest"), ("config", "Config"),
)  # fmt: skip
_CELL = 600
"""Characters of one value a row keeps; the pop-up shows as many."""
NOT_VERIFIED = "present, not verified"


@dataclass(slots=True)
class Subject:
    """What is known of the tag so far; None: not (yet)."""

    row: TagRow | None = None
    root: Inspection | None = None
    """The reference itself: an image, an index or an artifact."""
    image: Inspection | None = None
    """The chosen platform's image; the root itself when it is no index."""
    unpacked: Mapping[Digest, int] = field(default_factory=dict)
    """Unpacked bytes by layer digest, as far as the blobs tell."""
    timeline: Sequence[TimelineRow] | None = None
    attachments: Sequence[AttachmentRow] | None = None
    sharing: Sharing | None = None
    """Who shares what; None: not every tag of the store is known."""
    errors: dict[str, OciStoreError] = field(default_factory=dict)
    """By what was asked: ``root``, ``image``, ``timeline``, ``attachments``."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a tab shows."""

    columns: tuple[Column, ...]
    source: RowSource
    beneath: str = ""
    empty: tuple[tuple[str, str], ...] = ()
    full: Mapping[Hashable, str] = field(default_factory=dict)
    """Values that may be longer than their row, by key: a pop-up shows them."""


def waiting(subject: Subject, about: str, what: str) -> tuple[tuple[str, str], ...]:
    """What an empty tab says: that it waits, or why it cannot be filled."""
    error = subject.errors.get(about)
    if error is None:
        return ((f"reading {what} …", "dim"),)
    lines = [(inert(str(error), limit=_CELL), "bad")]
    lines += [(inert(text, limit=_CELL), "") for text in (error.cause, error.fix) if text]
    return tuple(lines)


def facts_page(facts: Sequence[Fact]) -> Page:
    """The overview."""
    rows = [(index, Row((fact.label, fact.text), ("dim", fact.style))) for index, fact in enumerate(facts)]
    full: dict[Hashable, str] = {index: fact.text for index, fact in enumerate(facts)}
    return Page((Column("", 12), Column("")), keyed(rows), full=full)


def layers_page(subject: Subject) -> Page:
    """Layers, bottom first."""
    columns = (
        Column("#", 3, right=True), Column("DIGEST", 12), Column("PACKED", 8, right=True),
        Column("UNPACKED", 8, right=True, needs=70), Column("UNIQUE", 8, right=True, needs=90),
        Column("USED BY", 11, right=True, needs=100), Column("CREATED BY"),
    )  # fmt: skip
    image = subject.image
    if image is None:
        return Page(columns, keyed(()), empty=waiting(subject, "image", "the manifest"))
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    for number, layer in enumerate(image.layers, 1):
        created_by = _step(layer.created_by) or inert(layer.media_type, limit=80)
        users = subject.sharing.users(layer.digest) if subject.sharing else None
        used = "…" if users is None else "only this" if users <= 1 else plural(users, "digest")
        unique = "…" if users is None else short_size(layer.size_bytes if users <= 1 else 0)
        unpacked = subject.unpacked.get(layer.digest)
        rows.append((
            number,
            Row(
                (str(number), short_digest(layer.digest), short_size(layer.size_bytes),
                 short_size(unpacked) if unpacked is not None else "", unique, used, created_by),
                ("dim", "accent", "", "dim", "dim", "dim", ""),
            ),
        ))  # fmt: skip
        full[number] = f"{layer.digest}\n{inert(layer.media_type)}\n\n{_lines(layer.created_by)}"
    total = sum(layer.size_bytes for layer in image.layers)
    known = [subject.unpacked.get(layer.digest) for layer in image.layers]
    beneath = f"{plural(len(rows), 'layer')}, {short_size(total)} packed"
    if rows and None not in known:
        beneath += f", {short_size(sum(size or 0 for size in known))} unpacked"
    return Page(columns, keyed(rows), beneath, (("no layers", "dim"),), full)


def history_page(subject: Subject) -> Page:
    """Every build step, those without a layer too."""
    columns = (
        Column("#", 3, right=True), Column("WHEN", 14), Column("SIZE", 8, right=True), Column("CREATED BY"),
        Column("COMMENT", 20, needs=110),
    )  # fmt: skip
    image = subject.image
    if image is None:
        return Page(columns, keyed(()), empty=waiting(subject, "image", "the configuration"))
    steps, flaw = history_of(image)
    if flaw:
        return Page(columns, keyed(()), empty=((inert(flaw, limit=_CELL), "bad"),))
    sizes = iter(image.layers)
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    for number, step in enumerate(steps, 1):
        layer = None if step.empty_layer else next(sizes, None)
        size = short_size(layer.size_bytes) if layer is not None else ""
        rows.append((
            number,
            Row((str(number), ago_text(step.created), size, _step(step.created_by), inert(step.comment, limit=100)),
                ("dim", "dim", "", "" if layer is not None else "dim", "dim")),
        ))  # fmt: skip
        full[number] = f"{inert(step.created)}\n\n{_lines(step.created_by)}\n\n{_lines(step.comment)}"
    return Page(
        columns, keyed(rows), plural(len(rows), "step"), (("the configuration tells no build steps", "dim"),), full
    )


def history_of(image: Inspection) -> tuple[tuple[HistoryEntry, ...], str]:
    """The steps an image's configuration tells, or why it tells none."""
    if image.config is None or not isinstance(image.manifest, Manifest) or not image.manifest.is_image:
        return (), ""
    try:
        return parse_config(image.config).history, ""
    except IntegrityError as error:
        return (), f"{error}: {error.cause}"


def platforms_page(subject: Subject) -> Page:
    """What an index holds."""
    columns = (Column("PLATFORM", 24), Column("DIGEST", 12), Column("MANIFEST", 9, right=True), Column("IN THE STORE"))
    root = subject.root
    if root is None:
        return Page(columns, keyed(()), empty=waiting(subject, "root", "the manifest"))
    rows: list[tuple[Hashable, Row]] = [
        (
            index,
            Row(
                (inert(row.platform, limit=60) or "-", short_digest(row.descriptor.digest),
                 short_size(row.descriptor.size), "yes" if row.is_stored else "no: only its name is known"),
                ("", "accent", "dim", "" if row.is_stored else "warn"),
                " " if row.is_stored else "!",
            ),
        )
        for index, row in enumerate(root.platforms)
    ]  # fmt: skip
    empty = (("one image, no index", "dim"),)
    full: dict[Hashable, str] = {
        index: f"{row.descriptor.digest}\n{inert(row.platform)}" for index, row in enumerate(root.platforms)
    }
    return Page(columns, keyed(rows), plural(len(rows), "platform") if rows else "", empty, full)


def extras_page(subject: Subject) -> Page:
    """Signatures, SBOMs, attestations."""
    columns = (
        Column("KIND", 26), Column("DIGEST", 12), Column("SIZE", 8, right=True), Column("PLATFORM", 14, needs=90),
        Column("WHAT IT SAYS IT IS"),
    )  # fmt: skip
    found = subject.attachments
    if found is None:
        return Page(columns, keyed(()), empty=waiting(subject, "attachments", "attachments"))
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    for index, row in enumerate(found):
        kind = "  " * row.depth + row.kind
        note = f"  {NOT_VERIFIED}" if row.kind == "signature" else ""
        what = inert(row.flaw or f"{row.artifact_type}{note}", limit=_CELL)
        rows.append((
            index,
            Row((kind, short_digest(row.digest), short_size(row.size_bytes), inert(row.platform, limit=40), what),
                ("accent", "", "dim", "dim", "bad" if row.flaw else "dim"), "!" if row.flaw else " "),
        ))  # fmt: skip
        notes = "\n".join(f"{inert(key)}: {inert(value)}" for key, value in list(row.annotations.items())[:40])
        full[index] = f"{row.digest}\n{what}\nfound by {inert(row.found_by)}\nof {row.subject}\n\n{notes}"
    beneath = f"{plural(len(rows), 'attachment')}; signatures are {NOT_VERIFIED}" if rows else ""
    empty = (("nothing is attached: no signature, no SBOM, no attestation", "dim"),)
    return Page(columns, keyed(rows), beneath, empty, full)


def timeline_page(subject: Subject) -> Page:
    """Every digest the tag ever named, newest first."""
    columns = (
        Column("WHEN", 16), Column("DIGEST", 12), Column("SIZE", 8, right=True), Column("BROUGHT", 8, right=True),
        Column(""),
    )  # fmt: skip
    found = subject.timeline
    if found is None:
        return Page(columns, keyed(()), empty=waiting(subject, "timeline", "the tag's history"))
    rows: list[tuple[Hashable, Row]] = []
    for row in found:
        state = "now" if row.is_current else inert(row.flaw, limit=_CELL)
        brought = "" if row.brought_bytes is None else short_size(row.brought_bytes)
        rows.append((
            row.digest,
            Row((ago(row.moment), short_digest(row.digest), short_size(row.size_bytes), brought, state),
                ("", "accent", "dim", "dim", "good" if row.is_current else "warn"),
                "=" if row.is_current else "!" if row.flaw else " "),
        ))  # fmt: skip
    full: dict[Hashable, str] = {row.digest: f"{row.digest}\n{inert(row.flaw)}" for row in found}
    beneath = f"{plural(len(rows), 'digest')}: p pulls the one under the cursor, y copies its name"
    return Page(columns, keyed(rows), beneath, (("the tag has no history", "dim"),), full)


def _step(text: str) -> str:
    """A build step in one line, without what every shell step begins with."""
    line = inert(" ".join(text[:2000].split()), limit=_CELL)
    for prefix in ("/bin/sh -c #(nop) ", "/bin/sh -c "):
        if line.startswith(prefix):
            return ("" if "nop" in prefix else "RUN ") + line.removeprefix(prefix).strip()
    return line


def _lines(text: str) -> str:
    """A long value for the pop-up: its own line breaks stay, nothing else that steers."""
    return "\n".join(inert(line, limit=2000) for line in text[:20_000].splitlines())


def headline(subject: Subject) -> str:
    """What kind of thing it is, in a few words."""
    row, root = subject.row, subject.root
    kind = root.kind if root else row.kind if row else ""
    parts = []
    if kind == "index":
        platforms = len(root.platforms) if root else len(row.platforms) if row else 0
        parts.append(f"index, {plural(platforms, 'platform')}")
    elif kind:
        parts.append(kind)
    size = root.size_bytes if root else row.size_bytes if row else None
    if row is not None and row.size_bytes is not None:
        size = row.size_bytes
    if size is not None:
        parts.append(short_size(size))
    digest = row.digest if row and row.digest else root.digest if root else None
    if digest is not None and subject.sharing is not None:
        parts.append(f"unique {short_size(subject.sharing.unique_bytes(digest))}")
    return ", ".join(parts) if parts else count(0) if kind else "…"
