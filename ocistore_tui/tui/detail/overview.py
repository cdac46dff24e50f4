"""Everything about one tag on one page. Lines that are not known yet hold their place."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache
from shlex import quote

import msgspec

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import Inspection, TagRow
from ocistore_tui.model.manifest import Manifest
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import parse_time
from ocistore_tui.tui.detail.facts import Beside, Fact, attached_of, flaws_of, holds_of, local_of, moved_of, size_of
from ocistore_tui.tui.detail.moments import exactly, since
from ocistore_tui.tui.detail.platforms import holds
from ocistore_tui.tui.detail.subject import CELL, Page, Subject
from ocistore_tui.tui.format import plural, short_size
from ocistore_tui.tui.rows.row import Column, Row, keyed

_COLUMNS = (Column("", 11), Column(""))
_MOST = 200
"""Variables, labels, ports and annotations shown of each kind; the documents hold all."""
_SETTINGS = (
    ("Entrypoint", "entrypoint"), ("Cmd", "command"), ("User", "user"), ("WorkingDir", "directory"),
    ("StopSignal", "stop signal"),
)  # fmt: skip
_TABLES = (("ExposedPorts", "port"), ("Volumes", "volume"), ("Env", "env"), ("Labels", "label"))
_decoder = msgspec.json.Decoder(dict[str, object])


def overview_page(reference: Reference, subject: Subject, beside: Beside) -> Page:
    """Facts, one a line; each keeps its line when it becomes known."""
    rows: list[tuple[Hashable, Row]] = []
    full: dict[Hashable, str] = {}
    counts: dict[str, int] = {}
    for fact in facts(reference, subject, beside):
        counts[fact.label] = counts.get(fact.label, 0) + 1
        key = (fact.label, counts[fact.label])
        rows.append((key, Row((fact.label, fact.text), ("dim", fact.style))))
        full[key] = fact.text
    return Page(_COLUMNS, keyed(rows), full=full)


def facts(reference: Reference, subject: Subject, beside: Beside) -> Iterator[Fact]:
    """All of them, the lines that are always there first."""
    row, root, image = subject.row, subject.root, subject.image
    yield Fact("tag" if reference.tag else "digest", inert(str(reference), limit=CELL), "bold")
    failed = subject.image_error
    if row is not None:
        yield from flaws_of(row)
    if failed is not None:
        yield from _told(failed)
    gap = Fact("", "not known" if failed is not None else "…", "dim")
    known = subject.digest
    yield _of("digest", str(known) if known else None, gap)
    yield _of("image id", _image_id(row, image), gap)
    pushed = row.pushed if row is not None and row.pushed is not None else root.pushed if root is not None else None
    yield _of("pushed", f"{since(pushed, beside.now)}   {exactly(pushed)}" if pushed is not None else None, gap)
    yield _of("size", _size(row, root, beside), gap)
    is_known = row is not None and row.digest is not None
    if row is not None and is_known:
        yield local_of(reference.repository, row, beside.comparison)
    else:
        yield Fact("local", gap.text, "dim")
    yield _of("holds", _holds(row, root), gap)
    yield _of("layers", _layers(image), Fact("", "none that can be read", "dim") if subject.has_no_image else gap)
    nothing = "" if beside.known.attachments is None else "nothing attached"
    yield _of("extras", attached_of(beside.extras, beside.known) or nothing, _not_told(subject, "attachments"))
    if reference.tag is not None:
        yield _of("history", moved_of(beside.known), _not_told(subject, "timeline"))
    yield _of("media type", inert(root.media_type, limit=200) if root else None, gap)
    yield from _more(row, root, image)


def headline(subject: Subject) -> str:
    """What kind of thing it is, in a few words."""
    row, root = subject.row, subject.root
    kind = root.kind if root else row.kind if row else ""
    parts = []
    if kind == "index":
        parts.append(f"index, {holds(root) if root else plural(len(row.platforms) if row else 0, 'platform')}")
    elif kind:
        parts.append(inert(kind, limit=20))
    size_bytes = row.size_bytes if row and row.size_bytes is not None else root.size_bytes if root else None
    if size_bytes is not None:
        parts.append(short_size(size_bytes))
    if subject.digest is not None and subject.sharing is not None:
        parts.append(f"unique {short_size(subject.sharing.unique_bytes(subject.digest))}")
    return ", ".join(parts) or ("not readable" if "root" in subject.errors else "…")


def _of(label: str, text: str | None, gap: Fact) -> Fact:
    return Fact(label, text) if text else Fact(label, gap.text, gap.style)


def _not_told(subject: Subject, about: str) -> Fact:
    error = subject.errors.get(about)
    return Fact("", "…", "dim") if error is None else Fact("", f"not known: {inert(str(error), limit=CELL)}", "warn")


def _told(error: OciStoreError) -> list[Fact]:
    return [
        Fact(label, inert(text, limit=CELL), style)
        for label, text, style in (
            ("error", f"! {error}", "bad"), ("cause", error.cause, ""), ("fix", error.fix, "")
        )
        if text
    ]  # fmt: skip


def _image_id(row: TagRow | None, image: Inspection | None) -> str | None:
    if image is not None and isinstance(image.manifest, Manifest):
        return str(image.manifest.config.digest) if image.kind == "image" else "none: this is no image"
    return str(row.image_ids[0]) if row is not None and row.image_ids else None


def _size(row: TagRow | None, root: Inspection | None, beside: Beside) -> str | None:
    if row is not None and row.size_bytes is not None:
        return size_of(row, beside)
    return f"{short_size(root.size_bytes)} stored" if root is not None else None


def _holds(row: TagRow | None, root: Inspection | None) -> str | None:
    if root is not None and root.kind == "index" and not (row and row.platforms):
        return holds(root)
    return holds_of(row) if row is not None and row.digest is not None else None


def _layers(image: Inspection | None) -> str | None:
    if image is None:
        return None
    distinct: dict[Digest, int] = {layer.digest: layer.size_bytes for layer in image.layers}
    return f"{len(image.layers)}, {short_size(sum(distinct.values()))} packed"


def _more(row: TagRow | None, root: Inspection | None, image: Inspection | None) -> Iterator[Fact]:
    """What not every tag has."""
    seen = {row.flaw if row else ""}
    for found in (root, image):
        for flaw in found.flaws if found is not None else ():
            if flaw not in seen:
                seen.add(flaw)
                yield Fact("flaw", f"! {inert(flaw, limit=CELL)}", "bad")
    if image is not None and image.config is not None and image.kind == "image":
        yield from settings_of(image.config)
    if root is not None:
        yield from _items("annotation", root.manifest.annotations)
    if image is not None and image is not root:
        yield from _items("annotation", image.manifest.annotations)


@lru_cache(maxsize=4)
def settings_of(config: bytes) -> tuple[Fact, ...]:
    """What an image's configuration sets, as far as it can be read."""
    try:
        document = _decoder.decode(config)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ()
    found: list[Fact] = []
    for key, label in (("created", "created"), ("author", "author")):
        value = document.get(key)
        if isinstance(value, str) and value:
            moment = parse_time(value) if key == "created" else None
            found.append(Fact(label, exactly(moment) or inert(value, limit=200)))
    settings = document.get("config")
    if not isinstance(settings, dict):
        return tuple(found)
    for key, label in _SETTINGS:
        value = settings.get(key)
        if isinstance(value, list):
            value = " ".join(quote(item) for item in value if isinstance(item, str))
        if isinstance(value, str) and value:
            found.append(Fact(label, inert(value, limit=CELL * 6)))
    for key, label in _TABLES:
        found += _items(label, settings.get(key))
    return tuple(found)


def _items(label: str, value: object) -> list[Fact]:
    """Lists as they are, tables as ``name=text``; anything else in their place is not shown."""
    if isinstance(value, Mapping):
        texts = [f"{name}={text}" if isinstance(text, str) else str(name) for name, text in value.items()]
    else:
        texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    found = [Fact(label, inert(text, limit=CELL * 6)) for text in texts[:_MOST]]
    return found if len(texts) <= _MOST else [*found, Fact(label, f"… and {len(texts) - _MOST} more", "dim")]
