"""Facts about what the cursor is on: labelled lines for the inspector and the overview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ocistore_tui.model.listing import AttachmentRow, RepositorySummary, TagRow, TimelineRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.model.reference import is_tag
from ocistore_tui.model.text import inert
from ocistore_tui.tui.detail.moments import since
from ocistore_tui.tui.format import count, plural, short_digest, short_size
from ocistore_tui.tui.rows.compare import Comparison, Sameness
from ocistore_tui.tui.rows.unique import Sharing
from ocistore_tui.tui.targets import push_target

_KINDS = {"signature": "signed", "sbom": "SBOM", "provenance": "provenance", "other": "other"}
_SHOWN = 3
_JOINED = {"digest": "digest ", "image id": "image id ", "pushed": "pushed ", "extras": "", "history": ""}
"""Facts that share the line of the one before where there is no room for lines of their own."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what it is about, and what is so."""

    label: str
    text: str
    style: str = ""
    """``good``, ``warn``, ``bad``, ``dim``, ``bold`` or nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was asked about a tag beside its row; None: not (yet)."""

    timeline: Sequence[TimelineRow] | None = None
    attachments: Sequence[AttachmentRow] | None = None


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known around a tag."""

    comparison: Comparison
    now: float
    """Seconds since 1970."""
    sharing: Sharing | None = None
    """Who shares what; None: not every tag is known."""
    extras: Sequence[str] = ()
    """Kinds of what is attached, as names tell."""
    aliases: Sequence[str] = ()
    """Other tags of the repository that name the same digest."""
    known: Known = NOTHING


def tag_facts(repository: str, row: TagRow, beside: Beside) -> list[Fact]:
    """About one tag, a fact a line."""
    facts = [Fact("tag", f"{inert(repository, limit=120)}:{inert(row.name, limit=128)}", "bold"), *flaws_of(row)]
    if row.digest is None:
        return facts if len(facts) > 1 else [*facts, Fact("digest", "…", "dim")]
    facts.append(Fact("digest", short_digest(row.digest)))
    if row.image_ids:
        facts.append(Fact("image id", image_ids(row)))
    if row.pushed is not None:
        facts.append(Fact("pushed", since(row.pushed, beside.now)))
    facts += [Fact("size", size_of(row, beside)), local_of(repository, row, beside.comparison)]
    facts.append(Fact("holds", holds_of(row)))
    attached, moved = attached_of(beside.extras, beside.known), moved_of(beside.known)
    facts += [Fact("extras", attached)] if attached else []
    return facts + ([Fact("history", moved)] if moved else [])


def joined(facts: Sequence[Fact]) -> list[Fact]:
    """The same in as few lines as a band below the lists has."""
    lines: list[Fact] = []
    names = 0
    for fact in facts:
        prefix = _JOINED.get(fact.label)
        at = names if fact.label in ("digest", "image id", "pushed") else len(lines) - 1
        if prefix is None or not lines:
            lines.append(fact)
            continue
        before = lines[at]
        lines[at] = Fact(before.label, f"{before.text}   {prefix}{fact.text}", before.style)
    return lines


def flaws_of(row: TagRow) -> list[Fact]:
    """What is wrong with a tag, and what helps."""
    facts: list[Fact] = []
    if not is_tag(row.name):
        facts.append(Fact("flaw", "! invalid name: registries cannot serve it", "bad"))
    if row.flaw:
        facts.append(Fact("flaw", f"! {inert(row.flaw)}", "bad"))
        facts.append(Fact("fix", "push the image again: what is missing or damaged is replaced"))
    return facts


def image_ids(row: TagRow) -> str:
    """The first image id, and how many more there are."""
    more = len(row.image_ids) - 1
    return short_digest(row.image_ids[0]) + (f" and {more} more" if more > 0 else "")


def size_of(row: TagRow, beside: Beside) -> str:
    """Stored bytes, what only this digest holds, and which other tags name it."""
    text = f"{short_size(row.size_bytes)} stored"
    if beside.sharing is not None and row.digest is not None:
        unique = beside.sharing.unique_bytes(row.digest)
        shared = max(0, (row.size_bytes or 0) - unique)
        text += f": {short_size(unique)} only in this digest, {short_size(shared)} shared"
    if beside.aliases:
        others = ", ".join(inert(name, limit=40) for name in beside.aliases[:_SHOWN])
        text += f"; also tagged {others}" + (" …" if len(beside.aliases) > _SHOWN else "")
    return text


def local_of(repository: str, row: TagRow, comparison: Comparison) -> Fact:
    """How it stands to the local side."""
    sameness = comparison.of_tag(repository, row)
    names = [inert(name, limit=60) for name in comparison.local_names(row)]
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        text = f"= same image as {' and '.join(names[:_SHOWN])}{more}"
        if row.missing:
            return Fact("local", f"~{text[1:]}; some platforms are missing in the store", "warn")
        if other := comparison.other_image(repository, row):
            return Fact("local", f"{text}; but {inert(other, limit=60)} is another image here", "warn")
        return Fact("local", text, "good")
    if sameness is Sameness.DIFFERS:
        return Fact("local", "≠ an image of this name is there, but another one", "warn")
    if sameness is Sameness.NONE:
        return Fact("local", "nothing to compare with", "dim")
    return Fact("local", "+ only in the store")


def holds_of(row: TagRow) -> str:
    """Platforms, or what kind of artifact it is."""
    if row.kind == "artifact":
        parts = [f"artifact {inert(row.artifact_type or row.media_type, limit=80)}"]
    else:
        parts = [", ".join(inert(platform, limit=40) for platform in row.platforms[:6]) or "platform not told"]
        if len(row.platforms) > 6:
            parts.append(f"{len(row.platforms) - 6} more")
    if row.missing:
        parts.append(f"{plural(row.missing, 'platform')} not in the store")
    return "   ".join(parts)


def attached_of(extras: Sequence[str], known: Known) -> str:
    """``signed 1 · SBOM 1``; without numbers while only names tell it; empty: nothing."""
    if not known.attachments:
        return " · ".join(dict.fromkeys(_KINDS.get(kind, "other") for kind in extras))
    kinds = Counter(_KINDS.get(row.kind, "other") for row in known.attachments)
    return " · ".join(f"{kind} {number}" for kind, number in kinds.items())


def moved_of(known: Known) -> str:
    """How often the tag moved; empty: not asked."""
    if known.timeline is None:
        return ""
    moved = len(known.timeline) - 1
    return "tag never moved" if moved < 1 else f"tag moved {plural(moved, 'time')}"


def repository_facts(summary: RepositorySummary, size_bytes: int | None, now: float) -> list[Fact]:
    """About one repository."""
    tags = plural(summary.tags, "tag") if summary.is_whole else f"over {count(summary.tags)} tags"
    facts = [Fact("repository", inert(summary.name), "bold"), Fact("holds", tags)]
    if summary.pushed is not None:
        facts.append(Fact("last push", since(summary.pushed, now)))
    if size_bytes is not None:
        facts.append(Fact("size", f"{short_size(size_bytes)} in the tags that were looked at, each blob once"))
    return facts


def local_facts(row: LocalRow, comparison: Comparison, now: float) -> list[Fact]:
    """About one local image."""
    name = inert(row.name) if row.name else f"untagged {inert(row.image, limit=80)}"
    facts = [Fact("image", name, "bold")]
    if row.flaw:
        return [*facts, Fact("flaw", f"! {inert(row.flaw)}", "bad")]
    ids = "  ".join(short_digest(digest) for digest in sorted(row.ids)[:_SHOWN])
    created = f"   created {since(row.created, now)}" if row.created is not None else ""
    platforms = ", ".join(inert(platform, limit=40) for platform in row.platforms[:6])
    facts.append(Fact("id", ids or "not known"))
    facts.append(Fact("size", f"{short_size(row.size_bytes)}{created}   {platforms}"))
    return [*facts, _stored_of(row, comparison)]


def _stored_of(row: LocalRow, comparison: Comparison) -> Fact:
    sameness, places = comparison.of_local(row), comparison.stored_as(row)
    if places:
        shown = " and ".join(
            f"{inert(repository, limit=60)}:{inert(tag, limit=40)}" for repository, tag in places[:_SHOWN]
        )
        more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        if sameness is Sameness.PARTIAL:
            return Fact("store", f"~ {shown}{more} holds it, without some of its platforms", "warn")
        if other := comparison.other_tag(row):
            name = f"{inert(other[0], limit=60)}:{inert(other[1], limit=40)}"
            return Fact("store", f"= same image as {shown}{more}; but {name} is another image there", "warn")
        return Fact("store", f"= same image as {shown}{more}", "good")
    if sameness is Sameness.DIFFERS:
        return Fact("store", "≠ the tag of this name holds another image; a push would move it", "warn")
    if sameness is Sameness.UNKNOWN:
        is_late = comparison.is_unanswered
        return Fact("store", "? not known: the store gave no answer" if is_late else "? checking …", "dim")
    target = push_target(row)
    return Fact("store", f"+ not there; p pushes it to {target[0]}:{target[1]}" if target else "+ not there")
