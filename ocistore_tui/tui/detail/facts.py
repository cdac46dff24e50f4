"""Facts about what the cursor is on: labelled lines for the inspector and the overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ocistore_tui.model.listing import AttachmentRow, RepositorySummary, TagRow, TimelineRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.model.reference import is_tag
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import ago
from ocistore_tui.tui.format import count, plural, short_digest, short_size
from ocistore_tui.tui.rows.compare import Comparison, Sameness
from ocistore_tui.tui.rows.unique import Sharing
from ocistore_tui.tui.targets import push_target

_KINDS = {"signature": "signed", "sbom": "SBOM", "provenance": "provenance", "other": "other attachments"}
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what it is about, and what is so."""

    label: str
    text: str
    style: str = ""
    """``good``, ``warn``, ``bad``, ``dim`` or nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was asked about a tag beside its row; None: not (yet)."""

    timeline: Sequence[TimelineRow] | None = None
    attachments: Sequence[AttachmentRow] | None = None


def tag_facts(
    repository: str, row: TagRow, comparison: Comparison, *, sharing: Sharing | None, extras: Sequence[str],
    aliases: Sequence[str] = (), known: Known | None = None,
) -> list[Fact]:  # fmt: skip
    """About one tag.

    Args:
        repository: Its repository.
        row: What the list knows.
        comparison: Both sides.
        sharing: Who shares what; None: not every tag is known.
        extras: Kinds of what is attached.
        aliases: Other tags of the repository that name the same digest.
        known: What was asked about it.
    """
    facts = [Fact("tag", f"{inert(repository)}:{inert(row.name)}", "bold")]
    if not is_tag(row.name):
        facts.append(Fact("flaw", "invalid name: registries cannot serve it", "bad"))
    if row.flaw:
        facts.append(Fact("flaw", inert(row.flaw), "bad"))
        facts.append(Fact("fix", "push the image again: what is missing or damaged is replaced", ""))
    if row.digest is None:
        return facts if row.flaw else [*facts, Fact("digest", "…", "dim")]
    image = f"   image id {short_digest(row.image_ids[0])}" if row.image_ids else ""
    pushed = f"   pushed {ago(row.pushed)}" if row.pushed is not None else ""
    facts.append(Fact("digest", f"{short_digest(row.digest)}{image}{pushed}"))
    facts.append(Fact("size", _size(row, sharing, aliases)))
    facts.append(_local(repository, row, comparison))
    facts.append(Fact("holds", _holds(row, extras)))
    if known is not None and known.timeline is not None:
        moved = len(known.timeline) - 1
        facts.append(Fact("history", "never moved" if moved < 1 else f"moved {plural(moved, 'time')} (H shows them)"))
    return facts


def _size(row: TagRow, sharing: Sharing | None, aliases: Sequence[str]) -> str:
    text = f"{short_size(row.size_bytes)} stored"
    if sharing is not None and row.digest is not None:
        unique = sharing.unique_bytes(row.digest)
        text += (
            f": {short_size(unique)} only in this digest, {short_size(max(0, (row.size_bytes or 0) - unique))} shared"
        )
    if aliases:
        others = ", ".join(inert(name, limit=40) for name in aliases[:_SHOWN])
        text += f"; also tagged {others}" + (" …" if len(aliases) > _SHOWN else "")
    return text


def _local(repository: str, row: TagRow, comparison: Comparison) -> Fact:
    sameness = comparison.of_tag(repository, row)
    names = [inert(name, limit=60) for name in comparison.local_names(row)]
    if names:
        text = f"= same image as {' and '.join(names[:_SHOWN])}"
        return Fact("local", text + (" (some platforms are missing here)" if row.missing else ""), "good")
    if sameness is Sameness.DIFFERS:
        return Fact("local", "≠ an image of this name is there, but another one", "warn")
    if sameness is Sameness.NONE:
        return Fact("local", "nothing to compare with", "dim")
    return Fact("local", "not there")


def _holds(row: TagRow, extras: Sequence[str]) -> str:
    if row.kind == "artifact":
        parts = [f"artifact {inert(row.artifact_type or row.media_type, limit=80)}"]
    else:
        parts = [", ".join(inert(platform, limit=40) for platform in row.platforms[:6]) or "platform not told"]
        if len(row.platforms) > 6:
            parts.append(f"{len(row.platforms) - 6} more")
    if row.missing:
        parts.append(f"{plural(row.missing, 'platform')} not in the store")
    parts += [_KINDS.get(kind, kind) for kind in extras]
    return "   ".join(parts)


def repository_facts(summary: RepositorySummary, size_bytes: int | None) -> list[Fact]:
    """About one repository."""
    tags = plural(summary.tags, "tag") if summary.is_whole else f"over {count(summary.tags)} tags"
    facts = [Fact("repository", inert(summary.name), "bold"), Fact("holds", tags)]
    if summary.pushed is not None:
        facts.append(Fact("last push", ago(summary.pushed)))
    if size_bytes is not None:
        facts.append(Fact("size", f"{short_size(size_bytes)} in the tags that were looked at, each blob once"))
    return facts


def local_facts(row: LocalRow, comparison: Comparison) -> list[Fact]:
    """About one local image."""
    name = inert(row.name) if row.name else f"untagged {inert(row.image, limit=80)}"
    facts = [Fact("image", name, "bold")]
    if row.flaw:
        return [*facts, Fact("flaw", inert(row.flaw), "bad")]
    ids = "  ".join(short_digest(digest) for digest in sorted(row.ids)[:_SHOWN])
    created = f"   created {ago(row.created)}" if row.created is not None else ""
    platforms = ", ".join(inert(platform, limit=40) for platform in row.platforms[:6])
    facts.append(Fact("id", ids or "not known"))
    facts.append(Fact("size", f"{short_size(row.size_bytes)}{created}   {platforms}"))
    sameness = comparison.of_local(row)
    places = comparison.stored_as(row)
    if places:
        shown = " and ".join(
            f"{inert(repository, limit=60)}:{inert(tag, limit=40)}" for repository, tag in places[:_SHOWN]
        )
        more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        facts.append(Fact("store", f"= same image as {shown}{more}", "good"))
    elif sameness is Sameness.DIFFERS:
        facts.append(Fact("store", "≠ the tag of this name holds another image; a push would move it", "warn"))
    elif sameness is Sameness.UNKNOWN:
        facts.append(Fact("store", "checking …", "dim"))
    else:
        target = push_target(row)
        facts.append(Fact("store", f"not there; p pushes it to {target[0]}:{target[1]}" if target else "not there"))
    return facts
