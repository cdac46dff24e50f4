"""Tags of several repositories, looked up one repository after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from ocistore_tui.engine.service import Service
from ocistore_tui.model.listing import TagRow

TagKey = tuple[str, str]
"""Repository and tag."""


def described(service: Service, keys: Sequence[TagKey], cancel: threading.Event) -> Iterator[tuple[TagKey, TagRow]]:
    """All there is to know of these tags, as answers come; ends soon once ``cancel`` is set."""
    by_repository: dict[str, list[str]] = {}
    for repository, tag in keys:
        by_repository.setdefault(repository, []).append(tag)
    for repository, tags in by_repository.items():
        if cancel.is_set():
            return
        for row in service.describe_tags(repository, tags, cancel=cancel):
            yield (repository, row.name), row


def is_as_listed(known: TagRow, listed: TagRow) -> bool:
    """Whether what is known of a tag needs no second look: it is sound, and was not moved since."""
    is_sound = known.digest is not None and not known.flaw and not known.missing and not known.is_gone
    return is_sound and listed.pushed is not None and known.pushed == listed.pushed
