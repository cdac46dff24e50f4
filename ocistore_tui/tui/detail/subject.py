"""What is known of one tag so far, and what a tab of it shows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow, Inspection, TagRow, TimelineRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.rows.row import Column, RowSource
from ocistore_tui.tui.rows.unique import Sharing

CELL = 600
"""Characters of one value a row keeps; the pop-up shows more."""


@dataclass(slots=True)
class Subject:
    """What is known so far; None: not (yet)."""

    row: TagRow | None = None
    root: Inspection | None = None
    """The reference itself: an image, an index or an artifact."""
    images: dict[str, Inspection] = field(default_factory=dict)
    """Images of the index by platform; the root itself, under the empty name, when it is no index."""
    platforms: tuple[str, ...] = ()
    """Those of an index that can be looked at."""
    platform: str = ""
    """The chosen one; empty: the root is no index, or not known."""
    image_errors: dict[str, OciStoreError] = field(default_factory=dict)
    """Why a platform's image cannot be shown."""
    unpacked: dict[Digest, int] = field(default_factory=dict)
    """Unpacked bytes by layer digest, as far as the blobs tell."""
    unpacked_of: set[str] = field(default_factory=set)
    """Platforms whose layers were asked how large they are."""
    here: dict[str, Mapping[Digest, bool] | None] = field(default_factory=dict)
    """By platform: whether the local engine has a layer; None: it cannot be asked."""
    uses: dict[Digest, tuple[int, int]] = field(default_factory=dict)
    """Tags and repositories that hold a layer, once every tag of the store is known."""
    timeline: Sequence[TimelineRow] | None = None
    attachments: Sequence[AttachmentRow] | None = None
    sharing: Sharing | None = None
    """Who shares what; None: not every tag of the store is known."""
    errors: dict[str, OciStoreError] = field(default_factory=dict)
    """By what was asked: ``root``, ``timeline``, ``attachments``."""

    @property
    def image(self) -> Inspection | None:
        """The chosen platform's image, or the artifact."""
        return self.images.get(self.platform)

    @property
    def has_no_image(self) -> bool:
        """Whether the root is an index of which nothing can be looked at."""
        return self.root is not None and self.root.kind == "index" and not self.platforms

    @property
    def image_error(self) -> OciStoreError | None:
        """Why there is no image to show; None: there is one, or it is awaited."""
        return self.errors.get("root") or self.image_errors.get(self.platform)

    @property
    def digest(self) -> Digest | None:
        """What the tag names."""
        if self.root is not None:
            return self.root.digest
        return self.row.digest if self.row is not None else None


@dataclass(frozen=True, slots=True)
class Page:
    """What a tab shows."""

    columns: tuple[Column, ...]
    source: RowSource
    beneath: str = ""
    brief: str = ""
    """The same where there is less room; empty: there is nothing shorter."""
    empty: tuple[tuple[str, str], ...] = ()
    full: Mapping[Hashable, str] = field(default_factory=dict)
    """Values that may be longer than their row, by key: a pop-up shows them."""


def waiting(subject: Subject, about: str, what: str) -> tuple[tuple[str, str], ...]:
    """What an empty tab says: that it waits, or why it cannot be filled."""
    error = subject.image_error if about == "image" else subject.errors.get(about)
    if error is None and about == "image" and subject.has_no_image:
        return (("no platform of this index can be looked at", "warn"),)
    if error is None:
        return ((f"reading {what} …", "dim"),)
    lines = [(inert(str(error), limit=CELL), "bad")]
    lines += [(inert(text, limit=CELL), "") for text in (error.cause, error.fix) if text]
    return tuple(lines)


def step(text: str) -> str:
    """A build step in one line, without what every shell step begins with."""
    line = inert(" ".join(text[:2000].split()), limit=CELL)
    for prefix in ("/bin/sh -c #(nop) ", "/bin/sh -c "):
        if line.startswith(prefix):
            return ("" if "nop" in prefix else "RUN ") + line.removeprefix(prefix).strip()
    return line


def lines(text: str) -> str:
    """A long value for the pop-up: its own line breaks stay, nothing else that steers."""
    return "\n".join(inert(line, limit=4000) for line in text[:20_000].splitlines())
